/* simd_back.h - the recurrences, backward (part of simd_body.h).
 *
 * States are needed in reverse. One pass forward keeps a state every CHUNK tokens. In versions 5 and 6, whose decay may
 * be as small as 0, the states between are recomputed from the kept one, chunk by chunk from the last; in version 7 a
 * chunk is a few matrix products. The matrices in scratch have rows of padded(N), zeros after N. */

enum { CHUNK = 16 };

/* ---- version 4: docs/models.md 2.4 ------------------------------------------------------------------------------- */

enum { CHUNK4 = 512 };

static size_t wkv4_scratch(int T, int n) { return 3 * ((size_t)(T + CHUNK4 - 1) / CHUNK4 + CHUNK4 + 1) * (size_t)n; }

/* Token t: g is gA, gB, o, n apart: in, the gradient of the sums after it; out, of those before it, aa, bb, pp. */
INLINE void token4_back(const channels4 *c, int t, const float *aa, float *gA)
{
    const size_t at = (size_t)t * (size_t)c->C;
    const int n = c->n;
    const float *bb = aa + n, *pp = bb + n, *dy = c->dy + at, *k = c->k + at, *v = c->v + at, *w = c->w, *u = c->u;
    float *gB = gA + n, *o = gB + n, *dw = c->dw, *du = c->du;
    float *dk = c->dk ? c->dk + at : NULL, *dv = c->dv ? c->dv + at : NULL;
    EACH(n, vf a = LD(aa); vf b = LD(bb); vf p = LD(pp); vf kt = LD(k); vf vt = LD(v); vf wi = LD(w);
         vf uk = LD(u) + kt;
         vf A = LD(gA); vf B = LD(gB); vf e0 = LD(o); vf e1; vf e2; vf m = scales(p, uk, &e1, &e2);
         vf D = madd(e1, b, e2); vf y = madd(e1, a, e2 * vt) / D; vf q = LD(dy) / D; vf e = q * e2;
         if (dk || dv) {
             vf f = vexp(kt + e0);
             if (dk) ST(dk, LD(dk) + madd(e, vt - y, f * madd(A, vt, B)));
             if (dv) ST(dv, LD(dv) + madd(f, A, e));
         }
         if (du) ST(du, madd(e, vt - y, LD(du)));
         if (dw) ST(dw, madd(vexp(wi + e0 + p), madd(A, a, B * b), LD(dw)));
         vf s1; vf s2; vf top = scales(wi + e0, -m, &s1, &s2); s2 *= q;
         ST(gA, madd(s1, A, s2)); ST(gB, madd(s1, B, -s2 * y)); ST(o, top););
}

/* dstate: gA, gB, o, C apart. */
static void wkv4_back(const channels4 *c, float *scratch)
{
    const int T = c->T, C = c->C, n = c->n;
    float *dstate = c->dstate;
    size_t state = 3 * (size_t)n, chunk = CHUNK4 * (size_t)C;
    int chunks = (T + CHUNK4 - 1) / CHUNK4;
    float *g = scratch, *before = g + state, *kept = before + CHUNK4 * state; /* before: each token of a chunk */
    for (int i = 0; i < 3; i++) memcpy(kept + i * n, c->state0 + (size_t)i * (size_t)C, sizeof *kept * (size_t)n);
    for (int i = 0; i + 1 < chunks; i++) {
        float *next = kept + (size_t)(i + 1) * state;
        memcpy(next, next - state, sizeof *next * state);
        wkv4_past(next, n, c->k + (size_t)i * chunk, c->v + (size_t)i * chunk, c->w, CHUNK4, C, n);
    }
    for (int i = 0; i < n; i++) {
        g[i] = dstate ? dstate[i] : 0;
        g[n + i] = dstate ? dstate[C + i] : 0;
        g[2 * n + i] = g[i] != 0 || g[n + i] != 0 ? dstate[2 * C + i] : -1e38f;
    }
    for (int i = chunks - 1; i >= 0; i--) {
        int from = i * CHUNK4, len = T - from < CHUNK4 ? T - from : CHUNK4;
        memcpy(before, kept + (size_t)i * state, sizeof *before * state);
        for (int t = 0; t + 1 < len; t++) {
            size_t at = (size_t)(from + t) * (size_t)C;
            step4(before + (size_t)(t + 1) * state, before + (size_t)t * state, n, c->k + at, c->v + at, c->w, n);
        }
        for (int t = len - 1; t >= 0; t--) token4_back(c, from + t, before + (size_t)t * state, g);
    }
    for (int i = 0; dstate && i < 3; i++) memcpy(dstate + (size_t)i * (size_t)C, g + i * n, sizeof *dstate * (size_t)n);
}

