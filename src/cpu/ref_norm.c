/* ref_norm.c - reductions within a row: norms, unit heads, bonus, softmax. Gradients: spec ARCHITECTURES 5.6 and 6. */
#include "cpu/ref.h"
#include <string.h>
#include <tgmath.h>

/* mean and 1 / sqrt(variance + eps) of n values */
static void moments(const real *x, int n, real eps, real *mean, real *rs)
{
    real sum = 0, var = 0;
    for (int i = 0; i < n; i++) sum += x[i];
    *mean = sum / n;
    for (int i = 0; i < n; i++) var += (x[i] - *mean) * (x[i] - *mean);
    *rs = 1 / sqrt(var / n + eps);
}

void ref_norm(pool *p, real *y, const real *x, const real *w, const real *b, int T, int C, int groups, real eps)
{
    (void)p;
    int n = C / groups;
    for (int t = 0; t < T; t++)
        for (int g = 0; g < C; g += n, x += n, y += n) {
            real mean, rs;
            moments(x, n, eps, &mean, &rs);
            for (int i = 0; i < n; i++) y[i] = (x[i] - mean) * rs * w[g + i] + b[g + i];
        }
}

void ref_norm_back(pool *p, real *dx, real *dw, real *db, const real *dy, const real *x, const real *w, int T, int C, int groups,
                   real eps)
{
    (void)p;
    int n = C / groups;
    for (int t = 0; t < T; t++)
        for (int g = 0; g < C; g += n, x += n, dy += n) {
            real mean, rs, sum = 0, dot = 0; /* of dy w, and of dy w with the normalised x */
            moments(x, n, eps, &mean, &rs);
            for (int i = 0; i < n; i++) {
                real xn = (x[i] - mean) * rs, d = dy[i] * w[g + i];
                sum += d;
                dot += d * xn;
                if (dw) dw[g + i] += dy[i] * xn;
                if (db) db[g + i] += dy[i];
            }
            if (!dx) continue;
            for (int i = 0; i < n; i++) dx[i] += rs * (dy[i] * w[g + i] - sum / n - (x[i] - mean) * rs * dot / n);
            dx += n;
        }
}

static const real UNIT_FLOOR = (real)1e-12;

static real length_of(const real *x, int n)
{
    real sum = 0;
    for (int i = 0; i < n; i++) sum += x[i] * x[i];
    return sqrt(sum);
}

void ref_unit(pool *p, real *y, const real *x, int T, int C, int heads)
{
    (void)p;
    int N = C / heads;
    for (int h = 0; h < T * heads; h++, x += N, y += N) {
        real len = length_of(x, N), by = 1 / (len < UNIT_FLOOR ? UNIT_FLOOR : len);
        for (int i = 0; i < N; i++) y[i] = x[i] * by;
    }
}

void ref_unit_back(pool *p, real *dx, const real *dy, const real *x, const real *y, int T, int C, int heads)
{
    (void)p;
    int N = C / heads;
    if (!dx) return;
    for (int h = 0; h < T * heads; h++, x += N, y += N, dx += N, dy += N) {
        real len = length_of(x, N), dot = 0;
        for (int i = 0; i < N; i++) dot += y[i] * dy[i];
        if (len < UNIT_FLOOR) dot = 0, len = UNIT_FLOOR; /* there it is a plain scaling */
        for (int i = 0; i < N; i++) dx[i] += (dy[i] - y[i] * dot) / len;
    }
}

void ref_bonus(pool *p, real *y, const real *r, const real *k, const real *u, const real *v, int T, int C, int heads)
{
    (void)p;
    int N = C / heads;
    for (int t = 0; t < T; t++)
        for (int h = 0; h < C; h += N, r += N, k += N, v += N, y += N) {
            real s = 0;
            for (int i = 0; i < N; i++) s += r[i] * k[i] * u[h + i];
            for (int i = 0; i < N; i++) y[i] = s * v[i];
        }
}

