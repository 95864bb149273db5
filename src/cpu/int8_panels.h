/* int8_panels.h - matrix products with vectors of four values of LANES outputs: panels packed from another layout, and
 * LAYOUT_INTERLEAVED in place (format/layout.h; part of int8_body.h). */

enum { X_LINES = sizeof(x256) / 64, AHEAD_LINES = 18 };

/* Weights of OUTS neighbouring outputs, 256 values of each, ready for many tokens: code k of output o at code[(k / 4)
 * OUTS 4 + 4 o + k % 4]; scales and minimums of block b of output o at [b OUTS + o], scales for 16 values at [(2 b +
 * half) OUTS + o]. weight = D (code - zero) + M. Q8_0's signed bytes are stored as c ^ FLIP, and `zero` is FLIP. */
typedef struct {
    uint8_t *code;
    float *d, *m;
} panel;

/* Fill p with outputs o .. o + n - 1 of a->w (n <= OUTS; the others' codes may be anything), `blocks` blocks of 32
 * values from k, a multiple of 256. */
typedef void fill_panel(const int8_args *a, panel p, int o, int n, int k, int blocks);

enum { PANEL_FLOATS = 24 * OUTS }; /* 16 scales and 8 minimums of each output */

/* A panel at the beginning of scratch; the scratch is free PANEL_FLOATS after its d. */
INLINE panel panel_in(void *scratch)
{
    float *d = (float *)((uint8_t *)scratch + 256 * OUTS);
    return (panel){scratch, d, d + 16 * OUTS};
}

/* Vector number `at` of an interleaved tile: four values of LANES outputs (format/layout.h). */
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

/* Tokens by OUTS outputs, over at most 256 inputs. */
typedef struct {
    float *y; /* T x OUTS sums, to which the products are added */
    size_t y_stride;
    const x256 *x;
    panel p;               /* weights that were packed,                                               */
    const uint8_t *stored; /* or those of LAYOUT_INTERLEAVED: `blocks` times the blocks of 32 outputs */
    int first;             /* of these 32 outputs, the first of the OUTS                              */
    int T, blocks, zero;
} tile_args;

#ifdef DOT_PAIRS
#include "cpu/int8_pairs.h"
#endif

/* mn tokens of a. Weights are packed if type is DTYPES, else stored. Prefetches run meanwhile: a single token's from
 * the stored weights a fixed distance ahead; others', with each block, of `lines` lines from `ahead` on. */
INLINE void tile(const int mn, const int alone, const dtype type, const coding c, const tile_args a,
                 const uint8_t *ahead, int lines)
{
    const int halves = c.halves ? 2 : 1, packed = type == DTYPES, tile_bytes = packed ? 0 : 32 * layout[type].bytes;
    const int codes = c.minimum ? 128 : 64, first = (int)OUTS == (int)LAYOUT_TILE ? 0 : a.first;
    const panel p = packed ? a.p : (panel){0};
    const x256 *x = a.x;
    vf y[TILE_T][TILE_V];
    UNROLL for (int t = 0; t < mn; t++)
        UNROLL for (int v = 0; v < TILE_V; v++) y[t][v] = load(a.y + (size_t)t * a.y_stride + v * LANES);
    for (int b = 0; b < halves * a.blocks; b++) {
        const uint8_t *at = packed ? NULL : a.stored + b * tile_bytes;
        const uint8_t *code = packed ? p.code + 32 / halves * OUTS * b : NULL;
        vi acc[TILE_T][TILE_V];
        int block = b / halves, half = b % halves;
        UNROLL for (int t = 0; t < mn; t++) {
            int sum = !c.halves ? x[t].sum[block] : half ? x[t].sum[block] - x[t].first[block] : x[t].first[block];
            UNROLL for (int v = 0; v < TILE_V; v++) acc[t][v] = c.minimum ? (vi){0} : all_int(-c.zero * sum);
        }
        UNROLL for (int k = 0; k < 8 / halves; k++) {
            vb wv[TILE_V];
            UNROLL for (int v = 0; v < TILE_V; v++)
                wv[v] = packed ? load_bytes(code + (k * TILE_V + v) * 4 * LANES)
                               : tile_codes(type, at + codes, k, first / LANES + v);
            if (alone && first == 0)
                UNROLL for (int line = 64 * k; line < tile_bytes; line += 512)
                    __builtin_prefetch(at + 64 * AHEAD_LINES + line);
            UNROLL for (int t = 0; t < mn; t++) {
                vb xv = all_four(x[t].q + 32 / halves * b + 4 * k);
                UNROLL for (int v = 0; v < TILE_V; v++) acc[t][v] = DOT(c.wide, acc[t][v], wv[v], xv);
            }
        }
        for (int i = 0; i < lines && !alone; i += 3)
            UNROLL for (int j = 0; j < 3; j++) __builtin_prefetch(ahead + 64 * (b * lines + i + j));
        if (packed)
            UNROLL for (int line = 0; line < mn * X_LINES; line += 8 * halves)
                __builtin_prefetch((const char *)(x + mn) + 64 * line + 64 * b);
        vf d[TILE_V], m[TILE_V];
        UNROLL for (int v = 0; v < TILE_V; v++) {
            const uint8_t *scale = at + 2 * (first + v * LANES);
            d[v] = packed ? load(p.d + b * OUTS + v * LANES) : load_f16(scale);
            if (c.minimum) m[v] = packed ? load(p.m + b * OUTS + v * LANES) : load_f16(scale + 2 * LAYOUT_TILE);
        }
        UNROLL for (int t = 0; t < mn; t++)
            UNROLL for (int v = 0; v < TILE_V; v++) {
                y[t][v] = madd(to_float(acc[t][v]), d[v] * x[t].d[block], y[t][v]);
                if (c.minimum) y[t][v] = madd(m[v], all(x[t].dsum[block]), y[t][v]);
            }
    }
    UNROLL for (int t = 0; t < mn; t++)
        UNROLL for (int v = 0; v < TILE_V; v++) store(a.y + (size_t)t * a.y_stride + v * LANES, y[t][v]);
}

