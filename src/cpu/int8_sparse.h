/* int8_sparse.h - products with LAYOUT_SPARSE_BLOCKS (format/layout.h; part of int8_body.h).
 *
 * The blocks are those of the row-major layout and are summed in the same order, so the results are the same to the
 * bit. The inputs of a group that are 0 are not read: a sum of products does not see them. The bytes of four inputs at
 * a time are brought together for DOT, 4 LANES outputs side by side; meanwhile the next group's inputs are fetched.
 * Tokens go one after the other through as many groups as fit into L2. */

enum {
    STRIP = 4 * LANES,
    GROUPS_CACHE = 512 << 10, /* bytes of groups that several tokens go through                                       */
    ONE_PASS = 64             /* tokens whose results all stay in L2 meanwhile                                        */
};

/* A bit for each of 32 bytes that is not 0. */
INLINE uint32_t not_zero32(const int8_t *p)
{
#if LANES == 16
    return _mm256_cmpneq_epi8_mask(_mm256_loadu_si256((const void *)p), _mm256_setzero_si256());
#elif LANES == 8
    const x86_int v = _mm256_loadu_si256((const void *)p);
    return ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, _mm256_setzero_si256()));
#else
    uint32_t bits = 0;
    for (int i = 0; i < 32; i++) bits |= (uint32_t)(p[i] != 0) << i;
    return bits;
#endif
}

/* The codes of an input for STRIP outputs from c, of which n are there: STRIP, or 32 where STRIP is more. */
#if LANES == 16
INLINE vb input_codes(const dtype type, const uint8_t *row, size_t C, size_t c, const int n)
{
    if (type == Q8_0) {
        x86_int v = n == STRIP ? _mm512_loadu_si512(row + c) : _mm512_castsi256_si512(BYTES32(row + c));
        return (vb)_mm512_xor_si512(v, _mm512_set1_epi8((char)FLIP));
    }
    x86_int v = nibbles(row + c / 2, n == STRIP, 16);
    if (!codes_have_fifth(type)) return (vb)v;
    uint64_t fifth = 0;
    memcpy(&fifth, row + C / 2 + c / 8, (size_t)n / 8);
    return (vb)add_fifth(v, fifth);
}
#else
INLINE vu16 input_codes16(const dtype type, const uint8_t *row, size_t C, size_t c)
{
    if (type == Q8_0) return bytes16(row + c) ^ FLIP;
    vu16 v = nibbles16(bytes16(row + c / 32 * 16), c % 32 != 0);
    return codes_have_fifth(type) ? v | fifth16(row + C / 2 + c / 8) : v;
}

INLINE vb input_codes(const dtype type, const uint8_t *row, size_t C, size_t c, const int n)
{
    (void)n;
#if LANES == 8
    return join(input_codes16(type, row, C, c), input_codes16(type, row, C, c + 16));
#else
    return (vb)input_codes16(type, row, C, c);
#endif
}
#endif

#if LANES == 16
#define LOW8(a, b) (vb)_mm512_unpacklo_epi8((x86_int)(a), (x86_int)(b))
#define HIGH8(a, b) (vb)_mm512_unpackhi_epi8((x86_int)(a), (x86_int)(b))
#define LOW16(a, b) (vb)_mm512_unpacklo_epi16((x86_int)(a), (x86_int)(b))
#define HIGH16(a, b) (vb)_mm512_unpackhi_epi16((x86_int)(a), (x86_int)(b))
#elif LANES == 8
#define LOW8(a, b) (vb)_mm256_unpacklo_epi8((x86_int)(a), (x86_int)(b))
#define HIGH8(a, b) (vb)_mm256_unpackhi_epi8((x86_int)(a), (x86_int)(b))
#define LOW16(a, b) (vb)_mm256_unpacklo_epi16((x86_int)(a), (x86_int)(b))
#define HIGH16(a, b) (vb)_mm256_unpackhi_epi16((x86_int)(a), (x86_int)(b))
#else
#define LOW8(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH8(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define LOW16(a, b) __builtin_shufflevector(a, b, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23)
#define HIGH16(a, b) __builtin_shufflevector(a, b, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31)
#endif

