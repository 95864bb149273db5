/* int8_panels.h - products with weights of which a vector holds four values of LANES outputs: panels that were packed
 * from another layout, and LAYOUT_INTERLEAVED, in place (format/layout.h; part of int8_body.h). */

enum { X_LINES = sizeof(x256) / 64, AHEAD_LINES = 18 };

/* Four values of LANES outputs, number `at` such of a tile, from the codes of an interleaved tile (format/layout.h). */
INLINE vb tile_codes(const dtype type, const uint8_t *codes, const int four, int at)
{
    enum { HALF = 16 / LANES, BYTES = 4 * LANES }; /* vectors of low halves */
    if (type == Q8_0) return load_bytes(codes + 128 * four + BYTES * at) ^ (vb)all_int((int32_t)(FLIP * 0x01010101u));
    vb w = (vb)((vu)load_bytes(codes + 64 * four + BYTES * (at % HALF)) >> (at < HALF ? 0 : 4) & 0x0f0f0f0f);
    if (!codes_have_fifth(type)) return w;
    const uint8_t *fifth = codes + 512 + 16 * four + BYTES / 8 * at;
#if LANES == 16
    uint64_t bits;
    memcpy(&bits, fifth, sizeof bits);
    return (vb)add_fifth((x86_int)w, bits);
#elif LANES == 8
    return w | join(fifth16(fifth), fifth16(fifth + 2));
#else
    return w | (vb)fifth16(fifth);
#endif
}

/* mn tokens by OUTS outputs: Y[t][o] goes on over `blocks` blocks. Weights come from a panel that was filled (type
 * DTYPES), or from 32 blocks of 32 outputs that lie there, of which `first` is the tile's first. Meanwhile memory goes
 * on reading: tokens that are alone ask for what lies somewhat further on; others, with each block, for `lines` lines
 * from `ahead` on. */
INLINE void tile(const int mn, const int alone, const dtype type, const coding c, float *Y, size_t y_stride, const x256 *x, const panel *from,
                 const uint8_t *lie, int first, const uint8_t *ahead, int lines, int blocks)
{
    const int halves = c.halves ? 2 : 1, filled = type == DTYPES, bytes = filled ? 0 : 32 * layout[type].bytes, codes = c.minimum ? 128 : 64;
    const panel p = filled ? *from : (panel){0};
    if ((int)OUTS == (int)LAYOUT_TILE) first = 0;
    vf y[TILE_T][TILE_V];
    UNROLL for (int t = 0; t < mn; t++)
        UNROLL for (int v = 0; v < TILE_V; v++) y[t][v] = load(Y + (size_t)t * y_stride + v * LANES);
    for (int b = 0; b < halves * blocks; b++) {
        const uint8_t *at = filled ? NULL : lie + b * bytes, *code = filled ? p.code + 32 / halves * OUTS * b : NULL;
        vi acc[TILE_T][TILE_V];
        int block = b / halves, half = b % halves;
        UNROLL for (int t = 0; t < mn; t++) {
            int sum = !c.halves ? x[t].sum[block] : half ? x[t].sum[block] - x[t].first[block] : x[t].first[block];
            UNROLL for (int v = 0; v < TILE_V; v++) acc[t][v] = c.minimum ? (vi){0} : all_int(-c.zero * sum);
        }
        UNROLL for (int k = 0; k < 8 / halves; k++) {
            vb wv[TILE_V];
            UNROLL for (int v = 0; v < TILE_V; v++)
                wv[v] = filled ? load_bytes(code + (k * TILE_V + v) * 4 * LANES)
                               : tile_codes(type, at + codes, k, first / LANES + v);
            if (alone && first == 0)
                UNROLL for (int line = 64 * k; line < bytes; line += 512) __builtin_prefetch(at + 64 * AHEAD_LINES + line);
            UNROLL for (int t = 0; t < mn; t++) {
                vb xv = all_four(x[t].q + 32 / halves * b + 4 * k);
                UNROLL for (int v = 0; v < TILE_V; v++) acc[t][v] = DOT(c.wide, acc[t][v], wv[v], xv);
            }
        }
        for (int i = 0; i < lines && !alone; i += 3)
            UNROLL for (int j = 0; j < 3; j++) __builtin_prefetch(ahead + 64 * (b * lines + i + j));
        if (filled)
            UNROLL for (int line = 0; line < mn * X_LINES; line += 8 * halves)
                __builtin_prefetch((const char *)(x + mn) + 64 * line + 64 * b);
        vf d[TILE_V], m[TILE_V];
        UNROLL for (int v = 0; v < TILE_V; v++) {
            const uint8_t *scale = at + 2 * (first + v * LANES);
            d[v] = filled ? load(p.d + b * OUTS + v * LANES) : load_f16(scale);
            if (c.minimum) m[v] = filled ? load(p.m + b * OUTS + v * LANES) : load_f16(scale + 2 * LAYOUT_TILE);
        }
        UNROLL for (int t = 0; t < mn; t++)
            UNROLL for (int v = 0; v < TILE_V; v++) {
                y[t][v] = madd(to_float(acc[t][v]), d[v] * x[t].d[block], y[t][v]);
                if (c.minimum) y[t][v] = madd(m[v], all(x[t].dsum[block]), y[t][v]);
            }
    }
    UNROLL for (int t = 0; t < mn; t++)
        UNROLL for (int v = 0; v < TILE_V; v++) store(Y + (size_t)t * y_stride + v * LANES, y[t][v]);
}