/* ---- sums over columns: 16 lanes for each key, summed at the end ------------------------------------------------- */

/* n rows of 16 floats -> to[i] += sum of row i (+ a[i] b[i] by when a is not NULL) */
INLINE void add_sums(float *to, const float *rows, int n, const float *a, const float *b, float by)
{
    EACH(n, vf s = sums(rows + (size_t)i * SUM_LANES);
         if (a) s = madd(LD(a) * LD(b), all(by), s);
         ST(to, LD(to) + s););
}

/* ---- versions 5 and 6: docs/models.md 3.4, 4.4 ------------------------------------------------------------------- */

static size_t matrix(const head *h) { return (size_t)h->N * (size_t)padded(h->N); }
static size_t chunks(const head *h) { return ((size_t)h->T + CHUNK - 1) / CHUNK; }
enum { SUMS = 3, BACK_V = 4 }; /* sums over columns; vectors of columns in a block */
static size_t sums_floats(const head *h) { return SUMS * (size_t)padded(h->N) * SUM_LANES; }

static size_t wkv6_scratch(const head *h) { return (chunks(h) + CHUNK + 1) * matrix(h) + sums_floats(h); }

/* the state after token t */
static void step6(const head *h, int t, float *next, const float *S)
{
    size_t at = (size_t)t * h->C;
    const float *k = h->k + at, *v = h->v + at, *w = h->w + (size_t)t * h->w_step;
    for (int i = 0; i < h->N; i++, S += padded(h->N), next += padded(h->N)) {
        vf ki = all(k[i]), wi = all(w[i]);
        int j = 0;
        for (; j + LANES <= h->N; j += LANES) store(next + j, madd(wi, load(S + j), ki * load(v + j)));
        for (; j < padded(h->N); j += LANES)
            store(next + j, madd(wi, load(S + j), ki * load_part(v + j, lanes_left(h->N - j))));
    }
}

/* Columns j.. of token t, vn vectors, all terms of a sum: zeros follow the head's last column. */
INLINE void back6_block(const int vn, const int whole, const head *h, int t, const float *S, float *G, float *P, int j)
{
    size_t at = (size_t)t * h->C, wide = (size_t)padded(h->N), apart = wide * SUM_LANES;
    const float *r = h->r + at, *k = h->k + at, *w = h->w + (size_t)t * h->w_step;
    float ruk = inner3(r, k, h->u, h->N);
    vf dy[BACK_V], v[BACK_V], dv[BACK_V];
    int left[BACK_V];
    UNROLL for (int q = 0; q < vn; q++) {
        left[q] = lanes_left(h->N - j - q * LANES);
        dy[q] = take(whole, h->dy + at + j + q * LANES, left[q]);
        v[q] = take(whole, h->v + at + j + q * LANES, left[q]);
        dv[q] = dy[q] * ruk;
    }
    S += j;
    G += j;
    for (int i = 0; i < h->N; i++, S += wide, G += wide, P += SUM_LANES) {
        vf ri = all(r[i]), ki = all(k[i]), wi = all(w[i]);
        UNROLL for (int p = 0; p < PARTS; p++) {
            float *sum = P + p * LANES;
            vf Sg = j ? load(sum) : (vf){0}, Gv = j ? load(sum + apart) : (vf){0};
            vf GS = j ? load(sum + 2 * apart) : (vf){0};
            UNROLL for (int q = p; q < vn; q += PARTS) {
                vf g = load(G + q * LANES), s = load(S + q * LANES);
                Sg = madd(s, dy[q], Sg);
                Gv = madd(g, v[q], Gv);
                GS = madd(g, s, GS);
                dv[q] = madd(g, ki, dv[q]);
                store(G + q * LANES, madd(ri, dy[q], wi * g));
            }
            store(sum, Sg);
            store(sum + apart, Gv);
            store(sum + 2 * apart, GS);
        }
    }
    if (h->dv)
        UNROLL for (int q = 0; q < vn; q++) {
            float *to = h->dv + at + j + q * LANES;
            put(whole, to, take(whole, to, left[q]) + dv[q], left[q]);
        }
}

