/* ref_time.c - the recurrences of versions 4 to 7 and their gradients, as the specification writes them.
 *
 * S[h][i][j]: i the key, j the value channel of head h (docs/models.md). Gradients recompute the states of a whole span
 * from the one kept at its start. */
#include "cpu/ref.h"
#include <tgmath.h>
#include <string.h>

static real *room(size_t n) { return scratch_own(n * sizeof(real)); }

/* ---- version 4: aa, bb, pp of C each; the true sums are aa e^pp, bb e^pp. Spec ARCHITECTURES 2.2 to 2.4 ------------------ */

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

/* The sums of two pieces of text: through the second those of the first fade by e^d. Which of three pieces are joined first
 * does not matter. A token is the piece (v, 1, k), d = w. */
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

/* Where a channel's gradients go; NULL: nobody asks. */
typedef struct {
    real *dk, *dv, *dw, *du;
} grads4;

/* A token's gradients, from the sums s before it and the gradient g = gA, gB, o of those after it. Returns what it adds itself to
 * the gradient of those before it, which is join4(g, that, w). */
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

/* x[t] <- x[0], x[1] ... x[t] joined, for all t, in log2 n rounds; what is joined in a round needs nothing of that round. x[0]
 * is what came before, the others are single tokens. */
static void scan4(sums *x, int n, real w)
{
    for (int step = 1; step < n; step *= 2) /* x[t] is of `step` elements, or of all from x[0] */
        for (int t = n - 1; t >= step; t--) x[t] = join4(x[t - step], x[t], (real)step * w);
}

/* x[t]: the sums before token t, one token after the other or by scan. x[T]: after the last. */
static void sums_before(sums *x, sums s, const real *k, const real *v, real w, int T, int C, int scan)
{
    x[0] = s;
    for (int t = 0; t < T; t++) {
        sums own = {v[(size_t)t * (size_t)C], 1, k[(size_t)t * (size_t)C]};
        x[t + 1] = scan ? own : join4(x[t], own, w);
    }
    if (scan) scan4(x, T + 1, w);
}

static void forward4(real *y, const real *k, const real *v, const real *w, const real *u, const batch *b, int C, int at, int scan)
{
    for (int i = 0; i < b->n_spans; i++) {
        const span *sp = &b->spans[i];
        sums *x = (sums *)room(3 * ((size_t)sp->len + 1));
        for (int c = 0; c < C; c++) {
            size_t j = (size_t)sp->row * (size_t)C + (size_t)c;
            sums_before(x, sums_get(sp->state + at + c, C), k + j, v + j, w[c], sp->len, C, scan);
            for (int t = 0; t < sp->len; t++, j += (size_t)C) y[j] = out4(x[t], k[j], v[j], u[c]);
            sums_put(sp->state + at + c, C, x[sp->len]);
        }
    }
}

void ref_wkv4(pool *p, real *y, const real *k, const real *v, const real *w, const real *u, const batch *b, int C, int at)
{
    (void)p;
    forward4(y, k, v, w, u, b, C, at, 0);
}

void ref_wkv4_scan(pool *p, real *y, const real *k, const real *v, const real *w, const real *u, const batch *b, int C, int at)
{
    (void)p;
    forward4(y, k, v, w, u, b, C, at, 1);
}

/* One channel of one span: T tokens, C apart. dstate: gA, gB, o of the true sums, C apart, in and out; NULL when nobody asks.
 * x, g: T + 1 of scratch. */
static void channel4_back(grads4 d, const real *dy, const real *k, const real *v, real w, real u, sums s0, real *dstate, sums *x,
                          sums *g, int T, int C, int scan)
{
    sums_before(x, s0, k, v, w, T, C, scan);
    g[0] = dstate ? sums_get(dstate, C) : (sums){0, 0, 0};
    if (g[0].aa == 0 && g[0].bb == 0) g[0].pp = (real)-1e38;
    for (int i = 0; i < T; i++) { /* g[i]: the gradient of x[T - i] */
        size_t t = (size_t)(T - 1 - i), j = t * (size_t)C;
        sums own = back4((grads4){0}, x[t], (sums){0, 0, 0}, k[j], v[j], w, u, dy[j]);
        g[i + 1] = scan ? own : join4(g[i], own, w);
    }
    if (scan) scan4(g, T + 1, w);
    for (int t = T - 1; t >= 0; t--) {
        size_t j = (size_t)t * (size_t)C;
        grads4 at = {d.dk ? d.dk + j : NULL, d.dv ? d.dv + j : NULL, d.dw, d.du};
        back4(at, x[t], g[T - 1 - t], k[j], v[j], w, u, dy[j]);
    }
    if (dstate) sums_put(dstate, C, g[T]);
}

