/* simd_linear.h - matrix products of floats (part of simd_body.h).
 *
 * An element's sum has one order. The dot kernel, for weights stored [out, in]: blocks of SPAN values of k in turn,
 * each a sum of 16 lanes (simd_sum.h) that is added to y. The outer kernel, for other weights: one chain of
 * multiply-adds over k.
 *
 * A few rows of x: the dot kernel reads both operands in place, along their rows; vector lanes are lanes of the sum.
 * Many rows: blocks of both operands are packed in the order in which the register tile reads them, its vector lanes
 * are columns, and each lane of the sum is a chain of its own, so the bits are the same. A block of b stays in L2 for
 * all rows. */

/* ---- dot form, a few rows ---------------------------------------------------------------------------------------- */

/* weight rows read in parallel when one token is decoded: simd_streams() of them */
enum { STREAMS = 8, FEW_STREAMS = 4 };

enum { SPAN = 1024 }; /* values of k in one sum of lanes */

/* Tokens by weight rows in the dot kernel: a tile, or all tokens by a tile's rows. */
typedef struct {
    float *y;       /* (token, row) at y[token y_stride + row y_step] */
    const float *x; /* I floats of each token, x_stride floats apart  */
    const char *w;  /* I values of each row, w_step bytes apart       */
    size_t y_stride, y_step, x_stride, w_step;
    int T, I, add;
    float scale;
} dot_block;

_Static_assert(DOT_T >= 3 && (DOT_O == 4 || DOT_T * PARTS <= DOT_SUMS), "a tile of at least 3 tokens and a row");

/* The number of rows, at most `on`, whose sums with tn tokens stay in registers. */
INLINE int rows_at_once(const int tn, const int on)
{
    const int sums = tn * on * PARTS;
    return sums <= DOT_SUMS ? on : sums / 2 <= DOT_SUMS ? on / 2 : on / 4;
}

