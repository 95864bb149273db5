/* ref_time.c - the recurrences of versions 4 to 7 and their gradients, as in docs/models.md 2 to 5.
 *
 * S[h][i][j]: i the key, j the value channel of head h. Gradients recompute the states of a whole span from its initial
 * one. */
#include "cpu/ref.h"
#include <tgmath.h>
#include <string.h>

static real *scratch_reals(size_t n) { return scratch_own(n * sizeof(real)); }

/* A pointer into a matrix; NULL if the matrix is NULL. */
static real *at(real *p, size_t i) { return p ? p + i : NULL; }
static const real *in(const real *p, size_t i) { return p ? p + i : NULL; }

/* ---- version 4: aa, bb, pp of C each; the true sums are aa e^pp, bb e^pp. docs/models.md 2.2 to 2.4 -------------- */

typedef struct {
    real aa, bb, pp;
} sums;

static sums sums_get(const real *x, int C) { return (sums){x[0], x[C], x[2 * C]}; }

static void sums_put(real *x, int C, sums s)
{
    x[0] = s.aa;
    x[C] = s.bb;
    x[2 * C] = s.pp;
}

/* The sums of two chunks of text together: the second decays those of the first by e^d. The operator is associative. A
 * token is the chunk (v, 1, k), d = w. */
static sums join4(sums x, sums y, real d)
{
    real m = fmax(x.pp + d, y.pp), e1 = exp(x.pp + d - m), e2 = exp(y.pp - m);
    return (sums){e1 * x.aa + e2 * y.aa, e1 * x.bb + e2 * y.bb, m};
}

/* s: the sums before the token */
static real out4(sums s, real k, real v, real u)
{
    real m = fmax(s.pp, u + k), e1 = exp(s.pp - m), e2 = exp(u + k - m);
    return (e1 * s.aa + e2 * v) / (e1 * s.bb + e2);
}

/* Pointers to a token's gradients; NULL: not needed. */
typedef struct {
    real *dk, *dv, *dw, *du;
} grads4;

/* A token's gradients, from the sums s before it and the gradient g = gA, gB, o of those after it. Returns its own term
 * x of the gradient of those before it, which is join4(g, x, w). */
static sums back4(grads4 d, sums s, sums g, real k, real v, real w, real u, real dy)
{
    real m = fmax(s.pp, u + k), e1 = exp(s.pp - m), e2 = exp(u + k - m);
    real D = e1 * s.bb + e2, y = (e1 * s.aa + e2 * v) / D, q = dy / D;
    real e = q * e2, f = exp(k + g.pp);
    if (d.dk) *d.dk += e * (v - y) + f * (g.aa * v + g.bb);
    if (d.dv) *d.dv += e + f * g.aa;
    if (d.du) *d.du += e * (v - y);
    if (d.dw) *d.dw += exp(w + g.pp + s.pp) * (g.aa * s.aa + g.bb * s.bb);
    return (sums){q, -q * y, -m};
}

/* Prefix scan: x[t] <- x[0], x[1] ... x[t] combined, for all t, in log2 n rounds of independent combinations. x[0] is
 * the state before, the others are single tokens. */
static void scan4(sums *x, int n, real w)
{
    for (int step = 1; step < n; step *= 2) /* x[t] combines `step` elements, or all from x[0] */
        for (int t = n - 1; t >= step; t--) x[t] = join4(x[t - step], x[t], (real)step * w);
}

/* The arguments of one channel of one span: pointers are to it in the span's first row. */
static wkv_args channel_of(const wkv_args *a, const span *sp, int c)
{
    wkv_args q = *a;
    size_t j = (size_t)sp->row * (size_t)a->C + (size_t)c;
    q.k += j;
    q.v += j;
    q.w += c;
    q.u += c;
    q.y = at(a->y, j);
    q.dy = in(a->dy, j);
    q.dk = at(a->dk, j);
    q.dv = at(a->dv, j);
    q.dw = at(a->dw, (size_t)c);
    q.du = at(a->du, (size_t)c);
    return q;
}

/* x[t]: the sums before token t of a channel, token by token or by scan. x[T]: after the last. */
static void sums_before(sums *x, sums s, const wkv_args *q, int T, int scan)
{
    x[0] = s;
    for (int t = 0; t < T; t++) {
        sums own = {q->v[(size_t)t * (size_t)q->C], 1, q->k[(size_t)t * (size_t)q->C]};
        x[t + 1] = scan ? own : join4(x[t], own, *q->w);
    }
    if (scan) scan4(x, T + 1, *q->w);
}

