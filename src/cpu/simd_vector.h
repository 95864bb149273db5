/* simd_vector.h - vectors of LANES floats, used by the bodies of all tables (simd_body.h, int8_body.h). */
#include <stdint.h>
#include <string.h>
#include "cpu/simd.h"

typedef float vf __attribute__((vector_size(4 * LANES)));
typedef int32_t vi __attribute__((vector_size(4 * LANES)));
typedef uint32_t vu __attribute__((vector_size(4 * LANES)));
#ifdef __riscv /* it reads vectors of bytes at any address, others where they are aligned */
typedef uint8_t vf_any __attribute__((vector_size(4 * LANES), aligned(1), may_alias));
#else
typedef vf vf_any __attribute__((aligned(1), may_alias));
#endif

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

INLINE vf load(const void *p) { return (vf)*(const vf_any *)p; }
INLINE void store(void *p, vf v) { *(vf_any *)p = (vf_any)v; }
INLINE vf all(float x) { return x - (vf){0}; }

#ifdef FMA
INLINE vf madd(vf a, vf b, vf c) { return (vf)FMA(a, b, c); }
#else
INLINE vf madd(vf a, vf b, vf c) { return a * b + c; }
#endif

/* The first n < LANES floats, followed by zeros. */
#ifdef LOAD_PART
INLINE vf load_part(const void *p, int n) { return (vf)LOAD_PART(p, n); }
INLINE void store_part(void *p, vf v, int n) { STORE_PART(p, v, n); }
#else
INLINE vf load_part(const void *p, int n)
{
    vf v = {0};
    memcpy(&v, p, 4 * (size_t)n);
    return v;
}
INLINE void store_part(void *p, vf v, int n) { memcpy(p, &v, 4 * (size_t)n); }
#endif

#ifdef LOAD_HALVES
INLINE vu widen_half(const void *p, const int high) { return (vu)LOAD_HALVES(p) << (high ? 16 : 0); }
#elif LANES == 4
/* Four 16-bit numbers in the low halves of the lanes, or in the high ones. */
typedef uint16_t vh8 __attribute__((vector_size(16)));
INLINE vu widen_half(const void *p, const int high)
{
    typedef uint64_t pair __attribute__((vector_size(16)));
    uint64_t four;
    memcpy(&four, p, 8);
    vh8 h = (vh8)(pair){four, 0}, zero = {0};
    return (vu)(high ? __builtin_shufflevector(zero, h, 0, 8, 1, 9, 2, 10, 3, 11)
                     : __builtin_shufflevector(h, zero, 0, 8, 1, 9, 2, 10, 3, 11));
}
#endif

#ifdef LOAD_F16
INLINE vf load_f16(const void *p) { return (vf)LOAD_F16(p); }
#else
/* Exponent and mantissa in place, times 2^112, is the value of every number, subnormal ones too; Inf and NaN keep their
 * bits. */
INLINE vf load_f16(const void *p)
{
    vu h = widen_half(p, 0), sign = (h & 0x8000u) << 16, bits = (h & 0x7fffu) << 13;
    vu huge = (vu)((vi)bits > 0x0f7fffff) & 0x7f800000u;
    return (vf)(sign | huge | (vu)((vf)bits * 0x1p112f));
}
#endif

#ifdef LOAD_BF16
INLINE vf load_bf16(const void *p) { return (vf)LOAD_BF16(p); }
#elif LANES == 4
INLINE vf load_bf16(const void *p) { return (vf)widen_half(p, 1); }
#endif
