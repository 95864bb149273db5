/* int8_neoni8mm.c - NEON with dot products and matrix products of bytes (I8MM): Graviton 3, Neoverse N2 and V1, Apple
 * M2, phones since 2021. SMMLA computes twice the products of SDOT: many tokens are multiplied in pairs. */
#ifdef __ARM_FEATURE_MATMUL_INT8
#include "cpu/int8_arm.h"

#define INT8 int8_neoni8mm
#define INT8_NAME "neon-i8mm"
#define DOT(wide, acc, w, x) (vi)vdotq_s32((int32x4_t)(acc), (int8x16_t)(w), (int8x16_t)(x))
#define JOIN8(p, q) (vb)vcombine_s8(vld1_s8(p), vld1_s8(q)) /* a copy in memory would be stored and loaded again */
#define DOT_PAIRS(acc, x, w) (vi)vmmlaq_s32((int32x4_t)(acc), (int8x16_t)(x), (int8x16_t)(w))

#include "cpu/int8_body.h"
#else
typedef int nothing_here;
#endif