static void forward4(const wkv_args *a, int scan)
{
    for (int i = 0; i < a->batch->n_spans; i++) {
        const span *sp = &a->batch->spans[i];
        sums *x = (sums *)scratch_reals(3 * ((size_t)sp->len + 1));
        for (int c = 0; c < a->C; c++) {
            wkv_args q = channel_of(a, sp, c);
            real *state = sp->state + a->at + c;
            sums_before(x, sums_get(state, a->C), &q, sp->len, scan);
            for (size_t t = 0, j = 0; t < (size_t)sp->len; t++, j += (size_t)a->C)
                q.y[j] = out4(x[t], q.k[j], q.v[j], *q.u);
            sums_put(state, a->C, x[sp->len]);
        }
    }
}

void ref_wkv4(device *d, const wkv_args *a)
{
    (void)d;
    forward4(a, 0);
}

void ref_wkv4_scan(device *d, const wkv_args *a)
{
    (void)d;
    forward4(a, 1);
}

/* One channel of one span. dstate: gA, gB, o of the true sums, C apart, in and out; NULL: not needed. x: 2 (T + 1) of
 * scratch. */
static void channel4_back(const wkv_args *q, sums s0, real *dstate, sums *x, int T, int scan)
{
    sums *g = x + T + 1;
    sums_before(x, s0, q, T, scan);
    g[0] = dstate ? sums_get(dstate, q->C) : (sums){0, 0, 0};
    if (g[0].aa == 0 && g[0].bb == 0) g[0].pp = (real)-1e38;
    for (int i = 0; i < T; i++) { /* g[i]: the gradient of x[T - i] */
        size_t t = (size_t)(T - 1 - i), j = t * (size_t)q->C;
        sums own = back4((grads4){0}, x[t], (sums){0, 0, 0}, q->k[j], q->v[j], *q->w, *q->u, q->dy[j]);
        g[i + 1] = scan ? own : join4(g[i], own, *q->w);
    }
    if (scan) scan4(g, T + 1, *q->w);
    for (int t = T - 1; t >= 0; t--) {
        size_t j = (size_t)t * (size_t)q->C;
        grads4 to = {at(q->dk, j), at(q->dv, j), q->dw, q->du};
        back4(to, x[t], g[T - 1 - t], q->k[j], q->v[j], *q->w, *q->u, q->dy[j]);
    }
    if (dstate) sums_put(dstate, q->C, g[T]);
}

static void backward4(const wkv_args *a, int scan)
{
    const real *state0 = a->state0;
    for (int i = 0; i < a->batch->n_spans; i++, state0 += 3 * a->C) {
        const span *sp = &a->batch->spans[i];
        sums *x = (sums *)scratch_reals(6 * ((size_t)sp->len + 1));
        for (int c = 0; c < a->C; c++) {
            wkv_args q = channel_of(a, sp, c);
            channel4_back(&q, sums_get(state0 + c, a->C), sp->dstate ? sp->dstate + a->at + c : NULL, x, sp->len, scan);
        }
    }
}

void ref_wkv4_back(device *d, const wkv_args *a)
{
    (void)d;
    backward4(a, 0);
}

void ref_wkv4_scan_back(device *d, const wkv_args *a)
{
    (void)d;
    backward4(a, 1);
}

/* ---- versions 5 to 7: one head of one span ----------------------------------------------------------------------- */

/* The arguments: pointers are to the head's first column of the span's first row, state0 to its state. Rows are C
 * apart. */
static wkv_args head_of(const wkv_args *a, int s, int h)
{
    wkv_args q = *a;
    size_t N = (size_t)(a->C / a->heads), c = (size_t)h * N, j = (size_t)a->batch->spans[s].row * (size_t)a->C + c;
    size_t jw = a->w_rows == 1 ? c : j;
    q.r += j;
    q.w += jw;
    q.k += j;
    q.v += j;
    q.a = in(a->a, j);
    q.b = in(a->b, j);
    q.u = in(a->u, c);
    q.y = at(a->y, j);
    q.dy = in(a->dy, j);
    q.state0 = in(a->state0, ((size_t)s * (size_t)a->heads + (size_t)h) * N * N);
    q.dr = at(a->dr, j);
    q.dw = at(a->dw, jw);
    q.dk = at(a->dk, j);
    q.dv = at(a->dv, j);
    q.da = at(a->da, j);
    q.db = at(a->db, j);
    q.du = at(a->du, c);
    return q;
}

static real *state_of(const wkv_args *a, real *states, int h)
{
    int N = a->C / a->heads;
    return states ? states + a->at + (size_t)h * (size_t)(N * N) : NULL;
}

