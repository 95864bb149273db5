/* simd_rvv.c - RISC-V's vector extension 1.0: 128 bits of its registers, which have at least that many. */
#include "cpu/fma.h"
#ifdef __riscv_vector

#define SIMD simd_rvv
#define SIMD_NAME "rvv"
#define LANES 4

#define DOT_T 3
#define DOT_O 4
#define DOT_SUMS 16
#define OUT_M 6
#define OUT_V 4
#define TIME_V 4

#define FMA(a, b, c) fma_vector(a, b, c)

#include "cpu/simd_body.h"
#endif
