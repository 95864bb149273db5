/* rwkv6.c - RWKV-6 "Finch" (arXiv 2404.05892; spec ARCHITECTURES 4): how much of the previous token is mixed in, and the
 * decay, depend on the token. */
#include "rwkv/parts.h"

typedef struct {
    tensor ln1_w, ln1_b, ln2_w, ln2_b;
    tensor maa_x, maa_w, maa_k, maa_v, maa_r, maa_g, maa_w1, maa_w2; /* weights of the previous token */
    tensor decay, decay_w1, decay_w2, bonus;
    tensor K, V, R, G, O, ln_x_w, ln_x_b;
    tensor ffn_maa_k, ffn_maa_r, ffn_K, ffn_V, ffn_R;
} layer6;
#define LAYER layer6

static const slot slots6[] = {
    SLOT_NORM("ln1", ln1),
    SLOT_NORM("ln2", ln2),
    SLOT("att.time_maa_x", maa_x, D_1, D_C, SLOT_111),
    SLOT("att.time_maa_w", maa_w, D_1, D_C, SLOT_111),
    SLOT("att.time_maa_k", maa_k, D_1, D_C, SLOT_111),
    SLOT("att.time_maa_v", maa_v, D_1, D_C, SLOT_111),
    SLOT("att.time_maa_r", maa_r, D_1, D_C, SLOT_111),
    SLOT("att.time_maa_g", maa_g, D_1, D_C, SLOT_111),
    SLOT("att.time_maa_w1", maa_w1, D_C, D_5R0, SLOT_LOW_RANK),
    SLOT("att.time_maa_w2", maa_w2, D_5R0, D_C, SLOT_LOW_RANK | SLOT_5),
    SLOT("att.time_decay", decay, D_1, D_C, SLOT_FAST2 | SLOT_111),
    SLOT("att.time_decay_w1", decay_w1, D_C, D_R1, SLOT_LOW_RANK),
    SLOT("att.time_decay_w2", decay_w2, D_R1, D_C, SLOT_LOW_RANK),
    SLOT("att.time_faaaa", bonus, D_H, D_N, 0),
    SLOT("att.receptance.weight", R, D_C, D_C, SLOT_MATRIX),
    SLOT("att.key.weight", K, D_C, D_C, SLOT_MATRIX),
    SLOT("att.value.weight", V, D_C, D_C, SLOT_MATRIX),
    SLOT("att.output.weight", O, D_C, D_C, SLOT_MATRIX),
    SLOT("att.gate.weight", G, D_C, D_C, SLOT_MATRIX),
    SLOT_NORM("att.ln_x", ln_x),
    SLOT("ffn.time_maa_k", ffn_maa_k, D_1, D_C, SLOT_111),
    SLOT("ffn.time_maa_r", ffn_maa_r, D_1, D_C, SLOT_111),
    SLOT("ffn.key.weight", ffn_K, D_F, D_C, SLOT_MATRIX),
    SLOT("ffn.receptance.weight", ffn_R, D_C, D_C, SLOT_MATRIX),
    SLOT("ffn.value.weight", ffn_V, D_C, D_F, SLOT_MATRIX),
};

static tensor *time_mix(cx *c, const rwkv *m, layer6 *w, tensor *x, int at)
{
    tensor *prev = op_shift(c, x, at);
    tensor *low = op_map(c, MAP_TANH, op_linear(c, op_lerp(c, x, prev, &w->maa_x), &w->maa_w1)); /* T x 5 R0 */
    tensor *maa[5] = {&w->maa_w, &w->maa_k, &w->maa_v, &w->maa_r, &w->maa_g}, *mixed[5];
    for (int q = 0; q < 5; q++) {
        int rank = low->cols / 5;
        tensor *mu = op_linear(c, op_cols(c, low, q * rank, rank), tensor_part(c, &w->maa_w2, q, 5));
        mixed[q] = op_lerp(c, x, prev, op_add(c, mu, maa[q]));
    }
    tensor *xw = mixed[0], *xk = mixed[1], *xv = mixed[2], *xr = mixed[3], *xg = mixed[4];

    tensor *z = op_linear(c, op_map(c, MAP_TANH, op_linear(c, xw, &w->decay_w1)), &w->decay_w2);
    tensor *decay = op_map(c, MAP_DECAY5, op_add(c, z, &w->decay));
    tensor *r = op_linear(c, xr, &w->R), *k = op_linear(c, xk, &w->K), *v = op_linear(c, xv, &w->V);
    tensor *g = op_map(c, MAP_SILU, op_linear(c, xg, &w->G));

    tensor *y = op_wkv6(c, r, k, v, decay, &w->bonus, m->H, at + m->C);
    y = op_norm(c, y, &w->ln_x_w, &w->ln_x_b, m->H, m->group_eps);
    return op_linear(c, op_mul(c, y, g), &w->O);
}

static tensor *channel_mix(cx *c, layer6 *w, tensor *x, int at)
{
    tensor *prev = op_shift(c, x, at);
    return gated_ffn(c, op_lerp(c, x, prev, &w->ffn_maa_k), op_lerp(c, x, prev, &w->ffn_maa_r), &w->ffn_K, &w->ffn_V, &w->ffn_R);
}

static void block6(cx *c, const void *p, int layer, tensor *in[2], tensor *out[2])
{
    const rwkv *m = p;
    layer6 *w = rwkv_layer(m, layer);
    int at = layer * rwkv_layer_state(m);
    tensor *x = op_drop(c, op_add(c, in[0], time_mix(c, m, w, layer_norm(c, in[0], &w->ln1_w, &w->ln1_b), at)), 2 * layer);
    out[0] = op_drop(c, op_add(c, x, channel_mix(c, w, layer_norm(c, x, &w->ln2_w, &w->ln2_b), at + m->C + m->C * m->N)), 2 * layer + 1);
}

const arch arch6 = {.version = "6", SLOTS(slots6), .state_len = matrix_state_len, .state_init = matrix_state_init, .block = block6};
