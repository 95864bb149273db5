/* simd_linear.h - the two forms of a matrix product (part of simd_body.h).
 *
 * The dot form serves weights stored [out, in]: both operands are read along their rows. The outer form serves everything
 * else: rows of b, times scalars, are added to rows of y. Neither cuts the sum of an element: tiles and blocks only choose
 * which elements are worked on together. */

/* ---- dot form --------------------------------------------------------------------------------------------------------- */

enum { STREAMS = 8, FEW_STREAMS = 4 }; /* weight rows walked at once when one token is decoded: simd_streams() of them */

/* acc += x times rows of w that lie w_step bytes apart, over I values: tn tokens by on rows. */
INLINE void dot_run(const int tn, const int on, const dtype type, vf acc[DOT_T][STREAMS], const float *x, size_t x_stride,
                    const char *w, size_t w_step, int I)
{
    int i = 0;
    vf xv[DOT_T];
    for (; i + LANES <= I; i += LANES) {
        UNROLL for (int t = 0; t < tn; t++) xv[t] = load(x + (size_t)t * x_stride + i);
        UNROLL for (int o = 0; o < on; o++) {
            vf wv = load_w(type, w + (size_t)o * w_step, (size_t)i);
            UNROLL for (int t = 0; t < tn; t++) acc[t][o] = madd(xv[t], wv, acc[t][o]);
            if (tn == 1) __builtin_prefetch(w + (size_t)o * w_step + (size_t)i * (type == F32 ? 4 : 2) + AHEAD);
        }
    }
    if (i == I) return;
    UNROLL for (int t = 0; t < tn; t++) xv[t] = load_part(x + (size_t)t * x_stride + i, I - i);
    UNROLL for (int o = 0; o < on; o++) {
        vf wv = load_w_part(type, w + (size_t)o * w_step, (size_t)i, I - i);
        UNROLL for (int t = 0; t < tn; t++) acc[t][o] = madd(xv[t], wv, acc[t][o]);
    }
}

/* The lanes' sums to y: rows y_stride apart, columns y_step. */
INLINE void dot_put(const int tn, const int on, vf acc[DOT_T][STREAMS], float *y, size_t y_stride, size_t y_step, float scale, int add)
{
    UNROLL for (int n = 0; n < tn * on; n += LANES) {
        vf v[LANES];
        float s[LANES];
        UNROLL for (int i = 0; i < LANES; i++) v[i] = n + i < tn * on ? acc[(n + i) / on][(n + i) % on] : (vf){0};
        store(s, sums_of(v) * scale);
        UNROLL for (int i = 0; i < (LANES < tn * on - n ? LANES : tn * on - n); i++) {
            float *to = y + (size_t)((n + i) / on) * y_stride + (size_t)((n + i) % on) * y_step;
            *to = add ? *to + s[i] : s[i];
        }
    }
}

INLINE void dot_zero(const int tn, const int on, vf acc[DOT_T][STREAMS])
{
    UNROLL for (int t = 0; t < tn; t++)
        UNROLL for (int o = 0; o < on; o++) acc[t][o] = (vf){0};
}

/* One tile: tn tokens by on weight rows w_step bytes apart; their results lie y_step apart. */
INLINE void dot_tile(const int tn, const int on, const dtype type, float *y, size_t y_stride, size_t y_step, const float *x,
                     size_t x_stride, const char *w, size_t w_step, int I, float scale, int add)
{
    vf acc[DOT_T][STREAMS];
    dot_zero(tn, on, acc);
    dot_run(tn, on, type, acc, x, x_stride, w, w_step, I);
    dot_put(tn, on, acc, y, y_stride, y_step, scale, add);
}

/* All tokens of a block against `on` rows. */
INLINE void dot_rows(const int on, const dtype type, float *y, size_t y_stride, size_t y_step, const float *x, size_t x_stride,
                     const char *w, size_t w_step, int T, int I, float scale, int add)
{
    int t = 0;
    for (; t + DOT_T <= T; t += DOT_T)
        dot_tile(DOT_T, on, type, y + (size_t)t * y_stride, y_stride, y_step, x + (size_t)t * x_stride, x_stride, w, w_step, I,
                 scale, add);
    y += (size_t)t * y_stride;
    x += (size_t)t * x_stride;
    if (T - t == 1) dot_tile(1, on, type, y, y_stride, y_step, x, x_stride, w, w_step, I, scale, add);
    if (T - t == 2) dot_tile(2, on, type, y, y_stride, y_step, x, x_stride, w, w_step, I, scale, add);
    if (DOT_T > 3 && T - t == 3) dot_tile(DOT_T > 3 ? 3 : 1, on, type, y, y_stride, y_step, x, x_stride, w, w_step, I, scale, add);
}

