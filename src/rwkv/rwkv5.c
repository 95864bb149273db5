/* rwkv5.c - RWKV-5 "Eagle", 5.0, 5.1 and 5.2 (arXiv 2404.05892; docs/models.md 3):
 * 5.0 decay and bonus one scalar a head, no gate; 5.1 the same with a gate; 5.2 decay and bonus per channel. */
#include "rwkv/parts.h"

typedef struct {
    tensor ln1_w, ln1_b, ln2_w, ln2_b;
    /* decay raw: the factor is e^(-e^decay); 5.0's bonus is a logarithm */
    tensor decay, bonus, mix_k, mix_v, mix_r, mix_g;
    tensor K, V, R, G, O, ln_x_w, ln_x_b;
    tensor ffn_mix_k, ffn_mix_r, ffn_K, ffn_V, ffn_R;
} layer5;
#define LAYER layer5

#define SLOTS_BEFORE SLOT_NORM("ln1", ln1, 0), SLOT_NORM("ln2", ln2, SYNTHETIC_TILT)
#define SLOTS_MIX                                                                                                      \
    SLOT_MIX("att.time_mix_k", mix_k, INIT_MIX, 1), SLOT_MIX("att.time_mix_v", mix_v, INIT_MIX, 1, 0.3),               \
        SLOT_MIX("att.time_mix_r", mix_r, INIT_MIX, 0.5)
#define SLOTS_GATE                                                                                                     \
    SLOT_MIX("att.time_mix_g", mix_g, INIT_MIX, 0.5),                                                                  \
        SLOT("att.gate.weight", G, D_C, D_C, SLOT_MATRIX, .init = INIT_ORTHOGONAL, .init_with = {0.1})
#define SLOTS_AFTER                                                                                                    \
    SLOT("att.receptance.weight", R, D_C, D_C, SLOT_MATRIX, .init = INIT_ORTHOGONAL, .init_with = {1}),                \
        SLOT("att.key.weight", K, D_C, D_C, SLOT_MATRIX | SLOT_KEY, .init = INIT_ORTHOGONAL, .init_with = {0.1}),      \
        SLOT("att.value.weight", V, D_C, D_C, SLOT_MATRIX, .init = INIT_ORTHOGONAL, .init_with = {1}),                 \
        SLOT_OUT("att.output.weight", O, D_C, 0), SLOT_GROUP_NORM("att.ln_x", ln_x),                                   \
        SLOT_MIX("ffn.time_mix_k", ffn_mix_k, INIT_MIX, 1), SLOT_MIX("ffn.time_mix_r", ffn_mix_r, INIT_MIX, 1),        \
        SLOT("ffn.key.weight", ffn_K, D_F, D_C, SLOT_MATRIX, .init = INIT_ORTHOGONAL, .init_with = {1}),               \
        SLOT("ffn.receptance.weight", ffn_R, D_C, D_C, SLOT_MATRIX, .init = INIT_CONSTANT),                            \
        SLOT_OUT("ffn.value.weight", ffn_V, D_F, SLOT_INPUT_MAJOR)

static const slot slots50[] = {
    SLOTS_BEFORE,
    SLOT("att.time_decay", decay, D_1, D_H, SLOT_FAST2, .init = INIT_NONE),
    SLOT("att.time_first", bonus, D_1, D_H, SLOT_FAST3, .init = INIT_NONE),
    SLOTS_MIX,
    SLOTS_AFTER,
};
static const slot slots51[] = {
    SLOTS_BEFORE,
    SLOT("att.time_decay", decay, D_1, D_H, SLOT_FAST2, .init = INIT_NONE),
    SLOT("att.time_faaaa", bonus, D_1, D_H, 0, .init = INIT_NONE, .logarithm = "att.time_first"),
    SLOTS_MIX,
    SLOTS_GATE,
    SLOTS_AFTER,
};
static const slot slots52[] = {
    SLOTS_BEFORE,
    SLOT("att.time_decay", decay, D_H, D_N, SLOT_FAST2, .init = INIT_DECAY, .init_with = {-6, 5}, .synthetic = {-5, 3}),
    SLOT("att.time_faaaa", bonus, D_H, D_N, 0, .init = INIT_BONUS5, .synthetic = {0.5, 0.5},
         .logarithm = "att.time_first"),
    SLOTS_MIX,
    SLOTS_GATE,
    SLOTS_AFTER,
};

