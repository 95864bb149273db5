/* simd_linear.h - matrix products of floats (part of simd_body.h).
 *
 * An element's sum has one order. The dot form, for weights stored [out, in]: blocks of SPAN values of k in turn, each
 * a sum of 16 lanes (simd_sum.h) that is added to y. The outer form, for everything else: one chain of multiply-adds
 * over k.
 *
 * A few rows of x: both operands of the dot form are read where they lie, along their rows; lanes are lanes of the sum.
 * Many rows: blocks of both operands are packed in the order in which the tile in registers reads them, its lanes are
 * columns, and a lane of the sum is a chain of its own, so the bits are the same. A block of b stays in L2 while all
 * rows go over it. */

/* ---- dot form, a few rows ---------------------------------------------------------------------------------------- */

/* weight rows walked at once when one token is decoded: simd_streams() of them */
enum { STREAMS = 8, FEW_STREAMS = 4 };

enum { SPAN = 1024 }; /* values of k whose lanes are summed before the next are begun */

/* How many of `on` rows a tile takes at once, so that the sums of tn tokens by them stay in registers. */
INLINE int rows_at_once(const int tn, const int on)
{
    const int sums = tn * on * PARTS;
    return sums <= DOT_SUMS ? on : sums / 2 <= DOT_SUMS ? on / 2 : on / 4;
}

/* acc += x times rows of w that lie w_step bytes apart, over I values: tn tokens by on rows. */
INLINE void dot_run(const int tn, const int on, const dtype type, lanes16 acc[DOT_T][STREAMS], const float *x,
                    size_t x_stride, const char *w, size_t w_step, int I)
{
    vf xv[DOT_T];
    EACH_LANE(I, UNROLL for (int t = 0; t < tn; t++) xv[t] = LD(x + (size_t)t * x_stride);
              UNROLL for (int o = 0; o < on; o++) {
                  const char *row = w + (size_t)o * w_step;
                  vf wv = whole ? load_w(type, row, (size_t)i) : load_w_part(type, row, (size_t)i, left);
                  UNROLL for (int t = 0; t < tn; t++) acc[t][o].part[p] = madd(xv[t], wv, acc[t][o].part[p]);
                  /* of every part: a line asked for twice comes 5 to 10 % faster on Zen 3 than one asked for once */
                  if (tn == 1 && whole) __builtin_prefetch(row + (size_t)i * (type == F32 ? 4 : 2) + AHEAD);
              });
}

INLINE void dot_zero(const int tn, const int on, lanes16 acc[DOT_T][STREAMS])
{
    UNROLL for (int t = 0; t < tn; t++)
        UNROLL for (int o = 0; o < on; o++) acc[t][o] = (lanes16){0};
}

/* Lanes to be added up, 16 of each row, rows `first` .. first + some of a tile's. */
INLINE void dot_fold(const int tn, const int some, int first, lanes16 acc[DOT_T][STREAMS], vf lanes[DOT_T][STREAMS])
{
    UNROLL for (int t = 0; t < tn; t++)
        UNROLL for (int o = 0; o < some; o++) lanes[t][first + o] = fold(acc[t][o]);
}

/* The lanes' sums to y: rows y_stride apart, columns y_step. */
INLINE void dot_put(const int tn, const int on, vf lanes[DOT_T][STREAMS], float *y, size_t y_stride, size_t y_step,
                    float scale, int add)
{
    UNROLL for (int n = 0; n < tn * on; n += LANES) {
        vf v[LANES];
        float s[LANES];
        UNROLL for (int i = 0; i < LANES; i++) v[i] = n + i < tn * on ? lanes[(n + i) / on][(n + i) % on] : (vf){0};
        store(s, sums_of(v) * scale);
        UNROLL for (int i = 0; i < (LANES < tn * on - n ? LANES : tn * on - n); i++) {
            float *to = y + (size_t)((n + i) / on) * y_stride + (size_t)((n + i) % on) * y_step;
            *to = add ? *to + s[i] : s[i];
        }
    }
}

