/* ref_time.c - the recurrences of versions 4 to 7 and their gradients, as the specification writes them.
 *
 * S[h][i][j]: i the key, j the value channel of head h (docs/models.md). Gradients recompute the states of a whole span
 * from the one kept at its start. */
#include "cpu/ref.h"
#include <tgmath.h>
#include <stdlib.h>
#include <string.h>

static real *room(size_t n)
{
    real *p = malloc((n ? n : 1) * sizeof *p);
    CHECK(p);
    return p;
}

/* ---- version 4: aa, bb, pp of C each; the true sums are aa e^pp, bb e^pp. Spec ARCHITECTURES 2.2, 2.4 ------------------- */

/* one token of one channel: state before it -> after it */
static void absorb4(real *aa, real *bb, real *pp, real k, real v, real w)
{
    real m = fmax(*pp + w, k), e1 = exp(*pp + w - m), e2 = exp(k - m);
    *aa = e1 * *aa + e2 * v;
    *bb = e1 * *bb + e2;
    *pp = m;
}

void ref_wkv4(pool *p, real *y, const real *k, const real *v, const real *w, const real *u, const batch *b, int C, int at)
{
    (void)p;
    for (int s = 0; s < b->n_spans; s++) {
        const span *sp = &b->spans[s];
        real *aa = sp->state + at, *bb = aa + C, *pp = bb + C;
        size_t j = (size_t)sp->row * (size_t)C;
        for (int t = 0; t < sp->len; t++)
            for (int i = 0; i < C; i++, j++) {
                real m = fmax(pp[i], u[i] + k[j]), e1 = exp(pp[i] - m), e2 = exp(u[i] + k[j] - m);
                y[j] = (e1 * aa[i] + e2 * v[j]) / (e1 * bb[i] + e2);
                absorb4(&aa[i], &bb[i], &pp[i], k[j], v[j], w[i]);
            }
    }
}

/* One channel of one span: T tokens, C apart. before: 3 T of scratch, the state before each token. g: gA, gB, o of the true
 * sums (scaled by e^o), C apart, in and out; NULL when nobody asks. */
static void back4(real *dk, real *dv, real *dw, real *du, const real *dy, const real *k, const real *v, real w, real u,
                  const real *state0, real *before, real *g, int T, int C)
{
    real aa = state0[0], bb = state0[C], pp = state0[2 * C];
    for (int t = 0; t < T; t++) {
        before[3 * t] = aa;
        before[3 * t + 1] = bb;
        before[3 * t + 2] = pp;
        absorb4(&aa, &bb, &pp, k[(size_t)t * (size_t)C], v[(size_t)t * (size_t)C], w);
    }
    real gA = g ? g[0] : 0, gB = g ? g[C] : 0, o = gA != 0 || gB != 0 ? g[2 * C] : (real)-1e38;
    for (int t = T - 1; t >= 0; t--) {
        size_t j = (size_t)t * (size_t)C;
        aa = before[3 * t];
        bb = before[3 * t + 1];
        pp = before[3 * t + 2];
        real m = fmax(pp, u + k[j]), e1 = exp(pp - m), e2 = exp(u + k[j] - m);
        real D = e1 * bb + e2, y = (e1 * aa + e2 * v[j]) / D, q = dy[j] / D;
        real e = q * e2, f = exp(k[j] + o);
        if (dk) dk[j] += e * (v[j] - y) + f * (gA * v[j] + gB);
        if (dv) dv[j] += e + f * gA;
        if (du) *du += e * (v[j] - y);
        if (dw) *dw += exp(w + o + pp) * (gA * aa + gB * bb);
        real n = fmax(w + o, -m), s1 = exp(w + o - n), s2 = q * exp(-m - n);
        gA = s1 * gA + s2;
        gB = s1 * gB - s2 * y;
        o = n;
    }
    if (g) {
        g[0] = gA;
        g[C] = gB;
        g[2 * C] = o;
    }
}

void ref_wkv4_back(pool *p, real *dk, real *dv, real *dw, real *du, const real *dy, const real *k, const real *v, const real *w,
                   const real *u, const real *state0, const batch *b, int C, int at)
{
    (void)p;
    for (int s = 0; s < b->n_spans; s++, state0 += 3 * C) {
        const span *sp = &b->spans[s];
        real *before = room(3 * (size_t)sp->len);
        for (int i = 0; i < C; i++) {
            size_t j = (size_t)sp->row * (size_t)C + (size_t)i;
            back4(dk ? dk + j : NULL, dv ? dv + j : NULL, dw ? dw + i : NULL, du ? du + i : NULL, dy + j, k + j, v + j, w[i], u[i],
                  state0 + i, before, sp->dstate ? sp->dstate + at + i : NULL, sp->len, C);
        }
        free(before);
    }
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
    real *G0 = room(NN);
    for (int s = 0; s < b->n_spans; s++) {
        const span *sp = &b->spans[s];
        real *before = room(NN * (size_t)sp->len);
        for (int h = 0; h < heads; h++, state0 += NN) {
            size_t j = (size_t)sp->row * (size_t)C + (size_t)(h * N), jw = w_rows == 1 ? (size_t)(h * N) : j;
            real *G = sp->dstate ? sp->dstate + at + (size_t)h * NN : memset(G0, 0, NN * sizeof *G0);
            back6(dr ? dr + j : NULL, dk ? dk + j : NULL, dv ? dv + j : NULL, dw ? dw + jw : NULL, du ? du + h * N : NULL, dy + j,
                  r + j, k + j, v + j, w + jw, w_rows, u + h * N, state0, before, G, sp->len, C, N);
        }
        free(before);
    }
    free(G0);
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
    free(sa);
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
    real *G0 = room(NN), *ds = room((size_t)N);
    for (int s = 0; s < b->n_spans; s++) {
        const span *sp = &b->spans[s];
        real *states = room(NN * ((size_t)sp->len + 1)), *sa = room((size_t)N * (size_t)sp->len);
        for (int h = 0; h < heads; h++, state0 += NN) {
            size_t j = (size_t)sp->row * (size_t)C + (size_t)(h * N);
            real *G = sp->dstate ? sp->dstate + at + (size_t)h * NN : memset(G0, 0, NN * sizeof *G0);
            back7(dr ? dr + j : NULL, dw ? dw + j : NULL, dk ? dk + j : NULL, dv ? dv + j : NULL, da ? da + j : NULL,
                  db ? db + j : NULL, dy + j, r + j, w + j, k + j, v + j, a + j, bb + j, state0, states, sa, ds, G, sp->len, C, N);
        }
        free(states);
        free(sa);
    }
    free(G0);
    free(ds);
}
