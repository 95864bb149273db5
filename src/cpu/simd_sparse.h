/* simd_sparse.h - products with LAYOUT_INPUT_MAJOR, of which zero inputs need no row (part of simd_body.h).
 *
 * relu(k)^2 is zero for most inputs of ffn.value (75 to 90 % in a token), so most of its rows are never read. A skipped
 * row would have added 0 w: an element's sum still goes through its inputs in order, and is the same to the bit. The
 * inputs that a token uses are listed first; then their rows are walked, SPARSE_ROWS side by side, while those that
 * come next are fetched: a row is a few KB, and the hardware's prefetcher cannot know which one follows.
 *
 * Several tokens go one after the other through a block of inputs that fits into L2. Sharing rows between tokens in
 * registers was slower from 70 % zeros on: a tile must do the union of the inputs that its tokens use. */

enum {
    SPARSE_ROWS = 8,           /* rows walked side by side                          */
    SPARSE_LIST = 1 << 14,     /* inputs listed at once, at most                  */
    SPARSE_CACHE = 640 << 10   /* bytes of rows that several tokens go through      */
};

/* The inputs that are not zero in x[0 .. n): their numbers and values. Returns how many. */
static int used_inputs(int32_t *list, float *value, const float *x, int n)
{
    int found = 0, k = 0;
#ifdef COMPRESS
    vi place;
    UNROLL for (int i = 0; i < LANES; i++) place[i] = i;
    for (; k + LANES <= n; k += LANES, place += LANES) {
        vf v = load(x + k);
        uint32_t used = NONZERO(v);
        store(value + found, (vf)COMPRESS(used, v));
        store(list + found, (vf)COMPRESS(used, place));
        found += __builtin_popcount(used);
    }
#endif
    for (; k < n; k++) {
        list[found] = k;
        value[found] = x[k];
        found += x[k] != 0;
    }
    return found;
}

/* y[0 .. N) += value[j] (scale row j), in order, for `rows` listed rows of b; `next`: as many that are fetched
 * meanwhile. */
INLINE void sparse_rows(const dtype type, float *y, const float *value, const char *b, size_t b_bytes,
                        const int32_t *list, const int32_t *next, const int rows, int N, float scale)
{
    enum { AT_ONCE = 2 }; /* vectors: a cache line of 16-bit numbers, where there are 16 lanes */
    const int size = type == F32 ? 4 : 2, whole = rows == SPARSE_ROWS;
    const char *row[SPARSE_ROWS], *fetch[SPARSE_ROWS];
    int n = 0;
    for (int j = 0; j < rows; j++) {
        row[j] = b + (size_t)list[j] * b_bytes;
        fetch[j] = b + (size_t)next[j] * b_bytes;
    }
    for (; n + AT_ONCE * LANES <= N && whole; n += AT_ONCE * LANES) {
        vf acc[AT_ONCE];
        UNROLL for (int v = 0; v < AT_ONCE; v++) acc[v] = load(y + n + v * LANES);
        UNROLL for (int j = 0; j < SPARSE_ROWS; j++) {
            UNROLL for (int v = 0; v < AT_ONCE; v++)
                acc[v] = madd(all(value[j]), load_w(type, row[j], (size_t)(n + v * LANES)) * scale, acc[v]);
            UNROLL for (int line = 0; line < AT_ONCE * LANES * size; line += 64)
                __builtin_prefetch(fetch[j] + (size_t)n * (size_t)size + line);
        }
        UNROLL for (int v = 0; v < AT_ONCE; v++) store(y + n + v * LANES, acc[v]);
    }
    for (; n < N; n += LANES) {
        int part = N - n < LANES ? N - n : LANES;
        vf acc = load_part(y + n, part);
        for (int j = 0; j < rows; j++) {
            vf w = part < LANES ? load_w_part(type, row[j], (size_t)n, part) : load_w(type, row[j], (size_t)n);
            acc = madd(all(value[j]), w * scale, acc);
        }
        store_part(y + n, acc, part);
    }
}

INLINE void sparse_product(const dtype type, float *y, size_t y_stride, const float *x, size_t x_stride, const char *b,
                           size_t b_bytes, int T, int N, int K, float scale, float *value, int32_t *list)
{
    int block = T == 1 ? SPARSE_LIST : SPARSE_CACHE / (N * (type == F32 ? 4 : 2));
    block = block < 64 ? 64 : block > SPARSE_LIST ? SPARSE_LIST : block;
    for (int k = 0; k < K; k += block, x += block, b += (size_t)block * b_bytes)
        for (int t = 0; t < T; t++) {
            float *yt = y + (size_t)t * y_stride;
            int found = used_inputs(list, value, x + (size_t)t * x_stride, K - k < block ? K - k : block), j = 0;
            for (; j + SPARSE_ROWS <= found; j += SPARSE_ROWS) {
                int next = j + 2 * SPARSE_ROWS <= found ? j + SPARSE_ROWS : found - SPARSE_ROWS;
                sparse_rows(type, yt, value + j, b, b_bytes, list + j, list + next, SPARSE_ROWS, N, scale);
            }
            if (j < found) sparse_rows(type, yt, value + j, b, b_bytes, list + j, list + j, found - j, N, scale);
        }
}

/* See simd.h, .outer: the same for a of T rows whose values lie side by side. */
static void sparse(float *y, size_t y_stride, const float *x, size_t x_stride, const void *b, size_t b_bytes,
                   dtype type, int T, int N, int K, float scale, float *scratch)
{
    int32_t *list = (int32_t *)(scratch + SPARSE_LIST);
    if (type == F32) sparse_product(F32, y, y_stride, x, x_stride, b, b_bytes, T, N, K, scale, scratch, list);
    if (type == F16) sparse_product(F16, y, y_stride, x, x_stride, b, b_bytes, T, N, K, scale, scratch, list);
    if (type == BF16) sparse_product(BF16, y, y_stride, x, x_stride, b, b_bytes, T, N, K, scale, scratch, list);
}

/* Whether sparse() is the quicker way. Its cost is that of the inputs used; a packed product costs 8 to 10 passes over
 * a row's K for packing and a third of one for each token (measured at K 8192, N 2048, T 1 to 64, 0 to 95 % zeros).
 * Some of many tokens are counted. */
static int skipping_pays(const float *x, size_t x_stride, dtype type, int T, int K)
{
    enum { SOME = 32 };
    double used = 0;
    int step = T > SOME ? T / SOME : 1;
    if (!is_plain(type)) return 0;
    for (int t = 0; t < T && T > 8; t += step, x += (size_t)step * x_stride) {
        int n = 0;
        for (int k = 0; k < K; k++) n += x[k] != 0;
        used += n * step;
    }
    return used <= K * (8 + 0.3 * T);
}