/* tn tokens by on weight rows w_step bytes apart; their results lie y_step apart. */
INLINE void dot_tile(const int tn, const int on, const dtype type, float *y, size_t y_stride, size_t y_step,
                     const float *x, size_t x_stride, const char *w, size_t w_step, int I, float scale, int add)
{
    const int some = rows_at_once(tn, on), size = type == F32 ? 4 : 2;
    for (int i = 0; i < I || !i; i += SPAN, w += SPAN * size) {
        int n = I - i < SPAN ? I - i : SPAN;
        vf lanes[DOT_T][STREAMS];
        UNROLL for (int o = 0; o < on; o += some) {
            lanes16 acc[DOT_T][STREAMS];
            dot_zero(tn, some, acc);
            dot_run(tn, some, type, acc, x + i, x_stride, w + (size_t)o * w_step, w_step, n);
            dot_fold(tn, some, o, acc, lanes);
        }
        dot_put(tn, on, lanes, y, y_stride, y_step, scale, add || i);
    }
}

/* All tokens against `on` rows. */
INLINE void dot_rows(const int on, const dtype type, float *y, size_t y_stride, size_t y_step, const float *x,
                     size_t x_stride, const char *w, size_t w_step, int T, int I, float scale, int add)
{
    int t = 0;
#define TILE(tn)                                                                                                       \
    dot_tile(tn, on, type, y + (size_t)t * y_stride, y_stride, y_step, x + (size_t)t * x_stride, x_stride, w, w_step,  \
             I, scale, add)
    for (; t + DOT_T <= T; t += DOT_T) TILE(DOT_T);
    if (T - t == 1) TILE(1);
    if (T - t == 2) TILE(2);
    if (DOT_T > 3 && T - t == 3) TILE(DOT_T > 3 ? 3 : 1);
#undef TILE
}

/* Rows of a plain type where they lie. For a few tokens the weights are a stream from memory, which comes fastest as
 * several streams far apart: the tile's rows are taken O / on apart. */
INLINE void dot_plain(const dtype type, float *y, size_t y_stride, const float *x, size_t x_stride, const char *w, size_t w_bytes,
                      int T, int O, int I, float scale, int add)
{
    int o = 0;
    if (T == 1) {
        int streams = simd_streams(), apart = O / streams;
        for (; o < apart; o++) {
            const char *wo = w + (size_t)o * w_bytes;
            size_t step = (size_t)apart * w_bytes;
            if (streams == STREAMS) dot_tile(1, STREAMS, type, y + o, y_stride, (size_t)apart, x, x_stride, wo, step, I, scale, add);
            else dot_tile(1, FEW_STREAMS, type, y + o, y_stride, (size_t)apart, x, x_stride, wo, step, I, scale, add);
        }
        for (o = apart * streams; o < O; o++)
            dot_tile(1, 1, type, y + o, y_stride, 1, x, x_stride, w + (size_t)o * w_bytes, w_bytes, I, scale, add);
        return;
    }
    int apart = T <= DOT_T ? O / DOT_O : 1, tiles = O / DOT_O;
    for (o = 0; o < tiles; o++) {
        size_t row = (size_t)o * (apart == 1 ? DOT_O : 1);
        dot_rows(DOT_O, type, y + row, y_stride, (size_t)apart, x, x_stride, w + row * w_bytes, (size_t)apart * w_bytes, T, I, scale,
                 add);
    }
    for (o = tiles * DOT_O; o + 2 <= O; o += 2)
        dot_rows(2, type, y + o, y_stride, 1, x, x_stride, w + (size_t)o * w_bytes, w_bytes, T, I, scale, add);
    if (o < O) dot_rows(1, type, y + o, y_stride, 1, x, x_stride, w + (size_t)o * w_bytes, w_bytes, T, I, scale, add);
}

/* One tile of rows of any type, DECODE_CHUNK values of each decoded at a time. room: STREAMS x DECODE_CHUNK floats. */
enum { DECODE_CHUNK = 256 };