/* Four inputs' codes, an output's four side by side: v[j] has outputs 4 j .. 4 j + 3 of every 16. */
INLINE void four_inputs(const dtype type, const uint8_t *const row[4], size_t C, size_t c, const int n, vb v[4])
{
    vb r[4];
    UNROLL for (int i = 0; i < 4; i++) r[i] = input_codes(type, row[i], C, c, n);
    vb a = LOW8(r[0], r[1]), b = HIGH8(r[0], r[1]), e = LOW8(r[2], r[3]), f = HIGH8(r[2], r[3]);
    v[0] = LOW16(a, e), v[1] = HIGH16(a, e), v[2] = LOW16(b, f), v[3] = HIGH16(b, f);
}

/* From that order to outputs LANES j .. LANES j + LANES - 1 in v[j]. */
INLINE void in_order(vi v[4])
{
#if LANES == 16
    vi a = PICK(v[0], v[1], 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
    vi b = PICK(v[0], v[1], 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
    vi e = PICK(v[2], v[3], 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
    vi f = PICK(v[2], v[3], 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
    v[0] = PICK(a, e, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
    v[1] = PICK(a, e, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    v[2] = PICK(b, f, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
    v[3] = PICK(b, f, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
#elif LANES == 8
    vi a = v[0], b = v[1], e = v[2], f = v[3];
    v[0] = PICK(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
    v[1] = PICK(e, f, 0, 1, 2, 3, 8, 9, 10, 11);
    v[2] = PICK(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
    v[3] = PICK(e, f, 4, 5, 6, 7, 12, 13, 14, 15);
#else
    (void)v;
#endif
}

/* A group's inputs that are not zero in one token, by fours; the last four may hold input 0 times 0. */
typedef struct {
    const uint8_t *row[32];
    int32_t x[8];
    int fours;
} used;

INLINE void use(used *u, const uint8_t *group, size_t row_bytes, const int8_t *q)
{
    uint32_t bits = not_zero32(q);
    int8_t x[32];
    int n = 0;
    for (; bits; bits &= bits - 1) {
        int i = __builtin_ctz(bits);
        u->row[n] = group + (size_t)i * row_bytes;
        x[n++] = q[i];
    }
    u->fours = (n + 3) / 4;
    for (; n < 4 * u->fours; n++) {
        u->row[n] = u->row[n - 1];
        x[n] = 0;
    }
    memcpy(u->x, x, (size_t)n);
}

/* STRIP outputs from c, or 32: y goes on by one group. next, whose inputs are fetched meanwhile, may have none. */
INLINE void sparse_strip(const dtype type, float *y, const used *u, const used *next, const uint8_t *scale,
                         size_t group_bytes, size_t C, size_t c, const int n, int xsum, float xd, float xdsum)
{
    const coding k = coding_of(type);
    vi acc[4] = {all_int(-k.zero * xsum), all_int(-k.zero * xsum), all_int(-k.zero * xsum), all_int(-k.zero * xsum)};
    for (int i = 0; i < u->fours; i++) {
        vb v[4];
        four_inputs(type, u->row + 4 * i, C, c, n, v);
        vb x = (vb)all_int(u->x[i]);
        UNROLL for (int j = 0; j < 4; j++) acc[j] = DOT(k.wide, acc[j], v[j], x);
    }
    for (int i = 0; i < 4 * next->fours; i++) {
        __builtin_prefetch(next->row[i] + (type == Q8_0 ? c : c / 2));
        if ((type == Q5_0 || type == Q5_1) && c % 512 < STRIP) __builtin_prefetch(next->row[i] + C / 2 + c / 8);
    }
    in_order(acc);
    UNROLL for (int j = 0; j < n / LANES; j++) {
        const uint8_t *at = scale + 2 * (c + (size_t)(j * LANES));
        if (2 * j * LANES % 64 == 0) __builtin_prefetch(at + group_bytes);
        vf s = madd(to_float(acc[j]), load_f16(at) * xd, load(y + j * LANES));
        store(y + j * LANES, k.minimum ? madd(load_f16(at + 2 * C), all(xdsum), s) : s);
    }
}

INLINE void sparse_groups(const dtype type, float *y, const x256 *x, size_t x_step, const uint8_t *group, int groups,
                          size_t C, int from, int to)
{
    const size_t row = type == Q8_0 ? C : type == Q5_0 || type == Q5_1 ? C / 2 + C / 8 : C / 2, bytes = C * layout[type].bytes;
    used u[2];
    use(&u[0], group, row, x->q);
    for (int g = 0; g < groups; g++, group += bytes) {
        const x256 *now = x + (size_t)(g / 8) * x_step, *then = x + (size_t)((g + 1) / 8) * x_step;
        used *this = &u[g % 2], *next = &u[(g + 1) % 2];
        int b = g % 8, c = from;
        if (g + 1 < groups) use(next, group + bytes, row, then->q + 32 * ((g + 1) % 8));
        else next->fours = 0;
        if (!this->fours && now->d[b] - now->d[b] == 0) continue; /* unless it is no number */
        for (; c + STRIP <= to; c += STRIP)
            sparse_strip(type, y + c - from, this, next, group + 32 * row, bytes, C, (size_t)c, STRIP, now->sum[b],
                         now->d[b], now->dsum[b]);
        if (c < to)
            sparse_strip(type, y + c - from, this, next, group + 32 * row, bytes, C, (size_t)c, STRIP > 32 ? 32 : STRIP,
                         now->sum[b], now->d[b], now->dsum[b]);
    }
}

static void sparse_few(float *y, size_t y_stride, const x256 *x, size_t x_step, const uint8_t *group, dtype type, int T,
                       int C, int from, int to, int F)
{
    size_t bytes = (size_t)C * layout[type].bytes;
    int groups = F / 32, block = T == 1 ? groups : (int)(GROUPS_CACHE / ((size_t)(to - from) * layout[type].bytes)) / 8 * 8;
    if (block < 8) block = 8;
    for (int t = 0; t < T; t++) memset(y + (size_t)t * y_stride, 0, sizeof *y * (size_t)(to - from));
    for (int g = 0; g < groups; g += block, group += (size_t)block * bytes, x += (size_t)(block / 8) * x_step)
        for (int t = 0; t < T; t++) {
            float *yt = y + (size_t)t * y_stride;
            int n = groups - g < block ? groups - g : block;
            switch (type) {
            case Q8_0: sparse_groups(Q8_0, yt, x + t, x_step, group, n, (size_t)C, from, to); break;
            case Q4_0: sparse_groups(Q4_0, yt, x + t, x_step, group, n, (size_t)C, from, to); break;
            case Q4_1: sparse_groups(Q4_1, yt, x + t, x_step, group, n, (size_t)C, from, to); break;
            case Q5_0: sparse_groups(Q5_0, yt, x + t, x_step, group, n, (size_t)C, from, to); break;
            default: sparse_groups(Q5_1, yt, x + t, x_step, group, n, (size_t)C, from, to); break;
            }
        }
}

/* ---- many tokens, most inputs used: packed, as blocks of rows are ------------------------------------------------ */

typedef struct {
    const uint8_t *w;
    size_t C;
    int from; /* output 0 of the product */
} sparse_weights;

/* See fill_panel. */
INLINE void fill_sparse(const dtype type, const sparse_weights *q, panel p, int o, int n, int k, int blocks)
{
    enum { WIDTH = STRIP < 32 ? STRIP : 32 };
    const size_t C = q->C, bytes = C * layout[type].bytes;
    const size_t step = type == Q8_0 ? C : type == Q5_0 || type == Q5_1 ? C / 2 + C / 8 : C / 2;
    const int first = q->from + o, begin = first / WIDTH * WIDTH;
    const uint8_t *group = q->w + (size_t)(k / 32) * bytes;
    for (int b = 0; b < blocks; b++, group += bytes) {
        const uint8_t *scale = group + 32 * step;
        for (int i = 0; i < n; i += LANES) {
            store(p.d + b * OUTS + i, load_f16(scale + 2 * (first + i)));
            if (coding_of(type).minimum) store(p.m + b * OUTS + i, load_f16(scale + 2 * C + 2 * (size_t)(first + i)));
        }
        for (int u = 0; u < 32; u += 4) {
            uint8_t *to = p.code + (size_t)(8 * b + u / 4) * 4 * OUTS;
            const uint8_t *row[4];
            UNROLL for (int i = 0; i < 4; i++) row[i] = group + (size_t)(u + i) * step;
            for (int c = begin; c < first + n; c += WIDTH) {
                vb v[4];
                vi turned[4];
                four_inputs(type, row, C, (size_t)c, WIDTH, v);
                UNROLL for (int j = 0; j < 4; j++) turned[j] = (vi)v[j];
                in_order(turned);
                UNROLL for (int j = 0; j < WIDTH / LANES; j++) {
                    int at = c + j * LANES - first;
                    if (at >= 0 && at < n) memcpy(to + 4 * at, &turned[j], sizeof turned[j]);
                }
            }
            UNROLL for (int i = 0; i < 4; i++) __builtin_prefetch(row[i] + 8 * bytes + (type == Q8_0 ? first : first / 2));
        }
    }
}

#define FILL(T)                                                                                                        \
    static void fill_sparse_##T(const void *w, panel p, int o, int n, int k, int blocks)                               \
    {                                                                                                                  \
        fill_sparse(T, w, p, o, n, k, blocks);                                                                         \
    }
FILL(Q8_0)
FILL(Q4_0)
FILL(Q4_1)
FILL(Q5_0)
FILL(Q5_1)
#undef FILL

/* A few tokens by all inputs: the matrix is read once, in its own order, and all outputs are in work at once. */
static void packed_sparse(float *y, size_t y_stride, const x256 *x, size_t x_step, fill_panel *fill,
                          const sparse_weights *q, coding c, int T, int O, int F, float scale, void *scratch)
{
    tiles *run = c.wide ? tiles_wide : c.minimum ? tiles_minimum : tiles_plain;
    panel p = {.code = scratch};
    p.d = (float *)(p.code + 256 * OUTS);
    p.m = p.d + 16 * OUTS;
    for (int t = 0; t < T; t++) memset(y + (size_t)t * y_stride, 0, sizeof *y * (size_t)O);
    for (int k = 0; k < F; k += 256, x += x_step) {
        int blocks = F - k < 256 ? (F - k) / 32 : 8;
        for (int o = 0; o < O; o += OUTS) {
            fill(q, p, o, OUTS, k, blocks);
            run(T, c.zero, y + o, y_stride, x, &p, NULL, 0, blocks);
        }
    }
    for (int t = 0; t < T && scale != 1; t++)
        for (int o = 0; o < O; o++) y[(size_t)t * y_stride + (size_t)o] *= scale;
}

/* Which way is quicker, when all tokens together use n of F inputs. Skipping inputs takes 150 for each F used and 38 a
 * token, all inputs packed 850 and 27 a token (us; measured at F 8192, C 2048, T 4 to 64, 0 to 95 % zeros): no step
 * where they meet. */
static int skipping_is_quicker(int64_t n, int T, int F) { return 24 * n + (int64_t)T * F <= (int64_t)126 * F; }

/* How many inputs all tokens use. */
static int64_t all_used(const x256 *x, size_t x_step, int T, int F)
{
    int64_t sum = 0;
    for (int g = 0; g < F / 32; g++)
        for (int t = 0; t < T; t++) sum += __builtin_popcount(not_zero32(x[(size_t)(g / 8) * x_step + (size_t)t].q + 32 * (g % 8)));
    return sum;
}

static void int8_sparse(float *y, size_t y_stride, const x256 *x, size_t x_step, const void *w, dtype type, int T,
                        int C, int from, int to, int F, float scale, void *scratch)
{
    static fill_panel *const fills[] = {[Q8_0] = fill_sparse_Q8_0, [Q4_0] = fill_sparse_Q4_0, [Q4_1] = fill_sparse_Q4_1,
                                        [Q5_0] = fill_sparse_Q5_0, [Q5_1] = fill_sparse_Q5_1};
    if (T > FEW && !skipping_is_quicker(all_used(x, x_step, T, F), T, F)) {
        const sparse_weights q = {w, (size_t)C, from};
        coding c = coding_of(type);
        if (T <= ONE_PASS) packed_sparse(y, y_stride, x, x_step, fills[type], &q, c, T, to - from, F, scale, scratch);
        else packed(y, y_stride, x, x_step, fills[type], &q, c, T, to - from, F, scale, scratch);
        return;
    }
    sparse_few(y, y_stride, x, x_step, w, type, T, C, from, to, F);
    for (int t = 0; t < T; t++)
        for (int c = 0; c < to - from && scale != 1; c++) y[(size_t)t * y_stride + (size_t)c] *= scale;
}
