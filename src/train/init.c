/* init.c - initial values: the table of docs/training.md 7, one line of it a line here.
 *
 * In the formulas l is the layer (0 .. L-1), rho = l / (L-1), beta = 1 - l / L, i a channel, x = i / C, lin = i / (C-1) - 1/2
 * and zz = s |s| where s goes from -1 to 1 over the channels of a head. */
#include "train/params.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    rng r;
    int l, L, C, N;
    double rho, beta;
    real *w;
    int rows, cols;
} place;

/* a tensor's values, given up to three numbers of its line; WKV_ENOMEM */
typedef int fill_fn(place *p, double a, double b, double c);

typedef struct {
    const char *name; /* as in the slot tables */
    fill_fn *fill;
    double a, b, c;
} rule;

static size_t values(const place *p) { return (size_t)p->rows * (size_t)p->cols; }

/* ---- drawn ---------------------------------------------------------------------------------------------------------- */

static int uniform(place *p, double a, double b, double c)
{
    (void)b, (void)c;
    for (size_t i = 0; i < values(p); i++) p->w[i] = (real)(a * (2 * rng_uniform(&p->r) - 1));
    return 0;
}

static double dot(const double *x, const double *y, int n)
{
    double s[8] = {0};
    int i = 0;
    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; j++) s[j] += x[i + j] * y[i + j];
    for (; i < n; i++) s[0] += x[i] * y[i];
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

/* n vectors of m >= n numbers, one after another, made orthonormal in order. Gram-Schmidt leaves a positive diagonal in R,
 * which is the sign that torch.nn.init.orthogonal_ gives its QR. In double once is enough for random vectors. */
static void orthonormalise(double *q, int n, int m)
{
    for (int i = 0; i < n; i++) {
        double *v = q + (size_t)i * (size_t)m;
        for (int j = 0; j < i; j++) {
            const double *u = q + (size_t)j * (size_t)m;
            double s = dot(u, v, m);
            for (int k = 0; k < m; k++) v[k] -= s * u[k];
        }
        double s = 1 / sqrt(dot(v, v, m));
        for (int k = 0; k < m; k++) v[k] *= s;
    }
}

/* orth(a): the shorter side's vectors orthonormal, times a */
static int orth(place *p, double a, double b, double c)
{
    (void)b, (void)c;
    int tall = p->rows > p->cols, n = tall ? p->cols : p->rows, m = tall ? p->rows : p->cols;
    double *q = malloc(values(p) * sizeof *q);
    if (!q) return fail(WKV_ENOMEM, "no memory for initial values of a matrix of %d x %d", p->rows, p->cols);
    for (size_t i = 0; i < values(p); i++) q[i] = rng_normal(&p->r);
    orthonormalise(q, n, m);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < m; k++)
            p->w[tall ? k * n + i : i * m + k] = (real)(a * q[(size_t)i * (size_t)m + (size_t)k]);
    free(q);
    return 0;
}

/* orth*(a): orth(a sqrt(rows / cols)) of a matrix that is taller than wide */
static int orth_tall(place *p, double a, double b, double c)
{
    return orth(p, p->rows > p->cols ? a * sqrt((double)p->rows / p->cols) : a, b, c);
}

/* ---- given by a formula --------------------------------------------------------------------------------------------- */

/* value(p, i, a, b, c) of every i */
#define EACH(p, i, formula)                                                                                            \
    do {                                                                                                               \
        for (int i = 0; i < (int)values(p); i++) (p)->w[i] = (real)(formula);                                          \
        return 0;                                                                                                      \
    } while (0)

static double lin(const place *p, int i) { return (double)i / (p->C - 1) - 0.5; }
static double zz(const place *p, int i)
{
    double half = (p->N - 1) / 2.0, s = half > 0 ? (i % p->N - half) / half : 0;
    return s * fabs(s);
}
static double zigzag(int i) { return 0.1 * ((i + 1) % 3 - 1); }