/* all columns of a token in blocks */
static void back6_columns(const head *h, int t, const float *S, float *G, float *P)
{
    int j = 0;
    for (; j + BACK_V * LANES <= h->N; j += BACK_V * LANES) back6_block(BACK_V, 1, h, t, S, G, P, j);
    for (; j < h->N; j += SUM_LANES) back6_block(PARTS, 0, h, t, S, G, P, j);
}

static void start_back(const head *h, float *S, float *G, float *P)
{
    widen(S, h->S0, h->N);
    if (h->dS) widen(G, h->dS, h->N);
    else memset(G, 0, sizeof *G * matrix(h));
    memset(P, 0, sizeof *P * sums_floats(h));
}

static void wkv6_back(const head *h, float *scratch)
{
    size_t M = matrix(h), apart = (size_t)padded(h->N) * SUM_LANES;
    float *kept = scratch, *S = kept + chunks(h) * M, *G = S + CHUNK * M, *P = G + M;
    start_back(h, kept, G, P);
    for (int t = 0; t + 1 < h->T; t++) { /* the states before tokens 0, 16, 32 ... */
        float *to = (t + 1) % CHUNK ? S : kept + (size_t)((t + 1) / CHUNK) * M;
        step6(h, t, to, t % CHUNK ? S : kept + (size_t)(t / CHUNK) * M);
    }
    for (int c = (int)chunks(h) - 1; c >= 0; c--) {
        int first = c * CHUNK, n = h->T - first < CHUNK ? h->T - first : CHUNK;
        memcpy(S, kept + (size_t)c * M, sizeof *S * M);
        for (int i = 0; i + 1 < n; i++) step6(h, first + i, S + (size_t)(i + 1) * M, S + (size_t)i * M);
        for (int t = first + n - 1; t >= first; t--) {
            size_t at = (size_t)t * h->C;
            const float *r = h->r + at, *k = h->k + at;
            float vg = inner(h->v + at, h->dy + at, h->N);
            back6_columns(h, t, S + (size_t)(t - first) * M, G, P);
            if (h->dr) add_sums(h->dr + at, P, h->N, h->u, k, vg);
            if (h->dk) add_sums(h->dk + at, P + apart, h->N, h->u, r, vg);
            if (h->dw) add_sums(h->dw + (size_t)t * h->w_step, P + 2 * apart, h->N, NULL, NULL, 0);
            if (h->du) {
                float *du = h->du;
                EACH(h->N, ST(du, madd(LD(r) * LD(k), all(vg), LD(du))););
            }
        }
    }
    if (h->dS) narrow(h->dS, G, h->N);
}

/* ---- version 7: docs/models.md 5.4, in chunks -------------------------------------------------------------------- */

enum { BOTH = 2 * CHUNK, SHORT = 4 }; /* rows of a pair; rows of a tile */

/* A matrix in memory: (m, n) at at[m row + n col]; row or col is 1. */
typedef struct {
    const float *at;
    size_t row, col;
} strided;

INLINE strided by_rows(const float *at, size_t row) { return (strided){at, row, 1}; }
INLINE strided transposed(const float *at, size_t row) { return (strided){at, 1, row}; } /* a row-major one */

/* c (+)= a b: M x N from sums of K, N whole vectors; rows of c are ldc floats apart, b is row-major. */
INLINE void block_tile(const int mn, const int vn, float *c, size_t ldc, strided a, strided b, int K, int add)
{
    vf acc[SHORT][TIME_V];
    UNROLL for (int m = 0; m < mn; m++)
        UNROLL for (int v = 0; v < vn; v++) acc[m][v] = add ? load(c + (size_t)m * ldc + v * LANES) : (vf){0};
    for (int k = 0; k < K; k++, a.at += a.col, b.at += b.row) {
        vf bv[TIME_V];
        UNROLL for (int v = 0; v < vn; v++) bv[v] = load(b.at + v * LANES);
        UNROLL for (int m = 0; m < mn; m++) {
            vf s = all(a.at[(size_t)m * a.row]);
            UNROLL for (int v = 0; v < vn; v++) acc[m][v] = madd(s, bv[v], acc[m][v]);
        }
    }
    UNROLL for (int m = 0; m < mn; m++)
        UNROLL for (int v = 0; v < vn; v++) store(c + (size_t)m * ldc + v * LANES, acc[m][v]);
}

