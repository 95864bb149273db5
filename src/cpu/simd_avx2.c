/* simd_avx2.c - AVX2 with FMA and F16C: Haswell (2013), Zen, and everything after them. */
#include "cpu/simd.h"
#ifdef __AVX2__
#include <immintrin.h>

#define SIMD simd_avx2
#define SIMD_NAME "avx2"
#define LANES 8

#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)

#define ROOT(x) _mm256_sqrt_ps(x)
#define LARGER(x, y) _mm256_max_ps(x, y) /* y where one is NaN */
#define FIRST(n) _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define LOAD_PART(p, n) _mm256_maskload_ps(p, FIRST(n))
#define STORE_PART(p, v, n) _mm256_maskstore_ps(p, FIRST(n), v)
#define LOAD_F16(p) _mm256_cvtph_ps(_mm_loadu_si128(p))
#define LOAD_I8(p) _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(p))))
#define LOAD_BF16(p) _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(p)), 16))

#include "cpu/simd_body.h"
#endif
