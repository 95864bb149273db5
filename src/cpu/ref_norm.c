/* ref_norm.c - reductions within a row: norms, unit heads, bonus, softmax. Gradients: docs/models.md 5.6 and 6. */
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

void ref_norm(device *d, const norm_args *a)
{
    (void)d;
    int n = a->C / a->groups;
    const real *x = a->x;
    real *y = a->y;
    for (int t = 0; t < a->T; t++)
        for (int g = 0; g < a->C; g += n, x += n, y += n) {
            real mean, rs;
            moments(x, n, a->eps, &mean, &rs);
            for (int i = 0; i < n; i++) y[i] = (x[i] - mean) * rs * a->w[g + i] + a->b[g + i];
        }
}

void ref_norm_back(device *d, const norm_args *a)
{
    (void)d;
    int n = a->C / a->groups;
    const real *x = a->x, *dy = a->dy, *w = a->w;
    real *dx = a->dx;
    for (int t = 0; t < a->T; t++)
        for (int g = 0; g < a->C; g += n, x += n, dy += n) {
            real mean, rs, sum = 0, dot = 0; /* of dy w, and of dy w with the normalised x */
            moments(x, n, a->eps, &mean, &rs);
            for (int i = 0; i < n; i++) {
                real xn = (x[i] - mean) * rs, dn = dy[i] * w[g + i];
                sum += dn;
                dot += dn * xn;
                if (a->dw) a->dw[g + i] += dy[i] * xn;
                if (a->db) a->db[g + i] += dy[i];
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

void ref_unit(device *d, const unit_args *a)
{
    (void)d;
    int N = a->C / a->heads;
    const real *x = a->x;
    real *y = a->y;
    for (int h = 0; h < a->T * a->heads; h++, x += N, y += N) {
        real len = length_of(x, N), by = 1 / (len < UNIT_FLOOR ? UNIT_FLOOR : len);
        for (int i = 0; i < N; i++) y[i] = x[i] * by;
    }
}

void ref_unit_back(device *d, const unit_args *a)
{
    (void)d;
    int N = a->C / a->heads;
    const real *x = a->x, *y = a->y, *dy = a->dy;
    real *dx = a->dx;
    if (!dx) return;
    for (int h = 0; h < a->T * a->heads; h++, x += N, y += N, dx += N, dy += N) {
        real len = length_of(x, N), dot = 0;
        for (int i = 0; i < N; i++) dot += y[i] * dy[i];
        if (len < UNIT_FLOOR) dot = 0, len = UNIT_FLOOR; /* there it is a plain scaling */
        for (int i = 0; i < N; i++) dx[i] += (dy[i] - y[i] * dot) / len;
    }
}

void ref_bonus(device *d, const bonus_args *a)
{
    (void)d;
    int N = a->C / a->heads;
    const real *r = a->r, *k = a->k, *v = a->v;
    real *y = a->y;
    for (int t = 0; t < a->T; t++)
        for (int h = 0; h < a->C; h += N, r += N, k += N, v += N, y += N) {
            real s = 0;
            for (int i = 0; i < N; i++) s += r[i] * k[i] * a->u[h + i];
            for (int i = 0; i < N; i++) y[i] = s * v[i];
        }
}

void ref_bonus_back(device *d, const bonus_args *a)
{
    (void)d;
    int N = a->C / a->heads;
    const real *r = a->r, *k = a->k, *u = a->u, *v = a->v, *dy = a->dy;
    for (int t = 0; t < a->T; t++)
        for (int h = 0; h < a->C; h += N) {
            size_t at = (size_t)t * (size_t)a->C + (size_t)h;
            real s = 0, ds = 0;
            for (int i = 0; i < N; i++) {
                s += r[at + (size_t)i] * k[at + (size_t)i] * u[h + i];
                ds += dy[at + (size_t)i] * v[at + (size_t)i];
            }
            for (int i = 0; i < N; i++) {
                size_t j = at + (size_t)i;
                if (a->dv) a->dv[j] += s * dy[j];
                if (a->dr) a->dr[j] += ds * k[j] * u[h + i];
                if (a->dk) a->dk[j] += ds * r[j] * u[h + i];
                if (a->du) a->du[h + i] += ds * r[j] * k[j];
            }
        }
}

void ref_softmax_nll(device *d, const softmax_args *a)
{
    (void)d;
    real *x = a->logits;
    for (int t = 0; t < a->T; t++, x += a->V) {
        int best = 0;
        for (int i = 1; i < a->V; i++)
            if (x[i] > x[best]) best = i;
        real top = x[best], sum = 0, target = a->targets[t] >= 0 ? x[a->targets[t]] : 0;
        a->max[t] = top;
        a->argmax[t] = best;
        for (int i = 0; i < a->V; i++) sum += x[i] = exp(x[i] - top);
        for (int i = 0; i < a->V; i++) x[i] /= sum;
        a->nll[t] = a->targets[t] >= 0 ? log(sum) + top - target : 0;
    }
}

void ref_softmax_nll_back(device *d, const softmax_args *a)
{
    (void)d;
    real *x = a->logits;
    for (int t = 0; t < a->T; t++, x += a->V) {
        int target = a->targets[t];
        real scale = target < 0 ? 0 : a->scales ? a->scales[t] : a->scale;
        for (int i = 0; i < a->V; i++) x[i] *= scale;
        if (target >= 0) x[target] -= scale;
        if (a->l2wrap != 0) x[a->argmax[t]] += a->l2wrap * a->max[t];
    }
}

void ref_mean(device *d, const mean_args *a)
{
    (void)d;
    double sum = 0;
    for (int t = 0; t < a->T; t++) sum += a->scales ? (double)a->scales[t] * (double)a->nll[t] : (double)a->nll[t];
    a->y[0] = a->counted ? (real)(a->weight * sum / a->counted) : 0;
}

void ref_mix(device *d, const mix_args *a)
{
    const batch *b = a->batch;
    const int C = a->C;
    real *z = scratch_own(2 * (size_t)C * sizeof *z), *before = z + C;
    for (int s = 0; s < b->n_spans; s++) {
        real *state = b->spans[s].state + a->at;
        for (int t = b->spans[s].row; t < b->spans[s].row + b->spans[s].len; t++) {
            size_t row = (size_t)t * (size_t)C;
            memcpy(before, state, (size_t)C * sizeof *z);
            ref_norm(d, &(norm_args){
                            .T = 1, .C = C, .groups = 1, .eps = a->eps, .x = a->x + row, .w = a->w, .b = a->b, .y = z});
            lerp_args l = {.T = 1, .C = C, .mu_rows = 1, .x = a->current ? before : z, .y = a->current ? z : before};
            for (int i = 0; i < a->n; i++) {
                l.mu = a->mu[i];
                l.z = a->y[i] + row;
                ref_lerp(d, &l);
            }
            memcpy(state, z, (size_t)C * sizeof *z);
        }
    }
}

void ref_mix_back(device *d, const mix_args *a)
{
    const batch *b = a->batch;
    const int C = a->C;
    size_t row = (size_t)C, n = (size_t)b->rows * row;
    real *z = scratch_own(4 * n * sizeof *z), *before = z + n, *dz = before + n, *dbefore = dz + n;
    memset(z, 0, 4 * n * sizeof *z);
    norm_args norm = {.T = b->rows, .C = C, .groups = 1, .eps = a->eps, .x = a->x, .w = a->w, .b = a->b, .y = z};
    ref_norm(d, &norm);
    for (int s = 0; s < b->n_spans; s++) {
        size_t first = (size_t)b->spans[s].row * row, rest = ((size_t)b->spans[s].len - 1) * row;
        memcpy(before + first, a->state0 + (size_t)s * row, row * sizeof *z);
        memcpy(before + first + row, z + first, rest * sizeof *z);
    }
    lerp_args l = {.T = b->rows, .C = C, .mu_rows = 1, .x = a->current ? before : z, .y = a->current ? z : before};
    l.dx = a->current ? dbefore : dz;
    l.dy = a->current ? dz : dbefore;
    for (int i = 0; i < a->n; i++) {
        l.mu = a->mu[i];
        l.dz = a->dy[i];
        l.dmu = a->dmu[i];
        ref_lerp_back(d, &l);
    }
    for (int s = 0; s < b->n_spans; s++) {
        size_t first = (size_t)b->spans[s].row * row, rest = ((size_t)b->spans[s].len - 1) * row;
        real *dstate = b->spans[s].dstate ? b->spans[s].dstate + a->at : NULL;
        for (size_t i = 0; i < rest; i++) dz[first + i] += dbefore[first + row + i];
        for (size_t i = 0; i < row && dstate; i++) {
            dz[first + rest + i] += dstate[i];
            dstate[i] = dbefore[first + i];
        }
    }
    norm.dy = dz;
    norm.dx = a->dx;
    norm.dw = a->dw;
    norm.db = a->db;
    ref_norm_back(d, &norm);
}
