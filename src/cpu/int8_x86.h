/* int8_x86.h - settings that the instances of one x86 instruction set share (see int8_body.h): AVX-512 where the file
 * is compiled for it, else AVX2. */
#include <immintrin.h>

#ifdef __AVX512F__
#define INT8_ISA "avx512"
#define LANES 16
#define TILE_T 6
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define LOAD_F16(p) _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(p)))
typedef __m512i x86_int;
#define ADD(a, b) _mm512_add_epi32(a, b)
#define ADD_PAIRS(a) _mm512_madd_epi16(a, _mm512_set1_epi16(1))
#else
#define INT8_ISA "avx2"
#define LANES 8
#define TILE_T 4
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define LOAD_F16(p) _mm256_cvtph_ps(_mm_loadu_si128((const void *)(p)))
typedef __m256i x86_int;
#define ADD(a, b) _mm256_add_epi32(a, b)
#define ADD_PAIRS(a) _mm256_madd_epi16(a, _mm256_set1_epi16(1))
#endif

/* acc + the sums of adjacent 16-bit lanes of `products`. The empty instruction keeps gcc from adding in another order,
 * which stores the products of a whole block: 64 tokens of q8_0 would take 1.15 times as long. */
static inline __attribute__((always_inline)) x86_int accumulate(x86_int acc, x86_int products)
{
    acc = ADD(acc, ADD_PAIRS(products));
    __asm__("" : "+v"(acc));
    return acc;
}