static int constant(place *p, double a, double b, double c)
{
    (void)b, (void)c;
    EACH(p, i, a);
}
/* v4, v5: x^(a beta) + b rho weighs the token itself */
static int mix(place *p, double a, double b, double c)
{
    (void)c;
    EACH(p, i, pow((double)i / p->C, a * p->beta) + b * p->rho);
}
/* v6, v7: 1 - (x^(a beta) + b rho) weighs the previous token */
static int mix_previous(place *p, double a, double b, double c)
{
    (void)c;
    EACH(p, i, 1 - (pow((double)i / p->C, a * p->beta) + b * p->rho));
}
/* v6, v7 ffn: 1 - x^(beta^a) */
static int mix_ffn(place *p, double a, double b, double c)
{
    (void)b, (void)c;
    EACH(p, i, 1 - pow((double)i / p->C, pow(p->beta, a)));
}
/* a + b (i / (C-1))^(0.7 + 1.3 rho) */
static int decay(place *p, double a, double b, double c)
{
    (void)c;
    EACH(p, i, a + b * pow((double)i / (p->C - 1), 0.7 + 1.3 * p->rho));
}
/* -6 + 6 (i / (C-1))^(1 + rho^0.3) + 0.5 + 2.5 zz */
static int decay7(place *p, double a, double b, double c)
{
    (void)a, (void)b, (void)c;
    EACH(p, i, -6 + 6 * pow((double)i / (p->C - 1), 1 + pow(p->rho, 0.3)) + 0.5 + 2.5 * zz(p, i));
}
/* a + b lin + c zz */
static int slope(place *p, double a, double b, double c) { EACH(p, i, a + b * lin(p, i) + c * zz(p, i)); }
/* ln 0.3 + 0.5 (((i+1) mod 3) - 1) */
static int bonus4(place *p, double a, double b, double c)
{
    (void)a, (void)b, (void)c;
    EACH(p, i, log(0.3) + 5 * zigzag(i));
}
/* rho (1 - i / (C-1)) + 0.1 (((i+1) mod 3) - 1) */
static int bonus5(place *p, double a, double b, double c)
{
    (void)a, (void)b, (void)c;
    EACH(p, i, p->rho * (0.5 - lin(p, i)) + zigzag(i));
}
/* ((1 + l) / L)^0.7 */
static int group_scale(place *p, double a, double b, double c)
{
    (void)a, (void)b, (void)c;
    EACH(p, i, pow((1.0 + p->l) / p->L, 0.7));
}

/* ---- the table ------------------------------------------------------------------------------------------------------ */

/* clang-format off */
static const rule shared[] = {
    {"emb.weight",            uniform, 1e-4, 0, 0},    {"head.weight",         orth_tall, 0.5, 0, 0},
    {"blocks.0.ln0.weight",   constant, 1, 0, 0},      {"blocks.0.ln0.bias",   constant, 0, 0, 0},
    {"ln1.weight",            constant, 1, 0, 0},      {"ln1.bias",            constant, 0, 0, 0},
    {"ln2.weight",            constant, 1, 0, 0},      {"ln2.bias",            constant, 0, 0, 0},
    {"ln_out.weight",         constant, 1, 0, 0},      {"ln_out.bias",         constant, 0, 0, 0},
    {"att.ln_x.weight",       group_scale, 0, 0, 0},   {"att.ln_x.bias",       constant, 0, 0, 0},
    {"att.output.weight",     constant, 0, 0, 0},      {"ffn.value.weight",    constant, 0, 0, 0},
    {"ffn.receptance.weight", constant, 0, 0, 0},
    {0}};

static const rule rules4[] = {
    {"att.receptance.weight", constant, 0, 0, 0},      {"att.key.weight",      constant, 0, 0, 0},
    {"att.value.weight",      orth_tall, 1, 0, 0},     {"ffn.key.weight",      orth_tall, 1, 0, 0},
    {"att.time_mix_k",        mix, 1, 0, 0},           {"att.time_mix_v",      mix, 1, 0.3, 0},
    {"att.time_mix_r",        mix, 0.5, 0, 0},
    {"ffn.time_mix_k",        mix, 1, 0, 0},           {"ffn.time_mix_r",      mix, 1, 0, 0},
    {"att.time_decay",        decay, -5, 8, 0},        {"att.time_first",      bonus4, 0, 0, 0},
    {0}};

static const rule rules5[] = {
    {"att.receptance.weight", orth, 1, 0, 0},          {"att.key.weight",      orth, 0.1, 0, 0},
    {"att.value.weight",      orth, 1, 0, 0},          {"att.gate.weight",     orth, 0.1, 0, 0},
    {"ffn.key.weight",        orth, 1, 0, 0},
    {"att.time_mix_k",        mix, 1, 0, 0},           {"att.time_mix_v",      mix, 1, 0.3, 0},
    {"att.time_mix_r",        mix, 0.5, 0, 0},         {"att.time_mix_g",      mix, 0.5, 0, 0},
    {"ffn.time_mix_k",        mix, 1, 0, 0},           {"ffn.time_mix_r",      mix, 1, 0, 0},
    {"att.time_decay",        decay, -6, 5, 0},        {"att.time_faaaa",      bonus5, 0, 0, 0},
    {0}};

