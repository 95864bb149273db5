/* engine.h - a resident model: the thread that owns its context, batcher, sessions and cache, and works on jobs. */
#ifndef WKV_SERVE_ENGINE_H
#define WKV_SERVE_ENGINE_H

#include "request.h"
#include "server.h"
#include "wkv_cache.h"
#include "wkv_session.h"

typedef struct engine engine;
typedef struct job job;

typedef struct entry entry; /* resident.h */

typedef enum {
    JOB_WORKS,  /* call it again after the next step          */
    JOB_STORES, /* call it again when `store` has returned 0  */
    JOB_DONE    /* it has replied                             */
} job_result;

/* A piece of work for an engine, with the exchange that waits for it. */
struct job {
    exchange *x;
    job *next;
    entry *model;                          /* that it was given to; NULL: it is for the thread of the store alone */
    job_result (*work)(job *j, engine *e); /* called between steps */
    int (*store)(job *j);    /* called by the thread of the store; 1: the job waits, and is given to it again */
    void (*release)(job *j); /* also for a job that was never begun */
};

/* A job of `bytes` bytes, zero behind its struct job, which they begin with. NULL: no memory; the exchange is refused. */
void *job_new(exchange *x, size_t bytes, job_result (*work)(job *j, engine *e), void (*release)(job *j));
/* Release a job that was given to a thread, and its exchange. */
void finish_job(job *j);

struct engine {
    server *server;
    const char *name; /* as /v1/models lists it */
    wkv_model *model;
    const wkv_model_info *about;
    wkv_tokenizer *tokenizer;
    wkv_context *context;
    wkv_batcher *batcher;
    wkv_cache *cache;
    struct grammar *grammars; /* grammars.h */
    const wkv_template *how;
    int slots;
};

/* Open the model of an engine; its server and name are set. Returns 0, or -1 with the reason. */
int engine_load(engine *e, const char *path, problem *p);
void engine_unload(engine *e);

#endif