typedef void tiles(int T, int zero, float *Y, size_t y_stride, const x256 *x, const panel *from, const uint8_t *lie, int first, int blocks);

/* Where several tiles go over stored blocks, each asks for a part of the next 256 inputs', so that memory does not wait
 * for the last of them. */
#define TILE(n, alone) tile(TILE_T < n ? 1 : n, alone, type, c, Y, y_stride, x, from, lie, first, ahead, lines, blocks)
#define TILES_OF(name, of, ...)                                                                                        \
    static void name(int T, int zero, float *Y, size_t y_stride, const x256 *x, const panel *from, const uint8_t *lie, \
                     int first, int blocks)                                                                            \
    {                                                                                                                  \
        const dtype type = of;                                                                                         \
        const coding c = {.zero = zero, __VA_ARGS__};                                                                  \
        const int bytes = type == DTYPES ? 0 : 32 * layout[type % DTYPES].bytes, passes = (T + TILE_T - 1) / TILE_T;   \
        const int lines = first ? 0 : (bytes / 64 + passes - 1) / passes;                                              \
        const uint8_t *ahead = bytes ? lie + 8 * bytes : NULL;                                                         \
        if (bytes && T == 1) TILE(1, 1);                                                                               \
        else if (bytes && T == 2) TILE(2, 1);                                                                          \
        else if (bytes && T == 4 && TILE_T >= 4) TILE(4, 1);                                                           \
        else                                                                                                           \
            for (int n; T; T -= n, Y += (size_t)n * y_stride, x += n, ahead += bytes ? 8 * 64 * lines : 0) {           \
                n = T >= TILE_T ? TILE_T : TILE_T > 4 && T >= 4 ? 4 : T >= 2 ? 2 : 1;                                  \
                if (n == TILE_T) TILE(TILE_T, 0);                                                                      \
                else if (n == 4) TILE(4, 0);                                                                           \
                else if (n == 2) TILE(2, 0);                                                                           \
                else TILE(1, 0);                                                                                       \
            }                                                                                                          \
    }
TILES_OF(tiles_plain, DTYPES, .wide = 0)
TILES_OF(tiles_wide, DTYPES, .wide = 1)
TILES_OF(tiles_minimum, DTYPES, .minimum = 1)
TILES_OF(tiles_halves, DTYPES, .halves = 1)
TILES_OF(tiles_Q8_0, Q8_0, .wide = 1)
TILES_OF(tiles_Q4_0, Q4_0, .wide = 0)
TILES_OF(tiles_Q4_1, Q4_1, .minimum = 1)
TILES_OF(tiles_Q5_0, Q5_0, .wide = 0)
TILES_OF(tiles_Q5_1, Q5_1, .minimum = 1)
#undef TILES_OF
#undef TILE

/* T tokens' results of n outputs to their place. */
INLINE void put_results(float *y, size_t y_stride, const float *Y, int T, int n, float scale)
{
    for (int t = 0; t < T; t++, y += y_stride, Y += OUTS) {
        float to[OUTS];
        UNROLL for (int i = 0; i < OUTS; i += LANES) store(to + i, load(Y + i) * scale);
        if (n == OUTS) memcpy(y, to, sizeof to);
        else memcpy(y, to, sizeof *y * (size_t)n);
    }
}

