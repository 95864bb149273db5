/* int8_body.h - the body of every instance in int8.h. The file that includes it sets, before:
 *
 *     INT8, INT8_NAME, INT8_ISA   the instance, its name, the instance of simd.h that it belongs to
 *     LANES, FMA, LOAD_F16        as for simd_body.h; FMA must round once
 *     TILE_T                      tokens of a tile of packed weights
 *     DOT(wide, acc, w, x)        each int32 lane of acc + its four products of bytes of w and x, x in -127 .. 127.
 *                                 With FLIP w is unsigned; without it w is signed where `wide` is not 0, and else
 *                                 0 .. 63
 *     FLIP                        0x80 where DOT takes unsigned bytes, else 0
 *     DOT_PAIRS(acc, x, w)        optional: acc + the four sums of eight products {x0 w0, x0 w1, x1 w0, x1 w1} of
 *                                 signed bytes, x0 and w0 being the low eight (int8_pairs.h)
 *     JOIN8(p, q)                 with DOT_PAIRS: the vector of eight bytes at p and eight at q
 */
#include "cpu/int8.h"
#include "cpu/simd_vector.h"
#include "format/codes.h"
#include "format/layout.h"

enum {
    TILE_V = 2,                 /* vectors of outputs of a tile               */
    OUTS = TILE_V * LANES,      /* outputs of a panel                         */
    FEW = 4,                    /* tokens for which weights are used in place */
    SPAN = LANES == 16 ? 2 : 1, /* blocks summed together                     */
    AHEAD = 1024                /* prefetch distance in a row, in bytes       */
};

typedef int8_t vb __attribute__((vector_size(4 * LANES)));

INLINE vb load_bytes(const void *p)
{
    vb v;
    memcpy(&v, p, sizeof v);
    return v;
}
INLINE vi all_int(int x) { return x - (vi){0}; }
INLINE vb all_four(const void *p)
{
    int32_t x;
    memcpy(&x, p, 4);
    return (vb)all_int(x);
}
INLINE vf to_float(vi v) { return __builtin_convertvector(v, vf); }

/* ---- activations ------------------------------------------------------------------------------------------------- */

#if LANES == 16
#define SWAP8(v) __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)
#define SWAP4(v) __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11)
#define SWAP2(v) __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)
#define SWAP1(v) __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14)
#elif LANES == 8
#define SWAP4(v) __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3)
#define SWAP2(v) __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5)
#define SWAP1(v) __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6)
#else
#define SWAP2(v) __builtin_shufflevector(v, v, 2, 3, 0, 1)
#define SWAP1(v) __builtin_shufflevector(v, v, 1, 0, 3, 2)
#endif

INLINE vi larger(vi a, vi b)
{
    vi more = a > b;
    return (a & more) | (b & ~more);
}

/* The largest lane, in all lanes. Magnitudes are compared as bits, so a NaN is larger than any number. */
INLINE vi largest(vi a)
{
#if LANES > 8
    a = larger(a, SWAP8(a));
#endif
#if LANES > 4
    a = larger(a, SWAP4(a));
#endif
    a = larger(a, SWAP2(a));
    return larger(a, SWAP1(a));
}

INLINE int32_t total(vi a)
{
#if LANES > 8
    a += SWAP8(a);
#endif
#if LANES > 4
    a += SWAP4(a);
#endif
    a += SWAP2(a);
    return a[0] + a[1];
}

INLINE void quantize_block(x256 *to, int b, const float *x)
{
    typedef int8_t few __attribute__((vector_size(LANES)));
    enum { N = 32 / LANES };
    vf v[N];
    vi most = {0}, sum[2] = {{0}, {0}};
    UNROLL for (int i = 0; i < N; i++) {
        v[i] = load(x + i * LANES);
        most = larger((vi)v[i] & 0x7fffffff, most);
    }
    vf d = (vf)largest(most) / 127;
    to->d[b] = d[0];
    if (d[0] < 0x1p-126f) {
        memset(to->q + 32 * b, 0, 32);
        to->d[b] = to->dsum[b] = 0;
        to->sum[b] = to->first[b] = 0;
        return;
    }
    UNROLL for (int i = 0; i < N; i++) {
        /* 1.5 x 2^23: the integer is in the last bits, rounded to even */
        vi q = (vi)(v[i] / d + 12582912.0f) - 0x4b400000;
        few bytes = __builtin_convertvector(q, few);
        memcpy(to->q + 32 * b + i * LANES, &bytes, sizeof bytes);
        sum[i / (N / 2)] += q;
    }
    to->first[b] = total(sum[0]);
    to->sum[b] = to->first[b] + total(sum[1]);
    to->dsum[b] = d[0] * (float)to->sum[b];
}

static void quantize(x256 *to, size_t step, const float *x, size_t x_stride, int T, int I)
{
    for (int t = 0; t < T; t++)
        for (int i = 0; i < I; i += 32)
            quantize_block(to + (size_t)(i / 256) * step + t, i % 256 / 32, x + (size_t)t * x_stride + i);
}

/* ---- weights ----------------------------------------------------------------------------------------------------- */

/* Lanes of two vectors. */
#define PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)

#include "cpu/int8_codes.h"
#include "cpu/int8_panels.h"
#include "cpu/int8_rows.h"
#include "cpu/int8_sparse.h"

/* A panel, and the results of one for all tokens. */
static size_t scratch_bytes(int T)
{
    size_t floats = 24 + (size_t)(T < INT8_BLOCK ? T : INT8_BLOCK);
    return OUTS * (256 + floats * sizeof(float));
}

const int8_set INT8 = {
    .name = INT8_NAME,
    .isa = INT8_ISA,
    .outs = OUTS,
    .scratch = scratch_bytes,
    .quantize = quantize,
    .product = int8_product,
    .interleaved = int8_interleaved,
    .sparse = int8_sparse,
};
