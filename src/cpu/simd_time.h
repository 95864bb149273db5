/* simd_time.h - the recurrences, forward (part of simd_body.h).
 *
 * In version 4 lanes are channels. In versions 5 to 7 lanes are value channels, which are independent in the
 * recurrence: the state's row of key i is one or more vectors, all values of key i are scalars. A block of TIME_V
 * vectors of columns runs through all tokens before the next block, so that its part of the state stays in L1. */

/* ---- version 4: docs/models.md 2.2 ------------------------------------------------------------------------------- */

/* m = max(p, q), e1 = e^(p - m), e2 = e^(q - m): one of the two is e^0. */
INLINE vf scales(vf p, vf q, vf *e1, vf *e2)
{
    vi first = p > q;
    vf e = vexp(pick(first, q - p, p - q));
    *e1 = pick(first, all(1), e);
    *e2 = pick(first, e, all(1));
    return pick(first, p, q);
}

INLINE void absorb4(vf *aa, vf *bb, vf *pp, vf k, vf v, vf w)
{
    vf e1, e2;
    *pp = scales(*pp + w, k, &e1, &e2);
    *aa = madd(e1, *aa, e2 * v);
    *bb = madd(e1, *bb, e2);
}

static void wkv4(const channels4 *c)
{
    const int T = c->T, C = c->C, n = c->n;
    const float *k = c->k, *v = c->v, *w = c->w, *u = c->u;
    float *y = c->y, *aa = c->state, *bb = aa + C, *pp = bb + C;
    for (int t = 0; t < T; t++, y += C, k += C, v += C)
        EACH(n, vf a = LD(aa); vf b = LD(bb); vf p = LD(pp); vf kt = LD(k); vf vt = LD(v); vf e1; vf e2;
             scales(p, LD(u) + kt, &e1, &e2);
             ST(y, madd(e1, a, e2 * vt) / madd(e1, b, e2));
             absorb4(&a, &b, &p, kt, vt, LD(w));
             ST(aa, a); ST(bb, b); ST(pp, p););
}

/* `to`: the state `from` one token later; aa, bb, pp `apart` */
INLINE void step4(float *to, const float *from, int apart, const float *k, const float *v, const float *w, int n)
{
    const float *a0 = from, *b0 = a0 + apart, *p0 = b0 + apart;
    float *a1 = to, *b1 = a1 + apart, *p1 = b1 + apart;
    EACH(n, vf a = LD(a0); vf b = LD(b0); vf p = LD(p0); absorb4(&a, &b, &p, LD(k), LD(v), LD(w));
         ST(a1, a); ST(b1, b); ST(p1, p););
}

static void wkv4_past(float *state, int apart, const float *k, const float *v, const float *w, int T, int C, int n)
{
    for (int t = 0; t < T; t++, k += C, v += C) step4(state, state, apart, k, v, w, n);
}

/* Sums `before` and, in place, those of the T tokens after them: 3 rows of C each. */
static void wkv4_join(float *aa, const float *before, const float *w, int T, int C)
{
    float *bb = aa + C, *pp = bb + C;
    const float *a0 = before, *b0 = a0 + C, *p0 = b0 + C;
    EACH(C, vf e1; vf e2; vf m = scales(madd(all((float)T), LD(w), LD(p0)), LD(pp), &e1, &e2);
         ST(aa, madd(e1, LD(a0), e2 * LD(aa))); ST(bb, madd(e1, LD(b0), e2 * LD(bb))); ST(pp, m););
}

/* ---- versions 5 to 7 --------------------------------------------------------------------------------------------- */

INLINE int padded(int n) { return (n + SUM_LANES - 1) / SUM_LANES * SUM_LANES; }

/* rows of N floats, from and to rows of padded(N) */
static void widen(float *to, const float *from, int N)
{
    for (int i = 0; i < N; i++, to += padded(N), from += N) {
        memcpy(to, from, sizeof *to * (size_t)N);
        memset(to + N, 0, sizeof *to * (size_t)(padded(N) - N));
    }
}
static void narrow(float *to, const float *from, int N)
{
    for (int i = 0; i < N; i++, to += N, from += padded(N)) memcpy(to, from, sizeof *to * (size_t)N);
}

/* A vector of a row of columns: all lanes, or the first `left`. */
INLINE vf take(const int whole, const float *p, int left) { return whole ? load(p) : load_part(p, left); }
INLINE void put(const int whole, float *p, vf v, int left)
{
    if (whole) store(p, v);
    else store_part(p, v, left);
}

/* Prefetch rows [t, t + n) of a head if they exist: rows C apart defeat the hardware's prefetcher. */
enum { FORESEEN = 8 }; /* tokens ahead */

INLINE void foresee(const head *h, const float *p, int t, int n, const int write)
{
    for (int end = t + n < h->T ? t + n : h->T; p && t < end; t++)
        for (int i = 0; i < h->N; i += 16)
            if (write) __builtin_prefetch(p + (size_t)t * h->C + i, 1);
            else __builtin_prefetch(p + (size_t)t * h->C + i);
}