static void block(float *c, size_t ldc, strided a, strided b, int M, int N, int K, int add)
{
    for (int n = 0; n < N; n += n + TIME_V * LANES <= N ? TIME_V * LANES : LANES)
        for (int m = 0; m < M; m += SHORT) { /* M is a multiple of it */
            float *to = c + (size_t)m * ldc + n;
            strided am = {a.at + (size_t)m * a.row, a.row, a.col}, bn = {b.at + n, b.row, 1};
            if (n + TIME_V * LANES <= N) block_tile(SHORT, TIME_V, to, ldc, am, bn, K, add);
            else block_tile(SHORT, 1, to, ldc, am, bn, K, add);
        }
}

/* to[n][m] = from[m][n]; M and N whole vectors */
static void turned(float *to, const float *from, int M, int N)
{
    vf v[LANES];
    for (int m = 0; m < M; m += LANES)
        for (int n = 0; n < N; n += LANES) {
            UNROLL for (int i = 0; i < LANES; i++) v[i] = load(from + (size_t)(m + i) * (size_t)N + n);
            turn(v);
            UNROLL for (int i = 0; i < LANES; i++) store(to + (size_t)(n + i) * (size_t)M + m, v[i]);
        }
}

/* One chunk: pairs of CHUNK rows of `wide` floats, one above the other, and its other matrices in scratch. */
typedef struct {
    int wide;
    /* D: CHUNK + 1 rows, the first of ones; E: BOTH x BOTH; sum: a row */
    float *ra, *kb, *vu, *yp, *dra, *dkb, *D, *turn, *E, *sum;
    float *S0t, *Gt, *G;                                 /* wide x wide */
    float *states, *us, *As;                             /* of all chunks */
} chunk7;

static size_t chunk7_place(chunk7 *c, const head *h, float *scratch)
{
    size_t wide = (size_t)padded(h->N), pair = BOTH * wide, M = wide * wide, n = chunks(h), at = 0;
    float **const part[] = {&c->ra, &c->kb, &c->vu, &c->yp, &c->dra, &c->dkb, &c->D, &c->turn,
                            &c->E, &c->sum, &c->S0t, &c->Gt, &c->G, &c->states, &c->us, &c->As};
    const size_t size[] = {pair, pair, pair, pair, pair, pair, pair, pair,
                           BOTH * BOTH, wide, M, M, M, (n + 1) * M, n * pair / 2, n * BOTH * BOTH};
    c->wide = (int)wide;
    for (size_t i = 0; i < sizeof size / sizeof *size; at += size[i++])
        if (scratch) *part[i] = scratch + at;
    return at;
}

static size_t wkv7_scratch(const head *h)
{
    chunk7 c;
    return chunk7_place(&c, h, NULL);
}

/* to[CHUNK][wide] = n rows of the head, zeros around them */
static void take_rows(const chunk7 *c, const head *h, float *to, const float *from, int n)
{
    if (n < CHUNK || h->N < c->wide) memset(to, 0, sizeof *to * CHUNK * (size_t)c->wide);
    for (int t = 0; t < n; t++, to += c->wide, from += h->C) EACH(h->N, ST(to, LD(from)););
}

/* Tokens first .. first + n: D, [r^; a^], [k^; b^], v. Missing tokens have w = 1 and zeros. */
static void chunk7_take(const chunk7 *c, const head *h, int first, int n)
{
    size_t at = (size_t)first * h->C, wide = (size_t)c->wide, half = CHUNK * wide;
    float *D = c->D;
    const float *const in[] = {h->r, h->w, h->k, h->v, h->a, h->b};
    for (int i = 0; i < 6; i++) foresee(h, in[i], first + CHUNK, CHUNK, 0);
    take_rows(c, h, c->ra, h->r + at, n);
    take_rows(c, h, c->ra + half, h->a + at, n);
    take_rows(c, h, c->kb, h->k + at, n);
    take_rows(c, h, c->kb + half, h->b + at, n);
    take_rows(c, h, c->vu, h->v + at, n);
    for (size_t i = 0; i < wide; i++) D[i] = 1;
    for (int t = 0; t < CHUNK; t++, D += wide) {
        float *r = c->ra + (size_t)t * wide, *a = r + half, *k = c->kb + (size_t)t * wide, *b = k + half;
        float *next = D + wide;
        if (t < n) {
            const float *w = h->w + at + (size_t)t * h->C;
            EACH(h->N, ST(next, LD(w) * LD(D)););
            for (size_t i = (size_t)h->N; i < wide; i++) next[i] = 1;
        } else memcpy(next, D, sizeof *D * wide);
        for (size_t i = 0; i < wide; i += LANES) {
            vf d = load(next + i), over = 1.0f / d;
            store(r + i, load(r + i) * d);
            store(a + i, load(a + i) * load(D + i));
            store(k + i, load(k + i) * over);
            store(b + i, load(b + i) * over);
        }
    }
}

