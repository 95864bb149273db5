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
    int64_t step, steps; /* done; asked for                                      */
    int64_t skipped;     /* of those done: left out, as their gradient was no number */
    int in_row;          /* the last ones that were                              */
    double lr, norm;     /* of the last step                                     */
    int micro;           /* sequences computed at once; 0: trainer_at_once()     */
    int checkpointing;   /* as the option says; 0: not decided yet               */
    float dropout;
    uint64_t seed;
    device *device;
    cx c;
    const wkv_ranks *ranks; /* who trains together; NULL: this process alone                 */
    int summing;            /* layers from this one on are being added up over all processes */

    int32_t *ids; /* of what is computed at once: inputs, then targets     */
    span *spans;
    real *states;
    batch batch;
    size_t room_rows; /* how many rows ids has room for, ...                   */
    int room_spans;   /* ... and how many sequences spans and states have      */
};

/* Add the gradient of a batch to t->p.grads; otherwise as wkv_trainer_step. With ranks the batch is this process's part
 * of a step's, and adding up over all has begun. */
int trainer_gradient(wkv_trainer *t, const int32_t *tokens, int batch_size, int length, double *loss);

/* What computing rows costs, found out with some sequences, whose gradient is thrown away. Gradients must be zero, as
 * they are between steps. With `whole` layers are recorded at once. */
typedef struct {
    double seconds; /* for a row                                                  */
    double bytes;   /* kept for a row until its gradient is taken, logits left out */
} row_cost;
int trainer_cost(wkv_trainer *t, const int32_t *tokens, int batch_size, int length, int whole, row_cost *out);

/* How many of so many sequences are computed at once: as many as the trainer is told, or of short ones several. */
int trainer_at_once(const wkv_trainer *t, int batch_size, int length);

/* Memory that a step of so many sequences takes beside the parameters. */
size_t trainer_work_bytes(const wkv_trainer *t, const row_cost *cost, int batch_size, int length);

/* A text of at most n tokens that goes on from the prompt, at temperature 1. Its random numbers are a function of the
 * step. WKV_ENOMEM; WKV_EFORMAT: logits are NaN or infinite. */
int trainer_sample(wkv_trainer *t, const int32_t *prompt, int n_prompt, int32_t *out, int n);

#endif
