/* forward.c - a model from tokens to logits, and its state at the start of a text. */
#include <string.h>
#include "rwkv/parts.h"

tensor *rwkv_features(cx *c, const rwkv *m, const int32_t *tokens, const int *rows, int n)
{
    tensor *x = op_embed(c, (tensor *)&m->emb, tokens, c->b->rows), *v_first = NULL;
    x = layer_norm(c, x, (tensor *)&m->ln0_w, (tensor *)&m->ln0_b);
    for (int l = 0; l < m->L; l++) {
        tensor *in[2] = {x, v_first}, *out[2];
        op_block(c, m->arch->block, m, l, in, out, l * rwkv_layer_state(m), rwkv_layer_state(m));
        x = out[0];
        v_first = out[1];
    }
    if (rows) {
        if (!n) return NULL;
        x = op_rows(c, x, rows, n);
    }
    return layer_norm(c, x, (tensor *)&m->ln_out_w, (tensor *)&m->ln_out_b);
}

tensor *rwkv_forward(cx *c, const rwkv *m, const int32_t *tokens, const int *rows, int n)
{
    tensor *x = rwkv_features(c, m, tokens, rows, n);
    return x ? op_linear(c, x, (tensor *)&m->head) : NULL;
}

void rwkv_state_init(const rwkv *m, real *state)
{
    if (m->state0) {
        memcpy(state, m->state0, (size_t)rwkv_state_len(m) * sizeof *state);
        return;
    }
    for (int l = 0; l < m->L; l++) m->arch->state_init(m, state + (size_t)l * (size_t)rwkv_layer_state(m));
}