/* Columns j.. of the head: vn vectors. The state's rows are `wide` apart. docs/models.md 3.2, 4.2. */
INLINE void wkv6_block(const int vn, const int whole, const head *h, float *S0, size_t wide, int j, int left)
{
    const float *r = h->r, *k = h->k, *w = h->w;
    for (int t = 0; t < h->T; t++, r += h->C, k += h->C, w += h->w_step) {
        vf v[TIME_V], y[TIME_V];
        float *S = S0 + j, ruk = inner3(r, k, h->u, h->N);
        const float *const rows[] = {h->r, h->k, h->v, h->w_step ? h->w : NULL};
        for (int i = 0; i < 4 && !j; i++) foresee(h, rows[i], t + FORESEEN, 1, 0);
        if (!j) foresee(h, h->y, t + FORESEEN, 1, 1);
        UNROLL for (int q = 0; q < vn; q++) {
            v[q] = take(whole, h->v + (size_t)t * h->C + j + q * LANES, left);
            y[q] = v[q] * ruk;
        }
        for (int i = 0; i < h->N; i++, S += wide) {
            vf ri = all(r[i]), ki = all(k[i]), wi = all(w[i]);
            UNROLL for (int q = 0; q < vn; q++) {
                vf s = load(S + q * LANES);
                y[q] = madd(ri, s, y[q]);
                store(S + q * LANES, madd(wi, s, ki * v[q]));
            }
        }
        UNROLL for (int q = 0; q < vn; q++) put(whole, h->y + (size_t)t * h->C + j + q * LANES, y[q], left);
    }
}

/* One token of version 7: N values of each of its rows, and of the next token's a. */
typedef struct {
    int N;
    const float *r, *w, *k, *b, *a_next;
} rows7;

/* S <- S w + sa b + v k, y = S r, and the next token's sa' = S a', in one pass. */
INLINE void token7(const int vn, const int more, float *S, size_t wide, const rows7 h, const vf *v, vf *sa, vf *y)
{
    vf next[TIME_V];
    UNROLL for (int q = 0; q < vn; q++) y[q] = next[q] = (vf){0};
    for (int i = 0; i < h.N; i++, S += wide) {
        vf ri = all(h.r[i]), wi = all(h.w[i]), ki = all(h.k[i]), bi = all(h.b[i]), ai = all(more ? h.a_next[i] : 0);
        UNROLL for (int q = 0; q < vn; q++) {
            vf s = madd(load(S + q * LANES), wi, madd(sa[q], bi, v[q] * ki));
            store(S + q * LANES, s);
            y[q] = madd(s, ri, y[q]);
            if (more) next[q] = madd(s, ai, next[q]);
        }
    }
    UNROLL for (int q = 0; q < vn; q++) sa[q] = next[q];
}

/* docs/models.md 5.2. */
INLINE void wkv7_block(const int vn, const int whole, const head *h, float *S, size_t wide, int j, int left)
{
    vf v[TIME_V], sa[TIME_V], y[TIME_V];
    UNROLL for (int q = 0; q < vn; q++) sa[q] = (vf){0};
    for (int i = 0; i < h->N; i++)
        UNROLL for (int q = 0; q < vn; q++)
            sa[q] = madd(load(S + (size_t)i * wide + j + q * LANES), all(h->a[i]), sa[q]);
    for (int t = 0; t < h->T; t++) {
        size_t at = (size_t)t * h->C;
        UNROLL for (int q = 0; q < vn; q++) v[q] = take(whole, h->v + at + j + q * LANES, left);
        const float *const rows[] = {h->r, h->w, h->k, h->v, h->a, h->b};
        for (int i = 0; i < 6 && !j; i++) foresee(h, rows[i], t + FORESEEN, 1, 0);
        if (!j) foresee(h, h->y, t + FORESEEN, 1, 1);
        rows7 now = {h->N, h->r + at, h->w + at, h->k + at, h->b + at, NULL};
        if (t + 1 < h->T) {
            now.a_next = h->a + at + h->C;
            token7(vn, 1, S + j, wide, now, v, sa, y);
        } else
            token7(vn, 0, S + j, wide, now, v, sa, y);
        UNROLL for (int q = 0; q < vn; q++) put(whole, h->y + at + j + q * LANES, y[q], left);
    }
}

/* Columns [from, to) in blocks. A state with rows that are no multiple of a vector is copied to padded rows. */
#define BLOCKS(block)                                                                                                  \
    do {                                                                                                               \
        int j = from;                                                                                                  \
        size_t wide = (size_t)h->N;                                                                                    \
        float *S = h->S;                                                                                               \
        if (h->N % LANES) {                                                                                            \
            wide = (size_t)padded(h->N);                                                                               \
            widen(S = scratch, h->S, h->N);                                                                            \
        }                                                                                                              \
        for (; j + TIME_V * LANES <= to; j += TIME_V * LANES) block(TIME_V, 1, h, S, wide, j, LANES);                  \
        for (; j + LANES <= to; j += LANES) block(1, 1, h, S, wide, j, LANES);                                         \
        if (j < to) block(1, 0, h, S, wide, j, to - j);                                                                \
        if (S != h->S) narrow(h->S, S, h->N);                                                                          \
    } while (0)

static void wkv6(const head *h, int from, int to, float *scratch) { BLOCKS(wkv6_block); }
static void wkv7(const head *h, int from, int to, float *scratch) { BLOCKS(wkv7_block); }
