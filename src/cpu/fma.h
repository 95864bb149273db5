/* fma.h - four multiply-adds, each rounded once, on a target that may have no instruction for it. */
#ifndef WKV_CPU_FMA_H
#define WKV_CPU_FMA_H

#include <stdint.h>
#include <string.h>

#if defined __FP_FAST_FMAF || defined __riscv_flen /* Clang does not define the first for RISC-V */
#define HAS_FMA
#endif

typedef float four_floats __attribute__((vector_size(16)));

/* a b + c. Without an instruction: a b is exact in a double; if the sum is inexact, its last bit is set, and rounding
 * to float then equals rounding the exact sum (round to odd). */
static inline __attribute__((always_inline)) float fma_once(float a, float b, float c)
{
#ifdef HAS_FMA
    return __builtin_fmaf(a, b, c);
#else
    double p = (double)a * (double)b, d = (double)c, s = p + d, part = s - p, error = (p - (s - part)) + (d - part);
    int64_t bits;
    memcpy(&bits, &s, 8);
    if (error != 0 && !(bits & 1)) { /* the error is NaN only if s is NaN already */
        bits += (error > 0) == (s > 0) ? 1 : -1;
        if (s == s && s - s == 0) memcpy(&s, &bits, 8);
    }
    return (float)s;
#endif
}

/* The same for each of four. WebAssembly compares and adds doubles in vectors faster; x86-64 does not. */
static inline __attribute__((always_inline)) four_floats fma_four(four_floats a, four_floats b, four_floats c)
{
#ifdef __wasm_simd128__
    typedef double four_doubles __attribute__((vector_size(32)));
    typedef int64_t four_longs __attribute__((vector_size(32)));
    four_doubles p = __builtin_convertvector(a, four_doubles) * __builtin_convertvector(b, four_doubles);
    four_doubles d = __builtin_convertvector(c, four_doubles), s = p + d, part = s - p;
    four_doubles error = (p - (s - part)) + (d - part);
    four_longs bits = (four_longs)s, even = (bits & 1) - 1, finite = s - s == 0;
    four_longs away = ~((error > 0) ^ (s > 0)); /* -1: the exact sum is farther from zero */
    bits += (error != 0) & finite & even & (-1 - 2 * away);
    return __builtin_convertvector((four_doubles)bits, four_floats);
#else
    return (four_floats){fma_once(a[0], b[0], c[0]), fma_once(a[1], b[1], c[1]), fma_once(a[2], b[2], c[2]),
                         fma_once(a[3], b[3], c[3])};
#endif
}

#ifdef __riscv_vector
/* The same, in one instruction. */
static inline __attribute__((always_inline)) four_floats fma_vector(four_floats a, four_floats b, four_floats c)
{
#pragma STDC FP_CONTRACT ON
    return a * b + c;
}
#endif

#endif