INLINE void dot_tile_stored(const int tn, const int on, const dtype type, float *y, size_t y_stride, size_t y_step, const float *x,
                            size_t x_stride, const char *w, size_t w_step, int I, float scale, int add, float *room)
{
    lanes16 acc[DOT_T][STREAMS];
    vf lanes[DOT_T][STREAMS];
    for (int from = 0; from < I; from += SPAN) {
        int to = I - from < SPAN ? I : from + SPAN;
        dot_zero(tn, on, acc);
        for (int i = from; i < to; i += DECODE_CHUNK) {
            int n = to - i < DECODE_CHUNK ? to - i : DECODE_CHUNK;
            for (int o = 0; o < on; o++) {
                const char *p = w + (size_t)o * w_step + dtype_bytes(type, i);
                for (int line = 0; line < dtype_bytes(type, DECODE_CHUNK); line += 64) __builtin_prefetch(p + AHEAD + line);
                decode_row(type, p, room + o * DECODE_CHUNK, n);
            }
            dot_run(tn, on, F32, acc, x + i, x_stride, (const char *)room, 4 * DECODE_CHUNK, n);
        }
        dot_fold(tn, on, 0, acc, lanes);
        dot_put(tn, on, lanes, y, y_stride, y_step, scale, add || from);
    }
}

static void dot_stored(const dtype type, float *y, size_t y_stride, const float *x, size_t x_stride, const char *w, size_t w_bytes,
                       int T, int O, int I, float scale, int add, float *room)
{
    int on = rows_at_once(T, T == 1 ? STREAMS : DOT_O), apart = O / on;
#define TILE(tn, on_, o, step)                                                                                         \
    dot_tile_stored(tn, on_, type, y + (o), y_stride, (size_t)(step), x, x_stride, w + (size_t)(o) * w_bytes,          \
                    (size_t)(step) * w_bytes, I, scale, add, room)
    for (int o = 0; o < apart; o++) {
        if (T == 1) TILE(1, rows_at_once(1, STREAMS), o, apart);
        if (T == 2) TILE(2, rows_at_once(2, DOT_O), o, apart);
        if (T == 3) TILE(3, rows_at_once(3, DOT_O), o, apart);
        if (DOT_T > 3 && T == 4) TILE(DOT_T, rows_at_once(DOT_T, DOT_O), o, apart);
    }
    for (int o = apart * on; o < O; o++) {
        if (T == 1) TILE(1, 1, o, 1);
        if (T == 2) TILE(2, 1, o, 1);
        if (T == 3) TILE(3, 1, o, 1);
        if (DOT_T > 3 && T == 4) TILE(DOT_T, 1, o, 1);
    }
#undef TILE
}


/* ---- squares turned: v[i][j] to v[j][i] -------------------------------------------------------------------------- */

#if LANES == 16
typedef double vd __attribute__((vector_size(64)));
#define PAIRS(a, b, i)                                                                                                 \
    __builtin_shufflevector(a, b, i, i + 16, i + 1, i + 17, i + 4, i + 20, i + 5, i + 21, i + 8, i + 24, i + 9, i + 25, \
                            i + 12, i + 28, i + 13, i + 29)
#define FOURS(a, b, i) (vf) __builtin_shufflevector((vd)a, (vd)b, i, i + 8, i + 2, i + 10, i + 4, i + 12, i + 6, i + 14)
#define QUARTERS(a, b, i, j)                                                                                           \
    (vf) __builtin_shufflevector((vd)a, (vd)b, 2 * i, 2 * i + 1, 2 * j, 2 * j + 1, 2 * i + 8, 2 * i + 9, 2 * j + 8, 2 * j + 9)
#elif LANES == 8
typedef double vd __attribute__((vector_size(32)));
#define PAIRS(a, b, i) __builtin_shufflevector(a, b, i, i + 8, i + 1, i + 9, i + 4, i + 12, i + 5, i + 13)
#define FOURS(a, b, i) (vf) __builtin_shufflevector((vd)a, (vd)b, i, i + 4, i + 2, i + 6)
#else
typedef double vd __attribute__((vector_size(16)));
#define PAIRS(a, b, i) __builtin_shufflevector(a, b, i, i + 4, i + 1, i + 5)
#define FOURS(a, b, i) (vf) __builtin_shufflevector((vd)a, (vd)b, i, i + 2)
#endif

