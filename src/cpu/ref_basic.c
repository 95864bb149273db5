/* ref_basic.c - elementwise operations of the reference device. */
#include "cpu/ref.h"
#include <tgmath.h>

/* the row of an operand that serves row t */
static const real *row(const real *x, int t, int C, int rows) { return x + (rows == 1 ? 0 : (size_t)t * (size_t)C); }

void ref_add(pool *p, real *z, const real *x, const real *y, int T, int C, int y_rows)
{
    (void)p;
    for (int t = 0; t < T; t++, x += C, z += C) {
        const real *yt = row(y, t, C, y_rows);
        for (int i = 0; i < C; i++) z[i] = x[i] + yt[i];
    }
}

void ref_mul(pool *p, real *z, const real *x, const real *y, int T, int C, int y_rows)
{
    (void)p;
    for (int t = 0; t < T; t++, x += C, z += C) {
        const real *yt = row(y, t, C, y_rows);
        for (int i = 0; i < C; i++) z[i] = x[i] * yt[i];
    }
}

void ref_mul_back(pool *p, real *dx, real *dy, const real *dz, const real *x, const real *y, int T, int C, int y_rows)
{
    (void)p;
    for (int t = 0; t < T; t++) {
        size_t at = (size_t)t * (size_t)C;
        const real *yt = row(y, t, C, y_rows);
        real *dyt = dy ? dy + (yt - y) : NULL;
        for (int i = 0; i < C; i++) {
            size_t j = at + (size_t)i;
            if (dx) dx[j] += dz[j] * yt[i];
            if (dyt) dyt[i] += dz[j] * x[j];
        }
    }
}

void ref_lerp(pool *p, real *z, const real *x, const real *y, const real *mu, int T, int C, int mu_rows)
{
    (void)p;
    for (int t = 0; t < T; t++, x += C, y += C, z += C) {
        const real *m = row(mu, t, C, mu_rows);
        for (int i = 0; i < C; i++) z[i] = x[i] + (y[i] - x[i]) * m[i];
    }
}

void ref_lerp_back(pool *p, real *dx, real *dy, real *dmu, const real *dz, const real *x, const real *y, const real *mu, int T,
                   int C, int mu_rows)
{
    (void)p;
    for (int t = 0; t < T; t++) {
        size_t at = (size_t)t * (size_t)C;
        const real *m = row(mu, t, C, mu_rows);
        real *dm = dmu ? dmu + (m - mu) : NULL;
        for (int i = 0; i < C; i++) {
            size_t j = at + (size_t)i;
            if (dx) dx[j] += dz[j] * (1 - m[i]);
            if (dy) dy[j] += dz[j] * m[i];
            if (dm) dm[i] += dz[j] * (y[j] - x[j]);
        }
    }
}

void ref_sum_rows(pool *p, real *d, const real *dz, int T, int C, int d_rows)
{
    (void)p;
    for (int t = 0; t < T; t++, dz += C, d += d_rows == 1 ? 0 : C)
        for (int i = 0; i < C; i++) d[i] += dz[i];
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

void ref_map(pool *p, map_kind kind, real *y, const real *x, size_t n)
{
    (void)p;
    for (size_t i = 0; i < n; i++) y[i] = map_one(kind, x[i]);
}

void ref_slope(pool *p, map_kind kind, real *d, const real *y, size_t n)
{
    (void)p;
    for (size_t i = 0; i < n; i++) d[i] *= map_slope(kind, kind == MAP_RELU2 ? sqrt(y[i]) : 0, y[i]);
}

void ref_map_back(pool *p, map_kind kind, real *dx, const real *dy, const real *x, const real *y, size_t n)
{
    (void)p;
    for (size_t i = 0; dx && i < n; i++) dx[i] += dy[i] * map_slope(kind, x[i], y[i]);
}