void ref_bonus_back(pool *p, real *dr, real *dk, real *du, real *dv, const real *dy, const real *r, const real *k, const real *u,
                    const real *v, int T, int C, int heads)
{
    (void)p;
    int N = C / heads;
    for (int t = 0; t < T; t++)
        for (int h = 0; h < C; h += N) {
            size_t at = (size_t)t * (size_t)C + (size_t)h;
            real s = 0, ds = 0;
            for (int i = 0; i < N; i++) {
                s += r[at + (size_t)i] * k[at + (size_t)i] * u[h + i];
                ds += dy[at + (size_t)i] * v[at + (size_t)i];
            }
            for (int i = 0; i < N; i++) {
                size_t j = at + (size_t)i;
                if (dv) dv[j] += s * dy[j];
                if (dr) dr[j] += ds * k[j] * u[h + i];
                if (dk) dk[j] += ds * r[j] * u[h + i];
                if (du) du[h + i] += ds * r[j] * k[j];
            }
        }
}

void ref_softmax_nll(pool *p, real *logits, real *nll, real *max, int *argmax, const int32_t *targets, int T, int V)
{
    (void)p;
    for (int t = 0; t < T; t++, logits += V) {
        int best = 0;
        for (int i = 1; i < V; i++)
            if (logits[i] > logits[best]) best = i;
        real top = logits[best], sum = 0, target = targets[t] >= 0 ? logits[targets[t]] : 0;
        max[t] = top;
        argmax[t] = best;
        for (int i = 0; i < V; i++) sum += logits[i] = exp(logits[i] - top);
        for (int i = 0; i < V; i++) logits[i] /= sum;
        nll[t] = targets[t] >= 0 ? log(sum) + top - target : 0;
    }
}

void ref_mix(pool *p, const mixing *m, const batch *b, int C, int at)
{
    real *z = scratch_own(2 * (size_t)C * sizeof *z), *before = z + C;
    for (int s = 0; s < b->n_spans; s++) {
        real *state = b->spans[s].state + at;
        for (int t = b->spans[s].row; t < b->spans[s].row + b->spans[s].len; t++) {
            size_t row = (size_t)t * (size_t)C;
            memcpy(before, state, (size_t)C * sizeof *z);
            ref_norm(p, z, m->x + row, m->w, m->b, 1, C, 1, m->eps);
            for (int i = 0; i < m->n; i++)
                ref_lerp(p, m->y[i] + row, m->current ? before : z, m->current ? z : before, m->mu[i], 1, C, 1);
            memcpy(state, z, (size_t)C * sizeof *z);
        }
    }
}

void ref_mix_back(pool *p, const mixing *m, const mixing_back *g, const batch *b, int C, int at)
{
    size_t row = (size_t)C, n = (size_t)b->rows * row;
    real *z = scratch_own(4 * n * sizeof *z), *before = z + n, *dz = before + n, *dbefore = dz + n;
    memset(z, 0, 4 * n * sizeof *z);
    ref_norm(p, z, m->x, m->w, m->b, b->rows, C, 1, m->eps);
    for (int s = 0; s < b->n_spans; s++) {
        size_t first = (size_t)b->spans[s].row * row, rest = ((size_t)b->spans[s].len - 1) * row;
        memcpy(before + first, g->state0 + (size_t)s * row, row * sizeof *z);
        memcpy(before + first + row, z + first, rest * sizeof *z);
    }
    for (int i = 0; i < m->n; i++)
        ref_lerp_back(p, m->current ? dbefore : dz, m->current ? dz : dbefore, g->dmu[i], g->dy[i], m->current ? before : z,
                      m->current ? z : before, m->mu[i], b->rows, C, 1);
    for (int s = 0; s < b->n_spans; s++) {
        size_t first = (size_t)b->spans[s].row * row, rest = ((size_t)b->spans[s].len - 1) * row;
        real *dstate = b->spans[s].dstate ? b->spans[s].dstate + at : NULL;
        for (size_t i = 0; i < rest; i++) dz[first + i] += dbefore[first + row + i];
        for (size_t i = 0; i < row && dstate; i++) {
            dz[first + rest + i] += dstate[i];
            dstate[i] = dbefore[first + i];
        }
    }
    ref_norm_back(p, g->dx, g->dw, g->db, dz, m->x, m->w, b->rows, C, 1, m->eps);
}
