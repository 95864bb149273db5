/* encode.c - f32 into the numbers that files store; dtype.c is the way back. */
#include "base/error.h"
#include "format/dtype.h"
#include <math.h>
#include <string.h>

/* Values of 16 bits each; infinite and undefined ones stay so. */
static int64_t halves(uint16_t (*round)(float), uint16_t infinity, const float *x, uint8_t *to, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint16_t h = round(x[i]);
        if ((h & 0x7fff) == infinity && isfinite(x[i])) return i;
        memcpy(to + 2 * i, &h, 2);
    }
    return -1;
}

int64_t dtype_encode(dtype t, const float *src, void *dst, int64_t n)
{
    switch (t) {
    case F32: memcpy(dst, src, (size_t)n * 4); return -1;
    case F16: return halves(f32_to_f16, 0x7c00, src, dst, n);
    case BF16: return halves(f32_to_bf16, 0x7f80, src, dst, n);
    default: break;
    }
    CHECK(t == F32);
    return -1;
}
