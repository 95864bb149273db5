/* forward.h - running a model: memory for a pass, and from tokens to logits. */
#ifndef WKV_RWKV_FORWARD_H
#define WKV_RWKV_FORWARD_H

#include "rwkv/model.h"

/* The state at the start of a text. */
void rwkv_state_init(const rwkv *m, real *state);

/* Before passes of at most so many rows and spans: cx_reserve with the sizes of this model. */
int rwkv_reserve(cx *c, const rwkv *m, int rows, int spans, int backward);
/* Bytes of c->mem that a row of a pass takes at most when nothing is recorded, without its logits; *fixed: bytes for
 * all rows together. */
size_t rwkv_row_bytes(const rwkv *m, size_t *fixed);

/* A layer, for op_block; p is the rwkv. in[0], out[0]: the residual stream; in[1], out[1]: v of layer 0, where the
 * version passes it on; in[2]: the embedding after ln0. */
void rwkv_block(cx *c, const void *p, int layer, tensor *in[3], tensor *out[2]);

/* Run tokens (c->b->rows of them) through the model; logits of rows[0..n), NULL rows: of all; n = 0 with rows: none,
 * NULL is returned. States are advanced. */
tensor *rwkv_forward(cx *c, const rwkv *m, const int32_t *tokens, const int *rows, int n);
/* The same without the head: what the head reads. */
tensor *rwkv_features(cx *c, const rwkv *m, const int32_t *tokens, const int *rows, int n);

#endif
