/* trainer.h - a model, its trained parameters, and the optimizer steps; wkv_train.h has the public part.
 *
 * A trainer trains all weights, or adapters and initial states with frozen weights of any type (train/adapt.h). Inputs
 * are masked sequences of any length, optionally in chunks that carry the state. */
#ifndef WKV_TRAIN_TRAINER_H
#define WKV_TRAIN_TRAINER_H

#include "rwkv/api.h"
#include "train/adamw.h"
#include "train/schedule.h"
#include "wkv_train.h"

/* Parameters to train, a set; TRAIN_ALL excludes the others. */
typedef enum {
    TRAIN_LORA = 1, /* adapters                                            */
    TRAIN_STATE = 2,
    TRAIN_ALL = 4,
    TRAIN_PISSA = 8, /* with TRAIN_LORA: initialized with singular vectors */
    TRAIN_MISS = 16, /* with TRAIN_LORA: MiSS adapters                     */
    TRAIN_NAMED = 32 /* with others: parameters of --train                 */
} train_method;

/* The loss: cross entropy of tokens, or of pairs of a chosen and a rejected answer (preference.c). */
typedef enum { CROSS_ENTROPY, DPO, ORPO } objective;

struct wkv_trainer {
    rwkv *m;         /* the model: that of p, or of the frozen weights */
    wkv_model *base; /* the frozen weights; NULL with TRAIN_ALL        */
    int methods;     /* set of train_method                            */
    params p;
    adapter *adapters; /* n_adapters trained ones, and with TRAIN_PISSA as many frozen ones, ... */
    int n_adapters;
    real *principal; /* ... and the values of the frozen ones */
    size_t n_principal;
    tensor *S;         /* per layer, in the block m->state0             */
    size_t state_at;   /* its offset in the blocks of p                 */
    float scale_alpha; /* alpha of the adapters; 0: MiSS                 */

    adamw opt;
    schedule plan;
    int64_t step, steps; /* done; total                                           */
    int64_t skipped;     /* steps with a gradient that was NaN or infinite        */
    int in_row;          /* consecutive skipped steps so far                      */
    double lr, norm;     /* learning rate and gradient norm of the last step      */

    int chunk;         /* tokens per chunk of a sequence (--infctx); 0: all              */
    int truncate;      /* truncated BPTT: no gradient from a chunk to the previous one   */
    int micro;         /* sequences computed at once; 0: as many as fill 512 rows      */
    int checkpointing; /* activation recomputation: 1: on; -1: off; 0: by free memory  */
    size_t available;  /* free bytes before the trainer allocated any                  */
    int l2wrap;        /* L2Wrap: the official trainer's penalty on the largest logit   */
    objective objective;
    double beta;              /* beta of DPO, lambda of ORPO                                  */
    wkv_model *reference;     /* reference model of DPO; NULL: none                           */
    double margin, preferred; /* last pairs: mean margin; share with a positive one */
    float dropout, lora_dropout;
    uint64_t seed;
    device *device;
    cx c;
    const wkv_communicator *communicator; /* NULL: a single process */
    int summing;                          /* all-reduce has started for the layers from this one on */
};

/* ---- gradient.c -------------------------------------------------------------------------------------------------- */

/* Tokens; those with counts[i] != 0 are targets of the loss (never the first one); counts NULL: all. */
typedef struct {
    const int32_t *ids;
    const uint8_t *counts;
    int n;             /* at least 2 */
    double *reference; /* cross entropy of its targets under the reference model; NAN: not known yet */
} sample;

/* Loss of the samples: the mean over their targets, or, by t->objective, over pairs of samples. With `learn`, adds the
 * gradient to p.grads; the mean is then over all processes, and the all-reduce starts. WKV_EARG: an id outside the
 * vocabulary, no target. WKV_ENOMEM. */
int trainer_gradient(wkv_trainer *t, const sample *s, int n, int learn, double *loss);

/* Number of targets of all samples. */
int64_t samples_counted(const sample *s, int n);

