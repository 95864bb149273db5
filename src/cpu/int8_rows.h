/* int8_rows.h - matrix products with weights in blocks along rows, as in most files (part of int8_body.h). A few tokens
 * read them in place, LANES rows side by side; for many they are packed into a panel. */

/* ---- weights: LANES rows side by side ---------------------------------------------------------------------------- */

typedef const uint8_t *rows[LANES];

/* Rows `step` bytes apart; after the n-th the last one is repeated. */
INLINE void rows_from(rows row, const uint8_t *p, size_t step, int n)
{
    for (int r = 0; r < LANES; r++) row[r] = p + (size_t)(r < n ? r : n - 1) * step;
}

/* The codes of 4 LANES values of a row, from block b of the 256 at p (LANES 4: from its half `half`). Only `blocks` of
 * them are there, 1 or SPAN. */
#if LANES == 16

INLINE vb codes(const dtype type, const uint8_t *p, const int b, const int half, const int blocks)
{
    const int bytes = layout[type].bytes, at = layout[type].at;
    const x86_int low = _mm512_set1_epi8(15), by32 = _mm512_set_epi64(4, 4, 4, 4, 0, 0, 0, 0);
    (void)half;
    if (type == Q8_0) {
        const uint8_t *q = p + b * bytes + at;
        x86_int v = _mm512_castsi256_si512(BYTES32(q));
        if (blocks == 2) v = PAIR(BYTES32(q), BYTES32(q + bytes));
        return (vb)_mm512_xor_si512(v, _mm512_set1_epi8((char)FLIP));
    }
    if (type == Q4_K || type == Q5_K) { /* 32 bytes have one block in their low halves, the next in their high ones */
        x86_int v = _mm512_and_si512(_mm512_srlv_epi64(TWICE32(p + at + 16 * b), by32), low);
        return (vb)(type == Q4_K ? v : add_fifth(v, fifth_of_q5_k(p + 16, b)));
    }
    /* 128 values: four bits in the low halves of 64 bytes, then in the high ones; two bits in 32 bytes */
    if (type == Q6_K) {
        x86_int v = _mm512_loadu_si512(p + 64 * (b / 4)), more = TWICE32(p + 128 + 32 * (b / 4));
        const x86_int up = PAIR(_mm256_set1_epi16(4), _mm256_set1_epi16(2));
        const x86_int down = PAIR(_mm256_set1_epi16(0), _mm256_set1_epi16(2));
        if (b & 2) v = _mm512_srli_epi16(v, 4);
        more = b & 2 ? _mm512_srlv_epi16(more, down) : _mm512_sllv_epi16(more, up);
        /* v | more & 0x30 */
        return (vb)_mm512_ternarylogic_epi32(_mm512_and_si512(v, low), more, _mm512_set1_epi8(0x30), 0xf8);
    }
    const uint8_t *q = p + b * bytes + at;
    x86_int v = nibbles(q, blocks == 2, (size_t)bytes);
    if (!codes_have_fifth(type)) return (vb)v;
    uint32_t fifth[2] = {0, 0};
    memcpy(&fifth[0], q - 4, 4);
    if (blocks == 2) memcpy(&fifth[1], q + bytes - 4, 4);
    return (vb)add_fifth(v, (uint64_t)fifth[1] << 32 | fifth[0]);
}
#else
/* 16 of them: half `half` of block b. */
INLINE vu16 codes16(const dtype type, const uint8_t *p, const int b, const int half)
{
    const int bytes = layout[type].bytes, at = layout[type].at;
    if (type == Q8_0) return bytes16(p + b * bytes + at + 16 * half) ^ FLIP;
    if (type == Q4_K || type == Q5_K) { /* 32 bytes have one block in their low halves, the next in their high ones */
        vu16 v = nibbles16(bytes16(p + at + 32 * (b / 2) + 16 * half), b % 2);
        return type == Q5_K ? v | fifth16_of_q5_k(p + 16 + 16 * half, b) : v;
    }
    /* 128 values: four bits in the low halves of 64 bytes, then in the high ones; two bits in 32 bytes */
    if (type == Q6_K) {
        vu16 v = bytes16(p + 64 * (b / 4) + 32 * (b % 2) + 16 * half);
        vu16 more = bytes16(p + 128 + 32 * (b / 4) + 16 * half);
        return nibbles16(v, b % 4 >= 2) | (more >> (uint8_t)(2 * (b % 4)) & 3) << 4;
    }
    const uint8_t *q = p + b * bytes + at;
    vu16 v = nibbles16(bytes16(q), half);
    return codes_have_fifth(type) ? v | fifth16(q - 4 + 2 * half) : v;
}

