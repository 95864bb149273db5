/* rwkv7.c - RWKV-7 "Goose" (arXiv 2503.14456; docs/models.md 5), and RWKV-7a, which adds DeepEmbed to its channel mix
 * (docs/models.md 5.3). Reads side by side with the paper's equations. */
#include "rwkv/parts.h"

typedef struct {
    tensor ln1_w, ln1_b, ln2_w, ln2_b;
    tensor x_r, x_w, x_k, x_v, x_a, x_g;     /* weights of the previous token                             */
    tensor w0, w1, w2, a0, a1, a2;           /* decay; in-context learning rate                           */
    tensor v0, v1, v2, g1, g2;               /* how much of layer 0's v; gate                             */
    tensor k_k, k_a, r_k;
    tensor K, V, R, O, ln_x_w, ln_x_b;
    tensor ffn_x_k, ffn_K, ffn_V;
    tensor s_emb, s_emb_x, s0, s1, s2;       /* DeepEmbed: a small matrix for each token; 7a only         */
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
#define SLOTS_7A 5 /* the rows from here on are 7a's own */
    SLOT("ffn.s_emb.weight", s_emb, D_V, D_EE, SLOT_MATRIX | SLOT_TABLE),
    SLOT("ffn.s_emb_x.weight", s_emb_x, D_EE, D_C, SLOT_MATRIX),
    SLOT("ffn.s0", s0, D_1, D_F, SLOT_111),
    SLOT("ffn.s1", s1, D_C, D_E, SLOT_LOW_RANK),
    SLOT("ffn.s2", s2, D_E, D_F, SLOT_LOW_RANK),
};

typedef struct {
    tensor *r, *decay, *k, *v, *a, *g, *k_k, *k_a, *r_k, *ln_w, *ln_b;
} per_head;

/* The per-head part: the key's direction kk, wkv, its group norm, the bonus of the present token, the gate. */
static tensor *in_heads(cx *c, const void *p, tensor *const *inputs, int heads, int at)
{
    const rwkv *m = p;
    const per_head *in = HEAD_INPUTS(per_head, inputs);
    tensor *r = in->r, *v = in->v, *a = in->a;

    tensor *kk = op_unit(c, op_mul(c, in->k, in->k_k), heads);
    tensor *k = op_lerp(c, in->k, op_mul(c, in->k, a), in->k_a); /* k (1 + (a - 1) k_a) */
    tensor *y = op_wkv7(c, r, in->decay, k, v, op_map(c, MAP_NEG, kk), op_mul(c, kk, a), heads, at);
    y = op_norm(c, y, in->ln_w, in->ln_b, heads, m->group_eps);
    y = op_add(c, y, op_bonus(c, r, k, in->r_k, v, heads));
    return op_mul(c, y, in->g);
}

static tensor *time_mix(cx *c, const rwkv *m, layer7 *w, tensor *x, tensor **v_first, int at)
{
    tensor *xr, *xw, *xk, *xv, *xa, *xg;
    MIX(c, x, &w->ln1_w, &w->ln1_b, at, PREVIOUS, {&xr, &w->x_r}, {&xw, &w->x_w}, {&xk, &w->x_k}, {&xv, &w->x_v},
        {&xa, &w->x_a}, {&xg, &w->x_g});

    tensor *r, *k, *v, *lw, *la, *lv = NULL, *lg, *decay, *a, *g, *y; /* l: between the halves of a low-rank map   */
    int late = *v_first != NULL;                                      /* layers after the first mix in layer 0's v */
    LINEARS(c, {.y = &r, .x = xr, .w = &w->R},
               {.y = &k, .x = xk, .w = &w->K},
               {.y = &v, .x = xv, .w = &w->V},
               {.y = &lw, .x = xw, .w = &w->w1, .map = MAP_TANH},
               {.y = &la, .x = xa, .w = &w->a1},
               {.y = &lg, .x = xg, .w = &w->g1, .map = MAP_SIGMOID},
               {.y = &lv, .x = xv, .w = late ? &w->v1 : NULL});
    LINEARS(c, {.y = &decay, .x = lw, .w = &w->w2, .bias = &w->w0, .map = MAP_DECAY7},
               {.y = &a, .x = la, .w = &w->a2, .bias = &w->a0, .map = MAP_SIGMOID},
               {.y = &g, .x = lg, .w = &w->g2},
               {.y = &v, .x = lv, .w = late ? &w->v2 : NULL, .bias = &w->v0, .map = MAP_SIGMOID, .from = v, .to = *v_first});
    if (!late) *v_first = v;

    y = HEADS(c, in_heads, m, m->H, at + m->C, per_head,
              .r = r, .decay = decay, .k = k, .v = v, .a = a, .g = g,
              .k_k = &w->k_k, .k_a = &w->k_a, .r_k = &w->r_k, .ln_w = &w->ln_x_w, .ln_b = &w->ln_x_b);
    LINEARS(c, {.y = &y, .x = y, .w = &w->O, .plus = x});
    return y;
}

