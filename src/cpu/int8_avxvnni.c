/* int8_avxvnni.c - AVX-VNNI beside AVX2: Alder Lake and later, Zen 5. */
#ifdef __AVXVNNI__
#include <immintrin.h>

#define INT8 int8_avxvnni
#define INT8_NAME "avx-vnni"
#define INT8_ISA "avx2"
#define LANES 8
#define TILE_T 4
#define TILE_V 2

#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define LOAD_F16(p) _mm256_cvtph_ps(_mm_loadu_si128((const void *)(p)))
#define FLIP 0x80
#define DOT(wide, acc, w, x) (vi)_mm256_dpbusd_avx_epi32((__m256i)(acc), (__m256i)(w), (__m256i)(x))

#include "cpu/int8_body.h"
#else
typedef int nothing_here;
#endif
