/* simd_v128.c - the portable instance: 128-bit vectors and only the baseline instructions of the compiler's target.
 *
 * Without fused multiply-add (x86-64 without AVX2) a product is rounded before it is added, and results have other bits
 * than the other instances: emulated exactly, a multiply-add takes 27 times as long. The tests do emulate it
 * (WKV_EXACT_FMA), to show that nothing else differs. */
#include "cpu/fma.h"
#include "cpu/simd_wasm.h"

#define SIMD simd_v128
#define SIMD_NAME "portable"
#define LANES 4

#ifdef __riscv /* without its vectors, a vector is four of 32 registers */
#define DOT_T 3
#define DOT_O 2
#define DOT_SUMS 12
#define OUT_M 2
#define OUT_V 2
#define TIME_V 1
#endif

#ifdef HAS_FMA
#define FMA(a, b, c) fma_four(a, b, c)
#elif defined WKV_EXACT_FMA
static __attribute__((noinline)) four_floats fma_called(four_floats a, four_floats b, four_floats c)
{
    return fma_four(a, b, c);
}
#define FMA(a, b, c) fma_called(a, b, c)
#endif

#include "cpu/simd_body.h"