/* acc += x times rows of w, over I values: tn tokens by on rows. */
INLINE void dot_run(const int tn, const int on, const dtype type, lanes16 acc[DOT_T][STREAMS], const dot_block q)
{
    vf xv[DOT_T];
    EACH_LANE(q.I, UNROLL for (int t = 0; t < tn; t++) xv[t] = LD(q.x + (size_t)t * q.x_stride);
              UNROLL for (int o = 0; o < on; o++) {
                  const char *row = q.w + (size_t)o * q.w_step;
                  vf wv = whole ? load_w(type, row, (size_t)i) : load_w_part(type, row, (size_t)i, left);
                  UNROLL for (int t = 0; t < tn; t++) acc[t][o].part[p] = madd(xv[t], wv, acc[t][o].part[p]);
                  /* of every part: prefetching a line twice makes reading it 5 to 10 % faster on Zen 3 */
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

/* The lanes' sums to y. */
INLINE void dot_put(const int tn, const int on, vf lanes[DOT_T][STREAMS], const dot_block q)
{
    UNROLL for (int n = 0; n < tn * on; n += LANES) {
        vf v[LANES];
        float s[LANES];
        UNROLL for (int i = 0; i < LANES; i++) v[i] = n + i < tn * on ? lanes[(n + i) / on][(n + i) % on] : (vf){0};
        store(s, sums_of(v) * q.scale);
        UNROLL for (int i = 0; i < (LANES < tn * on - n ? LANES : tn * on - n); i++) {
            float *to = q.y + (size_t)((n + i) / on) * q.y_stride + (size_t)((n + i) % on) * q.y_step;
            *to = q.add ? *to + s[i] : s[i];
        }
    }
}

/* Values from .. from + n of the rows, w being of `type`; sums after the first are added. */
INLINE dot_block dot_span(const dtype type, dot_block q, int from, int n)
{
    q.x += from;
    q.w += (size_t)from * (type == F32 ? 4 : 2);
    q.I = n;
    q.add = q.add || from;
    return q;
}

/* tn tokens by on weight rows. */
INLINE void dot_tile(const int tn, const int on, const dtype type, const dot_block q)
{
    const int some = rows_at_once(tn, on);
    for (int i = 0; i < q.I || !i; i += SPAN) {
        dot_block now = dot_span(type, q, i, q.I - i < SPAN ? q.I - i : SPAN);
        const char *w = now.w;
        vf lanes[DOT_T][STREAMS];
        UNROLL for (int o = 0; o < on; o += some) {
            lanes16 acc[DOT_T][STREAMS];
            now.w = w + (size_t)o * q.w_step;
            dot_zero(tn, some, acc);
            dot_run(tn, some, type, acc, now);
            dot_fold(tn, some, o, acc, lanes);
        }
        dot_put(tn, on, lanes, now);
    }
}

/* The same from token t on. */
INLINE dot_block dot_token(dot_block q, int t)
{
    q.y += (size_t)t * q.y_stride;
    q.x += (size_t)t * q.x_stride;
    return q;
}

/* All tokens against `on` rows. */
INLINE void dot_rows(const int on, const dtype type, const dot_block q)
{
    int t = 0;
    for (; t + DOT_T <= q.T; t += DOT_T) dot_tile(DOT_T, on, type, dot_token(q, t));
    if (q.T - t == 1) dot_tile(1, on, type, dot_token(q, t));
    if (q.T - t == 2) dot_tile(2, on, type, dot_token(q, t));
    if (DOT_T > 3 && q.T - t == 3) dot_tile(DOT_T > 3 ? 3 : 1, on, type, dot_token(q, t));
}

/* Weight rows o, o + apart, ... */
INLINE dot_block dot_from(const gemm q, int o, int apart)
{
    return (dot_block){.y = q.y + o,
                       .x = q.x,
                       .w = (const char *)q.w + (size_t)o * q.w_bytes,
                       .y_stride = q.y_stride,
                       .y_step = (size_t)apart,
                       .x_stride = q.xm,
                       .w_step = (size_t)apart * q.w_bytes,
                       .T = q.M,
                       .I = q.K,
                       .add = q.add,
                       .scale = q.scale};
}

/* Rows of a plain type in place. For a few tokens memory bandwidth is the limit, and reading is fastest in several
 * streams far apart: the tile's rows are N / on apart. */
INLINE void dot_plain(const dtype type, const gemm q)
{
    int o = 0;
    if (q.M == 1) {
        int streams = simd_streams(), apart = q.N / streams;
        for (; o < apart; o++)
            if (streams == STREAMS) dot_tile(1, STREAMS, type, dot_from(q, o, apart));
            else dot_tile(1, FEW_STREAMS, type, dot_from(q, o, apart));
        for (o = apart * streams; o < q.N; o++) dot_tile(1, 1, type, dot_from(q, o, 1));
        return;
    }
    int apart = q.M <= DOT_T ? q.N / DOT_O : 1, tiles = q.N / DOT_O;
    for (o = 0; o < tiles; o++) dot_rows(DOT_O, type, dot_from(q, o * (apart == 1 ? DOT_O : 1), apart));
    for (o = tiles * DOT_O; o + 2 <= q.N; o += 2) dot_rows(2, type, dot_from(q, o, 1));
    if (o < q.N) dot_rows(1, type, dot_from(q, o, 1));
}

/* One tile of rows of any type, DECODE_CHUNK values of each decoded at a time. buffer: STREAMS x DECODE_CHUNK
 * floats. */
enum { DECODE_CHUNK = 256 };

INLINE void dot_tile_stored(const int tn, const int on, const dtype type, const dot_block q, float *buffer)
{
    lanes16 acc[DOT_T][STREAMS];
    vf lanes[DOT_T][STREAMS];
    dot_block now = q;
    now.w = (const char *)buffer;
    now.w_step = sizeof *buffer * DECODE_CHUNK;
    for (int from = 0; from < q.I; from += SPAN) {
        int to = q.I - from < SPAN ? q.I : from + SPAN;
        dot_zero(tn, on, acc);
        for (int i = from; i < to; i += DECODE_CHUNK) {
            now.x = q.x + i;
            now.I = to - i < DECODE_CHUNK ? to - i : DECODE_CHUNK;
            for (int o = 0; o < on; o++) {
                const char *p = q.w + (size_t)o * q.w_step + dtype_bytes(type, i);
                for (int line = 0; line < dtype_bytes(type, DECODE_CHUNK); line += 64)
                    __builtin_prefetch(p + AHEAD + line);
                decode_row(type, p, buffer + o * DECODE_CHUNK, now.I);
            }
            dot_run(tn, on, F32, acc, now);
        }
        now.add = q.add || from;
        dot_fold(tn, on, 0, acc, lanes);
        dot_put(tn, on, lanes, now);
    }
}

static void dot_stored(const gemm *p, float *buffer)
{
    const gemm q = *p;
    int T = q.M, on = rows_at_once(T, T == 1 ? STREAMS : DOT_O), apart = q.N / on;
#define TILE(tn, on_, o, step) dot_tile_stored(tn, on_, q.type, dot_from(q, o, step), buffer)
    for (int o = 0; o < apart; o++) {
        if (T == 1) TILE(1, rows_at_once(1, STREAMS), o, apart);
        if (T == 2) TILE(2, rows_at_once(2, DOT_O), o, apart);
        if (T == 3) TILE(3, rows_at_once(3, DOT_O), o, apart);
        if (DOT_T > 3 && T == 4) TILE(DOT_T, rows_at_once(DOT_T, DOT_O), o, apart);
    }
    for (int o = apart * on; o < q.N; o++) {
        if (T == 1) TILE(1, 1, o, 1);
        if (T == 2) TILE(2, 1, o, 1);
        if (T == 3) TILE(3, 1, o, 1);
        if (DOT_T > 3 && T == 4) TILE(DOT_T, 1, o, 1);
    }
#undef TILE
}

/* ---- transposing squares: v[i][j] to v[j][i] --------------------------------------------------------------------- */

#if LANES == 16
typedef double vd __attribute__((vector_size(64)));
#define PAIRS(a, b, i)                                                                                                 \
    __builtin_shufflevector(a, b, i, i + 16, i + 1, i + 17, i + 4, i + 20, i + 5, i + 21, i + 8, i + 24, i + 9,        \
                            i + 25, i + 12, i + 28, i + 13, i + 29)
#define FOURS(a, b, i) (vf) __builtin_shufflevector((vd)a, (vd)b, i, i + 8, i + 2, i + 10, i + 4, i + 12, i + 6, i + 14)
#define QUARTERS(a, b, i, j)                                                                                           \
    (vf) __builtin_shufflevector((vd)a, (vd)b, 2 * i, 2 * i + 1, 2 * j, 2 * j + 1, 2 * i + 8, 2 * i + 9, 2 * j + 8,    \
                                 2 * j + 9)
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
    PANEL = OUT_V * LANES, /* columns of a tile                                                      */
    DEPTH = OUT_B / 256,   /* k of a block in the outer kernel, of columns of full blocks; else SPAN */
    PACK_A = 512 * SPAN,   /* floats of a that are packed together, and of b                         */
    PACK_B = OUT_B,
    CHAIN_GAP = LANES,     /* floats between chains, so that they do not all map to the same cache sets           */
    PACK_A_FLOATS = PACK_A + (PACK_A / SPAN + OUT_M - 1) / OUT_M * SUM_LANES * CHAIN_GAP,
    PACK_B_FLOATS = PACK_B + PACK_B / SPAN / PANEL * SUM_LANES * CHAIN_GAP,
    STORED_FLOATS = LANES * SPAN, /* rows of stored blocks, decoded first */
};
_Static_assert(PACK_A_FLOATS + PACK_B_FLOATS + STORED_FLOATS <= OUTER_SCRATCH, "blocks fit their scratch memory");
_Static_assert(PACK_B / SPAN % PANEL == 0 && 256 % PANEL == 0, "whole panels");

/* The offset of value k of a packed column: chains of every 16th value in the order in which they are summed by halves,
 * or one chain. One k has `step` floats. */
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

/* Values i .. i + left of LANES rows (all, or a tail padded with zeros), transposed. After the n-th row the last one is
 * repeated. */
INLINE void square(const dtype type, vf v[LANES], const char *from, size_t row_bytes, int n, int i, int left)
{
    UNROLL for (int r = 0; r < LANES; r++) {
        const char *row = from + (size_t)(r < n ? r : n - 1) * row_bytes;
        v[r] = left >= LANES ? load_w(type, row, (size_t)i) : load_w_part(type, row, (size_t)i, lanes_left(left));
        __builtin_prefetch(row + LANES * row_bytes + (size_t)i * (type == F32 ? 4 : 2)); /* for the next LANES rows */
    }
    turn(v);
}

/* Pack scale times values [0, K) of n <= LANES rows. LANES floats are written for each k; those after n are
 * arbitrary. */
INLINE void pack_rows(const dtype type, float *to, order o, const char *from, size_t row_bytes, int n, int K,
                      float scale)
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
INLINE void pack_cols(const dtype type, float *to, size_t step, const char *from, size_t row_bytes, int n, int K,
                      float scale)
{
    for (int k = 0; k < K; k++, from += row_bytes, to += step)
        store(to, (n >= LANES ? load_w(type, from, 0) : load_w_part(type, from, 0, n)) * scale);
}

/* rows [from, to) of tile i of `parts` */
INLINE int first_row(int M, int i, int parts) { return (int)((int64_t)M * i / parts); }

/* M rows of a, each tile's m as [k][m]. The first LANES of a tile are written last, over the excess floats of the
 * others. */
static void pack_a(float *to, const float *a, size_t am, size_t ak, int M, int K, int parts, int lanes)
{
    enum { RUN = 16 }; /* rows of a transposed matrix, packed for all tiles before the next */
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
                else
                    pack_cols(F32, tile + (size_t)k * o.step + g, o.step, (const char *)from, sizeof *a * ak, n, kn, 1);
            }
            tile += packed(o, K);
        }
    }
}

