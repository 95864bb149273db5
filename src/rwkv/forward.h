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

/* Values that pass from layer to layer: the residual stream; v of layer 0, in versions that use it; the embedding after
 * ln0. */
typedef struct {
    tensor *x, *v_first, *embedded;
} stream;

/* The three parts of a forward pass over c->b->rows tokens, which may run in different contexts: the embedding; layers
 * [c->first_layer, end), which advance their states; the last norm of rows[0..n), of all rows if rows is NULL. The last
 * returns the head's input, or NULL if n is 0 and rows is not NULL. */
stream rwkv_embed(cx *c, const rwkv *m, const int32_t *tokens);
void rwkv_layers(cx *c, const rwkv *m, const int32_t *tokens, stream *s, int end);
tensor *rwkv_norm(cx *c, const rwkv *m, const stream *s, const int *rows, int n);

/* All three. */
tensor *rwkv_features(cx *c, const rwkv *m, const int32_t *tokens, const int *rows, int n);
/* The same and the head: the logits. */
tensor *rwkv_forward(cx *c, const rwkv *m, const int32_t *tokens, const int *rows, int n);

#endif
