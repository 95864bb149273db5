/* ref_train.c - the optimizer, AdamW (docs/training.md 8). */
#include "cpu/ref.h"
#include <math.h>

void ref_square_sums(device *d, const square_sums_args *a)
{
    (void)d;
    for (size_t at = 0, i = 0; at < a->n; at += a->tile, i++) {
        size_t n = a->n - at < a->tile ? a->n - at : a->tile;
        double s = 0;
        for (size_t j = 0; j < n; j++) s += (double)a->x[at + j] * (double)a->x[at + j];
        a->sums[i] = s;
    }
}

void ref_adamw(device *d, const adamw_args *a)
{
    (void)d;
    real *w = a->w, *g = a->g, *m = a->mean, *v = a->square;
    for (size_t i = 0; i < a->n; i++) {
        float dw = g[i] * a->clip;
        g[i] = 0;
        m[i] = a->beta1 * m[i] + (1 - a->beta1) * dw;
        v[i] = a->beta2 * v[i] + (1 - a->beta2) * dw * dw;
        w[i] -= a->lr * (m[i] * a->bias1 / (sqrtf(v[i] * a->bias2) + a->eps) + a->decay * w[i]);
    }
}
