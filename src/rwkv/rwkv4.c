/* rwkv4.c - RWKV-4 "Dove" (arXiv 2305.13048; spec ARCHITECTURES 2). */
#include "rwkv/parts.h"

typedef struct {
    tensor ln1_w, ln1_b, ln2_w, ln2_b;
    tensor decay, first, mix_k, mix_v, mix_r; /* decay raw: the log-space decay is -e^decay */
    tensor K, V, R, O;
    tensor ffn_mix_k, ffn_mix_r, ffn_K, ffn_V, ffn_R;
} layer4;
#define LAYER layer4

static const slot slots4[] = {
    SLOT_NORM("ln1", ln1),
    SLOT_NORM("ln2", ln2),
    SLOT("att.time_decay", decay, D_1, D_C, SLOT_FAST2),
    SLOT("att.time_first", first, D_1, D_C, SLOT_FAST3),
    SLOT("att.time_mix_k", mix_k, D_1, D_C, SLOT_111),
    SLOT("att.time_mix_v", mix_v, D_1, D_C, SLOT_111),
    SLOT("att.time_mix_r", mix_r, D_1, D_C, SLOT_111),
    SLOT("att.key.weight", K, D_C, D_C, SLOT_MATRIX),
    SLOT("att.value.weight", V, D_C, D_C, SLOT_MATRIX),
    SLOT("att.receptance.weight", R, D_C, D_C, SLOT_MATRIX),
    SLOT("att.output.weight", O, D_C, D_C, SLOT_MATRIX),
    SLOT("ffn.time_mix_k", ffn_mix_k, D_1, D_C, SLOT_111),
    SLOT("ffn.time_mix_r", ffn_mix_r, D_1, D_C, SLOT_111),
    SLOT("ffn.key.weight", ffn_K, D_F, D_C, SLOT_MATRIX),
    SLOT("ffn.receptance.weight", ffn_R, D_C, D_C, SLOT_MATRIX),
    SLOT("ffn.value.weight", ffn_V, D_C, D_F, SLOT_MATRIX),
};

static tensor *time_mix(cx *c, layer4 *w, tensor *x, int at)
{
    tensor *xr, *xk, *xv, *r, *k, *v, *y;
    MIX(c, x, &w->ln1_w, &w->ln1_b, at, CURRENT, {&xr, &w->mix_r}, {&xk, &w->mix_k}, {&xv, &w->mix_v});
    LINEARS(c, {.y = &r, .x = xr, .w = &w->R, .map = MAP_SIGMOID},
               {.y = &k, .x = xk, .w = &w->K},
               {.y = &v, .x = xv, .w = &w->V});
    y = op_wkv4(c, k, v, op_map(c, MAP_NEGEXP, &w->decay), &w->first, at + x->cols);
    LINEARS(c, {.y = &y, .x = op_mul(c, r, y), .w = &w->O, .plus = x});
    return y;
}

static tensor *channel_mix(cx *c, layer4 *w, tensor *x, int at)
{
    tensor *xk, *xr;
    MIX(c, x, &w->ln2_w, &w->ln2_b, at, CURRENT, {&xk, &w->ffn_mix_k}, {&xr, &w->ffn_mix_r});
    return gated_ffn(c, x, xk, xr, &w->ffn_K, &w->ffn_V, &w->ffn_R);
}

static void block4(cx *c, const void *p, int layer, tensor *in[3], tensor *out[2])
{
    const rwkv *m = p;
    layer4 *w = rwkv_layer(m, layer);
    int at = layer * rwkv_layer_state(m);
    tensor *x = op_drop(c, time_mix(c, w, in[0], at), 2 * layer);
    out[0] = op_drop(c, channel_mix(c, w, x, at + 4 * m->C), 2 * layer + 1);
}

/* att_x, aa, bb, pp, ffn_x */
static int state_len(const rwkv *m) { return 5 * m->C; }

static void state_init(const rwkv *m, real *layer)
{
    for (int i = 0; i < 5 * m->C; i++) layer[i] = i / m->C == 3 ? (real)-1e30 : 0;
}

const arch arch4 = {.version = "4", SLOTS(slots4), .state_len = state_len, .state_init = state_init, .block = block4};
