/* int8_avx512vnni.c - AVX-512 with VNNI: Ice Lake and later Xeons, Tiger Lake, Zen 4 and 5. */
#ifdef __AVX512VNNI__
#include "cpu/int8_x86.h"

#define INT8 int8_avx512vnni
#define INT8_NAME "avx512-vnni"
#define FLIP 0x80
#define DOT(wide, acc, w, x) (vi)_mm512_dpbusd_epi32((x86_int)(acc), (x86_int)(w), (x86_int)(x))

#include "cpu/int8_body.h"
#else
typedef int nothing_here;
#endif
