/* simd_avx512.c - AVX-512 F, BW, VL, DQ: Skylake-SP and later Xeons, Ice Lake and Tiger Lake, Zen 4 and 5. */
#include "cpu/simd.h"
#ifdef __AVX512F__
#include <immintrin.h>

#define SIMD simd_avx512
#define SIMD_NAME "avx512"
#define LANES 16
#define OUT_B (128 * 1024)

#define DOT_T 4
#define DOT_O 6
#define DOT_SUMS 24
#define OUT_M 14
#define OUT_V 2
#define TIME_V 4

#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)

#define ROOT(x) _mm512_sqrt_ps(x)
#define LARGER(x, y) _mm512_max_ps(x, y) /* y where one is NaN */
#define LOAD_PART(p, n) _mm512_maskz_loadu_ps((__mmask16)((1u << (n)) - 1), p)
#define STORE_PART(p, v, n) _mm512_mask_storeu_ps(p, (__mmask16)((1u << (n)) - 1), v)
#define NONZERO(v) _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NEQ_UQ)
#define COMPRESS(bits, v) _mm512_maskz_compress_epi32((__mmask16)(bits), (__m512i)(v))
#define LOAD_F16(p) _mm512_cvtph_ps(_mm256_loadu_si256(p))
#define LOAD_I8(p) _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(p))))
#define LOAD_BF16(p) _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(p)), 16))

#include "cpu/simd_body.h"
#endif
