/* int8_portable.c - 128-bit vectors and only the baseline instructions of the compiler's target. */
#include "cpu/int8_shorts.h"

#define INT8 int8_portable
#define INT8_NAME "portable"
#define INT8_ISA "portable"
#define TILE_T 2
#define FMA(a, b, c) fma_four(a, b, c)

#include "cpu/int8_body.h"
