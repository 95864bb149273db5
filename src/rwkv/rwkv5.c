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

typedef struct {
    tensor *r, *k, *v, *decay, *bonus, *g, *ln_w, *ln_b;
} per_head;

/* wkv, its group norm and the gate, head by head; 5.0 has no gate */
static tensor *in_heads(cx *c, const void *p, tensor *const *inputs, int heads, int at)
{
    const rwkv *m = p;
    const per_head *in = HEAD_INPUTS(per_head, inputs);
    tensor *y = op_wkv6(c, in->r, in->k, in->v, in->decay, in->bonus, heads, at);
    y = op_norm(c, y, in->ln_w, in->ln_b, heads, m->group_eps);
    return in->g ? op_mul(c, y, in->g) : y;
}

static tensor *time_mix(cx *c, const rwkv *m, layer5 *w, tensor *x, int at)
{
    int gated = m->arch != &arch50;
    tensor *xr, *xk, *xv, *xg = NULL, *r, *k, *v, *g = NULL, *y;
    MIX(c, x, &w->ln1_w, &w->ln1_b, at, CURRENT, {&xr, &w->mix_r}, {&xk, &w->mix_k}, {&xv, &w->mix_v},
        {&xg, gated ? &w->mix_g : NULL});
    LINEARS(c, {.y = &r, .x = xr, .w = &w->R},
               {.y = &k, .x = xk, .w = &w->K},
               {.y = &v, .x = xv, .w = &w->V},
               {.y = &g, .x = xg, .w = gated ? &w->G : NULL, .map = MAP_SILU});
    tensor *decay = op_map(c, MAP_DECAY5, &w->decay), *bonus = gated ? &w->bonus : op_map(c, MAP_EXP, &w->bonus);
    if (m->arch != &arch52) { /* one scalar a head */
        decay = op_repeat(c, decay, m->N);
        bonus = op_repeat(c, bonus, m->N);
    }
    y = HEADS(c, in_heads, m, m->H, at + m->C, per_head,
              .r = r, .k = k, .v = v, .decay = decay, .bonus = bonus, .g = g,
              .ln_w = &w->ln_x_w, .ln_b = &w->ln_x_b);
    LINEARS(c, {.y = &y, .x = y, .w = &w->O, .plus = x});
    return y;
}

static tensor *channel_mix(cx *c, layer5 *w, tensor *x, int at)
{
    tensor *xk, *xr;
    MIX(c, x, &w->ln2_w, &w->ln2_b, at, CURRENT, {&xk, &w->ffn_mix_k}, {&xr, &w->ffn_mix_r});
    return gated_ffn(c, x, xk, xr, &w->ffn_K, &w->ffn_V, &w->ffn_R);
}

static void block5(cx *c, const void *p, int layer, tensor *in[3], tensor *out[2])
{
    const rwkv *m = p;
    layer5 *w = rwkv_layer(m, layer);
    int at = layer * rwkv_layer_state(m);
    tensor *x = op_drop(c, time_mix(c, m, w, in[0], at), 2 * layer);
    out[0] = op_drop(c, channel_mix(c, w, x, at + m->C + m->C * m->N), 2 * layer + 1);
}

void matrix_state_init(const rwkv *m, real *layer) { memset(layer, 0, (size_t)matrix_state_len(m) * sizeof *layer); }

#define ARCH5(v, table) {.version = v, SLOTS(table), .state_len = matrix_state_len, .state_init = matrix_state_init, .block = block5}
const arch arch50 = ARCH5("5.0", slots50), arch51 = ARCH5("5.1", slots51), arch52 = ARCH5("5.2", slots52);
