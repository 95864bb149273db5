/* rwkv4.c - RWKV-4 "Dove" (arXiv 2305.13048; docs/models.md 2). */
#include "rwkv/parts.h"

typedef struct {
    tensor ln1_w, ln1_b, ln2_w, ln2_b;
    tensor decay, first, mix_k, mix_v, mix_r; /* decay raw: the log-space decay is -e^decay */
    tensor K, V, R, O;
    tensor ffn_mix_k, ffn_mix_r, ffn_K, ffn_V, ffn_R;
} layer4;
#define LAYER layer4

static const slot slots4[] = {
    SLOT_NORM("ln1", ln1, 0),
    SLOT_NORM("ln2", ln2, SYNTHETIC_TILT),
    SLOT("att.time_decay", decay, D_1, D_C, SLOT_FAST2, .init = INIT_DECAY, .init_with = {-5, 8}, .synthetic = {-5, 3}),
    SLOT("att.time_first", first, D_1, D_C, SLOT_FAST3, .init = INIT_BONUS4, .synthetic = {0.3, 0.3}),
    SLOT_MIX("att.time_mix_k", mix_k, INIT_MIX, 1),
    SLOT_MIX("att.time_mix_v", mix_v, INIT_MIX, 1, 0.3),
    SLOT_MIX("att.time_mix_r", mix_r, INIT_MIX, 0.5),
    SLOT("att.key.weight", K, D_C, D_C, SLOT_MATRIX | SLOT_KEY, .init = INIT_CONSTANT),
    SLOT("att.value.weight", V, D_C, D_C, SLOT_MATRIX, .init = INIT_ORTHOGONAL_TALL, .init_with = {1}),
    SLOT("att.receptance.weight", R, D_C, D_C, SLOT_MATRIX, .init = INIT_CONSTANT),
    SLOT_OUT("att.output.weight", O, D_C, 0),
    SLOT_MIX("ffn.time_mix_k", ffn_mix_k, INIT_MIX, 1),
    SLOT_MIX("ffn.time_mix_r", ffn_mix_r, INIT_MIX, 1),
    SLOT("ffn.key.weight", ffn_K, D_F, D_C, SLOT_MATRIX, .init = INIT_ORTHOGONAL_TALL, .init_with = {1}),
    SLOT("ffn.receptance.weight", ffn_R, D_C, D_C, SLOT_MATRIX, .init = INIT_CONSTANT),
    SLOT_OUT("ffn.value.weight", ffn_V, D_F, SLOT_INPUT_MAJOR),
};

static tensor *time_mix(cx *c, const rwkv *m, void *layer, tensor *x, tensor **v_first, int at)
{
    (void)m, (void)v_first;
    layer4 *w = layer;
    tensor *xr, *xk, *xv, *r, *k, *v, *y;
    MIX(c, x, &w->ln1_w, &w->ln1_b, at, CURRENT, {&xr, &w->mix_r}, {&xk, &w->mix_k}, {&xv, &w->mix_v});
    LINEARS(c, {.y = &r, .x = xr, .w = &w->R, .map = MAP_SIGMOID, .site = WKV_SITE_R},
               {.y = &k, .x = xk, .w = &w->K, .site = WKV_SITE_K},
               {.y = &v, .x = xv, .w = &w->V, .site = WKV_SITE_V});
    tensor *decay = op_probe(c, WKV_SITE_W, op_map(c, MAP_NEGEXP, &w->decay));
    y = op_wkv4(c, k, v, decay, &w->first, at + x->cols);
    LINEARS(c, {.y = &y, .x = op_mul(c, r, y), .w = &w->O, .plus = x, .site = WKV_SITE_ATT_OUT});
    return y;
}

static tensor *channel_mix(cx *c, const rwkv *m, void *layer, tensor *x, tensor *embedded, int at)
{
    (void)m, (void)embedded;
    layer4 *w = layer;
    tensor *xk, *xr;
    MIX(c, x, &w->ln2_w, &w->ln2_b, at, CURRENT, {&xk, &w->ffn_mix_k}, {&xr, &w->ffn_mix_r});
    return gated_ffn(c, x, xk, xr, &w->ffn_K, &w->ffn_V, &w->ffn_R);
}

static const state_tensor state[] = {
    {"att.shift", {D_C}, STATE_SHIFT},
    {"att.aa", {D_C}, STATE_SCALED}, /* of the values, and of the weights: divided by e^pp (docs/models.md 2.2) */
    {"att.bb", {D_C}, STATE_SCALED},
    {"att.pp", {D_C}, STATE_EXPONENT},
    {"ffn.shift", {D_C}, STATE_SHIFT},
    {.name = NULL},
};

static void state_init(const rwkv *m, real *layer)
{
    for (int i = 0; i < 5 * m->C; i++) layer[i] = i / m->C == 3 ? (real)-1e30 : 0;
}

/* No tensor exists in version 4 only: a file without those of later versions is version 4. */
static int detect(const tensors *t, int L, int C)
{
    (void)t, (void)L, (void)C;
    return 1;
}

static void new_sizes(int dim[DIMS])
{
    if (!dim[D_F]) dim[D_F] = 4 * dim[D_C];
}

/* No sparsity is published for these sizes; similar models have "83 % in low layers falling to 67 % in high ones". */
static const sparsity_curve sparsity = {(const float[]){.83F, .67F}, 2};
static const published_size sizes[] = {
    {"4:169M", 12,  768, 50277, {0}, {&sparsity, &sparsity}, 169342464},
    {"4:430M", 24, 1024, 50277, {0}, {&sparsity, &sparsity}, 430397440},
    {"4:1.5B", 24, 2048, 50277, {0}, {&sparsity, &sparsity}, 1515106304},
    {"4:3B",   32, 2560, 50277, {0}, {&sparsity, &sparsity}, 2984627200},
    {"4:7B",   32, 4096, 50277, {0}, {&sparsity, &sparsity}, 7392649216},
    {"4:14B",  40, 5120, 50277, {0}, {&sparsity, &sparsity}, 14148597760},
    {.name = NULL},
};

const arch arch4 = {.version = "4", SLOTS(slots4), .detect = detect, .new_sizes = new_sizes,
                    .state = state, .state_init = state_init, .time_mix = time_mix, .channel_mix = channel_mix,
                    .lacks = 1 << WKV_SITE_A | 1 << WKV_SITE_G, .one_decay = 1,
                    .gguf = "rwkv4", .answers_without_blank_line = 1, .published = sizes};