#define EACH_PLAIN(type, call)                                                                                         \
    do {                                                                                                               \
        if (type == F32) call(F32);                                                                                    \
        if (type == F16) call(F16);                                                                                    \
        if (type == BF16) call(BF16);                                                                                  \
    } while (0)

/* Columns [n, n + N), values [k, k + K) of weights stored [out, in], as panels. buffer: LANES x SPAN floats. */
static void pack_b_rows(float *to, const gemm *q, int n, int N, int k, int K, float *buffer)
{
    order o = order_of(1, PANEL, K);
    for (int j = 0; j < N; j += LANES) {
        float *panel = to + (size_t)(j / PANEL) * packed(o, K) + j % PANEL;
        const char *from = (const char *)q->w + (size_t)(n + j) * q->w_bytes + dtype_bytes(q->type, k);
        int rows = N - j < LANES ? N - j : LANES;
        size_t bytes = q->w_bytes;
        dtype type = q->type;
        if (!is_plain(type)) {
            for (int r = 0; r < rows; r++) decode_row(type, from + (size_t)r * bytes, buffer + r * SPAN, K);
            type = F32, from = (const char *)buffer, bytes = sizeof *buffer * SPAN;
        }
#define CALL(T) pack_rows(T, panel, o, from, bytes, rows, K, q->scale)
        EACH_PLAIN(type, CALL);
#undef CALL
    }
}

