/* rwkv6.c - RWKV-6 "Finch" (arXiv 2404.05892; docs/models.md 4): token shift and decay depend on the token. */
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
    SLOT_NORM("ln1", ln1, 0),
    SLOT_NORM("ln2", ln2, SYNTHETIC_TILT),
    SLOT_MIX("att.time_maa_x", maa_x, INIT_MIX_PREVIOUS, 1),
    SLOT_MIX("att.time_maa_w", maa_w, INIT_MIX_PREVIOUS, 1),
    SLOT_MIX("att.time_maa_k", maa_k, INIT_MIX_PREVIOUS, 1),
    SLOT_MIX("att.time_maa_v", maa_v, INIT_MIX_PREVIOUS, 1, 0.3),
    SLOT_MIX("att.time_maa_r", maa_r, INIT_MIX_PREVIOUS, 0.5),
    SLOT_MIX("att.time_maa_g", maa_g, INIT_MIX_PREVIOUS, 0.5),
    SLOT("att.time_maa_w1", maa_w1, D_C, D_5R0, SLOT_LOW_RANK | SLOT_KEEP_TYPE, .init = INIT_CONSTANT),
    SLOT("att.time_maa_w2", maa_w2, D_5R0, D_C, SLOT_LOW_RANK | SLOT_KEEP_TYPE | SLOT_5, .init = INIT_UNIFORM,
         .init_with = {0.01}),
    SLOT("att.time_decay", decay, D_1, D_C, SLOT_FAST2 | SLOT_111, .init = INIT_DECAY, .init_with = {-6, 5},
         .synthetic = {-5, 3}),
    SLOT("att.time_decay_w1", decay_w1, D_C, D_R1, SLOT_LOW_RANK | SLOT_KEEP_TYPE, .init = INIT_CONSTANT),
    SLOT("att.time_decay_w2", decay_w2, D_R1, D_C, SLOT_LOW_RANK | SLOT_KEEP_TYPE, .init = INIT_UNIFORM,
         .init_with = {0.01}),
    SLOT("att.time_faaaa", bonus, D_H, D_N, 0, .init = INIT_BONUS5, .synthetic = {0.5, 0.5},
         .logarithm = "att.time_first"),
    SLOT("att.receptance.weight", R, D_C, D_C, SLOT_MATRIX, .init = INIT_ORTHOGONAL, .init_with = {1}),
    SLOT("att.key.weight", K, D_C, D_C, SLOT_MATRIX | SLOT_KEY, .init = INIT_ORTHOGONAL, .init_with = {0.1}),
    SLOT("att.value.weight", V, D_C, D_C, SLOT_MATRIX, .init = INIT_ORTHOGONAL, .init_with = {1}),
    SLOT_OUT("att.output.weight", O, D_C, 0),
    SLOT("att.gate.weight", G, D_C, D_C, SLOT_MATRIX, .init = INIT_ORTHOGONAL, .init_with = {0.1}),
    SLOT_GROUP_NORM("att.ln_x", ln_x),
    SLOT_MIX("ffn.time_maa_k", ffn_maa_k, INIT_MIX_FFN, 3),
    SLOT_MIX("ffn.time_maa_r", ffn_maa_r, INIT_MIX_FFN, 3),
    SLOT("ffn.key.weight", ffn_K, D_F, D_C, SLOT_MATRIX, .init = INIT_ORTHOGONAL, .init_with = {1}),
    SLOT("ffn.receptance.weight", ffn_R, D_C, D_C, SLOT_MATRIX, .init = INIT_CONSTANT),
    SLOT_OUT("ffn.value.weight", ffn_V, D_F, SLOT_INPUT_MAJOR),
};

typedef struct {
    tensor *r, *k, *v, *decay, *bonus, *g, *ln_w, *ln_b;
} per_head;

/* The per-head part: wkv, its group norm and the gate */
static tensor *in_heads(cx *c, const void *p, tensor *const *inputs, int heads, int at)
{
    const rwkv *m = p;
    const per_head *in = HEAD_INPUTS(per_head, inputs);
    tensor *y = op_wkv6(c, in->r, in->k, in->v, in->decay, in->bonus, heads, at);
    return op_mul(c, op_norm(c, y, in->ln_w, in->ln_b, heads, m->group_eps), in->g);
}

