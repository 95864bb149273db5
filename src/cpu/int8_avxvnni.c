/* int8_avxvnni.c - AVX-VNNI beside AVX2: Alder Lake and later, Zen 5. */
#ifdef __AVXVNNI__
#include "cpu/int8_x86.h"

#define INT8 int8_avxvnni
#define INT8_NAME "avx-vnni"
#define FLIP 0x80
#define DOT(wide, acc, w, x) (vi)_mm256_dpbusd_avx_epi32((x86_int)(acc), (x86_int)(w), (x86_int)(x))

#include "cpu/int8_body.h"
#else
typedef int nothing_here;
#endif
