/* trainer.h - what a trainer is made of; wkv_train.h has what users see. */
#ifndef WKV_TRAIN_TRAINER_H
#define WKV_TRAIN_TRAINER_H

#include "train/adamw.h"
#include "train/schedule.h"
#include "wkv_train.h"

struct wkv_trainer {
    params p;
    adamw opt;
    schedule plan;
    int64_t step, steps;   /* done; asked for                                        */
    double lr, norm;       /* of the last step                                       */
    pool *pool;
    cx c;

    int32_t *ids;          /* of a batch: inputs, then targets                       */
    span *spans;
    real *states;
    batch batch;
    size_t room_rows;      /* how many rows ids has room for, ...                    */
    int room_spans;        /* ... and how many sequences spans and states have       */
};

/* Add the gradient of a batch to t->p.grads; otherwise as wkv_trainer_step. */
int trainer_gradient(wkv_trainer *t, const int32_t *tokens, int batch_size, int length, double *loss);

#endif
