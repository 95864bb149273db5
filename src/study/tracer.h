/* tracer.h - the runs of causal tracing over one prompt. */
#ifndef WKV_STUDY_TRACER_H
#define WKV_STUDY_TRACER_H

#include "wkv_trace.h"

typedef struct {
    const wkv_trace_patch *patch;
    wkv_trace_score *score;
    int sample;
} trace_run;

typedef struct {
    wkv_context *c;
    const wkv_trace_item *item;
    const wkv_trace_options *o;
    wkv_trace_result *out;
    int L, C, V;
    int rows; /* tokens from the subject on, item->from is the first */
    int samples;
    float *noisy;          /* [samples][rows][C] embeddings of the corrupted runs  */
    float *clean;          /* [ROW_KINDS][L][rows][C]                              */
    wkv_state **after;     /* [rows] the clean state after each token, or NULLs    */
    wkv_state *before;     /* the state before the subject                         */
    wkv_state **corrupted; /* [samples] before token `at`                          */
    int at;
    int pool;           /* runs evaluated together, at most */
    wkv_state **states; /* [pool]                           */
    wkv_sequence *sequences;
    trace_run *runs;
    float *logits;       /* [pool][V] */
    int in_batch, begin; /* runs of the current batch; the first token of its evaluation */
    int64_t done, total;
} tracer;

/* Allocate everything; with_states: clean states are restored too. WKV_ENOMEM. */
int tracer_allocate(tracer *t, int with_states);
void tracer_release(tracer *t);
/* The embeddings of the corrupted runs, with noise of the deviation t->out->sigma x the option. */
int tracer_noise(tracer *t);
/* The clean run: stores its values and leaves its last logits in t->logits. */
int tracer_clean(tracer *t);
/* The corrupted runs, from the subject on: set them back to it, and read n tokens, with the last logits in t->logits. */
int tracer_restart(tracer *t);
int tracer_advance(tracer *t, int n, int with_logits);
/* The first token at which a patch restores a value that differs; item->n: none. */
int tracer_first(const tracer *t, const wkv_trace_patch *p);
/* Every patch with every sample: scores[patch][sample]. */
int tracer_restored(tracer *t, wkv_trace_score *scores, const wkv_trace_patch *patches, int count);
/* WKV_EFORMAT: the logits are NaN or infinite. */
int tracer_score(const tracer *t, wkv_trace_score *out, const float *logits);

#endif
