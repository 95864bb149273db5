/* rwkv7.c - RWKV-7 "Goose" (arXiv 2503.14456; docs/models.md 5), and RWKV-7a, which adds DeepEmbed to its channel mix
 * (docs/models.md 5.3). Reads side by side with the paper's equations. */
#include <math.h>
#include "rwkv/parts.h"

typedef struct {
    tensor ln1_w, ln1_b, ln2_w, ln2_b;
    tensor x_r, x_w, x_k, x_v, x_a, x_g;     /* weights of the previous token   */
    tensor w0, w1, w2, a0, a1, a2;           /* decay; in-context learning rate */
    tensor v0, v1, v2, g1, g2;               /* share of layer 0's v; gate      */
    tensor k_k, k_a, r_k;
    tensor K, V, R, O, ln_x_w, ln_x_b;
    tensor ffn_x_k, ffn_K, ffn_V;
    tensor s_emb, s_emb_x, s0, s1, s2;       /* DeepEmbed: a small matrix for each token; 7a only         */
} layer7;
#define LAYER layer7

static const slot slots7[] = {
    SLOT_NORM("ln1", ln1, 0),
    SLOT_NORM("ln2", ln2, SYNTHETIC_TILT),
    SLOT_MIX("att.x_r", x_r, INIT_MIX_PREVIOUS, 0.2),
    SLOT_MIX("att.x_w", x_w, INIT_MIX_PREVIOUS, 0.9),
    SLOT_MIX("att.x_k", x_k, INIT_MIX_PREVIOUS, 0.7),
    SLOT_MIX("att.x_v", x_v, INIT_MIX_PREVIOUS, 0.7),
    SLOT_MIX("att.x_a", x_a, INIT_MIX_PREVIOUS, 0.9),
    SLOT_MIX("att.x_g", x_g, INIT_MIX_PREVIOUS, 0.2),
    SLOT("att.w0", w0, D_1, D_C, SLOT_FAST2 | SLOT_111, .init = INIT_DECAY7, .synthetic = {-4, 1}),
    SLOT("att.w1", w1, D_C, D_R0, SLOT_LOW_RANK | SLOT_KEEP_TYPE, .init = INIT_CONSTANT),
    SLOT("att.w2", w2, D_R0, D_C, SLOT_LOW_RANK | SLOT_KEEP_TYPE, .init = INIT_ORTHOGONAL_TALL, .init_with = {0.1}),
    SLOT("att.a0", a0, D_1, D_C, SLOT_111, .init = INIT_SLOPE, .init_with = {-0.19, 0.4, 0.3}, .synthetic = {-1, 1},
         .stands_for = "att.v0"),
    SLOT("att.a1", a1, D_C, D_R1, SLOT_LOW_RANK, .init = INIT_CONSTANT, .stands_for = "att.v1"),
    SLOT("att.a2", a2, D_R1, D_C, SLOT_LOW_RANK, .init = INIT_ORTHOGONAL_TALL, .init_with = {0.1},
         .stands_for = "att.v2"),
    SLOT("att.v0", v0, D_1, D_C, SLOT_111 | SLOT_LATE, .init = INIT_SLOPE, .init_with = {0.73, -0.4},
         .synthetic = {0.5, 0.5}),
    SLOT("att.v1", v1, D_C, D_R2, SLOT_LOW_RANK | SLOT_LATE, .init = INIT_CONSTANT),
    SLOT("att.v2", v2, D_R2, D_C, SLOT_LOW_RANK | SLOT_LATE, .init = INIT_ORTHOGONAL_TALL, .init_with = {0.1}),
    SLOT("att.g1", g1, D_C, D_R3, SLOT_LOW_RANK, .init = INIT_CONSTANT),
    SLOT("att.g2", g2, D_R3, D_C, SLOT_LOW_RANK, .init = INIT_ORTHOGONAL_TALL, .init_with = {0.1}),
    SLOT("att.k_k", k_k, D_1, D_C, SLOT_111, .init = INIT_SLOPE, .init_with = {0.71, -0.1}, .synthetic = {0.85, 0.85}),
    SLOT("att.k_a", k_a, D_1, D_C, SLOT_111, .init = INIT_CONSTANT, .init_with = {1.02}, .synthetic = {1, 1}),
    SLOT("att.r_k", r_k, D_H, D_N, 0, .init = INIT_CONSTANT, .init_with = {-0.04}, .synthetic = {0, 0.1}),
    SLOT("att.receptance.weight", R, D_C, D_C, SLOT_MATRIX, .init = INIT_ORTHOGONAL, .init_with = {1}),
    SLOT("att.key.weight", K, D_C, D_C, SLOT_MATRIX | SLOT_KEY, .init = INIT_ORTHOGONAL, .init_with = {0.1}),
    SLOT("att.value.weight", V, D_C, D_C, SLOT_MATRIX, .init = INIT_ORTHOGONAL, .init_with = {1}),
    SLOT_OUT("att.output.weight", O, D_C, 0),
    SLOT_GROUP_NORM("att.ln_x", ln_x),
    SLOT_MIX("ffn.x_k", ffn_x_k, INIT_MIX_FFN, 4),
    SLOT("ffn.key.weight", ffn_K, D_F, D_C, SLOT_MATRIX, .init = INIT_ORTHOGONAL, .init_with = {1}),
    SLOT_OUT("ffn.value.weight", ffn_V, D_F, SLOT_INPUT_MAJOR),
#define SLOTS_7A 5 /* 7a only, from here on */
    SLOT("ffn.s_emb.weight", s_emb, D_V, D_EE, SLOT_MATRIX | SLOT_TABLE, .init = INIT_NONE),
    SLOT("ffn.s_emb_x.weight", s_emb_x, D_EE, D_C, SLOT_MATRIX, .init = INIT_NONE),
    SLOT("ffn.s0", s0, D_1, D_F, SLOT_111, .init = INIT_NONE),
    SLOT("ffn.s1", s1, D_C, D_E, SLOT_LOW_RANK, .init = INIT_NONE),
    SLOT("ffn.s2", s2, D_E, D_F, SLOT_LOW_RANK, .init = INIT_NONE),
};

