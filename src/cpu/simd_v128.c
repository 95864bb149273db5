/* simd_v128.c - the portable instance: 128-bit vectors and nothing beyond what the compiler's target always has. */
#define SIMD simd_v128
#define SIMD_NAME "portable"
#define LANES 4
#define DOT_T 3
#define DOT_O 4
#define OUT_M 6
#define OUT_V 2
#define OUT_B (64 * 1024)
#define TIME_V 2

#include "cpu/simd_body.h"
