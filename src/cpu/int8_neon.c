/* int8_neon.c - NEON: every 64-bit ARM. Two products of bytes are at most 2 x 128 x 127, which 16 bits hold. */
#ifdef __aarch64__
#include "cpu/int8_arm.h"

#define INT8 int8_neon
#define INT8_NAME "neon-mull"
#define DOT(wide, acc, w, x) (vi)dot_mull((int32x4_t)(acc), (int8x16_t)(w), (int8x16_t)(x))

static inline __attribute__((always_inline)) int32x4_t dot_mull(int32x4_t acc, int8x16_t w, int8x16_t x)
{
    int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(x)), high = vmull_high_s8(w, x);
    return vpadalq_s16(acc, vpaddq_s16(low, high));
}

#include "cpu/int8_body.h"
#else
typedef int nothing_here;
#endif