/* ---- versions 5 and 6: docs/models.md 3.2, 3.4, 4.4 -------------------------------------------------------------- */

void ref_wkv6(device *d, const wkv_args *a)
{
    (void)d;
    int N = a->C / a->heads;
    for (int s = 0; s < a->batch->n_spans; s++)
        for (int h = 0; h < a->heads; h++) {
            wkv_args q = head_of(a, s, h);
            for (int t = 0; t < a->batch->spans[s].len; t++) {
                size_t j = (size_t)t * (size_t)a->C, jw = a->w_rows == 1 ? 0 : j;
                real *y = q.y, *S = state_of(a, a->batch->spans[s].state, h);
                const real *v = q.v;
                for (int n = 0; n < N; n++) y[j + (size_t)n] = 0;
                for (int i = 0; i < N; i++, S += N) {
                    real ri = q.r[j + (size_t)i], ki = q.k[j + (size_t)i], ui = q.u[i], wi = q.w[jw + (size_t)i];
                    for (int n = 0; n < N; n++) {
                        real kv = ki * v[j + (size_t)n];
                        y[j + (size_t)n] += ri * (S[n] + ui * kv);
                        S[n] = wi * S[n] + kv;
                    }
                }
            }
        }
}

/* The states before each token, T of them. */
static void states6(real *before, const wkv_args *q, int T, int N)
{
    size_t NN = (size_t)(N * N);
    memcpy(before, q->state0, NN * sizeof *before);
    for (int t = 0; t + 1 < T; t++) {
        const real *S = before + (size_t)t * NN;
        real *next = before + (size_t)(t + 1) * NN;
        size_t j = (size_t)t * (size_t)q->C, jw = q->w_rows == 1 ? 0 : j;
        for (int i = 0; i < N; i++)
            for (int n = 0; n < N; n++)
                next[i * N + n] = q->w[jw + (size_t)i] * S[i * N + n] + q->k[j + (size_t)i] * q->v[j + (size_t)n];
    }
}

/* One head of one span. before: T states of scratch; G: dL/dS, in d(final), out d(initial). */
static void back6(const wkv_args *q, real *before, real *G, int T, int N)
{
    const real *r = q->r, *k = q->k, *v = q->v, *w = q->w, *u = q->u, *dy = q->dy;
    states6(before, q, T, N);
    for (int t = T - 1; t >= 0; t--) {
        const real *S = before + (size_t)t * (size_t)(N * N);
        size_t j = (size_t)t * (size_t)q->C, jw = q->w_rows == 1 ? 0 : j;
        real vg = 0, ruk = 0;
        for (int i = 0; i < N; i++) {
            vg += v[j + (size_t)i] * dy[j + (size_t)i];
            ruk += r[j + (size_t)i] * u[i] * k[j + (size_t)i];
        }
        for (int n = 0; q->dv && n < N; n++) q->dv[j + (size_t)n] += dy[j + (size_t)n] * ruk;
        for (int i = 0; i < N; i++) {
            real ri = r[j + (size_t)i], ki = k[j + (size_t)i], wi = w[jw + (size_t)i], Sg = 0, Gv = 0, GS = 0;
            for (int n = 0; n < N; n++) {
                real g = G[i * N + n];
                Sg += S[i * N + n] * dy[j + (size_t)n];
                Gv += g * v[j + (size_t)n];
                GS += g * S[i * N + n];
                if (q->dv) q->dv[j + (size_t)n] += g * ki;
                G[i * N + n] = ri * dy[j + (size_t)n] + wi * g;
            }
            if (q->dr) q->dr[j + (size_t)i] += Sg + u[i] * ki * vg;
            if (q->dk) q->dk[j + (size_t)i] += Gv + u[i] * ri * vg;
            if (q->du) q->du[i] += ri * ki * vg;
            if (q->dw) q->dw[jw + (size_t)i] += GS;
        }
    }
}

void ref_wkv6_back(device *d, const wkv_args *a)
{
    (void)d;
    int N = a->C / a->heads;
    size_t NN = (size_t)(N * N);
    for (int s = 0; s < a->batch->n_spans; s++) {
        const span *sp = &a->batch->spans[s];
        real *none = scratch_reals(NN * ((size_t)sp->len + 1)), *before = none + NN;
        for (int h = 0; h < a->heads; h++) {
            wkv_args q = head_of(a, s, h);
            real *G = state_of(a, sp->dstate, h);
            back6(&q, before, G ? G : memset(none, 0, NN * sizeof *none), sp->len, N);
        }
    }
}