static void backward4(grads4 d, const real *dy, const real *k, const real *v, const real *w, const real *u, const real *state0,
                      const batch *b, int C, int at, int scan)
{
    for (int i = 0; i < b->n_spans; i++, state0 += 3 * C) {
        const span *sp = &b->spans[i];
        size_t n = (size_t)sp->len + 1;
        sums *x = (sums *)room(6 * n);
        for (int c = 0; c < C; c++) {
            size_t j = (size_t)sp->row * (size_t)C + (size_t)c;
            grads4 to = {d.dk ? d.dk + j : NULL, d.dv ? d.dv + j : NULL, d.dw ? d.dw + c : NULL, d.du ? d.du + c : NULL};
            channel4_back(to, dy + j, k + j, v + j, w[c], u[c], sums_get(state0 + c, C), sp->dstate ? sp->dstate + at + c : NULL, x,
                          x + n, sp->len, C, scan);
        }
    }
}

void ref_wkv4_back(pool *p, real *dk, real *dv, real *dw, real *du, const real *dy, const real *k, const real *v, const real *w,
                   const real *u, const real *state0, const batch *b, int C, int at)
{
    (void)p;
    backward4((grads4){dk, dv, dw, du}, dy, k, v, w, u, state0, b, C, at, 0);
}

void ref_wkv4_scan_back(pool *p, real *dk, real *dv, real *dw, real *du, const real *dy, const real *k, const real *v, const real *w,
                        const real *u, const real *state0, const batch *b, int C, int at)
{
    (void)p;
    backward4((grads4){dk, dv, dw, du}, dy, k, v, w, u, state0, b, C, at, 1);
}

/* ---- versions 5 and 6. Spec 3.2, 3.4, 4.4 -------------------------------------------------------------------------------- */

void ref_wkv6(pool *p, real *y, const real *r, const real *k, const real *v, const real *w, int w_rows, const real *u,
              const batch *b, int C, int heads, int at)
{
    (void)p;
    int N = C / heads;
    for (int s = 0; s < b->n_spans; s++)
        for (int t = 0; t < b->spans[s].len; t++)
            for (int h = 0; h < heads; h++) {
                size_t j = (size_t)(b->spans[s].row + t) * (size_t)C + (size_t)(h * N), jw = w_rows == 1 ? (size_t)(h * N) : j;
                real *S = b->spans[s].state + at + (size_t)h * (size_t)(N * N);
                for (int n = 0; n < N; n++) y[j + (size_t)n] = 0;
                for (int i = 0; i < N; i++, S += N) {
                    real ri = r[j + (size_t)i], ki = k[j + (size_t)i], ui = u[h * N + i], wi = w[jw + (size_t)i];
                    for (int n = 0; n < N; n++) {
                        real kv = ki * v[j + (size_t)n];
                        y[j + (size_t)n] += ri * (S[n] + ui * kv);
                        S[n] = wi * S[n] + kv;
                    }
                }
            }
}