/* If several tiles read the same stored blocks, each prefetches a part of the next 256 inputs' blocks, so that reading
 * does not wait for the last tile. */
INLINE void tile_tokens(const dtype type, const coding c, tile_args a)
{
    enum { FOUR = TILE_T < 4 ? 1 : 4 };
    const int tile_bytes = type == DTYPES ? 0 : 32 * layout[type % DTYPES].bytes;
    const int passes = (a.T + TILE_T - 1) / TILE_T, lines = a.first ? 0 : (tile_bytes / 64 + passes - 1) / passes;
    const uint8_t *ahead = tile_bytes ? a.stored + 8 * tile_bytes : NULL;
#ifdef DOT_PAIRS
    if (type == DTYPES) {
        tokens_in_pairs(c, a);
        return;
    }
#endif
    if (tile_bytes && a.T == 1) tile(1, 1, type, c, a, ahead, lines);
    else if (tile_bytes && a.T == 2) tile(2, 1, type, c, a, ahead, lines);
    else if (tile_bytes && a.T == 4 && TILE_T >= 4) tile(FOUR, 1, type, c, a, ahead, lines);
    else
        for (int n; a.T; a.T -= n, a.y += (size_t)n * a.y_stride, a.x += n, ahead += tile_bytes ? 8 * 64 * lines : 0) {
            n = a.T >= TILE_T ? TILE_T : TILE_T > 4 && a.T >= 4 ? 4 : a.T >= 2 ? 2 : 1;
            if (n == TILE_T) tile(TILE_T, 0, type, c, a, ahead, lines);
            else if (n == 4) tile(FOUR, 0, type, c, a, ahead, lines);
            else if (n == 2) tile(2, 0, type, c, a, ahead, lines);
            else tile(1, 0, type, c, a, ahead, lines);
        }
}

typedef void tiles(const tile_args *a);

#define TILES(name, type, ...)                                                                                         \
    static void tiles_##name(const tile_args *a) { tile_tokens(type, (coding){.zero = a->zero, __VA_ARGS__}, *a); }
TILES(plain, DTYPES, .wide = 0)
TILES(wide, DTYPES, .wide = 1)
TILES(minimum, DTYPES, .minimum = 1)
TILES(halves, DTYPES, .halves = 1)
TILES(Q8_0, Q8_0, .wide = 1)
TILES(Q4_0, Q4_0, .wide = 0)
TILES(Q4_1, Q4_1, .minimum = 1)
TILES(Q5_0, Q5_0, .wide = 0)
TILES(Q5_1, Q5_1, .minimum = 1)
#undef TILES

/* For packed weights. */
static tiles *tiles_for(coding c)
{
    return c.wide ? tiles_wide : c.halves ? tiles_halves : c.minimum ? tiles_minimum : tiles_plain;
}

/* Fill a panel for tiles_for. */
INLINE void fill_tiles(fill_panel *fill, const int8_args *a, panel p, int o, int n, int k, int blocks)
{
    fill(a, p, o, n, k, blocks);
#ifdef DOT_PAIRS
    pair_codes(p, blocks);
#endif
}

/* Store T tokens' results of n outputs. */
INLINE void put_results(float *y, size_t y_stride, const float *Y, int T, int n, float scale)
{
    for (int t = 0; t < T; t++, y += y_stride, Y += OUTS) {
        float to[OUTS];
        UNROLL for (int i = 0; i < OUTS; i += LANES) store(to + i, load(Y + i) * scale);
        if (n == OUTS) memcpy(y, to, sizeof to);
        else memcpy(y, to, sizeof *y * (size_t)n);
    }
}

