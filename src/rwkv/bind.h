/* bind.h - from named tensors to a model. */
#ifndef WKV_RWKV_BIND_H
#define WKV_RWKV_BIND_H

#include "rwkv/model.h"

/* Find version and sizes, bind every tensor, and to each weight the adapter that there is for it (NAME.lora_A,
 * NAME.lora_B), times alpha / its rank, or NAME.disha (MiSS); alpha 0: the file's metadata "lora_alpha". An error names the tensor that is
 * missing or has a wrong shape, or the other architecture. */
int rwkv_bind(rwkv *m, const tensors *t, float alpha);

/* The tensor of the file that holds this slot, under its own name or another; *as_exp: the model wants e to its power.
 * NULL: there is none. */
const file_tensor *rwkv_stored(const tensors *t, const char *name, const slot *s, int layer, int *as_exp);

/* ---- for overlay.c ----------------------------------------------------------------------------------------------- */

/* A model while its tensors are read: once to check shapes and count reals, and again into the block. */
typedef struct {
    rwkv *m;
    const tensors *t;
    float alpha;
    size_t used; /* reals of the owned block given out; before it exists they are only counted */
} binder;

/* Room for n reals; NULL while they are counted. */
real *bind_room(binder *b, size_t n);
/* Read a small tensor as reals, in official order; `to` has room for `capacity`. WKV_EFORMAT, WKV_ENOMEM. */
int bind_reals(const binder *b, const file_tensor *f, real *to, size_t capacity);
/* Integers are weights only with the scales of the program that quantized them, which are stored elsewhere.
 * WKV_EUNSUPPORTED. */
int bind_check_type(const tensors *t, const file_tensor *f);

enum { SHAPE_TEXT = 128 };
const char *shape_text(const file_tensor *f, char s[SHAPE_TEXT]); /* "[1, 1, 768]" */

#endif
