/* forward.h - running a model: memory for a pass, and from tokens to logits. */
#ifndef WKV_RWKV_FORWARD_H
#define WKV_RWKV_FORWARD_H

#include "rwkv/model.h"

/* The state at the start of a text. */
void rwkv_state_init(const rwkv *m, real *state);

/* cx_reserve for passes of this model with at most `rows` rows and `spans` spans. */
int rwkv_reserve(cx *c, const rwkv *m, int rows, int spans, int backward);
/* Upper bound of the bytes of c->mem per row of an unrecorded pass, without its logits; *fixed: bytes per pass. */
size_t rwkv_row_bytes(const rwkv *m, size_t *fixed);

/* A layer, for op_block; p is the rwkv. in[0], out[0]: the residual stream; in[1], out[1]: v of layer 0, in versions
 * that use it; in[2]: the embedding after ln0. */
void rwkv_block(cx *c, const void *p, int layer, tensor *in[3], tensor *out[2]);

/* Run c->b->rows tokens and advance the states. Returns the logits of rows[0..n), of all rows if rows is NULL; NULL if
 * n is 0 and rows is not NULL. */
tensor *rwkv_forward(cx *c, const rwkv *m, const int32_t *tokens, const int *rows, int n);
/* The same without the head: the head's input. */
tensor *rwkv_features(cx *c, const rwkv *m, const int32_t *tokens, const int *rows, int n);

#endif
