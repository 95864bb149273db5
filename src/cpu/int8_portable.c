/* int8_portable.c - 128-bit vectors and nothing beyond what the compiler's target always has. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#define INT8 int8_portable
#define INT8_NAME "portable"
#define INT8_ISA "portable"
#define LANES 4
#define TILE_T 2
#define TILE_V 2

typedef float four_floats __attribute__((vector_size(16)));
typedef int32_t four_ints __attribute__((vector_size(16)));
typedef int16_t eight_shorts __attribute__((vector_size(16)));

/* a b + c rounded once. Without an instruction for it: a b is exact in a double; where the sum is not, its last bit is made
 * odd, and rounding it to a float then goes where rounding the true sum goes. */
static inline __attribute__((always_inline)) float fma_once(float a, float b, float c)
{
#ifdef __FP_FAST_FMAF
    return __builtin_fmaf(a, b, c);
#else
    double p = (double)a * (double)b, d = (double)c, s = p + d, part = s - p, error = (p - (s - part)) + (d - part);
    int64_t bits;
    memcpy(&bits, &s, 8);
    if (error != 0 && !(bits & 1)) { /* NaN is nobody's error: s is NaN already */
        bits += (error > 0) == (s > 0) ? 1 : -1;
        if (s == s && s - s == 0) memcpy(&s, &bits, 8);
    }
    return (float)s;
#endif
}
static inline __attribute__((always_inline)) four_floats fma_four(four_floats a, four_floats b, four_floats c)
{
    return (four_floats){fma_once(a[0], b[0], c[0]), fma_once(a[1], b[1], c[1]), fma_once(a[2], b[2], c[2]),
                         fma_once(a[3], b[3], c[3])};
}

/* The even bytes and the odd ones, with their signs; two products are at most 2 x 128 x 127, which 16 bits hold. */
static inline __attribute__((always_inline)) four_ints dot_shorts(four_ints acc, eight_shorts w, eight_shorts x)
{
    eight_shorts two = (w << 8 >> 8) * (x << 8 >> 8) + (w >> 8) * (x >> 8);
    return acc + ((four_ints)two << 16 >> 16) + ((four_ints)two >> 16);
}

#define FMA(a, b, c) fma_four(a, b, c)
#define FLIP 0
#define DOT(wide, acc, w, x) (vi)dot_shorts((four_ints)(acc), (eight_shorts)(w), (eight_shorts)(x))

#include "cpu/int8_body.h"
