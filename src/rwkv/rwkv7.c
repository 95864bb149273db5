/* rwkv7.c - RWKV-7 "Goose" (arXiv 2503.14456; spec ARCHITECTURES 5). Reads side by side with the paper's equations. */
#include "rwkv/parts.h"

typedef struct {
    tensor ln1_w, ln1_b, ln2_w, ln2_b;
    tensor x_r, x_w, x_k, x_v, x_a, x_g;     /* weights of the previous token                             */
    tensor w0, w1, w2, a0, a1, a2;           /* decay; in-context learning rate                           */
    tensor v0, v1, v2, g1, g2;               /* how much of layer 0's v; gate                             */
    tensor k_k, k_a, r_k;
    tensor K, V, R, O, ln_x_w, ln_x_b;
    tensor ffn_x_k, ffn_K, ffn_V;
} layer7;
#define LAYER layer7

static const slot slots7[] = {
    SLOT_NORM("ln1", ln1),
    SLOT_NORM("ln2", ln2),
    SLOT("att.x_r", x_r, D_1, D_C, SLOT_111),
    SLOT("att.x_w", x_w, D_1, D_C, SLOT_111),
    SLOT("att.x_k", x_k, D_1, D_C, SLOT_111),
    SLOT("att.x_v", x_v, D_1, D_C, SLOT_111),
    SLOT("att.x_a", x_a, D_1, D_C, SLOT_111),
    SLOT("att.x_g", x_g, D_1, D_C, SLOT_111),
    SLOT("att.w0", w0, D_1, D_C, SLOT_FAST2 | SLOT_111),
    SLOT("att.w1", w1, D_C, D_R0, SLOT_LOW_RANK),
    SLOT("att.w2", w2, D_R0, D_C, SLOT_LOW_RANK),
    SLOT("att.a0", a0, D_1, D_C, SLOT_111),
    SLOT("att.a1", a1, D_C, D_R1, SLOT_LOW_RANK),
    SLOT("att.a2", a2, D_R1, D_C, SLOT_LOW_RANK),
    SLOT("att.v0", v0, D_1, D_C, SLOT_111 | SLOT_LATE),
    SLOT("att.v1", v1, D_C, D_R2, SLOT_LOW_RANK | SLOT_LATE),
    SLOT("att.v2", v2, D_R2, D_C, SLOT_LOW_RANK | SLOT_LATE),
    SLOT("att.g1", g1, D_C, D_R3, SLOT_LOW_RANK),
    SLOT("att.g2", g2, D_R3, D_C, SLOT_LOW_RANK),
    SLOT("att.k_k", k_k, D_1, D_C, SLOT_111),
    SLOT("att.k_a", k_a, D_1, D_C, SLOT_111),
    SLOT("att.r_k", r_k, D_H, D_N, 0),
    SLOT("att.receptance.weight", R, D_C, D_C, SLOT_MATRIX),
    SLOT("att.key.weight", K, D_C, D_C, SLOT_MATRIX),
    SLOT("att.value.weight", V, D_C, D_C, SLOT_MATRIX),
    SLOT("att.output.weight", O, D_C, D_C, SLOT_MATRIX),
    SLOT_NORM("att.ln_x", ln_x),
    SLOT("ffn.x_k", ffn_x_k, D_1, D_C, SLOT_111),
    SLOT("ffn.key.weight", ffn_K, D_F, D_C, SLOT_MATRIX),
    SLOT("ffn.value.weight", ffn_V, D_C, D_F, SLOT_MATRIX),
};

/* f(x w1) w2 + w0; MAPS stands for no f, NULL for no w0 */
static tensor *low_rank(cx *c, tensor *x, tensor *w1, map_kind f, tensor *w2, tensor *w0)
{
    tensor *h = op_linear(c, x, w1);
    if (f != MAPS) h = op_map(c, f, h);
    h = op_linear(c, h, w2);
    return w0 ? op_add(c, h, w0) : h;
}

static tensor *time_mix(cx *c, const rwkv *m, layer7 *w, tensor *x, tensor **v_first, int at)
{
    tensor *prev = op_shift(c, x, at);
    tensor *xr = op_lerp(c, x, prev, &w->x_r), *xw = op_lerp(c, x, prev, &w->x_w), *xk = op_lerp(c, x, prev, &w->x_k);
    tensor *xv = op_lerp(c, x, prev, &w->x_v), *xa = op_lerp(c, x, prev, &w->x_a), *xg = op_lerp(c, x, prev, &w->x_g);

    tensor *r = op_linear(c, xr, &w->R), *k = op_linear(c, xk, &w->K), *v = op_linear(c, xv, &w->V);
    tensor *decay = op_map(c, MAP_DECAY7, low_rank(c, xw, &w->w1, MAP_TANH, &w->w2, &w->w0));
    tensor *a = op_map(c, MAP_SIGMOID, low_rank(c, xa, &w->a1, MAPS, &w->a2, &w->a0));
    tensor *g = low_rank(c, xg, &w->g1, MAP_SIGMOID, &w->g2, NULL);

    tensor *kk = op_unit(c, op_mul(c, k, &w->k_k), m->H);
    k = op_lerp(c, k, op_mul(c, k, a), &w->k_a); /* k (1 + (a - 1) k_a) */
    if (!*v_first) *v_first = v;                 /* layer 0's v, of the same token */
    else v = op_lerp(c, v, *v_first, op_map(c, MAP_SIGMOID, low_rank(c, xv, &w->v1, MAPS, &w->v2, &w->v0)));

    tensor *y = op_wkv7(c, r, decay, k, v, op_map(c, MAP_NEG, kk), op_mul(c, kk, a), m->H, at + m->C);
    y = op_norm(c, y, &w->ln_x_w, &w->ln_x_b, m->H, m->group_eps);
    y = op_add(c, y, op_bonus(c, r, k, &w->r_k, v, m->H));
    return op_linear(c, op_mul(c, y, g), &w->O);
}

static tensor *channel_mix(cx *c, layer7 *w, tensor *x, int at)
{
    tensor *xk = op_lerp(c, x, op_shift(c, x, at), &w->ffn_x_k);
    return op_linear(c, op_map(c, MAP_RELU2, op_linear(c, xk, &w->ffn_K)), &w->ffn_V);
}

/* in[1], out[1]: v of layer 0 */
static void block7(cx *c, const void *p, int layer, tensor *in[2], tensor *out[2])
{
    const rwkv *m = p;
    layer7 *w = rwkv_layer(m, layer);
    int at = layer * rwkv_layer_state(m);
    out[1] = in[1];
    tensor *x = op_drop(c, op_add(c, in[0], time_mix(c, m, w, layer_norm(c, in[0], &w->ln1_w, &w->ln1_b), &out[1], at)), 2 * layer);
    out[0] = op_drop(c, op_add(c, x, channel_mix(c, w, layer_norm(c, x, &w->ln2_w, &w->ln2_b), at + m->C + m->C * m->N)), 2 * layer + 1);
}

const arch arch7 = {.version = "7", SLOTS(slots7), .state_len = matrix_state_len, .state_init = matrix_state_init, .block = block7};
