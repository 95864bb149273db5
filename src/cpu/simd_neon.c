/* simd_neon.c - NEON with fused multiply-add: every 64-bit ARM. */
#include "cpu/simd.h"
#ifdef __aarch64__
#include <arm_neon.h>

#define SIMD simd_neon
#define SIMD_NAME "neon"
#define LANES 4

#define DOT_T 3
#define DOT_O 4
#define DOT_SUMS 24
#define OUT_M 6
#define OUT_V 4
#define TIME_V 4

#define FMA(a, b, c) vfmaq_f32(c, a, b)

#define ROOT(x) vsqrtq_f32(x)
#define LOAD_F16(p) vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p)))

#include "cpu/simd_body.h"
#endif