/* Weights of any layout, packed into panels by `fill`. */
static void packed(const int8_args *a, fill_panel *fill)
{
    const coding c = coding_of(a->type);
    tiles *run = tiles_for(c);
    panel p = panel_in(a->scratch);
    float *results = p.d + PANEL_FLOATS;
    for (int t = 0; t < a->T; t += INT8_BLOCK) {
        int tn = a->T - t < INT8_BLOCK ? a->T - t : INT8_BLOCK;
        for (int o = 0; o < a->O; o += OUTS) {
            int n = a->O - o < OUTS ? a->O - o : OUTS;
            tile_args now = {.y = results, .y_stride = OUTS, .x = a->x + t, .p = p, .T = tn, .zero = c.zero};
            memset(results, 0, sizeof *results * (size_t)tn * OUTS);
            for (int k = 0; k < a->I; k += 256, now.x += a->x_step) {
                now.blocks = a->I - k < 256 ? (a->I - k) / 32 : 8;
                fill_tiles(fill, a, p, o, n, k, now.blocks);
                run(&now);
            }
            put_results(a->y + (size_t)t * a->y_stride + o, a->y_stride, results, tn, n, a->scale);
        }
    }
}

/* ---- interleaved weights ----------------------------------------------------------------------------------------- */

/* See fill_panel. */
INLINE void fill_interleaved(const dtype type, const int8_args *a, panel p, int o, int k, int blocks)
{
    const int minimum = coding_of(type).minimum, tile_bytes = 32 * layout[type].bytes;
    const int first = (int)OUTS == (int)LAYOUT_TILE ? 0 : o % LAYOUT_TILE;
    const uint8_t *at = (const uint8_t *)a->w + (size_t)(o / LAYOUT_TILE * LAYOUT_TILE) * a->w_bytes +
                        (size_t)(k / 32) * (size_t)tile_bytes;
    for (int b = 0; b < blocks; b++, at += tile_bytes) {
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
        for (int line = 0; line < tile_bytes && first == 0; line += 64)
            __builtin_prefetch(at + 8 * tile_bytes + line);
    }
}

#define FILL(T)                                                                                                        \
    static void fill_interleaved_##T(const int8_args *a, panel p, int o, int n, int k, int blocks)                     \
    {                                                                                                                  \
        (void)n;                                                                                                       \
        fill_interleaved(T, a, p, o, k, blocks);                                                                       \
    }
FILL(Q4_0)
FILL(Q4_1)
FILL(Q5_0)
FILL(Q5_1)
#ifdef DOT_PAIRS
FILL(Q8_0)
#endif
#undef FILL

/* Bytes are read in place, smaller codes too for a few tokens; for many tokens they are unpacked once, and bytes too
 * where pairs are multiplied. */
static void int8_interleaved(const int8_args *a)
{
    enum { AT_ONCE = 16 };
#define FOR(T) [T] = {fill_interleaved_##T, tiles_##T}
    static const struct {
        fill_panel *fill;
        tiles *run;
    } types[] = {
#ifdef DOT_PAIRS
        FOR(Q8_0),
#else
        [Q8_0] = {NULL, tiles_Q8_0},
#endif
        FOR(Q4_0), FOR(Q4_1), FOR(Q5_0), FOR(Q5_1)};
#undef FOR
    const size_t chunk_bytes = (size_t)8 * 32 * layout[a->type].bytes;
    const int zero = coding_of(a->type).zero;
    tiles *run = types[a->type].run;
    float *results = a->scratch;
    if (a->T > AT_ONCE && types[a->type].fill) {
        packed(a, types[a->type].fill);
        return;
    }
    for (int t = 0; t < a->T; t += INT8_BLOCK) {
        int tn = a->T - t < INT8_BLOCK ? a->T - t : INT8_BLOCK;
        for (int o = 0; o < a->O; o += OUTS) {
            tile_args now = {.y = results, .y_stride = OUTS, .x = a->x + t, .T = tn, .zero = zero};
            now.stored = (const uint8_t *)a->w + (size_t)(o / LAYOUT_TILE * LAYOUT_TILE) * a->w_bytes;
            now.first = o % LAYOUT_TILE;
            memset(results, 0, sizeof *results * (size_t)(tn * OUTS));
            for (int k = 0; k < a->I; k += 256, now.x += a->x_step, now.stored += chunk_bytes) {
                now.blocks = a->I - k < 256 ? (a->I - k) / 32 : 8;
                run(&now);
            }
            put_results(a->y + (size_t)t * a->y_stride + o, a->y_stride, results, tn, OUTS, a->scale);
        }
    }
}
