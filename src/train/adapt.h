/* adapt.h - a trainer of little beside a frozen model: adapters beside its weights, initial states; or of a whole
 * checkpoint. The frozen weights lie in their file's mapping, in whatever type they have; values, gradients and moments
 * exist for the trained parameters only. */
#ifndef WKV_TRAIN_ADAPT_H
#define WKV_TRAIN_ADAPT_H

#include "train/trainer.h"

typedef struct {
    const char *model; /* NULL: the built-in one          */
    int what;          /* of learnt; LEARN_ALL alone      */
    int rank;          /* of new adapters                 */
    float alpha;
    const char *targets;    /* words with commas between them: att, ffn, low-rank, or names as "att.key" */
    wkv_model_options with; /* an adapter, a state to go on from                                         */
    uint64_t seed;
    int threads;
    const char *device;
} adapt_options;

/* WKV_EARG: an unknown target, options that do not go together. WKV_EUNSUPPORTED: version 4 has no state to tune. */
int trainer_adapt(wkv_trainer **out, const adapt_options *o);

/* Adapters under RWKV-PEFT's names, with alpha in the metadata of a .safetensors; initial states as
 * blocks.N.att.time_state, [H][value][key]; after LEARN_ALL the model. By its ending the file is a .pth or a
 * .safetensors. */
int trainer_save_adapted(const wkv_trainer *t, const char *path, learnt what, dtype type);

#endif
