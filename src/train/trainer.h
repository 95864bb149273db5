/* trainer.h - a model, the parameters of it that are trained, and the steps; wkv_train.h has the public part.
 *
 * Trained are all weights, or adapters and initial states beside frozen weights of any type (train/adapt.h). Texts are
 * masked sequences of any length, which may be read in chunks through which the state is carried. */
#ifndef WKV_TRAIN_TRAINER_H
#define WKV_TRAIN_TRAINER_H

#include "rwkv/api.h"
#include "train/adamw.h"
#include "train/schedule.h"
#include "wkv_train.h"

/* Parameters to train; TRAIN_ALL alone. */
typedef enum {
    TRAIN_LORA = 1, /* adapters                                            */
    TRAIN_STATE = 2,
    TRAIN_ALL = 4,
    TRAIN_PISSA = 8, /* beside TRAIN_LORA: they begin as singular vectors */
    TRAIN_MISS = 16, /* beside TRAIN_LORA: they are MiSS                  */
    TRAIN_WHOLE = 32 /* beside others, not TRAIN_ALL: some of the model's own parameters */
} train_method;

/* The loss: cross entropy of tokens, or of pairs of a chosen and a rejected answer (preference.c). */
typedef enum { CROSS_ENTROPY, DPO, ORPO } objective;

struct wkv_trainer {
    rwkv *m;         /* the model: that of p, or of the frozen weights */
    wkv_model *base; /* the frozen weights; NULL with TRAIN_ALL        */
    int what;        /* of learnt                                      */
    params p;
    adapter *adapters; /* n_adapters that are trained, and with TRAIN_PISSA as many frozen ones, ... */
    int n_adapters;
    real *principal; /* ... the values of those */
    size_t n_principal;
    tensor *S;         /* of each layer, in the block that m->state0 is */
    size_t state_at;   /* where in p's blocks that begins               */
    float scale_alpha; /* alpha of the adapters, old or new; 0: of MiSS  */

    adamw opt;
    schedule plan;
    int64_t step, steps; /* done; asked for                                       */
    int64_t skipped;     /* of those done: left out, as their gradient was no number */
    int in_row;          /* the last ones that were                               */
    double lr, norm;     /* of the last step                                      */

    int chunk;         /* tokens read at once of each sequence; 0: all                   */
    int truncate;           /* the gradient does not pass from a chunk to the one before      */
    int micro;         /* sequences computed at once; 0: those that fill 512 rows    */
    int checkpointing; /* 1: layers are run twice; -1: once; 0: by the memory there is   */
    size_t available;  /* bytes that were free before the trainer took any               */
    int l2wrap;        /* the official trainer's pull on the largest logit               */
    objective objective;
    double beta;              /* of DPO; ORPO's lambda                                       */
    wkv_model *reference;     /* whose likelihoods DPO compares with; NULL: none             */
    double margin, preferred; /* of the last pairs: the mean margin; the share in which it is above 0 */
    float dropout, lora_dropout;
    uint64_t seed;
    device *device;
    cx c;
    const wkv_communicator *communicator; /* who trains together; NULL: this process alone                 */
    int summing;            /* layers from this one on are being added up over all processes */
};

/* ---- gradient.c -------------------------------------------------------------------------------------------------- */

/* Tokens, of which those with counts[i] != 0 are to be predicted (the first one never is); counts NULL: all. */
typedef struct {
    const int32_t *ids;
    const uint8_t *counts;
    int n;             /* at least 2 */
    double *reference; /* cross entropy of all that counts under the reference model; NAN: not known yet */
} sample;

/* The loss of the samples: the mean over the tokens that count, or as t->objective says over pairs of samples. When
 * `learn`, its gradient is added to p.grads, and the mean is over the samples of all processes, whose gradients begin
 * to be added up. WKV_EARG: an id outside the vocabulary, no token that counts. WKV_ENOMEM. */
int trainer_gradient(wkv_trainer *t, const sample *s, int n, int learn, double *loss);

/* Tokens that count, of all samples. */
int64_t samples_counted(const sample *s, int n);