typedef struct {
    tensor *r, *decay, *k, *v, *a, *g, *k_k, *k_a, *r_k, *ln_w, *ln_b;
} per_head;

/* The per-head part: the removal key kk, wkv, its group norm, the bonus of the current token, the gate. */
static tensor *in_heads(cx *c, const void *p, tensor *const *inputs, int heads, int at)
{
    const rwkv *m = p;
    const per_head *in = HEAD_INPUTS(per_head, inputs);
    tensor *r = in->r, *v = in->v, *a = in->a;

    tensor *kk = op_unit(c, op_mul(c, in->k, in->k_k), heads);
    tensor *k = op_lerp(c, in->k, op_mul(c, in->k, a), in->k_a); /* k (1 + (a - 1) k_a) */
    tensor *b = op_mul(c, kk, a); /* before -kk, since this order fixes the order in which kk's gradients are added */
    tensor *y = op_wkv7(c, &(wkv7_in){r, in->decay, k, v, op_map(c, MAP_NEG, kk), b}, heads, at);
    y = op_norm(c, y, in->ln_w, in->ln_b, heads, m->group_eps);
    y = op_add(c, y, op_bonus(c, r, k, in->r_k, v, heads));
    return op_mul(c, y, in->g);
}

static tensor *time_mix(cx *c, const rwkv *m, void *layer, tensor *x, tensor **v_first, int at)
{
    layer7 *w = layer;
    tensor *xr, *xw, *xk, *xv, *xa, *xg;
    MIX(c, x, &w->ln1_w, &w->ln1_b, at, PREVIOUS, {&xr, &w->x_r}, {&xw, &w->x_w}, {&xk, &w->x_k}, {&xv, &w->x_v},
        {&xa, &w->x_a}, {&xg, &w->x_g});

    tensor *r, *k, *v, *lw, *la, *lv = NULL, *lg, *decay, *a, *g, *y; /* l: between the halves of a low-rank map   */
    int late = *v_first != NULL;                                      /* layers after the first mix in layer 0's v */
    LINEARS(c, {.y = &r, .x = xr, .w = &w->R, .site = WKV_SITE_R},
               {.y = &k, .x = xk, .w = &w->K, .site = WKV_SITE_K},
               {.y = &v, .x = xv, .w = &w->V, .site = late ? WKV_SITE_NONE : WKV_SITE_V},
               {.y = &lw, .x = xw, .w = &w->w1, .map = MAP_TANH},
               {.y = &la, .x = xa, .w = &w->a1},
               {.y = &lg, .x = xg, .w = &w->g1, .map = MAP_SIGMOID},
               {.y = &lv, .x = xv, .w = late ? &w->v1 : NULL});
    LINEARS(c, {.y = &decay, .x = lw, .w = &w->w2, .bias = &w->w0, .map = MAP_DECAY7, .site = WKV_SITE_W},
               {.y = &a, .x = la, .w = &w->a2, .bias = &w->a0, .map = MAP_SIGMOID, .site = WKV_SITE_A},
               {.y = &g, .x = lg, .w = &w->g2, .site = WKV_SITE_G},
               {.y = &v, .x = lv, .w = late ? &w->v2 : NULL, .bias = &w->v0, .map = MAP_SIGMOID,
                .from = v, .to = *v_first, .site = WKV_SITE_V});
    if (!late) *v_first = v;

    y = HEADS(c, in_heads, m, m->H, at + m->C, per_head,
              .r = r, .decay = decay, .k = k, .v = v, .a = a, .g = g,
              .k_k = &w->k_k, .k_a = &w->k_a, .r_k = &w->r_k, .ln_w = &w->ln_x_w, .ln_b = &w->ln_x_b);
    LINEARS(c, {.y = &y, .x = y, .w = &w->O, .plus = x, .site = WKV_SITE_ATT_OUT});
    return y;
}

