/* int8_shorts.h - products of bytes as those of 16-bit numbers, in the compiler's vectors of 128 bits. */
#include "cpu/fma.h"
#include "cpu/simd_wasm.h"

#define LANES 4

typedef int32_t four_ints __attribute__((vector_size(16)));
typedef int16_t eight_shorts __attribute__((vector_size(16)));

/* The even bytes and the odd ones, with their signs; two products are at most 2 x 128 x 127, which 16 bits hold. */
static inline __attribute__((always_inline)) four_ints dot_shorts(four_ints acc, eight_shorts w, eight_shorts x)
{
#ifdef PRODUCTS_OF_SHORTS
    return acc + (four_ints)PRODUCTS_OF_SHORTS(w << 8 >> 8, x << 8 >> 8) +
           (four_ints)PRODUCTS_OF_SHORTS(w >> 8, x >> 8);
#else
    eight_shorts two = (w << 8 >> 8) * (x << 8 >> 8) + (w >> 8) * (x >> 8);
    return acc + ((four_ints)two << 16 >> 16) + ((four_ints)two >> 16);
#endif
}

#define FLIP 0
#define DOT(wide, acc, w, x) (vi)dot_shorts((four_ints)(acc), (eight_shorts)(w), (eight_shorts)(x))
