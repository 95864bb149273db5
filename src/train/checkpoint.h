/* checkpoint.h - everything a run needs to resume with the same bits: RUN/checkpoint-STEP.safetensors.
 *
 * Values and moments are float32; the metadata holds the settings of the run and its position. The random numbers of
 * the run are functions of seed and position, so they have no state. */
#ifndef WKV_TRAIN_CHECKPOINT_H
#define WKV_TRAIN_CHECKPOINT_H

#include "train/settings.h"
#include "train/trainer.h"

typedef struct {
    int64_t given;      /* sequences read so far                               */
    int64_t tokens;     /* tokens trained on                                   */
    double smooth;      /* as in the report                                    */
    double best;        /* lowest loss on held-out text; 0: none yet           */
    int64_t since_best; /* evaluations after that one                          */
    double loss_sum;    /* sum of the losses since the last log line, ...      */
    int64_t loss_count; /* ... number of those steps                           */
    int64_t log_bytes;  /* length of train.jsonl                               */
    int64_t finished;   /* last step of a finished run; 0: not finished        */
    int64_t text_tokens, held_tokens;
    uint64_t text_sum; /* checksum of the training text                        */
    const char *data;  /* its files, one per line                              */
} position;

/* Path of the newest checkpoint in the folder; the caller frees it. NULL: none. WKV_EIO, WKV_ENOMEM: the folder
 * cannot be listed. */
int checkpoint_newest(char **out, const char *folder);

/* Open the newest intact checkpoint. *damaged: the error of a newer damaged one, else NULL; the caller frees it. No
 * checkpoint: *out is NULL and the result 0. WKV_EFORMAT: none is intact; the message is about the newest. */
int checkpoint_open(tensors **out, char **damaged, const char *folder);

/* Write a checkpoint of the trainer's step, then remove all but the last `keep`. One process writes; with sharded
 * moments the others call params_send. WKV_EIO, WKV_ENOMEM. */
int checkpoint_write(const char *folder, const wkv_trainer *t, const position *at, const wkv_train_options *o,
                     int keep);

/* Restore moments and steps of a trainer that already has the values of the checkpoint. */
int checkpoint_read(const tensors *f, wkv_trainer *t, position *at);

/* The setting of that name in a checkpoint (`f`, a tensors); NULL: missing. */
const char *checkpoint_setting(const void *f, const char *name);

#endif
