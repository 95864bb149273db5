/* int8_avx2.c - AVX2: |w| times x with w's sign, summed in pairs: at most 2 x 128 x 127, no overflow. */
#ifdef __AVX2__
#include "cpu/int8_x86.h"

#define INT8 int8_avx2
#define INT8_NAME "avx2-madd"
#define FLIP 0
#define DOT(wide, acc, w, x) (vi)dot_madd(wide, (x86_int)(acc), (x86_int)(w), (x86_int)(x))

static inline __attribute__((always_inline)) x86_int dot_madd(const int wide, x86_int acc, x86_int w, x86_int x)
{
    x86_int two = wide ? _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w)) : _mm256_maddubs_epi16(w, x);
    return accumulate(acc, two);
}

#include "cpu/int8_body.h"
#else
typedef int nothing_here;
#endif
