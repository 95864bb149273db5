/* overlay.h - adapters and tuned initial states, in the model's own file or in an overlay, a file of their own. */
#ifndef WKV_RWKV_OVERLAY_H
#define WKV_RWKV_OVERLAY_H

#include "rwkv/bind.h"

/* The adapter of weight w, if there is one. */
int bind_adapter(binder *b, tensor *w, const char *name, const slot *s, int layer);
/* The tuned initial state, if there is one. */
int bind_state(binder *b);

/* Transpose the matrix of each head: [H][value][key], as in files, from or to [H][key][value], as in a wkv_state. */
static inline void turn_heads(real *to, const real *from, int H, int N)
{
    for (int h = 0; h < H; h++)
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) to[(h * N + i) * N + j] = from[(h * N + j) * N + i];
}

/* 0 if every tensor of `over` fits m: tensors of its names, adapters of its weights, initial states. */
int rwkv_fits(const rwkv *m, const tensors *over);

#endif