/* One head of one span. before: T states; G: dL/dS, in d(final), out d(initial). */
static void back6(real *dr, real *dk, real *dv, real *dw, real *du, const real *dy, const real *r, const real *k, const real *v,
                  const real *w, int w_rows, const real *u, const real *S0, real *before, real *G, int T, int C, int N)
{
    size_t NN = (size_t)(N * N);
    memcpy(before, S0, NN * sizeof *before);
    for (int t = 0; t + 1 < T; t++) {
        const real *S = before + (size_t)t * NN;
        real *next = before + (size_t)(t + 1) * NN;
        size_t j = (size_t)t * (size_t)C;
        for (int i = 0; i < N; i++)
            for (int n = 0; n < N; n++)
                next[i * N + n] = w[(w_rows == 1 ? 0 : j) + (size_t)i] * S[i * N + n] + k[j + (size_t)i] * v[j + (size_t)n];
    }
    for (int t = T - 1; t >= 0; t--) {
        const real *S = before + (size_t)t * NN;
        size_t j = (size_t)t * (size_t)C, jw = w_rows == 1 ? 0 : j;
        real vg = 0, ruk = 0;
        for (int i = 0; i < N; i++) {
            vg += v[j + (size_t)i] * dy[j + (size_t)i];
            ruk += r[j + (size_t)i] * u[i] * k[j + (size_t)i];
        }
        for (int n = 0; dv && n < N; n++) dv[j + (size_t)n] += dy[j + (size_t)n] * ruk;
        for (int i = 0; i < N; i++) {
            real ri = r[j + (size_t)i], ki = k[j + (size_t)i], wi = w[jw + (size_t)i], Sg = 0, Gv = 0, GS = 0;
            for (int n = 0; n < N; n++) {
                real g = G[i * N + n];
                Sg += S[i * N + n] * dy[j + (size_t)n];
                Gv += g * v[j + (size_t)n];
                GS += g * S[i * N + n];
                if (dv) dv[j + (size_t)n] += g * ki;
                G[i * N + n] = ri * dy[j + (size_t)n] + wi * g;
            }
            if (dr) dr[j + (size_t)i] += Sg + u[i] * ki * vg;
            if (dk) dk[j + (size_t)i] += Gv + u[i] * ri * vg;
            if (du) du[i] += ri * ki * vg;
            if (dw) dw[jw + (size_t)i] += GS;
        }
    }
}

void ref_wkv6_back(pool *p, real *dr, real *dk, real *dv, real *dw, real *du, const real *dy, const real *r, const real *k,
                   const real *v, const real *w, int w_rows, const real *u, const real *state0, const batch *b, int C, int heads,
                   int at)
{
    (void)p;
    int N = C / heads;
    size_t NN = (size_t)(N * N);
    for (int s = 0; s < b->n_spans; s++) {
        const span *sp = &b->spans[s];
        real *G0 = room(NN * ((size_t)sp->len + 1)), *before = G0 + NN;
        for (int h = 0; h < heads; h++, state0 += NN) {
            size_t j = (size_t)sp->row * (size_t)C + (size_t)(h * N), jw = w_rows == 1 ? (size_t)(h * N) : j;
            real *G = sp->dstate ? sp->dstate + at + (size_t)h * NN : memset(G0, 0, NN * sizeof *G0);
            back6(dr ? dr + j : NULL, dk ? dk + j : NULL, dv ? dv + j : NULL, dw ? dw + jw : NULL, du ? du + h * N : NULL, dy + j,
                  r + j, k + j, v + j, w + jw, w_rows, u + h * N, state0, before, G, sp->len, C, N);
        }
    }
}

/* ---- version 7. Spec 5.2, 5.4, with S[key][value] ------------------------------------------------------------------------ */

/* S <- S diag(w) + (S a) b' + v k', one token of one head; sa[N] receives S a of the state before */
static void absorb7(real *next, const real *S, real *sa, const real *w, const real *k, const real *v, const real *a, const real *b,
                    int N)
{
    for (int n = 0; n < N; n++) sa[n] = 0;
    for (int i = 0; i < N; i++)
        for (int n = 0; n < N; n++) sa[n] += S[i * N + n] * a[i];
    for (int i = 0; i < N; i++)
        for (int n = 0; n < N; n++) next[i * N + n] = S[i * N + n] * w[i] + sa[n] * b[i] + v[n] * k[i];
}

