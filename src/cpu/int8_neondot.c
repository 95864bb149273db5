/* int8_neondot.c - NEON with dot products: ARMv8.2 with ASIMDDP, every ARM server and most phones since 2018. */
#ifdef __ARM_FEATURE_DOTPROD
#include "cpu/int8_arm.h"

#define INT8 int8_neondot
#define INT8_NAME "neon-dot"
#define DOT(wide, acc, w, x) (vi)vdotq_s32((int32x4_t)(acc), (int8x16_t)(w), (int8x16_t)(x))

#include "cpu/int8_body.h"
#else
typedef int nothing_here;
#endif
