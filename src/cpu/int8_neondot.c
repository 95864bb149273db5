/* int8_neondot.c - NEON with dot products: ARMv8.2 with ASIMDDP, every ARM server and most phones since 2018. */
#ifdef __ARM_FEATURE_DOTPROD
#include <arm_neon.h>

#define INT8 int8_neondot
#define INT8_NAME "neon-dot"
#define INT8_ISA "neon"
#define LANES 4
#define TILE_T 4
#define TILE_V 2

#define FMA(a, b, c) vfmaq_f32(c, a, b)
#define LOAD_F16(p) vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8((const uint8_t *)(p))))
#define FLIP 0
#define DOT(wide, acc, w, x) (vi)vdotq_s32((int32x4_t)(acc), (int8x16_t)(w), (int8x16_t)(x))

#include "cpu/int8_body.h"
#else
typedef int nothing_here;
#endif
