/* choose.h - lists of words that select parameters: those with adapters, trained, or frozen.
 *
 * Words are comma-separated. "att" and "ffn" are the big matrices of time mix and channel mix, "low-rank" the small
 * matrices of the version, "norm" weight and bias of every norm, "time" all other vectors of the layers: token shift,
 * decay, bonus. Any other word is a name without "blocks.N." and without ".weight" or ".bias":
 * "att.key", "ln1", "emb". A word after "blocks.N." selects in layer N only: "blocks.3.ffn". */
#ifndef WKV_TRAIN_CHOOSE_H
#define WKV_TRAIN_CHOOSE_H

#include "rwkv/model.h"

/* Length of a tensor's name without ".weight" or ".bias". */
int name_stem(const char *name);

/* Does a word of the list name this tensor of the layer (-1: of none)? NULL is the empty list. */
int choose_names(const char *words, const slot *s, int layer);

/* Can the tensor have an adapter? Can it be trained? */
typedef int choosable_fn(const slot *s, int layer);
choosable_fn choosable_adapted, choosable_all;

/* WKV_EARG: a word of the list given by `option` selects no tensor; the message lists the known words. */
int choose_check(const char *option, const char *words, const rwkv *m, choosable_fn *choosable);

#endif
