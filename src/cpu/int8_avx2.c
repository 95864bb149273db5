/* int8_avx2.c - AVX2: |w| times x with w's sign, summed in pairs: at most 2 x 128 x 127, no overflow. */
#ifdef __AVX2__
#include <immintrin.h>

#define INT8 int8_avx2
#define INT8_NAME "avx2-madd"
#define INT8_ISA "avx2"
#define LANES 8
#define TILE_T 4
#define TILE_V 2

#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define LOAD_F16(p) _mm256_cvtph_ps(_mm_loadu_si128((const void *)(p)))
#define FLIP 0
#define DOT(wide, acc, w, x) (vi)dot_madd(wide, (__m256i)(acc), (__m256i)(w), (__m256i)(x))

static inline __attribute__((always_inline)) __m256i dot_madd(const int wide, __m256i acc, __m256i w, __m256i x)
{
    __m256i two = wide ? _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w)) : _mm256_maddubs_epi16(w, x);
    return _mm256_add_epi32(acc, _mm256_madd_epi16(two, _mm256_set1_epi16(1)));
}

#include "cpu/int8_body.h"
#else
typedef int nothing_here;
#endif