/* The causal mask: rows of r^ and dy include their own token, rows of a^ and p only those before. */
static void mask7(float *A)
{
    for (int t = 0; t < CHUNK; t++)
        for (int s = t; s < CHUNK; s++) {
            float *r = A + t * BOTH + s, *a = r + CHUNK * BOTH;
            if (s > t) r[0] = r[CHUNK] = 0;
            a[0] = a[CHUNK] = 0;
        }
}

/* row t of x += sum of A[t][s] x[s] (or A[s][t] x[s], in reverse) over the finished rows */
INLINE void solve7(const chunk7 *c, float *x, const float *A, const int backwards)
{
    for (int q = 0; q < c->wide; q += LANES)
        for (int i = 1; i < CHUNK; i++) {
            int t = backwards ? CHUNK - 1 - i : i;
            vf sum = load(x + t * c->wide + q);
            for (int j = 0; j < i; j++) {
                int s = backwards ? CHUNK - 1 - j : j;
                sum = madd(all(backwards ? A[s * BOTH + t] : A[t * BOTH + s]), load(x + s * c->wide + q), sum);
            }
            store(x + t * c->wide + q, sum);
        }
}

/* Forward: A, u and the state S1 after the chunk, from S0. */
static void chunk7_forward(const chunk7 *c, const float *S0, float *S1, float *A, float *u)
{
    int wide = c->wide;
    size_t w = (size_t)wide, half = CHUNK * w;
    const float *a = c->ra + half, *D = c->D + half;
    turned(c->turn, c->kb, BOTH, wide);
    block(A, BOTH, by_rows(c->ra, w), by_rows(c->turn, BOTH), BOTH, BOTH, wide, 0);
    mask7(A);
    block(u, w, by_rows(a, w), by_rows(S0, w), CHUNK, wide, wide, 0);
    block(u, w, by_rows(A + CHUNK * BOTH, BOTH), by_rows(c->vu, w), CHUNK, wide, CHUNK, 1);
    solve7(c, u, A + CHUNK * BOTH + CHUNK, 0);
    memcpy(c->vu + half, u, sizeof *u * half);
    for (int i = 0; i < wide; i++)
        for (int j = 0; j < wide; j += LANES) store(S1 + i * wide + j, load(S0 + i * wide + j) * D[i]);
    for (int t = 0; t < BOTH; t++)
        for (int j = 0; j < wide; j += LANES) store(c->dkb + t * wide + j, load(c->kb + t * wide + j) * load(D + j));
    block(S1, w, transposed(c->dkb, w), by_rows(c->vu, w), wide, wide, BOTH, 1);
}

static void put_rows(const chunk7 *c, const head *h, float *to, const float *from, int n)
{
    for (int t = 0; to && t < n; t++, to += h->C, from += c->wide) EACH(h->N, ST(to, LD(to) + LD(from)););
}

