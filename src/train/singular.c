/* singular.c - the principal singular vectors of a matrix: GEMMs on the device, the rest in double. */
#include "train/singular.h"
#include "base/rng.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double dot(const double *x, const double *y, int n)
{
    double s[8] = {0};
    int i = 0;
    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; j++) s[j] += x[i + j] * y[i + j];
    for (; i < n; i++) s[0] += x[i] * y[i];
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

void orthonormalise(double *q, int n, int m)
{
    for (int i = 0; i < n; i++) {
        double *v = q + (size_t)i * (size_t)m;
        for (int j = 0; j < i; j++) {
            const double *u = q + (size_t)j * (size_t)m;
            double s = dot(u, v, m);
            for (int k = 0; k < m; k++) v[k] -= s * u[k];
        }
        double length = sqrt(dot(v, v, m)), s = length > 0 ? 1 / length : 0;
        for (int k = 0; k < m; k++) v[k] *= s;
    }
}

/* l contiguous vectors per side: x of `in` numbers, y of `out`; and the same in double. */
typedef struct {
    const tensor *w;
    device *d;
    int l, in, out;
    real *x, *y;
    double *dx, *dy;
} subspace;

static int allocate(subspace *s)
{
    size_t l = (size_t)s->l, in = l * (size_t)s->in, out = l * (size_t)s->out;
    int widest = s->in > s->out ? s->in : s->out;
    s->x = calloc(in, sizeof *s->x);
    s->y = calloc(out, sizeof *s->y);
    s->dx = calloc(in, sizeof *s->dx);
    s->dy = calloc(out, sizeof *s->dy);
    if (!s->x || !s->y || !s->dx || !s->dy)
        return fail(WKV_ENOMEM, "no memory for %d singular vectors of a matrix of %d x %d", s->l, s->out, s->in);
    return s->d->reserve(
        s->d, &(pass_size){.rows = s->l, .spans = 1, .width = widest, .widest = widest, .head = 1, .backward = 1});
}

static void release(subspace *s)
{
    free(s->x);
    free(s->y);
    free(s->dx);
    free(s->dy);
}

/* Orthonormalize in double, twice, because powers of W are nearly linearly dependent. */
static void orthonormalise_reals(double *q, real *x, int n, int m)
{
    size_t values = (size_t)n * (size_t)m;
    for (size_t i = 0; i < values; i++) q[i] = (double)x[i];
    orthonormalise(q, n, m);
    orthonormalise(q, n, m);
    for (size_t i = 0; i < values; i++) x[i] = (real)q[i];
}

/* y becomes an orthonormal basis of nearly the space of the first left singular vectors; x = W' y. */
static void project(subspace *s)
{
    enum { POWERS = 4 }; /* RWKV-PEFT's svd_niter */
    linear_back_args back = {.dy = s->y, .w = s->w, .dx = s->x, .T = s->l};
    for (int i = 0; i <= POWERS; i++) {
        product q = {.y = s->y, .x = s->x, .w = s->w};
        s->d->linear(s->d, &(linear_args){.q = &q, .n = 1, .T = s->l});
        orthonormalise_reals(s->dy, s->y, s->l, s->out);
        s->d->linear_dx(s->d, &back);
        if (i < POWERS) orthonormalise_reals(s->dx, s->x, s->l, s->in);
    }
    for (size_t i = 0; i < (size_t)s->l * (size_t)s->in; i++) s->dx[i] = (double)s->x[i];
}

static void rotate(double *p, double *q, int n, double cosine, double sine)
{
    for (int i = 0; i < n; i++) {
        double x = p[i], y = q[i];
        p[i] = cosine * x - sine * y;
        q[i] = sine * x + cosine * y;
    }
}

/* One-sided Jacobi: rotate pairs of vectors of x until all are orthogonal, and those of y alike, so that y' x is
 * unchanged. The norms of the vectors of x are then the singular values. */
static void diagonalise(subspace *s)
{
    enum { SWEEPS = 30 }; /* six or seven suffice in practice */
    int turned = 1;
    for (int sweep = 0; sweep < SWEEPS && turned; sweep++) {
        turned = 0;
        for (int i = 0; i < s->l; i++)
            for (int j = i + 1; j < s->l; j++) {
                double *p = s->dx + (size_t)i * (size_t)s->in, *q = s->dx + (size_t)j * (size_t)s->in;
                double pp = dot(p, p, s->in), qq = dot(q, q, s->in), pq = dot(p, q, s->in);
                if (fabs(pq) <= 1e-12 * sqrt(pp * qq)) continue;
                double zeta = (qq - pp) / (2 * pq), t = copysign(1, zeta) / (fabs(zeta) + sqrt(1 + zeta * zeta));
                double cosine = 1 / sqrt(1 + t * t);
                rotate(p, q, s->in, cosine, cosine * t);
                rotate(s->dy + (size_t)i * (size_t)s->out, s->dy + (size_t)j * (size_t)s->out, s->out, cosine,
                       cosine * t);
                turned = 1;
            }
    }
}

/* The unused vector with the largest singular value, *value. */
static int next_largest(const subspace *s, char *used, double *value)
{
    int best = 0;
    *value = -1;
    for (int i = 0; i < s->l; i++) {
        const double *v = s->dx + (size_t)i * (size_t)s->in;
        double length = used[i] ? -1 : sqrt(dot(v, v, s->in));
        if (length > *value) *value = length, best = i;
    }
    used[best] = 1;
    return best;
}

static void give(real *a, real *b, const subspace *s, int rank, char *used)
{
    for (int r = 0; r < rank; r++) {
        double value;
        int i = next_largest(s, used, &value);
        const double *u = s->dy + (size_t)i * (size_t)s->out, *v = s->dx + (size_t)i * (size_t)s->in;
        for (int k = 0; k < s->in; k++)
            a[(size_t)r * (size_t)s->in + (size_t)k] = value > 0 ? (real)(v[k] / sqrt(value)) : 0;
        for (int k = 0; k < s->out; k++) b[(size_t)k * (size_t)rank + (size_t)r] = (real)(u[k] * sqrt(value));
    }
}

int singular_vectors(real *a, real *b, const tensor *w, int rank, uint64_t seed, device *d)
{
    enum { MORE = 8 }; /* vectors than asked for (oversampling), for accuracy */
    subspace s = {.w = w, .d = d, .in = weight_in(w), .out = weight_out(w)};
    int least = s.in < s.out ? s.in : s.out;
    CHECK(w->type == REAL && rank <= least);
    s.l = rank + MORE < least ? rank + MORE : least;
    char *used = calloc((size_t)s.l, 1);
    int err = used ? allocate(&s) : fail(WKV_ENOMEM, "no memory for a list of singular vectors");
    if (!err) {
        rng dice = {.seed = seed};
        for (size_t i = 0; i < (size_t)s.l * (size_t)s.in; i++) s.x[i] = (real)rng_normal(&dice);
        d->begin(d);
        project(&s);
        diagonalise(&s);
        give(a, b, &s, rank, used);
    }
    free(used);
    release(&s);
    return err;
}
