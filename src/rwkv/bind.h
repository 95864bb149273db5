/* bind.h - from named tensors to a model. */
#ifndef WKV_RWKV_BIND_H
#define WKV_RWKV_BIND_H

#include "rwkv/model.h"

/* Detect version and sizes, bind every tensor, and bind to each weight its adapter: NAME.lora_A and NAME.lora_B, scaled
 * by alpha / rank (alpha 0: the file's metadata "lora_alpha"), or NAME.disha (MiSS). An error names the tensor that is
 * missing or has a wrong shape, or the other architecture. */
int rwkv_bind(rwkv *m, const tensors *t, float alpha);

/* The file's tensor for this slot, under its own name or another; *as_exp: the model needs its exponential. NULL: there
 * is none. */
const file_tensor *rwkv_stored(const tensors *t, const char *name, const slot *s, int layer, int *as_exp);

/* ---- for overlay.c ----------------------------------------------------------------------------------------------- */

/* Binding has two passes: the first checks shapes and counts reals, the second reads values into the block. */
typedef struct {
    rwkv *m;
    const tensors *t;
    float alpha;
    size_t used; /* reals allocated of the owned block; counted only in the first pass */
} binder;

/* Allocate n reals of the block; NULL in the first pass, which counts them. */
real *bind_alloc(binder *b, size_t n);
/* Read a small tensor as reals, in official order; `to` holds at most `capacity`. WKV_EFORMAT, WKV_ENOMEM. */
int bind_reals(const binder *b, const file_tensor *f, real *to, size_t capacity);
/* Refuse integers: they need the scales of the program that quantized them, which are stored elsewhere.
 * WKV_EUNSUPPORTED. */
int bind_check_type(const tensors *t, const file_tensor *f);

enum { SHAPE_TEXT = 128 };
const char *shape_text(const file_tensor *f, char s[SHAPE_TEXT]); /* "[1, 1, 768]" */

#endif