/* One pass of a model over samples: a loss, with its gradient, or the cross entropy of each. */
typedef struct {
    rwkv *m;
    const sample *s;
    int n;
    int learn;            /* with dropout, and gradients unless `sums`                                    */
    double counted;       /* tokens over which the loss is a mean, in all processes; or:                  */
    const double *scales; /* the loss is the sum of scales[i] x the cross entropy of sample i; NULL: none */
    double *sums;         /* becomes the cross entropy of each sample, added up over its tokens; NULL: none */
    int adds_up;          /* the gradients are added up over all processes as layers become complete      */
    double loss;          /* becomes the loss                                                             */
} reading;
int trainer_read(wkv_trainer *t, reading *r);

/* How many of the samples, from the first, are computed at once: `micro` of them, or as many as fill 512 rows, which
 * are computed as fast as more, and need less memory. The most rows of such a group in a step of these samples. */
int trainer_group(const wkv_trainer *t, const sample *s, int n);
int64_t trainer_rows(const wkv_trainer *t, const sample *s, int n);

/* The cost of a row, by computing these samples up to three times; their gradient is thrown away. Gradients must be
 * zero, as they are between steps. With `whole` layers are recorded at once. */
typedef struct {
    double seconds; /* for a row                                                  */
    double bytes;   /* kept for a row until its gradient is taken, logits left out */
} row_cost;
int trainer_cost(wkv_trainer *t, const sample *s, int n, int whole, row_cost *out);

/* Memory that a step takes beside the parameters when so many rows are computed at once. */
size_t trainer_work_bytes(const wkv_trainer *t, const row_cost *cost, int64_t rows);

/* The cost of a row in a step of these samples, by a short measurement; and, where nobody chose, whether layers are run
 * twice: when parameters and activations take more than eight tenths of the memory there was. */
int trainer_measure(wkv_trainer *t, const sample *s, int n, row_cost *out);

/* ---- preference.c: pairs of samples ------------------------------------------------------------------------------ */

/* wkv_train_options.loss as a value. WKV_EARG: there is no such loss. */
int preference_named(objective *out, const char *name);

/* The loss of one pair by the sums of log-likelihoods that the model and the reference give the tokens of its answers,
 * and its slope along those of the model. */
typedef struct {
    double chosen, rejected;               /* under the model     */
    double chosen_before, rejected_before; /* under the reference */
    int chosen_n, rejected_n;              /* tokens              */
} pair_likelihood;
typedef struct {
    double loss, margin; /* margin: by how much the chosen answer is ahead; above 0 it is preferred */
    double d_chosen, d_rejected;
} pair_loss;
pair_loss preference_loss(objective kind, double beta, const pair_likelihood *p);

/* As trainer_gradient, of pairs: a chosen and a rejected sample one after the other. */
int preference_gradient(wkv_trainer *t, const sample *s, int n, int learn, double *loss);

/* ---- trainer.c --------------------------------------------------------------------------------------------------- */

/* The learning rates of a run with these options, all defaults filled in. WKV_EARG. */
int trainer_schedule(schedule *out, const wkv_train_options *o);

/* As wkv_trainer_step, of samples. */
int trainer_step(wkv_trainer *t, const sample *s, int n, double *loss);

/* `count` rows of length + 1 ids as samples. */
void samples_of_rows(sample *out, const int32_t *tokens, int count, int length);

/* ---- sum.c: several processes ------------------------------------------------------------------------------------ */

/* The gradients of this layer and all behind it are complete: add up those that are not being added up yet. */
void trainer_add_up_from(void *trainer, int layer);
/* The sum over all processes of the gradient and of n figures of the step. One that failed takes part, as nobody waits
 * for a process that does not. */
int trainer_add_up_rest(wkv_trainer *t, int err, double *figures, int n);
/* Where the moments are shared out: the values from those that made the step, and no gradients of others' shares. */
void trainer_collect_values(wkv_trainer *t);

/* ---- write.c ----------------------------------------------------------------------------------------------------- */

/* A text of at most n tokens that goes on from the prompt, at temperature 1. Its random numbers are a function of the
 * step. WKV_ENOMEM; WKV_EFORMAT: logits are NaN or infinite. */
int trainer_sample(wkv_trainer *t, const int32_t *prompt, int n_prompt, int32_t *out, int n);

#endif
