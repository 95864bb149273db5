/* init.c - initial values: the rules named by the slots of rwkvN.c (docs/training.md 7).
 *
 * In the formulas l is the layer (0 .. L-1), rho = l / (L-1), beta = 1 - l / L, i a channel, x = i / C, lin = i / (C-1)
 * - 1/2 and zz = s |s| where s goes from -1 to 1 over the channels of a head. */
#include "train/params.h"
#include "train/singular.h"
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

/* fill a tensor, with up to three parameters from its slot; WKV_ENOMEM */
typedef int fill_fn(place *p, double a, double b, double c);

static size_t values(const place *p) { return (size_t)p->rows * (size_t)p->cols; }

/* ---- random ------------------------------------------------------------------------------------------------------ */

static int uniform(place *p, double a, double b, double c)
{
    (void)b, (void)c;
    for (size_t i = 0; i < values(p); i++) p->w[i] = (real)(a * (2 * rng_uniform(&p->r) - 1));
    return 0;
}

/* orth(a): vectors of the shorter side orthonormal, times a */
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

/* orth*(a): orth(a sqrt(rows / cols)) if rows > cols */
static int orth_tall(place *p, double a, double b, double c)
{
    return orth(p, p->rows > p->cols ? a * sqrt((double)p->rows / p->cols) : a, b, c);
}

/* ---- by formula -------------------------------------------------------------------------------------------------- */

/* fill with value(p, i, a, b, c) */
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
/* v4, v5: x^(a beta) + b rho is the weight of the current token */
static int mix(place *p, double a, double b, double c)
{
    (void)c;
    EACH(p, i, pow((double)i / p->C, a * p->beta) + b * p->rho);
}
/* v6, v7: 1 - (x^(a beta) + b rho) is the weight of the previous token */
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

/* ---- every tensor ------------------------------------------------------------------------------------------------ */

static fill_fn *const fills[INITS] = {[INIT_CONSTANT] = constant,
                                      [INIT_UNIFORM] = uniform,
                                      [INIT_ORTHOGONAL] = orth,
                                      [INIT_ORTHOGONAL_TALL] = orth_tall,
                                      [INIT_MIX] = mix,
                                      [INIT_MIX_PREVIOUS] = mix_previous,
                                      [INIT_MIX_FFN] = mix_ffn,
                                      [INIT_DECAY] = decay,
                                      [INIT_DECAY7] = decay7,
                                      [INIT_SLOPE] = slope,
                                      [INIT_BONUS4] = bonus4,
                                      [INIT_BONUS5] = bonus5,
                                      [INIT_GROUP_SCALE] = group_scale};

int params_init(params *p, uint64_t seed)
{
    const rwkv *m = &p->model;
    for (int i = 0; i < p->count; i++) {
        const param *q = &p->list[i];
        const slot *s = q->slot;
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
        CHECK(fills[s->init]);
        int err = fills[s->init](&at, s->init_with[0], s->init_with[1], s->init_with[2]);
        if (err) return err;
    }
    return 0;
}
