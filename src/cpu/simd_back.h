/* simd_back.h - the recurrences, backward (part of simd_body.h).
 *
 * States are needed in reverse. They are kept every CHUNK tokens on one sweep forward, and the ones between are computed
 * again from the kept one, chunk by chunk from the last; never by dividing the decay out.
 * The matrices in scratch have rows of padded(N), zeros behind N. */

enum { CHUNK = 16 };

/* ---- version 4: spec ARCHITECTURES 2.4 -------------------------------------------------------------------------------------- */

static size_t wkv4_scratch(int T, int n) { return 3 * ((size_t)T + 1) * (size_t)n; }

/* Channels [0, n) of the pointers. dstate: gA, gB, o, C apart, or NULL. */
static void wkv4_back(float *dk, float *dv, float *dw, float *du, const float *dy, const float *k, const float *v, const float *w,
                      const float *u, const float *state0, float *dstate, int T, int C, int n, float *scratch)
{
    float *gA = scratch, *gB = gA + n, *o = gB + n, *before = o + n; /* before: aa, bb, pp of each token */
    for (int i = 0; i < 3; i++) memcpy(before + i * n, state0 + (size_t)i * (size_t)C, sizeof *before * (size_t)n);
    for (int t = 0; t + 1 < T; t++) {
        const float *a0 = before + 3 * (size_t)n * (size_t)t, *b0 = a0 + n, *p0 = b0 + n;
        float *a1 = before + 3 * (size_t)n * (size_t)(t + 1), *b1 = a1 + n, *p1 = b1 + n;
        const float *kt = k + (size_t)t * (size_t)C, *vt = v + (size_t)t * (size_t)C;
        EACH(n, vf a = LD(a0); vf b = LD(b0); vf p = LD(p0); absorb4(&a, &b, &p, LD(kt), LD(vt), LD(w));
             ST(a1, a); ST(b1, b); ST(p1, p););
    }
    for (int i = 0; i < n; i++) {
        gA[i] = dstate ? dstate[i] : 0;
        gB[i] = dstate ? dstate[C + i] : 0;
        o[i] = gA[i] != 0 || gB[i] != 0 ? dstate[2 * C + i] : -1e38f;
    }
    for (int t = T - 1; t >= 0; t--) {
        size_t at = (size_t)t * (size_t)C;
        const float *a0 = before + 3 * (size_t)n * (size_t)t, *b0 = a0 + n, *p0 = b0 + n, *kt = k + at, *vt = v + at, *g = dy + at;
        float *dkt = dk ? dk + at : NULL, *dvt = dv ? dv + at : NULL;
        EACH(n, vf aa = LD(a0); vf bb = LD(b0); vf pp = LD(p0); vf ki = LD(kt); vf vi_ = LD(vt); vf uk = LD(u) + ki; vf wi = LD(w);
             vf A = LD(gA); vf B = LD(gB); vf e0 = LD(o);
             vf m = larger(pp, uk); vf e1 = vexp(pp - m); vf e2 = vexp(uk - m);
             vf D = madd(e1, bb, e2); vf y = madd(e1, aa, e2 * vi_) / D; vf q = LD(g) / D;
             vf e = q * e2; vf f = vexp(ki + e0);
             if (dkt) ST(dkt, LD(dkt) + madd(e, vi_ - y, f * madd(A, vi_, B)));
             if (dvt) ST(dvt, LD(dvt) + madd(f, A, e));
             if (du) ST(du, madd(e, vi_ - y, LD(du)));
             if (dw) ST(dw, madd(vexp(wi + e0 + pp), madd(A, aa, B * bb), LD(dw)));
             vf top = larger(wi + e0, -m); vf s1 = vexp(wi + e0 - top); vf s2 = q * vexp(-m - top);
             ST(gA, madd(s1, A, s2)); ST(gB, madd(s1, B, -s2 * y)); ST(o, top););
    }
    for (int i = 0; dstate && i < 3; i++) memcpy(dstate + (size_t)i * (size_t)C, scratch + i * n, sizeof *dstate * (size_t)n);
}

/* ---- sums over columns: a vector for each key, its lanes summed at the end ------------------------------------------------------ */

/* n rows of LANES floats -> to[i] += sum of row i (+ a[i] b[i] by when a is there) */
INLINE void add_sums(float *to, const float *rows, int n, const float *a, const float *b, float by)
{
    EACH(n, vf s = sums(rows + (size_t)i * LANES); if (a) s = madd(LD(a) * LD(b), all(by), s); ST(to, LD(to) + s););
}

/* ---- versions 5 and 6: spec 3.4, 4.4 ---------------------------------------------------------------------------------------- */

static size_t matrix(const head *h) { return (size_t)h->N * (size_t)padded(h->N); }
static size_t chunks(const head *h) { return ((size_t)h->T + CHUNK - 1) / CHUNK; }
enum { SUMS = 5 }; /* at most so many sums over columns */
static size_t sums_room(const head *h) { return SUMS * (size_t)padded(h->N) * LANES; }