/* Rows of a plain type where they lie. For a few tokens the weights are a stream from memory, which comes fastest as several
 * streams far apart: the tile's rows are taken O / on apart. */
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

/* One tile of rows of any type, decoded piece by piece on the way. room: STREAMS x PIECE floats. */
enum { PIECE = 256 };

INLINE void dot_tile_stored(const int tn, const int on, const dtype type, float *y, size_t y_stride, size_t y_step, const float *x,
                            size_t x_stride, const char *w, size_t w_step, int I, float scale, int add, float *room)
{
    vf acc[DOT_T][STREAMS];
    dot_zero(tn, on, acc);
    for (int i = 0; i < I; i += PIECE) {
        int n = I - i < PIECE ? I - i : PIECE;
        for (int o = 0; o < on; o++) {
            const char *from = w + (size_t)o * w_step + dtype_bytes(type, i);
            for (int line = 0; line < dtype_bytes(type, PIECE); line += 64) __builtin_prefetch(from + AHEAD + line);
            decode_row(type, from, room + o * PIECE, n);
        }
        dot_run(tn, on, F32, acc, x + i, x_stride, (const char *)room, 4 * PIECE, n);
    }
    dot_put(tn, on, acc, y, y_stride, y_step, scale, add);
}

static void dot_stored(const dtype type, float *y, size_t y_stride, const float *x, size_t x_stride, const char *w, size_t w_bytes,
                       int T, int O, int I, float scale, int add, float *room)
{
    int on = T == 1 ? STREAMS : DOT_O, apart = O / on;
#define TILE(tn, on_, o, step)                                                                                         \
    dot_tile_stored(tn, on_, type, y + (o), y_stride, (size_t)(step), x, x_stride, w + (size_t)(o) * w_bytes,          \
                    (size_t)(step) * w_bytes, I, scale, add, room)
    for (int o = 0; o < apart; o++) {
        if (T == 1) TILE(1, STREAMS, o, apart);
        if (T == 2) TILE(2, DOT_O, o, apart);
        if (T == 3) TILE(3, DOT_O, o, apart);
        if (DOT_T > 3 && T == 4) TILE(DOT_T, DOT_O, o, apart);
    }
    for (int o = apart * on; o < O; o++) {
        if (T == 1) TILE(1, 1, o, 1);
        if (T == 2) TILE(2, 1, o, 1);
        if (T == 3) TILE(3, 1, o, 1);
        if (DOT_T > 3 && T == 4) TILE(DOT_T, 1, o, 1);
    }
#undef TILE
}

enum { DOT_CACHE = 96 * 1024 }; /* floats of x that are gone over again for every weight row: they should stay in L2 */

static size_t dot_scratch(dtype type, int T, int I)
{
    if (type == F32 || (is_plain(type) && T <= DOT_T)) return 0;
    return T <= DOT_T ? STREAMS * PIECE : (size_t)DOT_O * (size_t)I;
}

static void dot(float *y, size_t y_stride, const float *x, size_t x_stride, const void *w, size_t w_bytes, dtype type, int T, int O,
                int I, float scale, int add, float *scratch)
{
    if (T <= DOT_T) {
        if (type == F32) dot_plain(F32, y, y_stride, x, x_stride, w, w_bytes, T, O, I, scale, add);
        else if (type == F16) dot_plain(F16, y, y_stride, x, x_stride, w, w_bytes, T, O, I, scale, add);
        else if (type == BF16) dot_plain(BF16, y, y_stride, x, x_stride, w, w_bytes, T, O, I, scale, add);
        else dot_stored(type, y, y_stride, x, x_stride, w, w_bytes, T, O, I, scale, add, scratch);
        return;
    }
    int block = DOT_CACHE / (I ? I : 1) / DOT_T * DOT_T;
    if (block < 4 * DOT_T) block = 4 * DOT_T;
    for (int t = 0; t < T; t += block) {
        int n = T - t < block ? T - t : block;
        float *yt = y + (size_t)t * y_stride;
        const float *xt = x + (size_t)t * x_stride;
        if (type == F32) {
            dot_plain(F32, yt, y_stride, xt, x_stride, w, w_bytes, n, O, I, scale, add);
            continue;
        }
        for (int o = 0; o < O; o += DOT_O) {
            int rows = O - o < DOT_O ? O - o : DOT_O;
            for (int r = 0; r < rows; r++) decode_row(type, (const char *)w + (size_t)(o + r) * w_bytes, scratch + (size_t)r * (size_t)I, I);
            dot_plain(F32, yt + o, y_stride, xt, x_stride, (const char *)scratch, 4 * (size_t)I, n, rows, I, scale, add);
        }
    }
}

/* ---- outer form ------------------------------------------------------------------------------------------------------- */

