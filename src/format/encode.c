/* encode.c - encoding f32 to stored numbers, rounded as in llama.cpp's reference code (docs/formats.md 4.2); dtype.c
 * decodes them. */
#include "base/error.h"
#include "format/dtype.h"
#include <math.h>
#include <string.h>

enum { BLOCK = 32 };

/* Values of 16 bits each; infinities and NaNs stay so. */
static int64_t halves(uint16_t (*round)(float), uint16_t infinity, const float *x, uint8_t *to, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint16_t h = round(x[i]);
        if ((h & 0x7fff) == infinity && isfinite(x[i])) return i;
        memcpy(to + 2 * i, &h, 2);
    }
    return -1;
}

/* ---- blocks of 32 ------------------------------------------------------------------------------------------------ */

static void put_half(uint8_t *to, float x)
{
    uint16_t h = f32_to_f16(x);
    memcpy(to, &h, 2);
}

/* The bits of |x|, which have the order of the values, with infinities and NaNs above all others. */
static uint32_t magnitude(float x)
{
    uint32_t u;
    memcpy(&u, &x, 4);
    return u & 0x7fffffff;
}

static uint32_t greatest(const float *x)
{
    uint32_t most = 0;
    for (int i = 0; i < BLOCK; i++) most = magnitude(x[i]) > most ? magnitude(x[i]) : most;
    return most;
}

/* The first of the values farthest from zero. */
static float farthest(const float *x)
{
    uint32_t most = greatest(x);
    int i = 0;
    while (magnitude(x[i]) != most) i++;
    return x[i];
}

static float inverse(float d) { return d != 0 ? 1 / d : 0; }

/* The integer part of x id + half, at most `most`. The product is rounded before the sum, as in the reference: this
 * file is compiled without contraction (CMakeLists.txt). */
static int quantize(float x, float id, float half, int most)
{
    int q = (int)(x * id + half);
    return q < most ? q : most;
}

/* Pack the low four bits of 32 numbers, and the fifth to `high` if it is not NULL. */
static void put_bits(const int *q, uint8_t *low, uint8_t *high)
{
    uint32_t h = 0;
    for (int j = 0; j < BLOCK / 2; j++) low[j] = (uint8_t)((q[j] & 15) | (q[j + 16] & 15) << 4);
    for (int j = 0; j < BLOCK; j++) h |= (uint32_t)(q[j] >> 4 & 1) << j;
    if (high) memcpy(high, &h, 4);
}

static void q8_0(const float *x, uint8_t *to)
{
    float d = fabsf(farthest(x)) / 127, id = inverse(d);
    put_half(to, d);
    for (int j = 0; j < BLOCK; j++) { /* to the nearest, halves away from zero */
        float v = x[j] * id;
        int q = (int)v;
        float rest = v - (float)q;
        to[2 + j] = (uint8_t)(q + (rest >= 0.5f) - (rest <= -0.5f));
    }
}

/* d (q - middle): the value farthest from zero, of either sign, gets q = 0. */
static void symmetric(const float *x, uint8_t *to, int middle, uint8_t *low, uint8_t *high)
{
    float d = farthest(x) / (float)-middle, id = inverse(d), half = (float)middle + 0.5f;
    int q[BLOCK];
    put_half(to, d);
    for (int j = 0; j < BLOCK; j++) q[j] = quantize(x[j], id, half, 2 * middle - 1);
    put_bits(q, low, high);
}

/* d q + m: from the smallest to the largest value. */
static void ranged(const float *x, uint8_t *to, int most, uint8_t *low, uint8_t *high)
{
    float min = x[0], max = x[0];
    for (int j = 1; j < BLOCK; j++) {
        min = x[j] < min ? x[j] : min;
        max = x[j] > max ? x[j] : max;
    }
    float d = (max - min) / (float)most, id = inverse(d);
    int q[BLOCK];
    put_half(to, d);
    put_half(to + 2, min);
    for (int j = 0; j < BLOCK; j++) q[j] = quantize(x[j] - min, id, 0.5f, most);
    put_bits(q, low, high);
}

static void q4_0(const float *x, uint8_t *to) { symmetric(x, to, 8, to + 2, NULL); }
static void q5_0(const float *x, uint8_t *to) { symmetric(x, to, 16, to + 6, to + 2); }
static void q4_1(const float *x, uint8_t *to) { ranged(x, to, 15, to + 4, NULL); }
static void q5_1(const float *x, uint8_t *to) { ranged(x, to, 31, to + 8, to + 4); }

/* The range of blocks is that of f16, the type of their scale and minimum. */
static int64_t blocks(void (*encode)(const float *, uint8_t *), int bytes, const float *x, uint8_t *to, int64_t n)
{
    for (int64_t i = 0; i < n; i += BLOCK, to += bytes) {
        if (greatest(x + i) > magnitude(65504)) {
            while (magnitude(x[i]) <= magnitude(65504)) i++;
            return i;
        }
        encode(x + i, to);
    }
    return -1;
}

int64_t dtype_encode(dtype t, const float *src, void *dst, int64_t n)
{
    static void (*const block[DTYPES])(const float *, uint8_t *) = {
        [Q8_0] = q8_0, [Q4_0] = q4_0, [Q4_1] = q4_1, [Q5_0] = q5_0, [Q5_1] = q5_1,
    };
    switch (t) {
    case F32: memcpy(dst, src, (size_t)n * 4); return -1;
    case F16: return halves(f32_to_f16, 0x7c00, src, dst, n);
    case BF16: return halves(f32_to_bf16, 0x7f80, src, dst, n);
    default: break;
    }
    CHECK(t < DTYPES && block[t]);
    CHECK(n % BLOCK == 0);
    return blocks(block[t], dtypes[t].bytes, src, dst, n);
}
