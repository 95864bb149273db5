/* int8_sparse.h - matrix products with LAYOUT_SPARSE_BLOCKS (format/layout.h; part of int8_body.h).
 *
 * The blocks are those of the row-major layout and are summed in the same order, so the results are the same to the
 * bit. Zero inputs of a group are skipped: they do not change a sum of products. The bytes of four inputs at a time are
 * interleaved for DOT, 4 LANES outputs side by side, while the next group's inputs are prefetched. As many groups as
 * fit in L2 are used by all tokens, one after the other. */

enum {
    STRIP = 4 * LANES,
    GROUPS_CACHE = 512 << 10, /* bytes of groups shared by several tokens      */
    ONE_PASS = 64             /* tokens whose results all stay in L2 meanwhile */
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

/* The codes of an input for n outputs from c: STRIP, or 32 at the end of a longer STRIP. */
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

/* Bytes of the codes of an input. */
INLINE size_t input_bytes(const dtype type, size_t C)
{
    return type == Q8_0 ? C : codes_have_fifth(type) ? C / 2 + C / 8 : C / 2;
}

/* 32 inputs of all outputs, and one token's values of them. */
typedef struct {
    const used *now, *next; /* next's inputs are prefetched; it may have none */
    const uint8_t *scale;
    size_t bytes, C; /* of the group; outputs of the matrix */
    int32_t sum;     /* of the 32 values of x, as in x256   */
    float d, dsum;
} sparse_group;

/* n outputs from c, STRIP or 32: the group is added to y. */
INLINE void sparse_strip(const dtype type, const sparse_group g, float *y, size_t c, const int n)
{
    const coding k = coding_of(type);
    const vi zero = all_int(-k.zero * g.sum);
    vi acc[4] = {zero, zero, zero, zero};
    for (int i = 0; i < g.now->fours; i++) {
        vb v[4];
        four_inputs(type, g.now->row + 4 * i, g.C, c, n, v);
        vb x = (vb)all_int(g.now->x[i]);
        UNROLL for (int j = 0; j < 4; j++) acc[j] = DOT(k.wide, acc[j], v[j], x);
    }
    for (int i = 0; i < 4 * g.next->fours; i++) {
        __builtin_prefetch(g.next->row[i] + (type == Q8_0 ? c : c / 2));
        if (codes_have_fifth(type) && c % 512 < STRIP) __builtin_prefetch(g.next->row[i] + g.C / 2 + c / 8);
    }
    in_order(acc);
    UNROLL for (int j = 0; j < n / LANES; j++) {
        const uint8_t *at = g.scale + 2 * (c + (size_t)(j * LANES));
        if (2 * j * LANES % 64 == 0) __builtin_prefetch(at + g.bytes);
        vf s = madd(to_float(acc[j]), load_f16(at) * g.d, load(y + j * LANES));
        store(y + j * LANES, k.minimum ? madd(load_f16(at + 2 * g.C), all(g.dsum), s) : s);
    }
}

/* One token by `groups` groups: y is output a->w_from. */
INLINE void sparse_groups(const dtype type, const int8_args *a, float *y, const x256 *x, const uint8_t *group,
                          int groups)
{
    const size_t C = (size_t)a->w_outs, row = input_bytes(type, C), bytes = C * layout[type].bytes, x_step = a->x_step;
    const int from = a->w_from, to = from + a->O;
    used u[2];
    use(&u[0], group, row, x->q);
    for (int g = 0; g < groups; g++, group += bytes) {
        const x256 *now = x + (size_t)(g / 8) * x_step, *then = x + (size_t)((g + 1) / 8) * x_step;
        used *this = &u[g % 2], *next = &u[(g + 1) % 2];
        int b = g % 8, c = from;
        if (g + 1 < groups) use(next, group + bytes, row, then->q + 32 * ((g + 1) % 8));
        else next->fours = 0;
        if (!this->fours && now->d[b] - now->d[b] == 0) continue; /* unless it is NaN or infinite */
        const sparse_group it = {this, next, group + 32 * row, bytes, C, now->sum[b], now->d[b], now->dsum[b]};
        for (; c + STRIP <= to; c += STRIP) sparse_strip(type, it, y + c - from, (size_t)c, STRIP);
        if (c < to) sparse_strip(type, it, y + c - from, (size_t)c, STRIP > 32 ? 32 : STRIP);
    }
}

static void clear_results(const int8_args *a)
{
    for (int t = 0; t < a->T; t++) memset(a->y + (size_t)t * a->y_stride, 0, sizeof *a->y * (size_t)a->O);
}

static void scale_results(const int8_args *a)
{
    const float scale = a->scale;
    const int O = a->O;
    for (int t = 0; t < a->T && scale != 1; t++) {
        float *y = a->y + (size_t)t * a->y_stride;
        for (int o = 0; o < O; o++) y[o] *= scale;
    }
}

static void sparse_few(const int8_args *a)
{
    const size_t bytes = (size_t)a->w_outs * layout[a->type].bytes, part = (size_t)a->O * layout[a->type].bytes;
    const uint8_t *group = a->w;
    const x256 *x = a->x;
    int groups = a->I / 32, block = a->T == 1 ? groups : (int)(GROUPS_CACHE / part) / 8 * 8;
    if (block < 8) block = 8;
    clear_results(a);
    for (int g = 0; g < groups; g += block, group += (size_t)block * bytes, x += (size_t)(block / 8) * a->x_step)
        for (int t = 0; t < a->T; t++) {
            float *y = a->y + (size_t)t * a->y_stride;
            int n = groups - g < block ? groups - g : block;
            switch (a->type) {
            case Q8_0: sparse_groups(Q8_0, a, y, x + t, group, n); break;
            case Q4_0: sparse_groups(Q4_0, a, y, x + t, group, n); break;
            case Q4_1: sparse_groups(Q4_1, a, y, x + t, group, n); break;
            case Q5_0: sparse_groups(Q5_0, a, y, x + t, group, n); break;
            default: sparse_groups(Q5_1, a, y, x + t, group, n); break;
            }
        }
    scale_results(a);
}

/* ---- many tokens, most inputs not zero: packed, like blocks of rows ---------------------------------------------- */

/* See fill_panel. */
INLINE void fill_sparse(const dtype type, const int8_args *a, panel p, int o, int n, int k, int blocks)
{
    enum { WIDTH = STRIP < 32 ? STRIP : 32 };
    const size_t C = (size_t)a->w_outs, bytes = C * layout[type].bytes, step = input_bytes(type, C);
    const int first = a->w_from + o, begin = first / WIDTH * WIDTH;
    const uint8_t *group = (const uint8_t *)a->w + (size_t)(k / 32) * bytes;
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
            UNROLL for (int i = 0; i < 4; i++)
                __builtin_prefetch(row[i] + 8 * bytes + (type == Q8_0 ? first : first / 2));
        }
    }
}