INLINE vb codes(const dtype type, const uint8_t *p, const int b, const int half, const int blocks)
{
    (void)blocks;
#if LANES == 8
    (void)half;
    return join(codes16(type, p, b, 0), codes16(type, p, b, 1));
#else
    return (vb)codes16(type, p, b, half);
#endif
}
#endif

/* The scales and minimums of 256 values of LANES rows, as stored: a vector written lane by lane is slow to load soon
 * after, so they are read some time before they are used. half[0], half[1]: f16 scales and minimums; words: Q6_K's 16
 * scales, or the first 16 bytes of Q4_K and Q5_K, of which the last 12 are 8 scales and 8 minimums of 6 bits. */
typedef struct {
    uint16_t half[2][8][LANES];
    uint32_t words[4][LANES];
} stored;

INLINE void take(const dtype type, stored *to, const rows row, size_t off, int blocks)
{
    const int bytes = layout[type].bytes, minimum = coding_of(type).minimum;
    for (int b = 0; b < blocks && type < Q4_K; b++)
        UNROLL for (int r = 0; r < LANES; r++) {
            const uint8_t *p = row[r] + off + b * bytes;
            memcpy(&to->half[0][b][r], p, 2);
            if (minimum) memcpy(&to->half[1][b][r], p + 2, 2);
        }
    if (type < Q4_K) return;
    UNROLL for (int r = 0; r < LANES; r++) {
        const uint8_t *p = row[r] + off;
        UNROLL for (int i = 0; i < 4; i++) memcpy(&to->words[i][r], p + (type == Q6_K ? 192 : 0) + 4 * i, 4);
        memcpy(&to->half[0][0][r], p + (type == Q6_K ? 208 : 0), 2);
        if (minimum) memcpy(&to->half[1][0][r], p + 2, 2);
    }
}

/* Scales and minimums: block b's at d + b step, those for 16 values at d + (2 b + half) step. */
INLINE void scales(const dtype type, const stored *from, int blocks, float *d, float *m, size_t step)
{
    const int minimum = coding_of(type).minimum;
    if (type < Q4_K) {
        for (int b = 0; b < blocks; b++) {
            store(d + (size_t)b * step, load_f16(from->half[0][b]));
            if (minimum) store(m + (size_t)b * step, load_f16(from->half[1][b]));
        }
        return;
    }
    vf dv = load_f16(from->half[0][0]);
    vu h[4];
    memcpy(h, from->words, sizeof h);
    if (type == Q6_K) {
        UNROLL for (int i = 0; i < 16; i++)
            store(d + (size_t)i * step, to_float((vi)(h[i / 4] << (24 - i % 4 * 8)) >> 24) * dv);
        return;
    }
    vf mv = -load_f16(from->half[1][0]);
    UNROLL for (int j = 0; j < 4; j++) {
        vu s = h[1] >> (8 * j), n = h[2] >> (8 * j), both = h[3] >> (8 * j);
        store(d + (size_t)j * step, to_float((vi)(s & 63)) * dv);
        store(m + (size_t)j * step, to_float((vi)(n & 63)) * mv);
        store(d + (size_t)(j + 4) * step, to_float((vi)((both & 15) | (s >> 6 & 3) << 4)) * dv);
        store(m + (size_t)(j + 4) * step, to_float((vi)((both >> 4 & 15) | (n >> 6 & 3) << 4)) * mv);
    }
}

/* ---- a few tokens: weights in place ------------------------------------------------------------------------------ */

/* Lanes become rows. v[r]: sums of four for row r. */
#if LANES == 16
#define PAIRS(a, b)                                                                                                    \
    (PICK(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29) +                                            \
     PICK(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31))