/* The same of weights stored [in, out]: one chain. */
static void pack_b_cols(float *to, const gemm *q, int n, int N, int k, int K, float *buffer)
{
    order o = order_of(0, PANEL, K);
    int run = is_plain(q->type) ? 16 : 1; /* rows packed for all panels before the next */
    for (int i = 0; i < K; i += run) {
        const char *from = (const char *)q->w + (size_t)(k + i) * q->w_bytes + dtype_bytes(q->type, n);
        int rows = K - i < run ? K - i : run;
        dtype type = q->type;
        if (!is_plain(type)) {
            decode_row(type, from, buffer, N);
            type = F32, from = (const char *)buffer;
        }
        for (int j = 0; j < N; j += LANES) {
            float *panel = to + (size_t)(j / PANEL) * packed(o, K) + (size_t)i * PANEL + j % PANEL;
#define CALL(T) pack_cols(T, panel, PANEL, from + (size_t)j * (T == F32 ? 4 : 2), q->w_bytes, N - j, rows, q->scale)
            EACH_PLAIN(type, CALL);
#undef CALL
        }
    }
}

/* ---- many rows: tiles -------------------------------------------------------------------------------------------- */

/* Tiles side by side: rows of a by `cols` columns, at most a panel. */
typedef struct {
    float *y; /* rows y_stride floats apart */
    size_t y_stride;
    const float *a, *b; /* [k][rows], [k][PANEL], packed alike                          */
    int n, lanes;       /* length of a chain, of which there are 16 or (lanes is 0) one */
    int cols, add;
} packed_tile;