static tensor *channel_mix(cx *c, layer7 *w, tensor *x, int at)
{
    tensor *xk, *k, *y;
    MIX(c, x, &w->ln2_w, &w->ln2_b, at, PREVIOUS, {&xk, &w->ffn_x_k});
    LINEARS(c, {.y = &k, .x = xk, .w = &w->ffn_K, .map = MAP_RELU2});
    LINEARS(c, {.y = &y, .x = k, .w = &w->ffn_V, .plus = x});
    return y;
}

/* Each hidden unit times (z s1) E s2 + s0, with E = s_emb[token] + x0 s_emb_x' a matrix of E x E, x0 the embedding
 * after ln0. */
static tensor *channel_mix_7a(cx *c, layer7 *w, tensor *x, tensor *x0, int at)
{
    tensor *z = layer_norm(c, x, &w->ln2_w, &w->ln2_b), *xk = op_lerp(c, z, op_shift(c, z, at), &w->ffn_x_k);
    tensor *low, *E = op_embed(c, &w->s_emb, c->tokens, x->rows), *by_token, *k, *y;
    LINEARS(c, {.y = &low, .x = z, .w = &w->s1}, {.y = &E, .x = x0, .w = &w->s_emb_x, .plus = E});
    LINEARS(c, {.y = &by_token, .x = op_matrix_of_row(c, low, E), .w = &w->s2, .bias = &w->s0});
    LINEARS(c, {.y = &k, .x = xk, .w = &w->ffn_K, .map = MAP_RELU2, .times = by_token});
    LINEARS(c, {.y = &y, .x = k, .w = &w->ffn_V, .plus = x});
    return y;
}

/* in[1], out[1]: v of layer 0; in[2]: the embedding after ln0 */
static void block7(cx *c, const void *p, int layer, tensor *in[3], tensor *out[2])
{
    const rwkv *m = p;
    layer7 *w = rwkv_layer(m, layer);
    int at = layer * rwkv_layer_state(m);
    out[1] = in[1];
    tensor *x = op_drop(c, time_mix(c, m, w, in[0], &out[1], at), 2 * layer);
    at += m->C + m->C * m->N;
    tensor *y = m->arch == &arch7a ? channel_mix_7a(c, w, x, in[2], at) : channel_mix(c, w, x, at);
    out[0] = op_drop(c, y, 2 * layer + 1);
}

enum { SLOTS_7 = sizeof slots7 / sizeof *slots7 - SLOTS_7A };
const arch arch7 = {.version = "7", .slots = slots7, .n_slots = SLOTS_7, .layer_size = sizeof(LAYER),
                    .state_len = matrix_state_len, .state_init = matrix_state_init, .block = block7};
const arch arch7a = {
    .version = "7a", SLOTS(slots7), .state_len = matrix_state_len, .state_init = matrix_state_init, .block = block7};
