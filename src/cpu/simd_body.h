/* simd_body.h - the body of every instance in simd.h. The file that includes it sets, before:
 *
 *     SIMD           the instance it makes, and SIMD_NAME
 *     LANES          floats in a vector
 *
 * and, unless they are those of 16 vector registers and an L2 cache of 512 KB, below:
 *
 *     DOT_T, DOT_O   tile of the dot form: tokens, at least 3, by weight rows
 *     DOT_SUMS       vectors of sums that stay in registers in it
 *     OUT_M, OUT_V   tile of packed operands: rows (at most 14) by vectors
 *     TIME_V         vectors of value channels that the recurrences carry at once
 *     OUT_B          floats of b that are packed together: about half of an L2 cache
 *
 * and may define better primitives: FMA, LOAD_PART and STORE_PART, LOAD_F16, LOAD_BF16, LOAD_HALVES (four 16-bit
 * numbers, in the low halves of the lanes), ROOT (square), LARGER (y if x > y is false), LOAD_I8 (LANES signed bytes),
 * NONZERO (a bit for each lane that is not zero) and COMPRESS (its lanes to the front). LOAD_F16, LOAD_BF16 and LOAD_I8
 * must be there when LANES is not 4. */
#include "cpu/simd_vector.h"

#ifndef DOT_T
#define DOT_T 3
#define DOT_O 4
#define DOT_SUMS 12
#define OUT_M 6
#define OUT_V 2
#define TIME_V 2
#endif
#ifndef OUT_B
#define OUT_B (64 * 1024)
#endif

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

#include "cpu/simd_sum.h"
#include "cpu/simd_math.h"
#include "cpu/simd_quant.h"
#include "cpu/simd_sparse.h"
#include "cpu/simd_linear.h"
#include "cpu/simd_rows.h"
#include "cpu/simd_time.h"
#include "cpu/simd_back.h"
#include "cpu/simd_sample.h"
#include "cpu/simd_roof.h"

const simd SIMD = {
    .name = SIMD_NAME,
#ifdef FMA
    .fused = 1,
#endif
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
    .peaks = peaks,
    .weights = weights,
    .within = within,
    .burn = burn,
    .stream = stream,
};
