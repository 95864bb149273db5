/* state_health.c - the wkv state of a layer: singular values, effective rank, size of its values. */
#include <math.h>
#include <stdlib.h>
#include "base/error.h"
#include "study/lens.h"

enum { SWEEPS = 60 }; /* at most; ten are usual */

/* Rotate columns p and q, contiguous vectors of n, so that they are orthogonal. Returns whether they were not. */
static int rotate(double *p, double *q, int n)
{
    double a = 0, b = 0, d = 0;
    for (int i = 0; i < n; i++) a += p[i] * p[i], b += q[i] * q[i], d += p[i] * q[i];
    if (fabs(d) <= 1e-15 * sqrt(a * b)) return 0;
    const double z = (b - a) / (2 * d), t = copysign(1, z) / (fabs(z) + sqrt(1 + z * z)), cosine = 1 / sqrt(1 + t * t);
    for (int i = 0; i < n; i++) {
        const double x = p[i];
        p[i] = cosine * (x - t * q[i]);
        q[i] = cosine * (t * x + q[i]);
    }
    return 1;
}

static int descending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

/* One-sided Jacobi rotations (Golub and Van Loan, Matrix Computations, 8.6.3) of n vectors of n. */
static void singular_values(float *sigma, double *a, int n)
{
    for (int sweep = 0, left = 1; left && sweep < SWEEPS; sweep++) {
        left = 0;
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++) left |= rotate(a + (size_t)p * (size_t)n, a + (size_t)q * (size_t)n, n);
    }
    for (int i = 0; i < n; i++) {
        double squares = 0;
        for (int k = 0; k < n; k++) squares += a[i * n + k] * a[i * n + k];
        sigma[i] = (float)sqrt(squares);
    }
    qsort(sigma, (size_t)n, sizeof *sigma, descending);
}

static int check_layer(const wkv_model *m, const wkv_state *s, int layer, const char *in)
{
    if (!m || !s) return fail(WKV_EARG, "%s: the model or the state is NULL", in);
    if (s->fingerprint != m->fingerprint) return fail(WKV_EARG, "%s: the state belongs to another model", in);
    if (layer < 0 || layer >= m->rwkv.L)
        return fail(WKV_EARG, "%s: layer %d; the model's layers are 0 to %d", in, layer, m->rwkv.L - 1);
    return 0;
}

int wkv_state_spectrum(float *sigma, const wkv_model *m, wkv_state *s, int layer, int head)
{
    REQUIRE(sigma, "the list of singular values");
    const int err = check_layer(m, s, layer, __func__);
    if (err) return err;
    const int H = m->rwkv.H, N = m->rwkv.N;
    if (!H)
        return fail(WKV_EUNSUPPORTED, "the state of version %s is an average of each channel and has no matrices",
                    m->rwkv.arch->version);
    if (head < 0 || head >= H) return fail(WKV_EARG, "wkv_state_spectrum: head %d; the heads are 0 to %d", head, H - 1);
    const size_t values = (size_t)N * (size_t)N;
    const float *from = lens_wkv(&m->rwkv, s, layer) + (size_t)head * values;
    double *a = malloc(sizeof *a * values);
    if (!a) return fail(WKV_ENOMEM, "no memory for a matrix of %d x %d", N, N);
    int finite = 1;
    for (size_t i = 0; i < values; i++) a[i] = (double)from[i], finite &= isfinite(a[i]) != 0;
    if (finite)
        singular_values(sigma, a, N);
    else
        for (int i = 0; i < N; i++) sigma[i] = NAN;
    free(a);
    return 0;
}

double wkv_effective_rank(const float *sigma, int n)
{
    double sum = 0, entropy = 0;
    for (int i = 0; sigma && i < n; i++) sum += (double)sigma[i];
    if (!(sum > 0)) return sum == 0 ? 0 : NAN;
    for (int i = 0; i < n; i++) {
        const double p = (double)sigma[i] / sum;
        if (p > 0) entropy -= p * log(p);
    }
    return exp(entropy);
}

/* Value i; in version 4 the average of a channel, 0 before any token. */
static double value_of(const rwkv *m, const float *wkv, int64_t i)
{
    if (m->H) return (double)wkv[i];
    return wkv[m->C + i] == 0 && wkv[i] == 0 ? 0 : (double)wkv[i] / (double)wkv[m->C + i];
}

int wkv_state_examine(wkv_state_health *out, const wkv_model *m, wkv_state *s, int layer)
{
    REQUIRE(out, "out");
    const int err = check_layer(m, s, layer, __func__);
    if (err) return err;
    const float *wkv = lens_wkv(&m->rwkv, s, layer);
    wkv_state_health h = {.values = m->rwkv.H ? lens_wkv_values(&m->rwkv) : m->rwkv.C};
    double squares = 0;
    for (int64_t i = 0; i < h.values; i++) {
        const double x = fabs(value_of(&m->rwkv, wkv, i));
        if (!isfinite(x)) {
            h.bad++;
            continue;
        }
        squares += x * x;
        h.saturated += x > 65504;
        if (x > h.largest) h.largest = x;
    }
    h.rms = h.values > h.bad ? sqrt(squares / (double)(h.values - h.bad)) : 0;
    for (int64_t i = 0; i < h.values; i++) {
        const double x = fabs(value_of(&m->rwkv, wkv, i));
        h.outliers += isfinite(x) && x > 10 * h.rms;
    }
    *out = h;
    return 0;
}
