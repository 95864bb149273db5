/* run.h - what a run is made of. */
#ifndef WKV_TRAIN_RUN_H
#define WKV_TRAIN_RUN_H

#include "text/utf8.h"
#include "train/checkpoint.h"
#include "train/data.h"
#include "train/history.h"
#include "train/order.h"

typedef struct {
    wkv_train_options o; /* with defaults, and with what a resumed run remembers  */
    tensors *from;       /* the checkpoint it goes on from, or NULL               */
    char *data;          /* paths of the text, one a line                         */
    char *valid_path, *vocab_path;
    wkv_tokenizer *vocab; /* NULL: token files without one                         */
    char *lines;          /* the vocabulary's file; NULL: none goes beside the model */
    text_form form;
    tokens text, other_held; /* the text; the held-out text when it has its own files */
    const tokens *held;      /* held-out: [held_at, held_at + held_n) of one of those */
    int64_t held_at, held_n, held_bytes;
    order order;
    wkv_trainer *t;
    const wkv_ranks *ranks; /* who trains together; NULL: this process alone  */
    int own;                /* sequences of a step that this process computes */
    int32_t *rows;          /* a batch: o.batch x (o.context + 1) ids         */
    history history;
    position at;
    wkv_train_plan plan;
    wkv_train_report report;
    double work, idle; /* seconds in steps, and in what comes between them */
    int64_t worked;    /* steps of this process                            */
    double saved;      /* when the last checkpoint was                     */
    char sample[2048];
} job;

/* Open everything, from the beginning or from a checkpoint, and make the plan. job_end in any case. Only the process that leads
 * opens what is written to. */
int job_begin(job *j, const wkv_train_options *o);
void job_end(job *j);

/* The weights to `name` in the folder of the run. */
int job_save(const job *j, const char *name);

/* folder/name, freed by the caller; NULL without memory, after fail() */
char *path_in(const char *folder, const char *name);

#endif