static const rule rules6[] = {
    {"att.receptance.weight", orth, 1, 0, 0},          {"att.key.weight",      orth, 0.1, 0, 0},
    {"att.value.weight",      orth, 1, 0, 0},          {"att.gate.weight",     orth, 0.1, 0, 0},
    {"ffn.key.weight",        orth, 1, 0, 0},
    {"att.time_maa_x",        mix_previous, 1, 0, 0},  {"att.time_maa_w",      mix_previous, 1, 0, 0},
    {"att.time_maa_k",        mix_previous, 1, 0, 0},  {"att.time_maa_v",      mix_previous, 1, 0.3, 0},
    {"att.time_maa_r",        mix_previous, 0.5, 0, 0},{"att.time_maa_g",      mix_previous, 0.5, 0, 0},
    {"ffn.time_maa_k",        mix_ffn, 3, 0, 0},       {"ffn.time_maa_r",      mix_ffn, 3, 0, 0},
    {"att.time_maa_w1",       constant, 0, 0, 0},      {"att.time_maa_w2",     uniform, 0.01, 0, 0},
    {"att.time_decay_w1",     constant, 0, 0, 0},      {"att.time_decay_w2",   uniform, 0.01, 0, 0},
    {"att.time_decay",        decay, -6, 5, 0},        {"att.time_faaaa",      bonus5, 0, 0, 0},
    {0}};

static const rule rules7[] = {
    {"att.receptance.weight", orth, 1, 0, 0},          {"att.key.weight",      orth, 0.1, 0, 0},
    {"att.value.weight",      orth, 1, 0, 0},          {"ffn.key.weight",      orth, 1, 0, 0},
    {"att.x_k",               mix_previous, 0.7, 0, 0},{"att.x_v",             mix_previous, 0.7, 0, 0},
    {"att.x_r",               mix_previous, 0.2, 0, 0},{"att.x_g",             mix_previous, 0.2, 0, 0},
    {"att.x_w",               mix_previous, 0.9, 0, 0},{"att.x_a",             mix_previous, 0.9, 0, 0},
    {"ffn.x_k",               mix_ffn, 4, 0, 0},
    {"att.w1",                constant, 0, 0, 0},      {"att.w2",              orth_tall, 0.1, 0, 0},
    {"att.a1",                constant, 0, 0, 0},      {"att.a2",              orth_tall, 0.1, 0, 0},
    {"att.v1",                constant, 0, 0, 0},      {"att.v2",              orth_tall, 0.1, 0, 0},
    {"att.g1",                constant, 0, 0, 0},      {"att.g2",              orth_tall, 0.1, 0, 0},
    {"att.w0",                decay7, 0, 0, 0},        {"att.a0",              slope, -0.19, 0.4, 0.3},
    {"att.v0",                slope, 0.73, -0.4, 0},   {"att.k_k",             slope, 0.71, -0.1, 0},
    {"att.k_a",               constant, 1.02, 0, 0},   {"att.r_k",             constant, -0.04, 0, 0},
    {0}};
/* clang-format on */

static const rule *find(const rule *rules, const char *name)
{
    for (; rules->name; rules++)
        if (!strcmp(rules->name, name)) return rules;
    return NULL;
}

static const rule *rules_of(const arch *a)
{
    return a == &arch4 ? rules4 : a == &arch52 ? rules5 : a == &arch6 ? rules6 : rules7;
}

int params_init(params *p, uint64_t seed)
{
    const rwkv *m = &p->model;
    for (int i = 0; i < p->count; i++) {
        const param *q = &p->list[i];
        const char *name = q->layer < 0 ? q->name : q->slot->name;
        const rule *r = find(rules_of(m->arch), name);
        if (!r) r = find(shared, name);
        if (!r) check_failed(__FILE__, __LINE__, q->name, i, p->count);
        int l = q->layer < 0 ? 0 : q->layer;
        place at = {.r = {.seed = seed ^ (0xd1b54a32d192ed03u * (uint64_t)(i + 1))},
                    .l = l,
                    .L = m->L,
                    .C = m->C,
                    .N = m->N,
                    .rho = m->L > 1 ? (double)l / (m->L - 1) : 0,
                    .beta = 1 - (double)l / m->L,
                    .w = reals(q->t),
                    .rows = q->t->rows,
                    .cols = q->t->cols};
        int err = r->fill(&at, r->a, r->b, r->c);
        if (err) return err;
    }
    return 0;
}