/* Backward: c->G from the gradient after the chunk to the one before it. */
static void chunk7_back(const chunk7 *c, const head *h, int first, int n, const float *S0, const float *S1,
                        const float *A)
{
    int wide = c->wide;
    size_t at = (size_t)first * h->C, w = (size_t)wide, half = CHUNK * w;
    float *G = c->G, *p = c->yp + half, *dv = c->turn, *const out[] = {h->dr, h->dw, h->dk, h->dv, h->da, h->db};
    const float *D = c->D + half, *const in[] = {h->r, h->w, h->k, h->v, h->a, h->b, h->dy};
    for (int i = 0; i < 6; i++) foresee(h, out[i], first, CHUNK, 1);
    for (int i = 0; i < 7 && first; i++) foresee(h, in[i], first - CHUNK, CHUNK, 0);

    for (int i = 0; i < wide; i += LANES) { /* of log D's last row, the term of S */
        vf rows[LANES];
        UNROLL for (int l = 0; l < LANES; l++) {
            float *g = G + (i + l) * wide;
            const float *s = S1 + (i + l) * wide;
            lanes16 of_row = {0};
            for (int j = 0; j < wide; j += SUM_LANES)
                UNROLL for (int q = 0; q < PARTS; q++, g += LANES, s += LANES) {
                    of_row.part[q] = madd(load(g), load(s), of_row.part[q]);
                    store(g, load(g) * D[i + l]);
                }
            rows[l] = fold(of_row);
        }
        store(c->sum + i, sums_of(rows));
    }

    take_rows(c, h, c->yp, h->dy + at, n);
    block(p, w, by_rows(c->kb + half, w), by_rows(G, w), CHUNK, wide, wide, 0);
    block(p, w, transposed(A + CHUNK, BOTH), by_rows(c->yp, w), CHUNK, wide, CHUNK, 1);
    solve7(c, p, A + CHUNK * BOTH + CHUNK, 1);
    block(dv, w, by_rows(c->kb, w), by_rows(G, w), CHUNK, wide, wide, 0);
    block(dv, w, transposed(A, BOTH), by_rows(c->yp, w), CHUNK, wide, BOTH, 1);
    put_rows(c, h, h->dv ? h->dv + at : NULL, dv, n);

    turned(c->turn, c->vu, BOTH, wide);
    block(c->E, BOTH, by_rows(c->yp, w), by_rows(c->turn, BOTH), BOTH, BOTH, wide, 0);
    mask7(c->E);
    turned(c->S0t, S0, wide, wide);
    turned(c->Gt, G, wide, wide);
    block(c->dra, w, by_rows(c->yp, w), by_rows(c->S0t, w), BOTH, wide, wide, 0);
    block(c->dra, w, by_rows(c->E, BOTH), by_rows(c->kb, w), BOTH, wide, BOTH, 1);
    block(c->dkb, w, by_rows(c->vu, w), by_rows(c->Gt, w), BOTH, wide, wide, 0);
    block(c->dkb, w, transposed(c->E, BOTH), by_rows(c->ra, w), BOTH, wide, BOTH, 1);
    block(G, w, transposed(c->ra, w), by_rows(c->yp, w), wide, wide, BOTH, 1);

    for (int t = n - 1; t >= 0; t--) {
        size_t i_t = at + (size_t)t * h->C, row = (size_t)t * w;
        const float *r = c->ra + row, *a = r + half, *k = c->kb + row, *b = k + half;
        const float *before = c->D + row, *now = before + w;
        const float *dr = c->dra + row, *da = dr + half, *dk = c->dkb + row, *db = dk + half, *wt = h->w + i_t;
        float *to_r = h->dr, *to_w = h->dw, *to_k = h->dk, *to_a = h->da, *to_b = h->db;
#define TO(p, v) if (p) ST(p + i_t, LD(p + i_t) + (v))
        EACH(h->N, vf d = LD(now); vf over = 1.0f / d; vf s = LD(c->sum);
             s += madd(LD(r), LD(dr), -madd(LD(k), LD(dk), LD(b) * LD(db)));
             TO(to_w, s / LD(wt)); TO(to_r, LD(dr) * d); TO(to_a, LD(da) * LD(before));
             TO(to_k, LD(dk) * over); TO(to_b, LD(db) * over);
             ST(c->sum, madd(LD(a), LD(da), s)););
#undef TO
    }
}

static void wkv7_back(const head *h, float *scratch)
{
    chunk7 c;
    chunk7_place(&c, h, scratch);
    size_t wide = (size_t)c.wide, M = wide * wide, half = CHUNK * wide;
    int chunks = (h->T + CHUNK - 1) / CHUNK;
    memset(c.states, 0, sizeof(float) * M);
    memset(c.G, 0, sizeof(float) * M);
    widen(c.states, h->S0, h->N);
    if (h->dS) widen(c.G, h->dS, h->N);
    for (int i = 0; i < chunks; i++) {
        int first = i * CHUNK, n = h->T - first < CHUNK ? h->T - first : CHUNK;
        float *S0 = c.states + (size_t)i * M;
        chunk7_take(&c, h, first, n);
        chunk7_forward(&c, S0, S0 + M, c.As + (size_t)i * BOTH * BOTH, c.us + (size_t)i * half);
    }
    for (int i = chunks - 1; i >= 0; i--) {
        int first = i * CHUNK, n = h->T - first < CHUNK ? h->T - first : CHUNK;
        const float *S0 = c.states + (size_t)i * M;
        if (i < chunks - 1) chunk7_take(&c, h, first, n);
        memcpy(c.vu + half, c.us + (size_t)i * half, sizeof(float) * half);
        chunk7_back(&c, h, first, n, S0, S0 + M, c.As + (size_t)i * BOTH * BOTH);
    }
    if (h->dS) narrow(h->dS, c.G, h->N);
}
