/* int8_avx512.c - AVX-512 without VNNI: Skylake-SP. |w| times x with w's sign, summed in pairs: at most 2 x 128 x 127,
 * no overflow. */
#ifdef __AVX512F__
#include <immintrin.h>

#define INT8 int8_avx512
#define INT8_NAME "avx512-madd"
#define INT8_ISA "avx512"
#define LANES 16
#define TILE_T 6
#define TILE_V 2

#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define LOAD_F16(p) _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(p)))
#define FLIP 0
#define DOT(wide, acc, w, x) (vi)dot_madd(wide, (__m512i)(acc), (__m512i)(w), (__m512i)(x))

static inline __attribute__((always_inline)) __m512i dot_madd(const int wide, __m512i acc, __m512i w, __m512i x)
{
    if (wide) {
        x = _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(w), _mm512_setzero_si512(), x);
        w = _mm512_abs_epi8(w);
    }
    return _mm512_add_epi32(acc, _mm512_madd_epi16(_mm512_maddubs_epi16(w, x), _mm512_set1_epi16(1)));
}

#include "cpu/int8_body.h"
#else
typedef int nothing_here;
#endif
