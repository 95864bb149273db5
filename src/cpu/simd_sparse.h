/* simd_sparse.h - matrix products with LAYOUT_INPUT_MAJOR, which skip the rows of zero inputs (part of simd_body.h).
 *
 * relu(k)^2 is zero for most inputs of ffn.value (75 to 90 % in a token), so most of its rows are never read. A skipped
 * row would add 0 w: an element's sum still has its inputs in order, and is the same to the bit. The nonzero inputs of
 * a token are listed first; then their rows are read, SPARSE_ROWS side by side, while the next ones are prefetched: a
 * row is a few KB, and the hardware's prefetcher cannot predict the next one.
 *
 * Several tokens use a block of inputs that fits in L2, one after the other. Sharing rows between tokens in registers
 * was slower from 70 % zeros on: a tile must compute the union of its tokens' nonzero inputs. */

enum {
    SPARSE_ROWS = 8,           /* rows read side by side                 */
    SPARSE_LIST = 1 << 14,     /* inputs listed at once, at most         */
    SPARSE_CACHE = 640 << 10   /* bytes of rows shared by several tokens */
};

/* List the nonzero inputs in x[0 .. n), their indices and values. Returns their number. */
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

/* q.y[0 .. N) += value[j] (scale row j), in order, for `rows` listed rows of q.w; `next`: as many rows to prefetch
 * meanwhile. */
INLINE void sparse_rows(const dtype type, const gemm q, const float *value, const int32_t *list, const int32_t *next,
                        const int rows)
{
    enum { AT_ONCE = 2 }; /* vectors: a cache line of 16-bit numbers, where there are 16 lanes */
    const int size = type == F32 ? 4 : 2, N = q.N;
    const float scale = q.scale;
    float *y = q.y;
    const char *row[SPARSE_ROWS], *fetch[SPARSE_ROWS];
    int n = 0;
    for (int j = 0; j < rows; j++) {
        row[j] = (const char *)q.w + (size_t)list[j] * q.w_bytes;
        fetch[j] = (const char *)q.w + (size_t)next[j] * q.w_bytes;
    }
    for (; n + AT_ONCE * LANES <= N && rows == SPARSE_ROWS; n += AT_ONCE * LANES) {
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

INLINE void sparse_product(const dtype type, gemm q, float *value, int32_t *list)
{
    const int K = q.K;
    int block = q.M == 1 ? SPARSE_LIST : SPARSE_CACHE / (q.N * (type == F32 ? 4 : 2));
    block = block < 64 ? 64 : block > SPARSE_LIST ? SPARSE_LIST : block;
    for (int k = 0; k < K; k += block, q.x += block, q.w = (const char *)q.w + (size_t)block * q.w_bytes)
        for (int m = 0; m < q.M; m++) {
            gemm of = q; /* this token's */
            of.y = q.y + (size_t)m * q.y_stride;
            int found = used_inputs(list, value, q.x + (size_t)m * q.xm, K - k < block ? K - k : block), j = 0;
            for (; j + SPARSE_ROWS <= found; j += SPARSE_ROWS) {
                int next = j + 2 * SPARSE_ROWS <= found ? j + SPARSE_ROWS : found - SPARSE_ROWS;
                sparse_rows(type, of, value + j, list + j, list + next, SPARSE_ROWS);
            }
            if (j < found) sparse_rows(type, of, value + j, list + j, list + j, found - j);
        }
}

/* y += scale x W, outer's where xk is 1. */
static void sparse(const gemm *q, float *scratch)
{
    int32_t *list = (int32_t *)(scratch + SPARSE_LIST);
    if (q->type == F32) sparse_product(F32, *q, scratch, list);
    if (q->type == F16) sparse_product(F16, *q, scratch, list);
    if (q->type == BF16) sparse_product(BF16, *q, scratch, list);
}

/* Whether sparse() is faster. Its cost is proportional to the nonzero inputs; a packed product costs 8 to 10 passes
 * over a row's K for packing and a third of one per token (measured at K 8192, N 2048, T 1 to 64, 0 to 95 % zeros). Of
 * many tokens a sample is counted. */
static int skipping_pays(const gemm *q)
{
    enum { SOME = 32 };
    const int T = q->M, K = q->K;
    double used = 0;
    int step = T > SOME ? T / SOME : 1;
    if (!is_plain(q->type)) return 0;
    for (int t = 0; t < T && T > 8; t += step) {
        const float *x = q->x + (size_t)t * q->xm;
        int n = 0;
        for (int k = 0; k < K; k++) n += x[k] != 0;
        used += n * step;
    }
    return used <= K * (8 + 0.3 * T);
}