enum { PANEL = OUT_V * LANES, OUT_N = OUTER_SCRATCH / OUT_K / PANEL * PANEL };

/* One tile: mn rows by vn vectors; the last vector has `part` floats (LANES: all). b is packed: PANEL floats for each k. */
INLINE void outer_tile(const int mn, const int vn, const int whole, float *y, size_t y_stride, const float *a, size_t am, size_t ak,
                       const float *b, int K, int part)
{
    vf acc[OUT_M][OUT_V];
    UNROLL for (int m = 0; m < mn; m++)
        UNROLL for (int v = 0; v < vn; v++) {
            const float *p = y + (size_t)m * y_stride + v * LANES;
            acc[m][v] = whole ? load(p) : load_part(p, part);
        }
    for (int k = 0; k < K; k++, b += PANEL, a += ak) {
        vf bv[OUT_V];
        UNROLL for (int v = 0; v < vn; v++) bv[v] = load(b + v * LANES);
        UNROLL for (int m = 0; m < mn; m++) {
            vf s = all(a[(size_t)m * am]);
            UNROLL for (int v = 0; v < vn; v++) acc[m][v] = madd(s, bv[v], acc[m][v]);
        }
    }
    UNROLL for (int m = 0; m < mn; m++)
        UNROLL for (int v = 0; v < vn; v++) {
            float *p = y + (size_t)m * y_stride + v * LANES;
            if (whole) store(p, acc[m][v]);
            else store_part(p, acc[m][v], part);
        }
}

INLINE void outer_rows(const int mn, float *y, size_t y_stride, const float *a, size_t am, size_t ak, const float *b, int n, int K)
{
    if (n == PANEL) {
        outer_tile(mn, OUT_V, 1, y, y_stride, a, am, ak, b, K, LANES);
        return;
    }
    for (; n >= LANES; n -= LANES, y += LANES, b += LANES) outer_tile(mn, 1, 1, y, y_stride, a, am, ak, b, K, LANES);
    if (n) outer_tile(mn, 1, 0, y, y_stride, a, am, ak, b, K, n);
}

/* scale b[k][0..n) as panels, zeros behind the last column. */
static void outer_pack(float *to, const char *b, size_t b_bytes, dtype type, int n, int K, float scale)
{
    float row[OUT_N];
    for (int k = 0; k < K; k++, b += b_bytes) {
        const char *from = b;
        dtype t = type;
        if (!is_plain(type)) {
            decode_row(type, b, row, n);
            from = (const char *)row;
            t = F32;
        }
        for (int i = 0; i < n; i += LANES) {
            vf v = n - i >= LANES ? load_w(t, from, (size_t)i) : load_w_part(t, from, (size_t)i, n - i);
            store(to + (size_t)(i / PANEL) * PANEL * (size_t)K + (size_t)k * PANEL + i % PANEL, v * scale);
        }
    }
}

static void outer(float *y, size_t y_stride, const float *a, size_t am, size_t ak, const void *b, size_t b_bytes, dtype type, int M,
                  int N, int K, float scale, float *scratch)
{
    if (ak == 1 && units_pay(a, am, type, M, K)) {
        units(y, y_stride, a, am, b, b_bytes, type, M, N, K, scale, scratch);
        return;
    }
    enum { BLOCK = OUT_N / 256 ? OUT_N / 256 * 256 : OUT_N }; /* columns at a time: whole blocks of any type */
    for (int k = 0; k < K; k += OUT_K) {
        int kn = K - k < OUT_K ? K - k : OUT_K;
        for (int n = 0; n < N; n += BLOCK) {
            int nn = N - n < BLOCK ? N - n : BLOCK;
            outer_pack(scratch, (const char *)b + (size_t)k * b_bytes + dtype_bytes(type, n), b_bytes, type, nn, kn, scale);
            for (int j = 0; j < nn; j += PANEL) {
                const float *panel = scratch + (size_t)j * (size_t)kn;
                int width = nn - j < PANEL ? nn - j : PANEL, m = 0;
                for (; m + OUT_M <= M; m += OUT_M)
                    outer_rows(OUT_M, y + (size_t)m * y_stride + n + j, y_stride, a + (size_t)m * am + (size_t)k * ak, am, ak, panel,
                               width, kn);
                for (; m + 2 <= M; m += 2)
                    outer_rows(2, y + (size_t)m * y_stride + n + j, y_stride, a + (size_t)m * am + (size_t)k * ak, am, ak, panel, width,
                               kn);
                if (m < M)
                    outer_rows(1, y + (size_t)m * y_stride + n + j, y_stride, a + (size_t)m * am + (size_t)k * ak, am, ak, panel, width,
                               kn);
            }
        }
    }
}
