/* adapt.h - a trainer of little beside a frozen model: adapters beside its weights, parameters of its own that are
 * named, initial states. The frozen weights lie in their file's mapping, in whatever type they have; values, gradients
 * and moments exist for the trained parameters only. */
#ifndef WKV_TRAIN_ADAPT_H
#define WKV_TRAIN_ADAPT_H

#include "train/trainer.h"

/* wkv_train_options.method as values of learnt; 0, with a sentence in wkv_error: there is no such method. */
int adapt_method(const char *name);

/* Open the frozen model and list the parameters that t->what says. WKV_EARG: an unknown name. WKV_EUNSUPPORTED:
 * version 4 has no state to tune. */
int adapt_frozen(wkv_trainer *t, const wkv_train_options *o);

/* adapt_save.c: TRAIN_LORA: adapters under RWKV-PEFT's names, with alpha in the metadata of a .safetensors, and whole
 * parameters under their own; TRAIN_STATE: initial states as blocks.N.att.time_state, [H][value][key]. By its extension
 * the file is a .pth or a .safetensors. */
int adapt_save(const wkv_trainer *t, const char *path, train_method what, dtype type);

#endif