/* x + (prev - x) (tanh(x' W1) W2 + mu), with one W2 for each of w, k, v, r, g; x' is itself a mixture of x and prev. */
static void mix_by_token(cx *c, layer6 *w, tensor *x, tensor *prev, tensor *mixed[5])
{
    tensor *low, *mu[5] = {&w->maa_w, &w->maa_k, &w->maa_v, &w->maa_r, &w->maa_g};
    LINEARS(c, {.y = &low, .x = op_lerp(c, x, prev, &w->maa_x), .w = &w->maa_w1, .map = MAP_TANH}); /* T x 5 R0 */
    linear_map m[5];
    for (int i = 0, rank = low->cols / 5; i < 5; i++)
        m[i] = (linear_map){.y = &mixed[i], .x = op_cols(c, low, i * rank, rank), .w = tensor_part(c, &w->maa_w2, i, 5),
                            .bias = mu[i], .from = x, .to = prev};
    op_linears(c, m, 5);
}

static tensor *time_mix(cx *c, const rwkv *m, void *layer, tensor *x, tensor **v_first, int at)
{
    (void)v_first;
    layer6 *w = layer;
    tensor *z = layer_norm(c, x, &w->ln1_w, &w->ln1_b), *mixed[5], *r, *k, *v, *g, *low, *decay, *y;
    mix_by_token(c, w, z, op_shift(c, z, at), mixed);
    tensor *xw = mixed[0], *xk = mixed[1], *xv = mixed[2], *xr = mixed[3], *xg = mixed[4];
    LINEARS(c, {.y = &r, .x = xr, .w = &w->R, .site = WKV_SITE_R},
               {.y = &k, .x = xk, .w = &w->K, .site = WKV_SITE_K},
               {.y = &v, .x = xv, .w = &w->V, .site = WKV_SITE_V},
               {.y = &g, .x = xg, .w = &w->G, .map = MAP_SILU, .site = WKV_SITE_G},
               {.y = &low, .x = xw, .w = &w->decay_w1, .map = MAP_TANH});
    LINEARS(c, {.y = &decay, .x = low, .w = &w->decay_w2, .bias = &w->decay, .map = MAP_DECAY5, .site = WKV_SITE_W});
    y = HEADS(c, in_heads, m, m->H, at + m->C, per_head,
              .r = r, .k = k, .v = v, .decay = decay, .bonus = &w->bonus, .g = g,
              .ln_w = &w->ln_x_w, .ln_b = &w->ln_x_b);
    LINEARS(c, {.y = &y, .x = y, .w = &w->O, .plus = x, .site = WKV_SITE_ATT_OUT});
    return y;
}

static tensor *channel_mix(cx *c, const rwkv *m, void *layer, tensor *x, tensor *embedded, int at)
{
    (void)m, (void)embedded;
    layer6 *w = layer;
    tensor *xk, *xr;
    MIX(c, x, &w->ln2_w, &w->ln2_b, at, PREVIOUS, {&xk, &w->ffn_maa_k}, {&xr, &w->ffn_maa_r});
    return gated_ffn(c, x, xk, xr, &w->ffn_K, &w->ffn_V, &w->ffn_R);
}

static int detect(const tensors *t, int L, int C)
{
    (void)L, (void)C;
    return layer_find(t, 0, "att.time_maa_x") != NULL;
}

static void new_sizes(int dim[DIMS])
{
    int wide = dim[D_C] >= 4096;
    if (!dim[D_F]) dim[D_F] = gated_ffn_width(dim[D_C]);
    dim[D_R0] = wide ? 64 : 32;
    dim[D_R1] = wide ? 128 : 64;
    dim[D_5R0] = 5 * dim[D_R0];
}

const arch arch6 = {.version = "6", SLOTS(slots6), .detect = detect, .new_sizes = new_sizes,
                    .state = matrix_state, .state_init = matrix_state_init,
                    .time_mix = time_mix, .channel_mix = channel_mix, .lacks = 1 << WKV_SITE_A,
                    .ranks = {{"mix", ".time_mix_extra_dim"}, {"decay", ".time_decay_extra_dim"}},
                    .gguf = "rwkv6", .gguf_zero = ".rescale_every_n_layers"};
