/* adapt.h - parameter-efficient fine-tuning of a frozen model: adapters, named parameters of the model, initial states.
 * The frozen weights stay in the mapping of their file, in their data type; values, gradients and moments exist only
 * for the trained parameters. */
#ifndef WKV_TRAIN_ADAPT_H
#define WKV_TRAIN_ADAPT_H

#include "train/trainer.h"

/* wkv_train_options.method as bits of train_method; 0: unknown method, message in wkv_error. */
int adapt_method(const char *name);

/* Open the frozen model and list the parameters of t->methods. WKV_EARG: an unknown name. WKV_EUNSUPPORTED:
 * version 4 has no state to tune. */
int adapt_frozen(wkv_trainer *t, const wkv_train_options *o);

/* adapt_save.c: TRAIN_LORA: adapters under RWKV-PEFT's names, with alpha in the metadata of a .safetensors, and the
 * parameters of --train under their own names; TRAIN_STATE: initial states as blocks.N.att.time_state,
 * [H][value][key]. The extension of the file selects .pth or .safetensors. */
int adapt_save(const wkv_trainer *t, const char *path, train_method method, dtype type);

#endif