static size_t wkv6_scratch(const head *h) { return (chunks(h) + CHUNK + 1) * matrix(h) + sums_room(h); }

/* the state after token t */
static void step6(const head *h, int t, float *next, const float *S)
{
    size_t at = (size_t)t * h->C;
    const float *k = h->k + at, *v = h->v + at, *w = h->w + (size_t)t * h->w_step;
    for (int i = 0; i < h->N; i++, S += padded(h->N), next += padded(h->N)) {
        vf ki = all(k[i]), wi = all(w[i]);
        int j = 0;
        for (; j + LANES <= h->N; j += LANES) store(next + j, madd(wi, load(S + j), ki * load(v + j)));
        if (j < h->N) store(next + j, madd(wi, load(S + j), ki * load_part(v + j, h->N - j)));
    }
}

INLINE void back6_block(const int vn, const int whole, const head *h, int t, const float *S, float *G, float *P, int j, int left)
{
    size_t at = (size_t)t * h->C, wide = (size_t)padded(h->N), apart = wide * LANES;
    const float *r = h->r + at, *k = h->k + at, *w = h->w + (size_t)t * h->w_step;
    float ruk = inner3(r, k, h->u, h->N);
    vf dy[TIME_V], v[TIME_V], dv[TIME_V];
    UNROLL for (int q = 0; q < vn; q++) {
        dy[q] = take(whole, h->dy + at + j + q * LANES, left);
        v[q] = take(whole, h->v + at + j + q * LANES, left);
        dv[q] = dy[q] * ruk;
    }
    S += j;
    G += j;
    for (int i = 0; i < h->N; i++, S += wide, G += wide, P += LANES) {
        vf ri = all(r[i]), ki = all(k[i]), wi = all(w[i]);
        vf Sg = j ? load(P) : (vf){0}, Gv = j ? load(P + apart) : (vf){0}, GS = j ? load(P + 2 * apart) : (vf){0};
        UNROLL for (int q = 0; q < vn; q++) {
            vf g = load(G + q * LANES), s = load(S + q * LANES);
            Sg = madd(s, dy[q], Sg);
            Gv = madd(g, v[q], Gv);
            GS = madd(g, s, GS);
            dv[q] = madd(g, ki, dv[q]);
            store(G + q * LANES, madd(ri, dy[q], wi * g));
        }
        store(P, Sg);
        store(P + apart, Gv);
        store(P + 2 * apart, GS);
    }
    if (h->dv)
        UNROLL for (int q = 0; q < vn; q++) {
            float *to = h->dv + at + j + q * LANES;
            put(whole, to, take(whole, to, left) + dv[q], left);
        }
}

/* all columns of a token in blocks */
#define ALL_COLUMNS(block, ...)                                                                                        \
    do {                                                                                                               \
        int j = 0;                                                                                                     \
        for (; j + TIME_V * LANES <= h->N; j += TIME_V * LANES) block(TIME_V, 1, h, t, __VA_ARGS__, j, LANES);         \
        for (; j + LANES <= h->N; j += LANES) block(1, 1, h, t, __VA_ARGS__, j, LANES);                                \
        if (j < h->N) block(1, 0, h, t, __VA_ARGS__, j, h->N - j);                                                     \
    } while (0)

static void start_back(const head *h, float *S, float *G, float *P)
{
    widen(S, h->S0, h->N);
    if (h->dS) widen(G, h->dS, h->N);
    else memset(G, 0, sizeof *G * matrix(h));
    memset(P, 0, sizeof *P * sums_room(h));
}