/* ---- version 7: docs/models.md 5.2, 5.4, with S[key][value] ------------------------------------------------------ */

/* S <- S diag(w) + (S a) b' + v k', one token of one head, in row j; sa[N] receives S a of the state before */
static void absorb7(real *next, const real *S, real *sa, const wkv_args *q, size_t j, int N)
{
    const real *w = q->w + j, *k = q->k + j, *v = q->v + j, *a = q->a + j, *b = q->b + j;
    for (int n = 0; n < N; n++) sa[n] = 0;
    for (int i = 0; i < N; i++)
        for (int n = 0; n < N; n++) sa[n] += S[i * N + n] * a[i];
    for (int i = 0; i < N; i++)
        for (int n = 0; n < N; n++) next[i * N + n] = S[i * N + n] * w[i] + sa[n] * b[i] + v[n] * k[i];
}

void ref_wkv7(device *d, const wkv_args *a)
{
    (void)d;
    int N = a->C / a->heads;
    real *sa = scratch_reals((size_t)N);
    for (int s = 0; s < a->batch->n_spans; s++)
        for (int h = 0; h < a->heads; h++) {
            wkv_args q = head_of(a, s, h);
            real *S = state_of(a, a->batch->spans[s].state, h);
            for (int t = 0; t < a->batch->spans[s].len; t++) {
                size_t j = (size_t)t * (size_t)a->C;
                absorb7(S, S, sa, &q, j, N);
                for (int n = 0; n < N; n++) q.y[j + (size_t)n] = 0;
                for (int i = 0; i < N; i++)
                    for (int n = 0; n < N; n++) q.y[j + (size_t)n] += S[i * N + n] * q.r[j + (size_t)i];
            }
        }
}

/* One head of one span. G: dL/dS, in d(final), out d(initial). scratch: N, T x N and T + 1 states. */
static void back7(const wkv_args *q, real *scratch, real *G, int T, int N)
{
    size_t NN = (size_t)(N * N);
    real *ds = scratch, *sa = ds + N, *states = sa + T * N; /* states[t]: before token t */
    memcpy(states, q->state0, NN * sizeof *states);
    for (int t = 0; t < T; t++)
        absorb7(states + (size_t)(t + 1) * NN, states + (size_t)t * NN, sa + t * N, q, (size_t)t * (size_t)q->C, N);
    for (int t = T - 1; t >= 0; t--) {
        const real *before = states + (size_t)t * NN, *after = before + NN, *s = sa + t * N;
        size_t j = (size_t)t * (size_t)q->C;
        for (int n = 0; n < N; n++) ds[n] = 0;
        for (int i = 0; i < N; i++) {
            size_t ji = j + (size_t)i;
            real Sg = 0, Gv = 0, Gs = 0, GS = 0;
            for (int n = 0; n < N; n++) {
                real g = G[i * N + n] += q->dy[j + (size_t)n] * q->r[ji];
                Sg += after[i * N + n] * q->dy[j + (size_t)n];
                Gv += g * q->v[j + (size_t)n];
                Gs += g * s[n];
                GS += g * before[i * N + n];
                if (q->dv) q->dv[j + (size_t)n] += g * q->k[ji];
                ds[n] += g * q->b[ji];
            }
            if (q->dr) q->dr[ji] += Sg;
            if (q->dk) q->dk[ji] += Gv;
            if (q->db) q->db[ji] += Gs;
            if (q->dw) q->dw[ji] += GS;
        }
        for (int i = 0; i < N; i++) {
            size_t ji = j + (size_t)i;
            real Sd = 0;
            for (int n = 0; n < N; n++) {
                Sd += before[i * N + n] * ds[n];
                G[i * N + n] = G[i * N + n] * q->w[ji] + ds[n] * q->a[ji];
            }
            if (q->da) q->da[ji] += Sd;
        }
    }
}

void ref_wkv7_back(device *d, const wkv_args *a)
{
    (void)d;
    int N = a->C / a->heads;
    size_t NN = (size_t)(N * N);
    for (int s = 0; s < a->batch->n_spans; s++) {
        const span *sp = &a->batch->spans[s];
        real *none = scratch_reals((NN + (size_t)N) * ((size_t)sp->len + 2));
        for (int h = 0; h < a->heads; h++) {
            wkv_args q = head_of(a, s, h);
            real *G = state_of(a, sp->dstate, h);
            back7(&q, none + NN, G ? G : memset(none, 0, NN * sizeof *none), sp->len, N);
        }
    }
}