INLINE void turn(vf v[LANES])
{
    UNROLL for (int r = 0; r < LANES; r += 4) { /* in every fourth of a vector a square of 4 by 4 */
        vf a = PAIRS(v[r], v[r + 1], 0), b = PAIRS(v[r], v[r + 1], 2);
        vf c = PAIRS(v[r + 2], v[r + 3], 0), d = PAIRS(v[r + 2], v[r + 3], 2);
        v[r] = FOURS(a, c, 0);
        v[r + 1] = FOURS(a, c, 1);
        v[r + 2] = FOURS(b, d, 0);
        v[r + 3] = FOURS(b, d, 1);
    }
#if LANES == 16
    UNROLL for (int i = 0; i < 4; i++) {
        vf a = QUARTERS(v[i], v[i + 4], 0, 1), b = QUARTERS(v[i + 8], v[i + 12], 0, 1);
        vf c = QUARTERS(v[i], v[i + 4], 2, 3), d = QUARTERS(v[i + 8], v[i + 12], 2, 3);
        v[i] = QUARTERS(a, b, 0, 2);
        v[i + 4] = QUARTERS(a, b, 1, 3);
        v[i + 8] = QUARTERS(c, d, 0, 2);
        v[i + 12] = QUARTERS(c, d, 1, 3);
    }
#elif LANES == 8
    UNROLL for (int i = 0; i < 4; i++) {
        vf a = __builtin_shufflevector(v[i], v[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        v[i + 4] = __builtin_shufflevector(v[i], v[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
        v[i] = a;
    }
#endif
}

/* ---- many rows: packing ------------------------------------------------------------------------------------------ */

enum {
    PANEL = OUT_V * LANES, /* columns of a tile                                                                   */
    DEPTH = OUT_B / 256,   /* k of a block in the outer form, where columns are whole blocks of every type; else SPAN */
    PACK_A = 512 * SPAN,   /* floats of a that are packed together, and of b                                       */
    PACK_B = OUT_B,
    CHAIN_GAP = LANES,     /* floats between chains, that they may not all fall into the same sets of a cache     */
    PACK_A_ROOM = PACK_A + PACK_A / SPAN / 4 * SUM_LANES * CHAIN_GAP, /* tiles have at least 4 rows on average */
    PACK_B_ROOM = PACK_B + PACK_B / SPAN / PANEL * SUM_LANES * CHAIN_GAP,
    STORED_ROOM = LANES * SPAN, /* rows of stored blocks, decoded first */
};
_Static_assert(PACK_A_ROOM + PACK_B_ROOM + STORED_ROOM <= OUTER_SCRATCH, "blocks fit their scratch memory");
_Static_assert(PACK_B / SPAN % PANEL == 0 && 256 % PANEL == 0, "whole panels");

/* Where value k of a packed column lies: chains of every 16th value in the order in which they are summed by halves, or
 * one chain. `step` floats belong to one k. */
typedef struct {
    int lanes;
    size_t step, chain;
} order;

INLINE int chain_length(int K) { return (K + SUM_LANES - 1) / SUM_LANES; }
INLINE order order_of(int lanes, int step, int K)
{
    return (order){lanes, (size_t)step, lanes ? (size_t)(chain_length(K) * step + CHAIN_GAP) : 0};
}
INLINE size_t packed(order o, int K) { return o.lanes ? SUM_LANES * o.chain : (size_t)K * o.step + CHAIN_GAP; }

INLINE int place(const int lane) /* of a lane's chain: its bits reversed */
{
    return (lane & 1) << 3 | (lane & 2) << 1 | (lane & 4) >> 1 | lane >> 3;
}

/* Values i .. i + left of LANES rows (all or those of a tail, zeros behind), turned. Past the last of n rows that one
 * stands in. */
INLINE void square(const dtype type, vf v[LANES], const char *from, size_t row_bytes, int n, int i, int left)
{
    UNROLL for (int r = 0; r < LANES; r++) {
        const char *row = from + (size_t)(r < n ? r : n - 1) * row_bytes;
        v[r] = left >= LANES ? load_w(type, row, (size_t)i) : load_w_part(type, row, (size_t)i, lanes_left(left));
        __builtin_prefetch(row + LANES * row_bytes + (size_t)i * (type == F32 ? 4 : 2)); /* for the next LANES rows */
    }
    turn(v);
}

/* Packs scale times values [0, K) of n <= LANES rows. LANES floats are written for each k, those behind n mean
 * nothing. */
INLINE void pack_rows(const dtype type, float *to, order o, const char *from, size_t row_bytes, int n, int K, float scale)
{
    vf v[LANES];
    int end = o.lanes ? SUM_LANES * chain_length(K) : K;
    for (int k = 0; k < end; k += LANES) {
        square(type, v, from, row_bytes, n, k, K - k);
        float *at = to + (size_t)place(k % SUM_LANES) * o.chain + (size_t)(k / SUM_LANES) * o.step;
        if (o.lanes)
            UNROLL for (int l = 0; l < LANES; l++) store(at + (size_t)place(l) * o.chain, v[l] * scale);
        else if (K - k >= LANES)
            UNROLL for (int l = 0; l < LANES; l++) store(to + (size_t)(k + l) * o.step, v[l] * scale);
        else
            UNROLL for (int l = 0; l < LANES; l++)
                if (l < K - k) store(to + (size_t)(k + l) * o.step, v[l] * scale);
    }
}

/* The same for n neighbours in each of K rows: one chain. */
INLINE void pack_cols(const dtype type, float *to, size_t step, const char *from, size_t row_bytes, int n, int K, float scale)
{
    for (int k = 0; k < K; k++, from += row_bytes, to += step)
        store(to, (n >= LANES ? load_w(type, from, 0) : load_w_part(type, from, 0, n)) * scale);
}

/* rows [from, to) of tile i of `parts` */
INLINE int first_row(int M, int i, int parts) { return (int)((int64_t)M * i / parts); }

/* M rows of a, each tile's m as [k][m]. Of a tile the first LANES are written last, over what the others left behind
 * their end. */
static void pack_a(float *to, const float *a, size_t am, size_t ak, int M, int K, int parts, int lanes)
{
    enum { RUN = 16 }; /* rows of a matrix that lies across, taken through all tiles before the next */
    int run = ak == 1 ? K : RUN;
    for (int k = 0; k < K; k += run) {
        float *tile = to;
        for (int i = 0; i < parts; i++) {
            int row = first_row(M, i, parts), m = first_row(M, i + 1, parts) - row, kn = K - k < run ? K - k : run;
            order o = order_of(lanes, m, K);
            for (int g = (m - 1) / LANES * LANES; g >= 0; g -= LANES) {
                int n = m - g < LANES ? m - g : LANES;
                const float *from = a + (size_t)(row + g) * am + (size_t)k * ak;
                if (ak == 1) pack_rows(F32, tile + g, o, (const char *)from, sizeof *a * am, n, K, 1);
                else pack_cols(F32, tile + (size_t)k * o.step + g, o.step, (const char *)from, sizeof *a * ak, n, kn, 1);
            }
            tile += packed(o, K);
        }
    }
}

/* A matrix of weights: sum x cols, or, `by_row`, cols x sum. */
typedef struct {
    const char *at;
    size_t bytes; /* of a row */
    dtype type;
    int by_row;
    float scale;
} weights;

#define EACH_PLAIN(type, call)                                                                                         \
    do {                                                                                                               \
        if (type == F32) call(F32);                                                                                    \
        if (type == F16) call(F16);                                                                                    \
        if (type == BF16) call(BF16);                                                                                  \
    } while (0)

/* Columns [n, n + N), values [k, k + K) of weights stored [out, in], as panels. room: LANES x SPAN floats. */
static void pack_b_rows(float *to, const weights *b, int n, int N, int k, int K, float *room)
{
    order o = order_of(1, PANEL, K);
    for (int j = 0; j < N; j += LANES) {
        float *panel = to + (size_t)(j / PANEL) * packed(o, K) + j % PANEL;
        const char *from = b->at + (size_t)(n + j) * b->bytes + dtype_bytes(b->type, k);
        int rows = N - j < LANES ? N - j : LANES;
        size_t bytes = b->bytes;
        dtype type = b->type;
        if (!is_plain(type)) {
            for (int r = 0; r < rows; r++) decode_row(type, from + (size_t)r * bytes, room + r * SPAN, K);
            type = F32, from = (const char *)room, bytes = sizeof *room * SPAN;
        }
#define CALL(T) pack_rows(T, panel, o, from, bytes, rows, K, b->scale)
        EACH_PLAIN(type, CALL);
#undef CALL
    }
}

/* The same of weights stored [in, out]: one chain. */
static void pack_b_cols(float *to, const weights *b, int n, int N, int k, int K, float *room)
{
    order o = order_of(0, PANEL, K);
    int run = is_plain(b->type) ? 16 : 1; /* rows taken through all panels before the next */
    for (int i = 0; i < K; i += run) {
        const char *from = b->at + (size_t)(k + i) * b->bytes + dtype_bytes(b->type, n);
        dtype type = b->type;
        if (!is_plain(type)) {
            decode_row(type, from, room, N);
            type = F32, from = (const char *)room;
        }
        for (int j = 0; j < N; j += LANES) {
            float *panel = to + (size_t)(j / PANEL) * packed(o, K) + (size_t)i * PANEL + j % PANEL;
#define CALL(T) pack_cols(T, panel, PANEL, from + (size_t)j * (T == F32 ? 4 : 2), b->bytes, N - j, K - i < run ? K - i : run, b->scale)
            EACH_PLAIN(type, CALL);
#undef CALL
        }
    }
}

/* ---- many rows: tiles -------------------------------------------------------------------------------------------- */

/* One tile: mn rows by vn vectors, of a single vector `left` floats. a: [k][mn], b: [k][PANEL], packed alike; n: length
 * of a chain, of which there are 16 or one. */
INLINE void tile(const int mn, const int vn, float *y, size_t y_stride, const float *a, const float *b, int n, int lanes, int left, int add)
{
    vf kept[4][OUT_M][OUT_V], acc[OUT_M][OUT_V]; /* kept: sums of 1, 2, 4, 8 chains that wait for as many others */
    UNROLL for (int m = 0; m < mn; m++)
        UNROLL for (int v = 0; v < vn; v++) {
            const float *p = y + (size_t)m * y_stride + v * LANES;
            if (lanes) __builtin_prefetch(p, 1);
            acc[m][v] = !add || lanes ? (vf){0} : vn == OUT_V ? load(p) : load_part(p, left);
        }
    for (int c = 0;; c++) {
        for (int k = 0; k < n; k++, b += PANEL, a += mn) {
            vf bv[OUT_V];
            UNROLL for (int v = 0; v < vn; v++) bv[v] = load(b + v * LANES);
            UNROLL for (int m = 0; m < mn; m++) {
                vf s = all(a[m]);
                UNROLL for (int v = 0; v < vn; v++) acc[m][v] = madd(s, bv[v], acc[m][v]);
            }
        }
        if (!lanes) break;
        a += CHAIN_GAP;
        b += CHAIN_GAP;
        int waits = 0;
        for (; c >> waits & 1; waits++)
            UNROLL for (int m = 0; m < mn; m++)
                UNROLL for (int v = 0; v < vn; v++) acc[m][v] = kept[waits][m][v] + acc[m][v];
        if (c == SUM_LANES - 1) break;
        UNROLL for (int m = 0; m < mn; m++)
            UNROLL for (int v = 0; v < vn; v++) {
                kept[waits][m][v] = acc[m][v];
                acc[m][v] = (vf){0};
            }
    }
    UNROLL for (int m = 0; m < mn; m++)
        UNROLL for (int v = 0; v < vn; v++) {
            float *p = y + (size_t)m * y_stride + v * LANES;
            if (vn == OUT_V) store(p, lanes && add ? load(p) + acc[m][v] : acc[m][v]);
            else store_part(p, lanes && add ? load_part(p, left) + acc[m][v] : acc[m][v], left);
        }
}

/* mn rows by w <= PANEL columns */
INLINE void tile_row(const int mn, float *y, size_t y_stride, const float *a, const float *b, int w, int n, int lanes, int add)
{
    if (w == PANEL) tile(mn, OUT_V, y, y_stride, a, b, n, lanes, LANES, add);
    else
        for (; w > 0; w -= LANES, y += LANES, b += LANES) tile(mn, 1, y, y_stride, a, b, n, lanes, w < LANES ? w : LANES, add);
}

static void tile_of(int mn, float *y, size_t y_stride, const float *a, const float *b, int w, int n, int lanes, int add)
{
    switch (mn) {
#define CASE(m) \
    case m: tile_row(m <= OUT_M ? m : 1, y, y_stride, a, b, w, n, lanes, add); break;
        CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14)
#undef CASE
    }
}

/* y[m][n] (+)= sum_k a(m, k) b(k, n), a(m, k) = a[m am + k ak], one of am and ak is 1: the dot form when b lies
 * by_row. */
static void many(float *y, size_t y_stride, const float *a, size_t am, size_t ak, const weights *b, int M, int N, int K, int add,
                 float *scratch)
{
    float *pa = scratch, *pb = pa + PACK_A_ROOM, *room = pb + PACK_B_ROOM;
    int lanes = b->by_row, depth = lanes ? SPAN : DEPTH, rows = PACK_A / depth, cols = PACK_B / depth;
    if (M <= 2 * OUT_M && is_plain(b->type)) cols = PANEL; /* so few rows go over b that it should stay nearer */
    for (int m0 = 0; m0 < M; m0 += rows) {
        int mn = M - m0 < rows ? M - m0 : rows, parts = (mn + OUT_M - 1) / OUT_M;
        for (int k = 0; k < K; k += depth) {
            int kn = K - k < depth ? K - k : depth, n = lanes ? chain_length(kn) : kn;
            size_t panel = packed(order_of(lanes, PANEL, kn), kn);
            pack_a(pa, a + (size_t)m0 * am + (size_t)k * ak, am, ak, mn, kn, parts, lanes);
            for (int n0 = 0; n0 < N; n0 += cols) {
                int nn = N - n0 < cols ? N - n0 : cols;
                const float *ta = pa;
                if (lanes) pack_b_rows(pb, b, n0, nn, k, kn, room);
                else pack_b_cols(pb, b, n0, nn, k, kn, room);
                for (int i = 0; i < parts; i++) {
                    int row = first_row(mn, i, parts), m = first_row(mn, i + 1, parts) - row;
                    float *to = y + (size_t)(m0 + row) * y_stride + n0;
                    for (int j = 0; j < nn; j += PANEL)
                        tile_of(m, to + j, y_stride, ta, pb + (size_t)(j / PANEL) * panel, nn - j < PANEL ? nn - j : PANEL, n, lanes,
                                add || k);
                    ta += packed(order_of(lanes, m, kn), kn);
                }
            }
        }
    }
}

/* ---- the two entries --------------------------------------------------------------------------------------------- */

enum { MANY = 24 }; /* rows of x from which on packing pays */

static size_t dot_scratch(dtype type, int T, int I)
{
    if (T >= MANY) return OUTER_SCRATCH;
    if (type == F32 || (is_plain(type) && T <= DOT_T)) return 0;
    return T <= DOT_T ? STREAMS * DECODE_CHUNK : (size_t)DOT_O * (size_t)I;
}

static void dot(float *y, size_t y_stride, const float *x, size_t x_stride, const void *w, size_t w_bytes, dtype type, int T, int O,
                int I, float scale, int add, float *scratch)
{
    if (T >= MANY) {
        many(y, y_stride, x, x_stride, 1, &(weights){w, w_bytes, type, 1, scale}, T, O, I, add, scratch);
        return;
    }
    if (type == F32) dot_plain(F32, y, y_stride, x, x_stride, w, w_bytes, T, O, I, scale, add);
    else if (T > DOT_T)
        for (int o = 0; o < O; o += DOT_O) {
            int rows = O - o < DOT_O ? O - o : DOT_O;
            for (int r = 0; r < rows; r++) decode_row(type, (const char *)w + (size_t)(o + r) * w_bytes, scratch + (size_t)r * (size_t)I, I);
            dot_plain(F32, y + o, y_stride, x, x_stride, (const char *)scratch, 4 * (size_t)I, T, rows, I, scale, add);
        }
    else if (type == F16) dot_plain(F16, y, y_stride, x, x_stride, w, w_bytes, T, O, I, scale, add);
    else if (type == BF16) dot_plain(BF16, y, y_stride, x, x_stride, w, w_bytes, T, O, I, scale, add);
    else dot_stored(type, y, y_stride, x, x_stride, w, w_bytes, T, O, I, scale, add, scratch);
}

static void outer(float *y, size_t y_stride, const float *a, size_t am, size_t ak, const void *b, size_t b_bytes, dtype type, int M,
                  int N, int K, float scale, int add, float *scratch)
{
    if (ak == 1 && skipping_pays(a, am, type, M, K)) {
        for (int m = 0; m < M && !add; m++) memset(y + (size_t)m * y_stride, 0, sizeof *y * (size_t)N);
        sparse(y, y_stride, a, am, b, b_bytes, type, M, N, K, scale, scratch);
    } else
        many(y, y_stride, a, am, ak, &(weights){b, b_bytes, type, 0, scale}, M, N, K, add, scratch);
}