static tensor *channel_mix(cx *c, const rwkv *m, void *layer, tensor *x, tensor *embedded, int at)
{
    (void)m, (void)embedded;
    layer7 *w = layer;
    tensor *xk, *k, *y;
    MIX(c, x, &w->ln2_w, &w->ln2_b, at, PREVIOUS, {&xk, &w->ffn_x_k});
    LINEARS(c, {.y = &k, .x = xk, .w = &w->ffn_K, .map = MAP_RELU2, .site = WKV_SITE_FFN_ACT});
    LINEARS(c, {.y = &y, .x = k, .w = &w->ffn_V, .plus = x, .site = WKV_SITE_FFN_OUT});
    return y;
}

/* Scale each channel of k by (z s1) E s2 + s0, with E = s_emb[token] + x0 s_emb_x' a matrix of E x E, x0 the embedding
 * after ln0. */
static tensor *channel_mix_7a(cx *c, const rwkv *m, void *layer, tensor *x, tensor *x0, int at)
{
    (void)m;
    layer7 *w = layer;
    tensor *z = layer_norm(c, x, &w->ln2_w, &w->ln2_b), *xk = op_lerp(c, z, op_shift(c, z, at), &w->ffn_x_k);
    tensor *low, *E = op_embed(c, &w->s_emb, c->tokens, x->rows), *by_token, *k, *y;
    LINEARS(c, {.y = &low, .x = z, .w = &w->s1}, {.y = &E, .x = x0, .w = &w->s_emb_x, .plus = E});
    LINEARS(c, {.y = &by_token, .x = op_matrix_of_row(c, low, E), .w = &w->s2, .bias = &w->s0});
    LINEARS(c, {.y = &k, .x = xk, .w = &w->ffn_K, .map = MAP_RELU2, .times = by_token, .site = WKV_SITE_FFN_ACT});
    LINEARS(c, {.y = &y, .x = k, .w = &w->ffn_V, .plus = x, .site = WKV_SITE_FFN_OUT});
    return y;
}

static int detect7(const tensors *t, int L, int C) { return (void)L, (void)C, layer_find(t, 0, "att.r_k") != NULL; }