static void wkv6_back(const head *h, float *scratch)
{
    size_t M = matrix(h), apart = (size_t)padded(h->N) * LANES;
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
            ALL_COLUMNS(back6_block, S + (size_t)(t - first) * M, G, P);
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

/* ---- version 7: spec 5.4, with S[key][value] --------------------------------------------------------------------------------- */

static size_t wkv7_scratch(const head *h)
{
    return (chunks(h) + CHUNK + 2) * matrix(h) + CHUNK * (size_t)padded(h->N) + sums_room(h);
}

/* the state after token t, and sa = S a of the state before it */
INLINE void step7_block(const int vn, const int whole, const head *h, int t, float *next, const float *S, float *sa_to, int j,
                        int left)
{
    size_t at = (size_t)t * h->C, wide = (size_t)padded(h->N);
    const float *w = h->w + at, *k = h->k + at, *a = h->a + at, *b = h->b + at;
    vf sa[TIME_V], v[TIME_V];
    UNROLL for (int q = 0; q < vn; q++) {
        sa[q] = (vf){0};
        v[q] = take(whole, h->v + at + j + q * LANES, left);
    }
    S += j;
    next += j;
    for (int i = 0; i < h->N; i++)
        UNROLL for (int q = 0; q < vn; q++) sa[q] = madd(load(S + (size_t)i * wide + q * LANES), all(a[i]), sa[q]);
    for (int i = 0; i < h->N; i++, S += wide, next += wide) {
        vf wi = all(w[i]), ki = all(k[i]), bi = all(b[i]);
        UNROLL for (int q = 0; q < vn; q++)
            store(next + q * LANES, madd(load(S + q * LANES), wi, madd(sa[q], bi, v[q] * ki)));
    }
    UNROLL for (int q = 0; q < vn; q++) store(sa_to + j + q * LANES, sa[q]);
}

static void step7(const head *h, int t, float *next, const float *S, float *sa) { ALL_COLUMNS(step7_block, next, S, sa); }

INLINE void back7_block(const int vn, const int whole, const head *h, int t, const float *before, const float *after, const float *sa,
                        float *G, float *P, int j, int left)
{
    size_t at = (size_t)t * h->C, wide = (size_t)padded(h->N), apart = wide * LANES;
    const float *r = h->r + at, *w = h->w + at, *k = h->k + at, *a = h->a + at, *b = h->b + at;
    vf dy[TIME_V], v[TIME_V], s[TIME_V], dv[TIME_V], ds[TIME_V];
    UNROLL for (int q = 0; q < vn; q++) {
        dy[q] = take(whole, h->dy + at + j + q * LANES, left);
        v[q] = take(whole, h->v + at + j + q * LANES, left);
        s[q] = load(sa + j + q * LANES);
        dv[q] = ds[q] = (vf){0};
    }
    for (int i = 0; i < h->N; i++) {
        size_t row = (size_t)i * wide + (size_t)j;
        float *p = P + (size_t)i * LANES;
        vf ri = all(r[i]), ki = all(k[i]), bi = all(b[i]);
        vf Sg = {0}, Gv = {0}, Gs = {0}, GS = {0};
        if (j) Sg = load(p), Gv = load(p + apart), Gs = load(p + 2 * apart), GS = load(p + 3 * apart);
        UNROLL for (int q = 0; q < vn; q++) {
            vf g = madd(dy[q], ri, load(G + row + q * LANES));
            store(G + row + q * LANES, g);
            Sg = madd(load(after + row + q * LANES), dy[q], Sg);
            Gv = madd(g, v[q], Gv);
            Gs = madd(g, s[q], Gs);
            GS = madd(g, load(before + row + q * LANES), GS);
            dv[q] = madd(g, ki, dv[q]);
            ds[q] = madd(g, bi, ds[q]);
        }
        store(p, Sg);
        store(p + apart, Gv);
        store(p + 2 * apart, Gs);
        store(p + 3 * apart, GS);
    }
    for (int i = 0; i < h->N; i++) {
        size_t row = (size_t)i * wide + (size_t)j;
        float *p = P + 4 * apart + (size_t)i * LANES;
        vf wi = all(w[i]), ai = all(a[i]), Sd = j ? load(p) : (vf){0};
        UNROLL for (int q = 0; q < vn; q++) {
            Sd = madd(load(before + row + q * LANES), ds[q], Sd);
            store(G + row + q * LANES, madd(load(G + row + q * LANES), wi, ds[q] * ai));
        }
        store(p, Sd);
    }
    if (h->dv)
        UNROLL for (int q = 0; q < vn; q++) {
            float *to = h->dv + at + j + q * LANES;
            put(whole, to, take(whole, to, left) + dv[q], left);
        }
}

static void wkv7_back(const head *h, float *scratch)
{
    size_t M = matrix(h), wide = (size_t)padded(h->N), apart = wide * LANES;
    float *kept = scratch, *S = kept + chunks(h) * M, *G = S + (CHUNK + 1) * M, *sa = G + M, *P = sa + CHUNK * wide;
    start_back(h, kept, G, P);
    for (int t = 0; t + 1 < h->T; t++) {
        float *to = (t + 1) % CHUNK ? S : kept + (size_t)((t + 1) / CHUNK) * M;
        step7(h, t, to, t % CHUNK ? S : kept + (size_t)(t / CHUNK) * M, sa);
    }
    for (int c = (int)chunks(h) - 1; c >= 0; c--) {
        int first = c * CHUNK, n = h->T - first < CHUNK ? h->T - first : CHUNK;
        memcpy(S, kept + (size_t)c * M, sizeof *S * M);
        for (int i = 0; i < n; i++) step7(h, first + i, S + (size_t)(i + 1) * M, S + (size_t)i * M, sa + (size_t)i * wide);
        for (int t = first + n - 1; t >= first; t--) {
            size_t at = (size_t)t * h->C, i = (size_t)(t - first);
            ALL_COLUMNS(back7_block, S + i * M, S + (i + 1) * M, sa + i * wide, G, P);
            float *const to[SUMS] = {h->dr, h->dk, h->db, h->dw, h->da};
            for (int q = 0; q < SUMS; q++)
                if (to[q]) add_sums(to[q] + at, P + (size_t)q * apart, h->N, NULL, NULL, 0);
        }
    }
    if (h->dS) narrow(h->dS, G, h->N);
}