void ref_wkv7(pool *p, real *y, const real *r, const real *w, const real *k, const real *v, const real *a, const real *bb,
              const batch *b, int C, int heads, int at)
{
    (void)p;
    int N = C / heads;
    real *sa = room((size_t)N);
    for (int s = 0; s < b->n_spans; s++)
        for (int t = 0; t < b->spans[s].len; t++)
            for (int h = 0; h < heads; h++) {
                size_t j = (size_t)(b->spans[s].row + t) * (size_t)C + (size_t)(h * N);
                real *S = b->spans[s].state + at + (size_t)h * (size_t)(N * N);
                absorb7(S, S, sa, w + j, k + j, v + j, a + j, bb + j, N);
                for (int n = 0; n < N; n++) y[j + (size_t)n] = 0;
                for (int i = 0; i < N; i++)
                    for (int n = 0; n < N; n++) y[j + (size_t)n] += S[i * N + n] * r[j + (size_t)i];
            }
}

/* One head of one span. states: T + 1 of them, states[t] before token t; sa: T x N; ds: N of scratch. */
static void back7(real *dr, real *dw, real *dk, real *dv, real *da, real *db, const real *dy, const real *r, const real *w,
                  const real *k, const real *v, const real *a, const real *b, const real *S0, real *states, real *sa, real *ds,
                  real *G, int T, int C, int N)
{
    size_t NN = (size_t)(N * N);
    memcpy(states, S0, NN * sizeof *states);
    for (int t = 0; t < T; t++) {
        size_t j = (size_t)t * (size_t)C;
        absorb7(states + (size_t)(t + 1) * NN, states + (size_t)t * NN, sa + t * N, w + j, k + j, v + j, a + j, b + j, N);
    }
    for (int t = T - 1; t >= 0; t--) {
        const real *before = states + (size_t)t * NN, *after = before + NN, *s = sa + t * N;
        size_t j = (size_t)t * (size_t)C;
        for (int n = 0; n < N; n++) ds[n] = 0;
        for (int i = 0; i < N; i++) {
            size_t ji = j + (size_t)i;
            real Sg = 0, Gv = 0, Gs = 0, GS = 0;
            for (int n = 0; n < N; n++) {
                real g = G[i * N + n] += dy[j + (size_t)n] * r[ji];
                Sg += after[i * N + n] * dy[j + (size_t)n];
                Gv += g * v[j + (size_t)n];
                Gs += g * s[n];
                GS += g * before[i * N + n];
                if (dv) dv[j + (size_t)n] += g * k[ji];
                ds[n] += g * b[ji];
            }
            if (dr) dr[ji] += Sg;
            if (dk) dk[ji] += Gv;
            if (db) db[ji] += Gs;
            if (dw) dw[ji] += GS;
        }
        for (int i = 0; i < N; i++) {
            size_t ji = j + (size_t)i;
            real Sd = 0;
            for (int n = 0; n < N; n++) {
                Sd += before[i * N + n] * ds[n];
                G[i * N + n] = G[i * N + n] * w[ji] + ds[n] * a[ji];
            }
            if (da) da[ji] += Sd;
        }
    }
}

void ref_wkv7_back(pool *p, real *dr, real *dw, real *dk, real *dv, real *da, real *db, const real *dy, const real *r,
                   const real *w, const real *k, const real *v, const real *a, const real *bb, const real *state0, const batch *b,
                   int C, int heads, int at)
{
    (void)p;
    int N = C / heads;
    size_t NN = (size_t)(N * N);
    for (int s = 0; s < b->n_spans; s++) {
        const span *sp = &b->spans[s];
        real *G0 = room((NN + (size_t)N) * ((size_t)sp->len + 2)), *ds = G0 + NN, *sa = ds + N,
             *states = sa + (size_t)N * (size_t)sp->len;
        for (int h = 0; h < heads; h++, state0 += NN) {
            size_t j = (size_t)sp->row * (size_t)C + (size_t)(h * N);
            real *G = sp->dstate ? sp->dstate + at + (size_t)h * NN : memset(G0, 0, NN * sizeof *G0);
            back7(dr ? dr + j : NULL, dw ? dw + j : NULL, dk ? dk + j : NULL, dv ? dv + j : NULL, da ? da + j : NULL,
                  db ? db + j : NULL, dy + j, r + j, w + j, k + j, v + j, a + j, bb + j, state0, states, sa, ds, G, sp->len, C, N);
        }
    }
}