/* One tile: mn rows by vn vectors, of a single vector at most q.cols floats. */
INLINE void tile(const int mn, const int vn, const packed_tile q)
{
    const float *a = q.a, *b = q.b;
    const int lanes = q.lanes, left = lanes_left(q.cols);
    vf kept[4][OUT_M][OUT_V], acc[OUT_M][OUT_V]; /* kept: sums of 1, 2, 4, 8 chains, to be added to as many others */
    UNROLL for (int m = 0; m < mn; m++)
        UNROLL for (int v = 0; v < vn; v++) {
            const float *p = q.y + (size_t)m * q.y_stride + v * LANES;
            if (lanes) __builtin_prefetch(p, 1);
            acc[m][v] = !q.add || lanes ? (vf){0} : vn == OUT_V ? load(p) : load_part(p, left);
        }
    for (int c = 0;; c++) {
        /* two values of k a round: 64 rows take 0.90 to 1.00 of the time on Zen 3 (AVX2) */
        TWICE for (int k = 0; k < q.n; k++, b += PANEL, a += mn)
        {
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
            float *p = q.y + (size_t)m * q.y_stride + v * LANES;
            if (vn == OUT_V) store(p, lanes && q.add ? load(p) + acc[m][v] : acc[m][v]);
            else store_part(p, lanes && q.add ? load_part(p, left) + acc[m][v] : acc[m][v], left);
        }
}

/* mn rows by all columns */
INLINE void tile_row(const int mn, packed_tile q)
{
    if (q.cols == PANEL) tile(mn, OUT_V, q);
    else
        for (; q.cols > 0; q.cols -= LANES, q.y += LANES, q.b += LANES) tile(mn, 1, q);
}

static void tile_of(int mn, const packed_tile *q)
{
    switch (mn) {
#define CASE(m) \
    case m: tile_row(m <= OUT_M ? m : 1, *q); break;
        CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
        CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14)
#undef CASE
    }
}