/* A DeepEmbed table in any layer is enough, so that an error names a layer without one. */
static int detect7a(const tensors *t, int L, int C)
{
    int l = 0;
    while (l < L && !layer_find(t, l, "ffn.s_emb.weight")) l++;
    return l < L && detect7(t, L, C);
}

/* max(32, c sqrt(C) rounded to a multiple of 32, halves to even): the official suggestion for its ranks */
static int rank_for(int C, double c)
{
    double x = c * sqrt(C) / 32;
    int n = (int)rint(x) * 32; /* rint: to nearest, halves to even, as Python's round */
    return n > 32 ? n : 32;
}

static void new_sizes(int dim[DIMS])
{
    int C = dim[D_C];
    if (!dim[D_F]) dim[D_F] = 4 * C;
    dim[D_R0] = dim[D_R1] = rank_for(C, 2.5);
    dim[D_R2] = rank_for(C, 1.7);
    dim[D_R3] = rank_for(C, 5);
}

/* Activation sparsity of two published models, decoding text: rwkv-sglang's sparsity log. */
static const float zeros_1b5[] = {.99F, .97F, .97F, .96F, .95F, .93F, .88F, .86F, .84F, .80F, .77F, .76F,
                                  .75F, .77F, .77F, .78F, .83F, .87F, .85F, .88F, .89F, .88F, .86F, .86F};
static const float zeros_7b2[] = {1.0F, .99F, .99F, .98F, .98F, .98F, .98F, .97F, .96F, .95F, .93F,
                                  .93F, .92F, .90F, .87F, .83F, .81F, .82F, .81F, .81F, .83F, .84F,
                                  .86F, .86F, .89F, .90F, .91F, .89F, .89F, .88F, .88F, .85F};
static const sparsity_curve curve_1b5 = {zeros_1b5, sizeof zeros_1b5 / sizeof *zeros_1b5};
static const sparsity_curve curve_7b2 = {zeros_7b2, sizeof zeros_7b2 / sizeof *zeros_7b2};

/* Sizes: the paper's table and the published files; the ranks {w, a, v, g} follow from the numbers of parameters. For
 * 7:13.3B only their sum is known, from the size of the file. A size without a sparsity curve has that of the nearest
 * size, or the mean of two. */
static const published_size sizes[] = {
    {"7:0.1B",  12,  768, 65536, {64, 64, 32, 128},   {&curve_1b5, &curve_1b5}, 191034624},
    {"7:0.4B",  24, 1024, 65536, {64, 64, 32, 128},   {&curve_1b5, &curve_1b5}, 450767872},
    {"7:1.5B",  24, 2048, 65536, {96, 96, 64, 256},   {&curve_1b5, &curve_1b5}, 1527404544},
    {"7:2.9B",  32, 2560, 65536, {96, 96, 64, 320},   {&curve_1b5, &curve_7b2}, 2947735040},
    {"7:7.2B",  32, 4096, 65536, {128, 128, 96, 480}, {&curve_7b2, &curve_7b2}, 7199141888},
    {"7:13.3B", 61, 4096, 65536, {160, 160, 96, 480}, {&curve_7b2, &curve_7b2}, 13269508096},
    {.name = NULL},
};

enum { SLOTS_7 = sizeof slots7 / sizeof *slots7 - SLOTS_7A };
#define ARCH7                                                                                                          \
    .slots = slots7, .layer_size = sizeof(LAYER), .state = matrix_state, .state_init = matrix_state_init,              \
    .time_mix = time_mix,                                                                                              \
    .ranks = {{"w", ".attention.decay_lora_rank"}, {"a", ".attention.iclr_lora_rank"},                                 \
              {"v", ".attention.value_residual_mix_lora_rank"}, {"g", ".attention.gate_lora_rank"}},                   \
    .gguf = "rwkv7"
const arch arch7 = {ARCH7, .version = "7", .n_slots = SLOTS_7, .detect = detect7, .new_sizes = new_sizes,
                    .channel_mix = channel_mix, .published = sizes};
const arch arch7a = {ARCH7, .version = "7a", .n_slots = SLOTS_7 + SLOTS_7A, .detect = detect7a,
                     .channel_mix = channel_mix_7a, .extra = "DeepEmbed"};
