/* rwkv5.c - RWKV-5 "Eagle", in its three forms (arXiv 2404.05892; spec ARCHITECTURES 3):
 * 5.0 decay and bonus one scalar a head, no gate; 5.1 the same with a gate; 5.2 decay and bonus per channel. */
#include <string.h>
#include "rwkv/parts.h"

typedef struct {
    tensor ln1_w, ln1_b, ln2_w, ln2_b;
    tensor decay, bonus, mix_k, mix_v, mix_r, mix_g; /* decay raw: the factor is e^(-e^decay); 5.0's bonus is a logarithm */
    tensor K, V, R, G, O, ln_x_w, ln_x_b;
    tensor ffn_mix_k, ffn_mix_r, ffn_K, ffn_V, ffn_R;
} layer5;
#define LAYER layer5

#define SLOTS_BEFORE SLOT_NORM("ln1", ln1), SLOT_NORM("ln2", ln2)
#define SLOTS_MIX                                                                                                      \
    SLOT("att.time_mix_k", mix_k, D_1, D_C, SLOT_111), SLOT("att.time_mix_v", mix_v, D_1, D_C, SLOT_111),              \
        SLOT("att.time_mix_r", mix_r, D_1, D_C, SLOT_111)
#define SLOTS_GATE SLOT("att.time_mix_g", mix_g, D_1, D_C, SLOT_111), SLOT("att.gate.weight", G, D_C, D_C, SLOT_MATRIX)
#define SLOTS_AFTER                                                                                                    \
    SLOT("att.receptance.weight", R, D_C, D_C, SLOT_MATRIX), SLOT("att.key.weight", K, D_C, D_C, SLOT_MATRIX),         \
        SLOT("att.value.weight", V, D_C, D_C, SLOT_MATRIX), SLOT("att.output.weight", O, D_C, D_C, SLOT_MATRIX),       \
        SLOT_NORM("att.ln_x", ln_x), SLOT("ffn.time_mix_k", ffn_mix_k, D_1, D_C, SLOT_111),                            \
        SLOT("ffn.time_mix_r", ffn_mix_r, D_1, D_C, SLOT_111), SLOT("ffn.key.weight", ffn_K, D_F, D_C, SLOT_MATRIX),   \
        SLOT("ffn.receptance.weight", ffn_R, D_C, D_C, SLOT_MATRIX), SLOT("ffn.value.weight", ffn_V, D_C, D_F, SLOT_MATRIX)

static const slot slots50[] = {
    SLOTS_BEFORE,
    SLOT("att.time_decay", decay, D_1, D_H, SLOT_FAST2),
    SLOT("att.time_first", bonus, D_1, D_H, SLOT_FAST3),
    SLOTS_MIX,
    SLOTS_AFTER,
};
static const slot slots51[] = {
    SLOTS_BEFORE,
    SLOT("att.time_decay", decay, D_1, D_H, SLOT_FAST2),
    SLOT("att.time_faaaa", bonus, D_1, D_H, 0),
    SLOTS_MIX,
    SLOTS_GATE,
    SLOTS_AFTER,
};
static const slot slots52[] = {
    SLOTS_BEFORE,
    SLOT("att.time_decay", decay, D_H, D_N, SLOT_FAST2),
    SLOT("att.time_faaaa", bonus, D_H, D_N, 0),
    SLOTS_MIX,
    SLOTS_GATE,
    SLOTS_AFTER,
};

static tensor *time_mix(cx *c, const rwkv *m, layer5 *w, tensor *x, int at)
{
    tensor *prev = op_shift(c, x, at);
    tensor *r = op_linear(c, mix_current(c, x, prev, &w->mix_r), &w->R);
    tensor *k = op_linear(c, mix_current(c, x, prev, &w->mix_k), &w->K);
    tensor *v = op_linear(c, mix_current(c, x, prev, &w->mix_v), &w->V);
    tensor *decay = op_map(c, MAP_DECAY5, &w->decay), *u = &w->bonus;
    if (m->arch == &arch50) u = op_map(c, MAP_EXP, u);
    if (m->arch != &arch52) { /* one scalar a head */
        decay = op_repeat(c, decay, m->N);
        u = op_repeat(c, u, m->N);
    }
    tensor *y = op_wkv6(c, r, k, v, decay, u, m->H, at + m->C);
    y = op_norm(c, y, &w->ln_x_w, &w->ln_x_b, m->H, m->group_eps);
    if (m->arch != &arch50) y = op_mul(c, y, op_map(c, MAP_SILU, op_linear(c, mix_current(c, x, prev, &w->mix_g), &w->G)));
    return op_linear(c, y, &w->O);
}

static tensor *channel_mix(cx *c, layer5 *w, tensor *x, int at)
{
    tensor *prev = op_shift(c, x, at);
    return gated_ffn(c, mix_current(c, x, prev, &w->ffn_mix_k), mix_current(c, x, prev, &w->ffn_mix_r), &w->ffn_K, &w->ffn_V, &w->ffn_R);
}

static void block5(cx *c, const void *p, int layer, tensor *in[2], tensor *out[2])
{
    const rwkv *m = p;
    layer5 *w = rwkv_layer(m, layer);
    int at = layer * rwkv_layer_state(m);
    tensor *x = op_drop(c, op_add(c, in[0], time_mix(c, m, w, layer_norm(c, in[0], &w->ln1_w, &w->ln1_b), at)), 2 * layer);
    out[0] = op_drop(c, op_add(c, x, channel_mix(c, w, layer_norm(c, x, &w->ln2_w, &w->ln2_b), at + m->C + m->C * m->N)), 2 * layer + 1);
}

void matrix_state_init(const rwkv *m, real *layer) { memset(layer, 0, (size_t)matrix_state_len(m) * sizeof *layer); }

#define ARCH5(v, table) {.version = v, SLOTS(table), .state_len = matrix_state_len, .state_init = matrix_state_init, .block = block5}
const arch arch50 = ARCH5("5.0", slots50), arch51 = ARCH5("5.1", slots51), arch52 = ARCH5("5.2", slots52);