#define FILL(T)                                                                                                        \
    static void fill_sparse_##T(const int8_args *a, panel p, int o, int n, int k, int blocks)                          \
    {                                                                                                                  \
        fill_sparse(T, a, p, o, n, k, blocks);                                                                         \
    }
FILL(Q8_0)
FILL(Q4_0)
FILL(Q4_1)
FILL(Q5_0)
FILL(Q5_1)
#undef FILL

/* A few tokens by all inputs: the matrix is read once, in its own order, and all outputs are accumulated at once. */
static void packed_sparse(const int8_args *a, fill_panel *fill)
{
    const coding c = coding_of(a->type);
    tiles *run = tiles_for(c);
    tile_args now = {.y_stride = a->y_stride, .x = a->x, .p = panel_in(a->scratch), .T = a->T, .zero = c.zero};
    clear_results(a);
    for (int k = 0; k < a->I; k += 256, now.x += a->x_step) {
        now.blocks = a->I - k < 256 ? (a->I - k) / 32 : 8;
        for (int o = 0; o < a->O; o += OUTS) {
            now.y = a->y + o;
            fill_tiles(fill, a, now.p, o, OUTS, k, now.blocks);
            run(&now);
        }
    }
    scale_results(a);
}

/* Whether skipping zero inputs is faster, when all tokens together use n of F. Skipping costs 150 for each F used and
 * 38 per token, packing all inputs 850 and 27 per token (us; measured at F 8192, C 2048, T 4 to 64, 0 to 95 % zeros),
 * so the time is continuous at the switch. */
static int skipping_is_quicker(int64_t n, int T, int F) { return 24 * n + (int64_t)T * F <= (int64_t)126 * F; }

/* The sum over tokens of nonzero inputs. */
static int64_t all_used(const int8_args *a)
{
    int64_t sum = 0;
    for (int g = 0; g < a->I / 32; g++) {
        const x256 *x = a->x + (size_t)(g / 8) * a->x_step;
        for (int t = 0; t < a->T; t++) sum += __builtin_popcount(not_zero32(x[t].q + 32 * (g % 8)));
    }
    return sum;
}

static void int8_sparse(const int8_args *a)
{
    static fill_panel *const fills[] = {[Q8_0] = fill_sparse_Q8_0, [Q4_0] = fill_sparse_Q4_0, [Q4_1] = fill_sparse_Q4_1,
                                        [Q5_0] = fill_sparse_Q5_0, [Q5_1] = fill_sparse_Q5_1};
    if (a->T <= FEW || skipping_is_quicker(all_used(a), a->T, a->I)) sparse_few(a);
    else if (a->T <= ONE_PASS) packed_sparse(a, fills[a->type]);
    else packed(a, fills[a->type]);
}
