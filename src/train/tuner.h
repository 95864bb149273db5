/* tuner.h - a model of which little is learnt: adapters beside frozen weights of any type, or initial states. Or all of
 * it.
 *
 * The base lies in its file's mapping; values, gradients and moments exist for what is learnt only. Samples may have
 * any length: they are read in chunks through which the state is carried, so that memory does not grow with the
 * text. */
#ifndef WKV_TRAIN_TUNER_H
#define WKV_TRAIN_TUNER_H

#include "rwkv/api.h"
#include "train/adamw.h"
#include "train/schedule.h"

typedef enum { LEARN_LORA = 1, LEARN_STATE = 2, LEARN_ALL = 4 } learnt;

typedef struct {
    const char *model; /* NULL: the built-in one          */
    int what;          /* of learnt; LEARN_ALL alone      */
    int rank;          /* of new adapters                 */
    float alpha;
    const char *targets;    /* words with commas between them: att, ffn, low-rank, or names as "att.key" */
    wkv_model_options with; /* what is learnt on from                                               */
    uint64_t seed;
    int chunk;         /* tokens read at once of each sample; 0: all                                        */
    int cut;           /* the gradient does not pass from a chunk to the one before                         */
    int checkpointing; /* 1: layers are run twice; -1: once; 0: by the memory there is              */
    int micro;         /* samples computed at once; 0: those of some hundred tokens                         */
    int threads;
    const char *device;
} tuner_options;

/* Tokens, of which those with counts[i] != 0 are to be predicted (the first one never is). */
typedef struct {
    const int32_t *ids;
    const uint8_t *counts;
    int n; /* at least 2 */
} sample;

typedef struct {
    tuner_options o;
    wkv_model *base; /* the frozen one; NULL with LEARN_ALL, whose weights are params'  */
    rwkv *m;
    params p;
    adapter *adapters;
    tensor *S;         /* of each layer, in the block that m->state0 is                   */
    size_t state_at;   /* where in p's blocks that begins                                 */
    float scale_alpha; /* alpha of the adapters, old or new                               */

    adamw opt;
    schedule plan;
    int64_t step;
    double lr, norm; /* of the last step                                                  */

    device *device;
    cx c;
} tuner;

/* WKV_EARG: an unknown target, options that do not go together. WKV_EUNSUPPORTED: version 4 has no state to tune. */
int tuner_new(tuner **out, const tuner_options *o);
void tuner_free(tuner *t);

/* Mean loss of what counts in n samples; when `learn`, its gradient is added to p.grads. WKV_ENOMEM. */
int tuner_gradient(tuner *t, const sample *s, int n, int learn, double *loss);

/* The cost of a step, by a short measurement with the samples of one, which changes nothing. */
typedef struct {
    double token_seconds; /* for each token that is read                     */
    size_t work_bytes;    /* activations of the samples computed at once     */
} tuner_cost;
int tuner_measure(tuner *t, const sample *s, int n, tuner_cost *out);

/* One step of the optimizer. WKV_ESTOPPED: the loss or its gradient is no number, and nothing was changed. */
int tuner_step(tuner *t, const sample *s, int n, double *loss);

/* Adapters under RWKV-PEFT's names, with alpha in the metadata of a .safetensors; initial states as
 * blocks.N.att.time_state, [H][value][key]; after LEARN_ALL the model. By its ending the file is a .pth or a
 * .safetensors. */
int tuner_save(const tuner *t, const char *path, learnt what, dtype type);

#endif
