/* choose.h - lists of words that name parameters of a model: which get an adapter, are trained whole, or stay frozen.
 *
 * A list has commas between its words. "att" and "ffn" are the big matrices of either half of a layer, "low-rank" the
 * version's own small ones, "norm" weight and bias of every norm, "time" all other vectors of the layers: weights of
 * the previous token, decay, bonus. Any other word is a name without "blocks.N." and without ".weight" or ".bias":
 * "att.key", "ln1", "emb". */
#ifndef WKV_TRAIN_CHOOSE_H
#define WKV_TRAIN_CHOOSE_H

#include "rwkv/model.h"

/* Bytes of a tensor's name without ".weight" or ".bias". */
int name_stem(const char *name);

/* Does a word of the list name this tensor? NULL is a list of none. */
int choose_names(const char *words, const slot *s);

/* May it have an adapter? May it be trained? */
typedef int choosable_fn(const slot *s, int layer);
choosable_fn choosable_adapted, choosable_all;

/* WKV_EARG when a word of the list that `option` gives names no choosable tensor of the model; the sentence lists what
 * there is. */
int choose_check(const char *option, const char *words, const rwkv *m, choosable_fn *choosable);

#endif