#define FOURS(a, b)                                                                                                    \
    (PICK(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29) +                                            \
     PICK(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
#define QUARTERS02(a, b) PICK(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27)
#define QUARTERS13(a, b) PICK(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31)
#elif LANES == 8
#define PAIRS(a, b) (PICK(a, b, 0, 8, 1, 9, 4, 12, 5, 13) + PICK(a, b, 2, 10, 3, 11, 6, 14, 7, 15))
#define FOURS(a, b) (PICK(a, b, 0, 1, 8, 9, 4, 5, 12, 13) + PICK(a, b, 2, 3, 10, 11, 6, 7, 14, 15))
#else
#define PAIRS(a, b) (PICK(a, b, 0, 4, 1, 5) + PICK(a, b, 2, 6, 3, 7))
#define FOURS(a, b) (PICK(a, b, 0, 1, 4, 5) + PICK(a, b, 2, 3, 6, 7))
#endif

/* Sums of blocks b .. b + SPAN - 1, of which the first `blocks` are there, for all rows: to[block], or to[2 block +
 * half]. */
INLINE void block_sums(const dtype type, const rows row, size_t off, const int8_t *x, const int b, const int blocks,
                       vi to[2 * SPAN])
{
    const coding c = coding_of(type);
    enum { PARTS = LANES == 4 ? 2 : 1 }; /* vectors in a block */
    vi v[LANES], four[LANES / 4];
    UNROLL for (int part = 0; part < PARTS; part++) {
        vb xv = load_bytes(x + 32 * b + 16 * part);
        UNROLL for (int r = 0; r < LANES; r++) {
            vi from = part && !c.halves ? v[r] : (vi){0};
            v[r] = DOT(c.wide, from, codes(type, row[r] + off, b, part, blocks), xv);
        }
        if (LANES == 4 && !c.halves && !part) continue;
        vi two[LANES / 2];
        UNROLL for (int i = 0; i < LANES / 2; i++) two[i] = PAIRS(v[2 * i], v[2 * i + 1]);
        UNROLL for (int i = 0; i < LANES / 4; i++) four[i] = FOURS(two[2 * i], two[2 * i + 1]);
        if (LANES == 4) to[c.halves ? part : 0] = four[0];
    }
#if LANES == 16 /* 128-bit lanes of four[i]: sums of 16 values for rows 4 i .. 4 i + 3 */
    vi a = QUARTERS02(four[0], four[1]), a1 = QUARTERS13(four[0], four[1]);
    vi e = QUARTERS02(four[2], four[3]), e1 = QUARTERS13(four[2], four[3]);
    if (c.halves) {
        to[0] = QUARTERS02(a, e), to[2] = QUARTERS13(a, e);
        to[1] = QUARTERS02(a1, e1), to[3] = QUARTERS13(a1, e1);
    } else {
        to[0] = QUARTERS02(a + a1, e + e1), to[1] = QUARTERS13(a + a1, e + e1);
    }
#elif LANES == 8
    vi a = PICK(four[0], four[1], 0, 1, 2, 3, 8, 9, 10, 11), a1 = PICK(four[0], four[1], 4, 5, 6, 7, 12, 13, 14, 15);
    if (c.halves) to[0] = a, to[1] = a1;
    else to[0] = a + a1;
#endif
}

/* One step of the canonical order for LANES rows. */
INLINE vf step(const coding c, vf y, vi sum, int b, int half, const x256 *x, const float *d, const float *m)
{
    int xsum = !c.halves ? x->sum[b] : half ? x->sum[b] - x->first[b] : x->first[b];
    if (c.zero) sum -= all_int(c.zero * xsum);
    y = madd(to_float(sum), load(d) * x->d[b], y);
    return c.minimum ? madd(load(m), all(x->dsum[b]), y) : y;
}

/* LANES rows, and the scales and minimums of 256 of their values: see `scales`. The sums are not in this struct, since
 * compilers would load its fields again after each store to them. */
typedef struct {
    rows row;
    float d[16 * LANES], m[8 * LANES];
} few_weights;

/* The approximate start of block b of 256 values: blocks of Q4_K, Q5_K and Q6_K share bytes. */
INLINE int prefetch_at(const dtype type, const int b) { return b * layout[type].bytes / (type < Q4_K ? 1 : 8); }

/* Blocks b .. b + blocks - 1 of a chunk, at most SPAN, for T tokens. */
INLINE void few_blocks(const dtype type, vf *acc, const few_weights *w, const x256 *x, int T, size_t off, const int b,
                       const int blocks)
{
    const coding c = coding_of(type);
    UNROLL for (int r = 0; r < LANES; r++) __builtin_prefetch(w->row[r] + off + AHEAD + prefetch_at(type, b));
    for (int t = 0; t < T; t++) {
        vi sum[2 * SPAN];
        vf y = acc[t];
        block_sums(type, w->row, off, x[t].q, b, blocks, sum);
        UNROLL for (int i = 0; i < blocks; i++) {
            int at = b + i;
            if (c.halves) {
                y = step(c, y, sum[2 * i], at, 0, x + t, w->d + 2 * at * LANES, NULL);
                y = step(c, y, sum[2 * i + 1], at, 1, x + t, w->d + (2 * at + 1) * LANES, NULL);
            } else {
                y = step(c, y, sum[i], at, 0, x + t, w->d + at * LANES, w->m + at * LANES);
            }
        }
        acc[t] = y;
    }
}

/* Outputs o, o + apart, ...: n of them, at most LANES. */
INLINE void few_tile(const dtype type, const int8_args *a, int o, size_t apart, int n)
{
    const int many = type >= Q4_K, bytes = many ? layout[type].bytes : 8 * layout[type].bytes, T = a->T, I = a->I;
    const size_t x_step = a->x_step;
    const x256 *x = a->x;
    stored side[2];
    few_weights w;
    vf acc[FEW];
    size_t off = 0;
    rows_from(w.row, (const uint8_t *)a->w + (size_t)o * a->w_bytes, apart * a->w_bytes, n);
    for (int t = 0; t < T; t++) acc[t] = (vf){0};
    take(type, &side[0], w.row, 0, I < 256 ? I / 32 : 8);
    for (int left = I / 32, k = 0; left > 0; left -= 8, x += x_step, off += (size_t)bytes, k ^= 1) {
        int blocks = left < 8 ? left : 8, b = 0;
        scales(type, &side[k], blocks, w.d, w.m, LANES);
        if (left >= 16) take(type, &side[!k], w.row, off + (size_t)bytes, 8);
        else if (left > 8) take(type, &side[!k], w.row, off + (size_t)bytes, left - 8);
        if (blocks == 8) {
            UNROLL for (int i = 0; i < 8; i += SPAN) few_blocks(type, acc, &w, x, T, off, i, SPAN);
            continue;
        }
        for (; b + SPAN <= blocks && !many; b += SPAN) few_blocks(type, acc, &w, x, T, off, b, SPAN);
        if (b < blocks && !many) few_blocks(type, acc, &w, x, T, off, b, 1);
    }
    const size_t y_stride = a->y_stride;
    const float scale = a->scale;
    float *y = a->y + o;
    for (int t = 0; t < T; t++) {
        float to[LANES];
        store(to, acc[t] * scale);
        for (int r = 0; r < n; r++) y[(size_t)t * y_stride + (size_t)r * apart] = to[r];
    }
}

/* Reading memory is fastest in several streams far apart. A distance near a multiple of 1024 bytes would map all of
 * them, and their prefetched lines, to the same cache sets. */
INLINE void few_tokens(const dtype type, const int8_args *a)
{
    const int O = a->O;
    int apart = O / LANES, tries = 8;
    while (tries-- && apart > 1 && ((size_t)apart * a->w_bytes + 127) % 1024 < 255) apart--;
    for (int o = 0; o < O;) {
        int far = o < apart, n = far || O - o >= LANES ? LANES : O - o;
        few_tile(type, a, o, far ? (size_t)apart : 1, n);
        o = o + 1 == apart ? apart * LANES : o + (far ? 1 : n);
    }
}

/* ---- rows, for many tokens: packing four values of LANES outputs ------------------------------------------------- */

/* v[i] lane j <-> v[j] lane i */
INLINE void transpose(vi v[LANES])
{
#define SWAP(step, ...)                                                                                                \
    UNROLL for (int i = 0; i < LANES; i++) {                                                                           \
        if (i & step) continue;                                                                                        \
        vi a = v[i], b = v[i + step];                                                                                  \
        SWAP_##step(v[i], v[i + step], a, b)                                                                           \
    }
#if LANES == 16
#define SWAP_8(x, y, a, b)                                                                                             \
    x = PICK(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);                                            \
    y = PICK(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
#define SWAP_4(x, y, a, b)                                                                                             \
    x = PICK(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);                                          \
    y = PICK(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
#define SWAP_2(x, y, a, b)                                                                                             \
    x = PICK(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);                                          \
    y = PICK(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
#define SWAP_1(x, y, a, b)                                                                                             \
    x = PICK(a, b, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30);                                         \
    y = PICK(a, b, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
    SWAP(8)
    SWAP(4)
#elif LANES == 8
#define SWAP_4(x, y, a, b)                                                                                             \
    x = PICK(a, b, 0, 1, 2, 3, 8, 9, 10, 11);                                                                          \
    y = PICK(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
#define SWAP_2(x, y, a, b)                                                                                             \
    x = PICK(a, b, 0, 1, 8, 9, 4, 5, 12, 13);                                                                          \
    y = PICK(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
#define SWAP_1(x, y, a, b)                                                                                             \
    x = PICK(a, b, 0, 8, 2, 10, 4, 12, 6, 14);                                                                         \
    y = PICK(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
    SWAP(4)
#else
#define SWAP_2(x, y, a, b)                                                                                             \
    x = PICK(a, b, 0, 1, 4, 5);                                                                                        \
    y = PICK(a, b, 2, 3, 6, 7);
#define SWAP_1(x, y, a, b)                                                                                             \
    x = PICK(a, b, 0, 4, 2, 6);                                                                                        \
    y = PICK(a, b, 1, 5, 3, 7);
#endif
    SWAP(2)
    SWAP(1)
#undef SWAP
}

/* 4 LANES values of each of LANES rows, transposed. */
INLINE void fill_vector(const dtype type, uint8_t *to, const rows row, size_t off, ptrdiff_t ahead, const int b,
                        const int half, const int blocks)
{
    vi v[LANES];
    UNROLL for (int r = 0; r < LANES && !half; r++) __builtin_prefetch(row[r] + ahead + prefetch_at(type, b));
    UNROLL for (int r = 0; r < LANES; r++) v[r] = (vi)codes(type, row[r] + off, b, half, blocks);
    transpose(v);
    UNROLL for (int j = 0; j < LANES; j++)
        memcpy(to + (size_t)(32 * b + 16 * half + 4 * j) * OUTS, &v[j], sizeof v[j]);
}

/* See fill_panel. At the end of a row the start of the next panel is prefetched. */
INLINE void fill_rows(const dtype type, const int8_args *a, panel p, int o, int n, int k, int blocks)
{
    enum { HALVES = LANES == 4 ? 2 : 1 }; /* vectors in a block */
    const int many = type >= Q4_K, bytes = many ? layout[type].bytes : 8 * layout[type].bytes;
    size_t off = (size_t)(k / 256) * (size_t)bytes;
    const ptrdiff_t ahead = k + 256 < a->I ? (ptrdiff_t)off + bytes : (ptrdiff_t)((size_t)OUTS * a->w_bytes);
    stored side;
    rows row;
    for (int g = 0; g < n; g += LANES) {
        rows_from(row, (const uint8_t *)a->w + (size_t)(o + g) * a->w_bytes, a->w_bytes, n - g);
        take(type, &side, row, off, blocks);
        uint8_t *to = p.code + 4 * g;
        if (blocks == 8) {
            UNROLL for (int b = 0; b < 8; b += SPAN)
                UNROLL for (int half = 0; half < HALVES; half++) fill_vector(type, to, row, off, ahead, b, half, SPAN);
        }
        for (int b = 0; b < blocks && blocks < 8 && !many; b += SPAN)
            for (int half = 0; half < HALVES; half++) {
                if (b + SPAN <= blocks) fill_vector(type, to, row, off, ahead, b, half, SPAN);
                else fill_vector(type, to, row, off, ahead, b, half, 1);
            }
        scales(type, &side, blocks, p.d + g, p.m + g, OUTS);
    }
}

/* ---- all types --------------------------------------------------------------------------------------------------- */

#define FOR(T)                                                                                                         \
    static void fill_##T(const int8_args *a, panel p, int o, int n, int k, int blocks)                                 \
    {                                                                                                                  \
        fill_rows(T, a, p, o, n, k, blocks);                                                                           \
    }                                                                                                                  \
    static void few_##T(const int8_args *a) { few_tokens(T, a); }
FOR(Q8_0)
FOR(Q4_0)
FOR(Q4_1)
FOR(Q5_0)
FOR(Q5_1)
FOR(Q4_K)
FOR(Q5_K)
FOR(Q6_K)
#undef FOR

static void int8_product(const int8_args *a)
{
#define FOR(T) [T] = {fill_##T, few_##T}
    static const struct {
        fill_panel *fill;
        int8_gemm *few;
    } types[] = {FOR(Q8_0), FOR(Q4_0), FOR(Q4_1), FOR(Q5_0), FOR(Q5_1), FOR(Q4_K), FOR(Q5_K), FOR(Q6_K)};
#undef FOR
    if (a->T <= FEW) types[a->type].few(a);
    else packed(a, types[a->type].fill);
}
