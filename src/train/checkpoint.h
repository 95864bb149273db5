/* checkpoint.h - all that a run must know to go on as if it had never stopped: RUN/checkpoint-STEP.safetensors.
 *
 * Values and moments in float32; in the metadata the settings of the run and its position. The random numbers of the
 * run are functions of the seed and of the position, so nothing else has a state. */
#ifndef WKV_TRAIN_CHECKPOINT_H
#define WKV_TRAIN_CHECKPOINT_H

#include "train/settings.h"
#include "train/trainer.h"

typedef struct {
    int64_t given;      /* sequences that were given out                       */
    int64_t tokens;     /* that were trained on                                */
    double smooth;      /* as in the report                                    */
    double best;        /* lowest loss on held-out text; 0: none yet           */
    int64_t since_best; /* measurements after that one                         */
    double loss_sum;    /* of the steps since the last line of the log, ...    */
    int64_t loss_count; /* ... and how many those are                          */
    int64_t log_bytes;  /* length of train.jsonl                               */
    int64_t finished;   /* steps after which the run had ended; 0: never       */
    int64_t text_tokens, held_tokens;
    uint64_t text_sum; /* what was learnt, to know it again                    */
    const char *data;  /* the files it is in, one a line                       */
} position;

/* The newest checkpoint of the folder; freed by the caller. *out is NULL: there is none. WKV_EIO, WKV_ENOMEM: it
 * cannot be listed. */
int checkpoint_newest(char **out, const char *folder);

/* Open the newest one that is whole. *damaged: the error of the newest, when it is not that one; else NULL; freed by
 * the caller. *out is NULL, and 0 returned, when there is none. WKV_EFORMAT: none is whole; the sentence is about
 * the newest. */
int checkpoint_open(tensors **out, char **damaged, const char *folder);

/* Write one for the trainer's step, then remove all but the last `keep`. One process does it; where moments are shared
 * out the others call params_send. WKV_EIO, WKV_ENOMEM. */
int checkpoint_write(const char *folder, const wkv_trainer *t, const position *at, const wkv_train_options *o,
                     int keep);

/* Give the trainer, which has the checkpoint's values already, its moments and steps. */
int checkpoint_read(const tensors *f, wkv_trainer *t, position *at);

/* The setting of that name in a checkpoint (`f`, a tensors), NULL: not there. */
const char *checkpoint_setting(const void *f, const char *name);

#endif
