/* resident.h - the table behind models.h, for models.c and the threads of its models. */
#ifndef WKV_SERVE_RESIDENT_H
#define WKV_SERVE_RESIDENT_H

#include "models.h"

struct entry {
    models *all;
    engine e;
    const char *path;
    pthread_t thread;
    int runs; /* the thread was begun and is not joined */
    int ended;
    int resident, wanted_away; /* another model needs its place */
    int loaded_once, slots;
    int64_t used;
    job *first, *last; /* given, not taken yet */
    job *returned;     /* by the thread of the store */
    int n_jobs;        /* given and taken, not done */
    int n_away;        /* of them, with the thread of the store */
    pthread_cond_t changed;
    model_report report;
};

struct models {
    server *s;
    pthread_mutex_t lock;
    pthread_cond_t places; /* a model has left the memory */
    entry *at;
    int n, resident;
    int asking, leaving; /* models that wait for a place, and those that give theirs up */
    int closing;
};

/* Begin the thread of a model, unless it runs: it waits for a place, loads the model and works on its jobs, until it
 * has none and is idle, or another model needs the place. Under the lock. Returns 0, or -1: no thread. */
int resident_begin(entry *m);

#endif
