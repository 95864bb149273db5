/* models.h - the models behind one port: names, which of them are in memory, the threads of their engines. */
#ifndef WKV_SERVE_MODELS_H
#define WKV_SERVE_MODELS_H

#include "engine.h"

/* The table of the server's models. Returns 0, or 1 after an error message. The first model begins to load. */
int models_open(server *s);
/* Cancel the jobs that are left, end the threads, close the models; later jobs are refused. */
void models_close(server *s);
void models_free(server *s); /* when no handler runs any more */

/* Give a job to the engine of a model of its server, which is loaded first if it must be; name NULL: the first model.
 * The job belongs to the engine from here on, which releases it; with -1 it still belongs to the caller. limited: the
 * job counts for the queue's limit. 404: no such model; 429: too many wait; 503: the server is shutting down. */
int models_give(const char *name, job *j, int limited, problem *p);

/* Give a job back to its engine, which waits for it: the thread of the store has done its part. */
void models_return(job *j);

/* The i-th model for reports; 0 past the last. */
typedef struct {
    const char *name;
    int resident;       /* it is in memory                                    */
    int context_length; /* 0: unknown, or never loaded                        */
    int vocab, width, slots;
    int64_t parameters;
    size_t bytes, state_bytes;
    wkv_sampler_options sampler, reasoning_sampler; /* where a request sends no settings; the second for its reasoning */
    int reasons;                                    /* the template can ask for reasoning */
    char version[8], template_name[32];
    char failure[512]; /* the reason for which it did not load, "": none */
    int jobs;
} model_report;
int models_report(server *s, int i, model_report *to);
void model_describe(model_report *r, const engine *e); /* all but name, resident and jobs (model_report.c) */
int models_window(const model_report *m); /* tokens of its training texts; 8,192 where unknown: a state has no limit */

/* The first model is loaded, or has failed to. */
int models_ready(server *s);

#endif
