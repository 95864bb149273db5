/* int8_avx512.c - AVX-512 without VNNI: Skylake-SP. |w| times x with w's sign, summed in pairs: at most 2 x 128 x 127,
 * no overflow. */
#ifdef __AVX512F__
#include "cpu/int8_x86.h"

#define INT8 int8_avx512
#define INT8_NAME "avx512-madd"
#define FLIP 0
#define DOT(wide, acc, w, x) (vi)dot_madd(wide, (x86_int)(acc), (x86_int)(w), (x86_int)(x))

static inline __attribute__((always_inline)) x86_int dot_madd(const int wide, x86_int acc, x86_int w, x86_int x)
{
    if (wide) {
        x = _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(w), _mm512_setzero_si512(), x);
        w = _mm512_abs_epi8(w);
    }
    return accumulate(acc, _mm512_maddubs_epi16(w, x));
}

#include "cpu/int8_body.h"
#else
typedef int nothing_here;
#endif