typedef struct {
    tensor *r, *k, *v, *decay, *bonus, *g, *ln_w, *ln_b;
} per_head;

/* The per-head part: wkv, its group norm and the gate; 5.0 has no gate */
static tensor *in_heads(cx *c, const void *p, tensor *const *inputs, int heads, int at)
{
    const rwkv *m = p;
    const per_head *in = HEAD_INPUTS(per_head, inputs);
    tensor *y = op_wkv6(c, in->r, in->k, in->v, in->decay, in->bonus, heads, at);
    y = op_norm(c, y, in->ln_w, in->ln_b, heads, m->group_eps);
    return in->g ? op_mul(c, y, in->g) : y;
}

static tensor *time_mix(cx *c, const rwkv *m, void *layer, tensor *x, tensor **v_first, int at)
{
    (void)v_first;
    layer5 *w = layer;
    int gated = m->arch != &arch50;
    tensor *xr, *xk, *xv, *xg = NULL, *r, *k, *v, *g = NULL, *y;
    MIX(c, x, &w->ln1_w, &w->ln1_b, at, CURRENT, {&xr, &w->mix_r}, {&xk, &w->mix_k}, {&xv, &w->mix_v},
        {&xg, gated ? &w->mix_g : NULL});
    LINEARS(c, {.y = &r, .x = xr, .w = &w->R, .site = WKV_SITE_R},
               {.y = &k, .x = xk, .w = &w->K, .site = WKV_SITE_K},
               {.y = &v, .x = xv, .w = &w->V, .site = WKV_SITE_V},
               {.y = &g, .x = xg, .w = gated ? &w->G : NULL, .map = MAP_SILU, .site = WKV_SITE_G});
    tensor *decay = op_map(c, MAP_DECAY5, &w->decay), *bonus = gated ? &w->bonus : op_map(c, MAP_EXP, &w->bonus);
    if (m->arch != &arch52) { /* one scalar a head */
        decay = op_repeat(c, decay, m->N);
        bonus = op_repeat(c, bonus, m->N);
    }
    y = HEADS(c, in_heads, m, m->H, at + m->C, per_head,
              .r = r, .k = k, .v = v, .decay = op_probe(c, WKV_SITE_W, decay), .bonus = bonus, .g = g,
              .ln_w = &w->ln_x_w, .ln_b = &w->ln_x_b);
    LINEARS(c, {.y = &y, .x = y, .w = &w->O, .plus = x, .site = WKV_SITE_ATT_OUT});
    return y;
}

static tensor *channel_mix(cx *c, const rwkv *m, void *layer, tensor *x, tensor *embedded, int at)
{
    (void)m, (void)embedded;
    layer5 *w = layer;
    tensor *xk, *xr;
    MIX(c, x, &w->ln2_w, &w->ln2_b, at, CURRENT, {&xk, &w->ffn_mix_k}, {&xr, &w->ffn_mix_r});
    return gated_ffn(c, x, xk, xr, &w->ffn_K, &w->ffn_V, &w->ffn_R);
}

static int has(const tensors *t, const char *name) { return layer_find(t, 0, name) != NULL; }

static int detect50(const tensors *t, int L, int C) { return (void)L, (void)C, has(t, "att.ln_x.weight"); }
static int detect51(const tensors *t, int L, int C) { return detect50(t, L, C) && has(t, "att.gate.weight"); }
static int detect52(const tensors *t, int L, int C)
{
    const file_tensor *decay = layer_find(t, 0, "att.time_decay");
    return detect51(t, L, C) && decay && tensor_values(decay) == C;
}

static void new_sizes(int dim[DIMS])
{
    if (!dim[D_F]) dim[D_F] = gated_ffn_width(dim[D_C]);
}

#define ARCH5(name, table)                                                                                             \
    .version = name, SLOTS(table), .state = matrix_state, .state_init = matrix_state_init,                             \
    .time_mix = time_mix, .channel_mix = channel_mix, .one_decay = 1, .gguf = "rwkv5", .answers_without_blank_line = 1
const arch arch50 = {ARCH5("5.0", slots50), .detect = detect50, .no_web_form = 1,
                     .lacks = 1 << WKV_SITE_A | 1 << WKV_SITE_G};
const arch arch51 = {ARCH5("5.1", slots51), .detect = detect51, .lacks = 1 << WKV_SITE_A};
const arch arch52 = {ARCH5("5.2", slots52), .detect = detect52, .new_sizes = new_sizes,
                     .lacks = 1 << WKV_SITE_A};
