/* simd_body.h - the body of every instance in simd.h. The file that includes it sets, before:
 *
 *     SIMD           the instance it makes
 *     LANES          floats in a vector
 *     DOT_T, DOT_O   tile of the dot form: tokens by weight rows (accumulators: DOT_T x DOT_O)
 *     OUT_M, OUT_V   tile of packed operands: rows (at most 14) by vectors
 *     OUT_B          floats of b that are packed together: about half of an L2 cache
 *     TIME_V         vectors of value channels that the recurrences carry at once
 *
 * and may define better primitives: FMA, LOAD_PART and STORE_PART, LOAD_F16, LOAD_BF16, ROOT (square), LOAD_I8 (LANES
 * signed bytes), ONE_F16 (of a uint16_t), NONZERO (a bit for each lane that is not zero) and COMPRESS (its lanes to the front). The three LOADs must be there when LANES is not 4. */
#include "cpu/simd_vector.h"


/* Lanes i.. of a row of weights in one of the plain types. */
INLINE vf load_w(dtype type, const char *row, size_t i)
{
    return type == F32 ? load(row + 4 * i) : type == F16 ? load_f16(row + 2 * i) : load_bf16(row + 2 * i);
}
INLINE vf load_w_part(dtype type, const char *row, size_t i, int n)
{
    uint16_t h[LANES] = {0};
    if (type == F32) return load_part(row + 4 * i, n);
    memcpy(h, row + 2 * i, 2 * (size_t)n);
    return load_w(type, (const char *)h, 0);
}
static int is_plain(dtype type) { return type == F32 || type == F16 || type == BF16; }

/* Sum of the lanes: lane l and lane l + half, until one is left. */
INLINE float sum(vf v)
{
#if LANES == 16
    typedef float half __attribute__((vector_size(32)));
    half h = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) + __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
#elif LANES == 8
    vf h = v;
#endif
    typedef float quarter __attribute__((vector_size(16)));
#if LANES > 4
    quarter q = __builtin_shufflevector(h, h, 0, 1, 2, 3) + __builtin_shufflevector(h, h, 4, 5, 6, 7);
#else
    quarter q = v;
#endif
    q += __builtin_shufflevector(q, q, 2, 3, 2, 3);
    return q[0] + q[1];
}

/* The sums of LANES vectors, each as sum() would give it: two vectors are halved into one. */
#if LANES == 16
#define HALVE8(a, b)                                                                                                   \
    (__builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +                           \
     __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
#define HALVE4(a, b)                                                                                                   \
    (__builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +                         \
     __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31))
#define HALVE2(a, b)                                                                                                   \
    (__builtin_shufflevector(a, b, 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29) +                         \
     __builtin_shufflevector(a, b, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31))
#define HALVE1(a, b)                                                                                                   \
    (__builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +                        \
     __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31))
#elif LANES == 8
#define HALVE4(a, b)                                                                                                   \
    (__builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11) + __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15))
#define HALVE2(a, b)                                                                                                   \
    (__builtin_shufflevector(a, b, 0, 1, 4, 5, 8, 9, 12, 13) + __builtin_shufflevector(a, b, 2, 3, 6, 7, 10, 11, 14, 15))
#define HALVE1(a, b)                                                                                                   \
    (__builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14) + __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15))
#else
#define HALVE2(a, b) (__builtin_shufflevector(a, b, 0, 1, 4, 5) + __builtin_shufflevector(a, b, 2, 3, 6, 7))
#define HALVE1(a, b) (__builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7))
#endif
INLINE vf sums_of(vf v[LANES])
{
#if LANES > 8
    UNROLL for (int i = 0; i < LANES / 2; i++) v[i] = HALVE8(v[2 * i], v[2 * i + 1]);
#endif
#if LANES > 4
    UNROLL for (int i = 0; i < 4; i++) v[i] = HALVE4(v[2 * i], v[2 * i + 1]);
#endif
    UNROLL for (int i = 0; i < 2; i++) v[i] = HALVE2(v[2 * i], v[2 * i + 1]);
    return HALVE1(v[0], v[1]);
}
INLINE vf sums(const float *p)
{
    vf v[LANES];
    UNROLL for (int i = 0; i < LANES; i++) v[i] = load(p + i * LANES);
    return sums_of(v);
}

#include "cpu/simd_math.h"
#include "cpu/simd_quant.h"
#include "cpu/simd_sparse.h"
#include "cpu/simd_linear.h"
#include "cpu/simd_rows.h"
#include "cpu/simd_time.h"
#include "cpu/simd_back.h"
#include "cpu/simd_roof.h"

const simd SIMD = {
    .name = SIMD_NAME,
    .dot = dot,
    .dot_scratch = dot_scratch,
    .outer = outer,
    .add = add,
    .mul = mul,
    .mul_back = mul_back,
    .lerp = lerp,
    .lerp_back = lerp_back,
    .sum_rows = sum_rows,
    .mix_back = mix_back,
    .map = map,
    .map_back = map_back,
    .slope = slope,
    .finish = finish,
    .norm = norm,
    .norm_back = norm_back,
    .norm_sums = norm_sums,
    .unit = unit,
    .unit_back = unit_back,
    .bonus = bonus,
    .bonus_back = bonus_back,
    .softmax = softmax,
    .wkv4 = wkv4,
    .wkv4_past = wkv4_past,
    .wkv4_join = wkv4_join,
    .wkv4_scratch = wkv4_scratch,
    .wkv4_back = wkv4_back,
    .wkv6 = wkv6,
    .wkv6_scratch = wkv6_scratch,
    .wkv6_back = wkv6_back,
    .wkv7 = wkv7,
    .wkv7_scratch = wkv7_scratch,
    .wkv7_back = wkv7_back,
    .burn = burn,
    .stream = stream,
};
