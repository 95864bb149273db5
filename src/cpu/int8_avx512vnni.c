/* int8_avx512vnni.c - AVX-512 with VNNI: Ice Lake and later Xeons, Tiger Lake, Zen 4 and 5. */
#ifdef __AVX512VNNI__
#include <immintrin.h>

#define INT8 int8_avx512vnni
#define INT8_NAME "avx512-vnni"
#define INT8_ISA "avx512"
#define LANES 16
#define TILE_T 6
#define TILE_V 2

#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define LOAD_F16(p) _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(p)))
#define FLIP 0x80
#define DOT(wide, acc, w, x) (vi)_mm512_dpbusd_epi32((__m512i)(acc), (__m512i)(w), (__m512i)(x))

#include "cpu/int8_body.h"
#else
typedef int nothing_here;
#endif