/* One pass of a model over samples: a loss with its gradient, or the cross entropy of each sample. */
typedef struct {
    rwkv *m;
    const sample *s;
    int n;
    int learn;            /* dropout, and gradients unless `sums`                                         */
    double counted;       /* divisor of the mean loss: targets in all processes; or:                      */
    const double *scales; /* loss = sum of scales[i] x cross entropy of sample i; NULL: unused            */
    double *sums;         /* out: cross entropy of each sample, summed over its targets; NULL: unused     */
    int adds_up;          /* start the all-reduce of gradients as layers complete                         */
    double loss;          /* out                                                                          */
} reading;
int trainer_read(wkv_trainer *t, reading *r);

/* Number of samples, from the first, to compute at once: `micro`, or as many as fill GROUP_ROWS if all were as long as
 * the longest, and more while they fit. With so many rows GEMMs reach full speed, and activations stay in the caches.
 * trainer_rows: the largest number of rows of such a group. */
enum { GROUP_ROWS = 512 };
int trainer_group(const wkv_trainer *t, const sample *s, int n);
int64_t trainer_rows(const wkv_trainer *t, const sample *s, int n);

/* Measure the cost of a row by computing these samples up to three times; discards the gradient. Gradients must be zero
 * on entry, as between steps. `keep_activations`: no recomputation. */
typedef struct {
    double seconds; /* per row                                                   */
    double bytes;   /* activations per row, without logits                       */
} row_cost;
int trainer_cost(wkv_trainer *t, const sample *s, int n, int keep_activations, row_cost *out);

/* Memory for the activations of a step that computes so many rows at once. */
size_t trainer_work_bytes(const wkv_trainer *t, const row_cost *cost, int64_t rows);

/* Measure the cost of a row in a step of these samples. With checkpointing 0, turn recomputation on if parameters and
 * activations exceed 0.8 of the available memory. */
int trainer_measure(wkv_trainer *t, const sample *s, int n, row_cost *out);

/* ---- preference.c: pairs of samples ------------------------------------------------------------------------------ */

/* wkv_train_options.loss as a value. WKV_EARG: unknown loss. */
int preference_named(objective *out, const char *name);

/* Loss of one pair, from the log-likelihoods of its answers under model and reference, and its derivatives with respect
 * to those of the model. */
typedef struct {
    double chosen, rejected;               /* under the model     */
    double chosen_before, rejected_before; /* under the reference */
    int chosen_n, rejected_n;              /* tokens              */
} pair_likelihood;
typedef struct {
    double loss, margin; /* margin of the chosen answer; positive: preferred */
    double d_chosen, d_rejected;
} pair_loss;
pair_loss preference_loss(objective kind, double beta, const pair_likelihood *p);

/* As trainer_gradient, for pairs: chosen and rejected samples alternate. */
int preference_gradient(wkv_trainer *t, const sample *s, int n, int learn, double *loss);

/* ---- trainer.c --------------------------------------------------------------------------------------------------- */

/* The schedule of a run with these options, defaults filled in. WKV_EARG. */
int trainer_schedule(schedule *out, const wkv_train_options *o);

/* As wkv_trainer_step, for samples. */
int trainer_step(wkv_trainer *t, const sample *s, int n, double *loss);

/* `count` rows of length + 1 ids as samples. */
void samples_of_rows(sample *out, const int32_t *tokens, int count, int length);

/* ---- sum.c: several processes ------------------------------------------------------------------------------------ */

/* The gradients from this layer on are complete: start the all-reduce of those not started yet. */
void trainer_add_up_from(void *trainer, int layer);
/* Finish the all-reduce of the gradient and of n figures of the step. A process with an error takes part too, else the
 * others would wait forever. */
int trainer_add_up_rest(wkv_trainer *t, int err, double *figures, int n);
/* With sharded moments: gather the new values from their processes and clear the gradients of their shards. */
void trainer_collect_values(wkv_trainer *t);

/* ---- write.c ----------------------------------------------------------------------------------------------------- */

/* Generate at most n tokens after the prompt, at temperature 1. The random numbers are a function of the step.
 * WKV_ENOMEM; WKV_EFORMAT: logits are NaN or infinite. */
int trainer_sample(wkv_trainer *t, const int32_t *prompt, int n_prompt, int32_t *out, int n);

#endif
