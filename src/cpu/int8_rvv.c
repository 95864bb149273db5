/* int8_rvv.c - RISC-V's vector extension 1.0: products of bytes as those of 16-bit numbers. */
#include "cpu/int8_shorts.h"
#ifdef __riscv_vector

#define INT8 int8_rvv
#define INT8_NAME "rvv"
#define INT8_ISA "rvv"
#define TILE_T 4
#define FMA(a, b, c) fma_vector(a, b, c)

#include "cpu/int8_body.h"
#endif
