/* ref_basic.c - elementwise operations of the reference device. */
#include "cpu/ref.h"
#include <tgmath.h>

/* row t of an operand that may be broadcast */
static const real *row(const real *x, int t, int C, int rows) { return x + (rows == 1 ? 0 : (size_t)t * (size_t)C); }

void ref_add(device *d, const pair_args *a)
{
    (void)d;
    const real *x = a->x;
    real *z = a->z;
    for (int t = 0; t < a->T; t++, x += a->C, z += a->C) {
        const real *y = row(a->y, t, a->C, a->y_rows);
        for (int i = 0; i < a->C; i++) z[i] = x[i] + y[i];
    }
}

void ref_mul(device *d, const pair_args *a)
{
    (void)d;
    const real *x = a->x;
    real *z = a->z;
    for (int t = 0; t < a->T; t++, x += a->C, z += a->C) {
        const real *y = row(a->y, t, a->C, a->y_rows);
        for (int i = 0; i < a->C; i++) z[i] = x[i] * y[i];
    }
}

void ref_mul_back(device *d, const pair_args *a)
{
    (void)d;
    for (int t = 0; t < a->T; t++) {
        size_t at = (size_t)t * (size_t)a->C;
        const real *y = row(a->y, t, a->C, a->y_rows);
        real *dy = a->dy ? a->dy + (y - a->y) : NULL;
        for (int i = 0; i < a->C; i++) {
            size_t j = at + (size_t)i;
            if (a->dx) a->dx[j] += a->dz[j] * y[i];
            if (dy) dy[i] += a->dz[j] * a->x[j];
        }
    }
}

void ref_lerp(device *d, const lerp_args *a)
{
    (void)d;
    const real *x = a->x, *y = a->y;
    real *z = a->z;
    for (int t = 0; t < a->T; t++, x += a->C, y += a->C, z += a->C) {
        const real *mu = row(a->mu, t, a->C, a->mu_rows);
        for (int i = 0; i < a->C; i++) z[i] = x[i] + (y[i] - x[i]) * mu[i];
    }
}

void ref_lerp_back(device *d, const lerp_args *a)
{
    (void)d;
    for (int t = 0; t < a->T; t++) {
        size_t at = (size_t)t * (size_t)a->C;
        const real *mu = row(a->mu, t, a->C, a->mu_rows);
        real *dmu = a->dmu ? a->dmu + (mu - a->mu) : NULL;
        for (int i = 0; i < a->C; i++) {
            size_t j = at + (size_t)i;
            if (a->dx) a->dx[j] += a->dz[j] * (1 - mu[i]);
            if (a->dy) a->dy[j] += a->dz[j] * mu[i];
            if (dmu) dmu[i] += a->dz[j] * (a->y[j] - a->x[j]);
        }
    }
}

void ref_sum_rows(device *d, const sum_rows_args *a)
{
    (void)d;
    const real *dz = a->dz;
    real *to = a->d;
    for (int t = 0; t < a->T; t++, dz += a->C, to += a->d_rows == 1 ? 0 : a->C)
        for (int i = 0; i < a->C; i++) to[i] += dz[i];
}

static real sigmoid(real x) { return 1 / (1 + exp(-x)); }

static const real DECAY7 = (real)0.60653065971263342; /* e^(-1/2) */

static real map_one(map_kind kind, real x)
{
    switch (kind) {
    case MAP_NONE: return x;
    case MAP_NEG: return -x;
    case MAP_EXP: return exp(x);
    case MAP_NEGEXP: return -exp(x);
    case MAP_DECAY5: return exp(-exp(x));
    case MAP_DECAY7: return exp(-DECAY7 * sigmoid(x));
    case MAP_SIGMOID: return sigmoid(x);
    case MAP_TANH: return tanh(x);
    case MAP_SILU: return x * sigmoid(x);
    case MAP_RELU2: return x < 0 ? 0 : x * x; /* NaN stays NaN, as in torch */
    case MAPS: break;
    }
    CHECK(!"a kind of map");
    return 0;
}

/* dy/dx, given x and y */
static real map_slope(map_kind kind, real x, real y)
{
    switch (kind) {
    case MAP_NONE: return 1;
    case MAP_NEG: return -1;
    case MAP_EXP: return y;
    case MAP_NEGEXP: return y;
    case MAP_DECAY5: return y == 0 ? 0 : -y * exp(x); /* where y has underflowed, e^x may have overflowed */
    case MAP_DECAY7: return -y * DECAY7 * sigmoid(x) * sigmoid(-x);
    case MAP_SIGMOID: return y * (1 - y);
    case MAP_TANH: return 1 - y * y;
    case MAP_SILU: return sigmoid(x) * (1 + x * sigmoid(-x));
    case MAP_RELU2: return x < 0 ? 0 : 2 * x;
    case MAPS: break;
    }
    CHECK(!"a kind of map");
    return 0;
}

void ref_map(device *d, const map_args *a)
{
    (void)d;
    for (size_t i = 0; i < a->n; i++) a->y[i] = map_one(a->kind, a->x[i]);
}

void ref_slope(device *d, const map_args *a)
{
    (void)d;
    for (size_t i = 0; i < a->n; i++) a->dx[i] *= map_slope(a->kind, a->kind == MAP_RELU2 ? sqrt(a->y[i]) : 0, a->y[i]);
}

void ref_map_back(device *d, const map_args *a)
{
    (void)d;
    for (size_t i = 0; a->dx && i < a->n; i++) a->dx[i] += a->dy[i] * map_slope(a->kind, a->x[i], a->y[i]);
}

void ref_repeat(device *d, const repeat_args *a)
{
    (void)d;
    for (int i = 0; i < a->C * a->n; i++) a->y[i] = a->x[i / a->n];
}

void ref_repeat_back(device *d, const repeat_args *a)
{
    (void)d;
    for (int i = 0; i < a->C; i++)
        for (int j = 0; j < a->n; j++) a->dx[i] += a->dy[(size_t)i * (size_t)a->n + (size_t)j];
}

void ref_matrix_of_row(device *d, const matrix_of_row_args *a)
{
    (void)d;
    const int n = a->n;
    const real *x = a->x, *m = a->m;
    real *y = a->y;
    for (int t = 0; t < a->T; t++, x += n, y += n) {
        for (int j = 0; j < n; j++) y[j] = 0;
        for (int i = 0; i < n; i++, m += n)
            for (int j = 0; j < n; j++) y[j] += x[i] * m[j];
    }
}
