/* store_thread.c - the queue of the store's thread. */
#include "store_thread.h"
#include "models.h"
#include "base/platform/begin.h"
#include <stdio.h>
#include <stdlib.h>

struct store_thread {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    job *first, *last;
    int n; /* jobs at work or waiting */
    int closing;
};

/* The next job, waiting for it. NULL: there is none, and the server closes. */
static job *wait_for_job(store_thread *t)
{
    pthread_mutex_lock(&t->lock);
    while (!t->first && !t->closing) pthread_cond_wait(&t->changed, &t->lock);
    job *j = t->first;
    if (j) t->first = j->next;
    pthread_mutex_unlock(&t->lock);
    return j;
}

/* A job that waits for another one's end belongs to that one, and is given again. */
static void work(job *j)
{
    entry *m = j->model;
    if (j->store(j)) return;
    if (m)
        models_return(j);
    else
        finish_job(j);
}

static void *run(void *of)
{
    store_thread *t = of;
    for (job *j; (j = wait_for_job(t));) {
        work(j);
        pthread_mutex_lock(&t->lock);
        t->n--;
        pthread_mutex_unlock(&t->lock);
    }
    return NULL;
}

/* Under the lock. */
static void append(store_thread *t, job *j)
{
    j->next = NULL;
    if (t->first)
        t->last->next = j;
    else
        t->first = j;
    t->last = j;
    t->n++;
    pthread_cond_signal(&t->changed);
}

void store_thread_give(job *j)
{
    store_thread *t = exchange_server(j->x)->store;
    pthread_mutex_lock(&t->lock);
    append(t, j);
    pthread_mutex_unlock(&t->lock);
}

int store_thread_ask(job *j, problem *p)
{
    server *s = exchange_server(j->x);
    store_thread *t = s->store;
    int err = 0;
    pthread_mutex_lock(&t->lock);
    if (s->closing || t->closing)
        err = refuse(p, 503, NULL, "shutting_down", "the server is shutting down");
    else if (t->n > s->o.queue)
        err =
            refuse(p, 429, NULL, "queue_full", "%d requests are at work or wait for the store; try again later", t->n);
    if (!err) {
        exchange_share(j->x);
        append(t, j);
    }
    pthread_mutex_unlock(&t->lock);
    return err;
}

int store_thread_jobs(server *s)
{
    pthread_mutex_lock(&s->store->lock);
    const int n = s->store->n;
    pthread_mutex_unlock(&s->store->lock);
    return n;
}

int store_thread_begin(server *s)
{
    store_thread *t = s->store = calloc(1, sizeof *t);
    if (t) {
        pthread_mutex_init(&t->lock, NULL);
        pthread_cond_init(&t->changed, NULL);
        if (!thread_begin(&t->thread, run, t)) return 0;
    }
    free(t);
    s->store = NULL;
    fprintf(stderr, "wkv: no thread for the store\n");
    return 1;
}

void store_thread_end(server *s)
{
    store_thread *t = s->store;
    pthread_mutex_lock(&t->lock);
    t->closing = 1;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
}

void store_thread_free(server *s)
{
    store_thread *t = s->store;
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->changed);
    free(t);
    s->store = NULL;
}