static void packed(float *y, size_t y_stride, const x256 *x, size_t x_step, fill_panel *fill, const void *weights, coding c, int T,
                   int O, int I, float scale, void *scratch)
{
    tiles *run = c.wide ? tiles_wide : c.halves ? tiles_halves : c.minimum ? tiles_minimum : tiles_plain;
    panel p = {.code = scratch};
    p.d = (float *)(p.code + 256 * OUTS);
    p.m = p.d + 16 * OUTS;
    float *Y = p.m + 8 * OUTS;
    for (; T > 0; T -= INT8_BLOCK, x += INT8_BLOCK, y += (size_t)INT8_BLOCK * y_stride) {
        int tn = T < INT8_BLOCK ? T : INT8_BLOCK;
        for (int o = 0; o < O; o += OUTS) {
            int n = O - o < OUTS ? O - o : OUTS;
            const x256 *from = x;
            memset(Y, 0, sizeof *Y * (size_t)tn * OUTS);
            for (int k = 0; k < I; k += 256, from += x_step) {
                int blocks = I - k < 256 ? (I - k) / 32 : 8;
                fill(weights, p, o, n, k, blocks);
                run(tn, c.zero, Y, OUTS, from, &p, NULL, 0, blocks);
            }
            put_results(y + o, y_stride, Y, tn, n, scale);
        }
    }
}

/* ---- interleaved weights ----------------------------------------------------------------------------------------- */

typedef struct {
    const uint8_t *w;
    size_t w_bytes;
} interleaved_weights;

/* See fill_panel. */
INLINE void fill_interleaved(const dtype type, const interleaved_weights *q, panel p, int o, int k, int blocks)
{
    const int minimum = coding_of(type).minimum, bytes = 32 * layout[type].bytes;
    const int first = (int)OUTS == (int)LAYOUT_TILE ? 0 : o % LAYOUT_TILE;
    const uint8_t *at = q->w + (size_t)(o / LAYOUT_TILE * LAYOUT_TILE) * q->w_bytes + (size_t)(k / 32) * (size_t)bytes;
    for (int b = 0; b < blocks; b++, at += bytes) {
        UNROLL for (int k4 = 0; k4 < 8; k4++)
            UNROLL for (int v = 0; v < TILE_V; v++) {
                vb w = tile_codes(type, at + (minimum ? 128 : 64), k4, first / LANES + v);
                memcpy(p.code + ((8 * b + k4) * TILE_V + v) * 4 * LANES, &w, sizeof w);
            }
        UNROLL for (int v = 0; v < TILE_V; v++) {
            store(p.d + b * OUTS + v * LANES, load_f16(at + 2 * (first + v * LANES)));
            if (minimum) store(p.m + b * OUTS + v * LANES, load_f16(at + 2 * (LAYOUT_TILE + first + v * LANES)));
        }
        /* the next fill's */
        for (int line = 0; line < bytes && first == 0; line += 64) __builtin_prefetch(at + 8 * bytes + line);
    }
}

#define FILL(T)                                                                                                        \
    static void fill_interleaved_##T(const void *w, panel p, int o, int n, int k, int blocks)                          \
    {                                                                                                                  \
        (void)n;                                                                                                       \
        fill_interleaved(T, w, p, o, k, blocks);                                                                       \
    }
FILL(Q4_0)
FILL(Q4_1)
FILL(Q5_0)
FILL(Q5_1)
#undef FILL

/* Bytes are read where they lie. Smaller codes too by a few tokens; for many they are taken apart once. */
static void int8_interleaved(float *y, size_t y_stride, const x256 *x, size_t x_step, const void *w, size_t w_bytes,
                             dtype type, int T, int O, int I, float scale, void *scratch)
{
    enum { AT_ONCE = 16 };
#define FOR(T) [T] = {fill_interleaved_##T, tiles_##T}
    static const struct {
        fill_panel *fill;
        tiles *run;
    } types[] = {[Q8_0] = {NULL, tiles_Q8_0}, FOR(Q4_0), FOR(Q4_1), FOR(Q5_0), FOR(Q5_1)};
#undef FOR
    const coding c = coding_of(type);
    if (T > AT_ONCE && types[type].fill) {
        const interleaved_weights q = {w, w_bytes};
        packed(y, y_stride, x, x_step, types[type].fill, &q, c, T, O, I, scale, scratch);
        return;
    }
    float *Y = scratch;
    for (; T > 0; T -= INT8_BLOCK, x += INT8_BLOCK, y += (size_t)INT8_BLOCK * y_stride) {
        int tn = T < INT8_BLOCK ? T : INT8_BLOCK;
        for (int o = 0; o < O; o += OUTS) {
            const uint8_t *at = (const uint8_t *)w + (size_t)(o / LAYOUT_TILE * LAYOUT_TILE) * w_bytes;
            const x256 *from = x;
            memset(Y, 0, sizeof *Y * (size_t)(tn * OUTS));
            for (int k = 0; k < I; k += 256, from += x_step, at += (size_t)8 * 32 * layout[type].bytes)
                types[type].run(tn, c.zero, Y, OUTS, from, NULL, at, o % LAYOUT_TILE, I - k < 256 ? (I - k) / 32 : 8);
            put_results(y + o, y_stride, Y, tn, OUTS, scale);
        }
    }
}