/* q with packed operands: in lanes as dot is defined, or one chain as outer is. */
static void many(const gemm *q, const int lanes, float *scratch)
{
    float *pa = scratch, *pb = pa + PACK_A_FLOATS, *buffer = pb + PACK_B_FLOATS;
    const int M = q->M, N = q->N, K = q->K;
    int depth = lanes ? SPAN : DEPTH, rows = PACK_A / depth, cols = PACK_B / depth;
    if (M <= 2 * OUT_M && is_plain(q->type)) cols = PANEL; /* few rows use b: smaller blocks */
    for (int m0 = 0; m0 < M; m0 += rows) {
        int mn = M - m0 < rows ? M - m0 : rows, parts = (mn + OUT_M - 1) / OUT_M;
        for (int k = 0; k < K; k += depth) {
            int kn = K - k < depth ? K - k : depth, n = lanes ? chain_length(kn) : kn;
            size_t panel = packed(order_of(lanes, PANEL, kn), kn);
            pack_a(pa, q->x + (size_t)m0 * q->xm + (size_t)k * q->xk, q->xm, q->xk, mn, kn, parts, lanes);
            for (int n0 = 0; n0 < N; n0 += cols) {
                int nn = N - n0 < cols ? N - n0 : cols;
                packed_tile t = {.y_stride = q->y_stride, .a = pa, .n = n, .lanes = lanes, .add = q->add || k};
                if (lanes) pack_b_rows(pb, q, n0, nn, k, kn, buffer);
                else pack_b_cols(pb, q, n0, nn, k, kn, buffer);
                for (int i = 0; i < parts; i++) {
                    int row = first_row(mn, i, parts), m = first_row(mn, i + 1, parts) - row;
                    float *to = q->y + (size_t)(m0 + row) * q->y_stride + n0;
                    for (int j = 0; j < nn; j += PANEL) {
                        t.y = to + j;
                        t.b = pb + (size_t)(j / PANEL) * panel;
                        t.cols = nn - j < PANEL ? nn - j : PANEL;
                        tile_of(m, &t);
                    }
                    t.a += packed(order_of(lanes, m, kn), kn);
                }
            }
        }
    }
}

/* ---- the two entries --------------------------------------------------------------------------------------------- */

enum { MANY = 24 }; /* number of rows of x from which packing pays */

static size_t dot_scratch(dtype type, int M, int K)
{
    if (M >= MANY) return OUTER_SCRATCH;
    if (type == F32 || (is_plain(type) && M <= DOT_T)) return 0;
    return M <= DOT_T ? STREAMS * DECODE_CHUNK : (size_t)DOT_O * (size_t)K;
}

/* Functions of their own, within which jumps of RISC-V reach: 1 MB. */
#define APART static __attribute__((noinline)) void
APART dot_f32(const gemm q) { dot_plain(F32, q); }
APART dot_f16(const gemm q) { dot_plain(F16, q); }
APART dot_bf16(const gemm q) { dot_plain(BF16, q); }
#undef APART

/* Rows of w as floats, DOT_O at a time, for more tokens than a tile has. */
INLINE void dot_decoded(const gemm q, float *scratch)
{
    gemm now = q;
    now.w = scratch;
    now.w_bytes = sizeof *scratch * (size_t)q.K;
    for (int o = 0; o < q.N; o += DOT_O) {
        const char *from = (const char *)q.w + (size_t)o * q.w_bytes;
        now.N = q.N - o < DOT_O ? q.N - o : DOT_O;
        now.y = q.y + o;
        for (int r = 0; r < now.N; r++)
            decode_row(q.type, from + (size_t)r * q.w_bytes, scratch + (size_t)r * (size_t)q.K, q.K);
        dot_f32(now);
    }
}

static void dot(const gemm *q, float *scratch)
{
    if (q->M >= MANY) many(q, 1, scratch);
    else if (q->type == F32) dot_f32(*q);
    else if (q->M > DOT_T) dot_decoded(*q, scratch);
    else if (q->type == F16) dot_f16(*q);
    else if (q->type == BF16) dot_bf16(*q);
    else dot_stored(q, scratch);
}

static void outer(const gemm *q, float *scratch)
{
    if (q->xk == 1 && skipping_pays(q)) {
        for (int m = 0; m < q->M && !q->add; m++)
            memset(q->y + (size_t)m * q->y_stride, 0, sizeof *q->y * (size_t)q->N);
        sparse(q, scratch);
    } else
        many(q, 0, scratch);
}
