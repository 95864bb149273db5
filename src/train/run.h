/* run.h - what a run is made of. */
#ifndef WKV_TRAIN_RUN_H
#define WKV_TRAIN_RUN_H

#include "base/utf8.h"
#include "train/checkpoint.h"
#include "train/data.h"
#include "train/folder.h"
#include "train/history.h"
#include "train/order.h"

typedef struct {
    wkv_train_options o; /* with defaults, and with what a resumed run remembers  */
    tensors *from;       /* the checkpoint it goes on from, or NULL               */
    char *damaged;       /* the sentence about a newer one, or NULL               */
    char *data;          /* paths of the text, one a line                         */
    char *valid_path, *vocab_path;
    wkv_tokenizer *vocab; /* NULL: token files without one                         */
    text_form form;
    tokens text, other_held; /* the text; the held-out text when it has its own files */
    const tokens *held;      /* held-out: [held_at, held_at + held_n) of one of those */
    int64_t held_at, held_n, held_bytes;
    order order;
    wkv_trainer *t;
    const wkv_ranks *ranks; /* who trains together; NULL: this process alone  */
    int own;                /* sequences of a step that this process computes */
    int32_t *rows;          /* a batch: o.batch x (o.context + 1) ids         */
    sample *now;            /* those of them that this process computes       */
    history history;
    position at;
    int chosen; /* sizes or steps follow from the amount of text */
    wkv_train_plan plan;
    wkv_train_report report;
    double work, idle; /* seconds in steps, and in what comes between them */
    int64_t worked;    /* steps of this process                            */
    double saved;      /* when the last checkpoint was                     */
    double work_then;  /* work and worked at the last figures              */
    int64_t worked_then;
    char sample[2048];
} job;

/* Open everything that is read, from the beginning or from a checkpoint, and make the plan. job_end in any case. */
int job_begin(job *j, const wkv_train_options *o);
/* Open the folder and the output files in it: only in the process that leads, once the plan is accepted. */
int job_open(job *j);
void job_end(job *j);

/* The weights to `name`.safetensors, or .pth, in the folder of the run. */
int job_save(const job *j, const char *name);

#endif
