/* dtype.c - decoding stored numbers to f32. Block layouts: docs/formats.md 4.2. */
#include "format/dtype.h"
#include "base/error.h"
#include <string.h>

const dtype_info dtypes[DTYPES] = {
    [F32] = {"f32", 1, 4},     [F16] = {"f16", 1, 2},       [BF16] = {"bf16", 1, 2},     [F64] = {"f64", 1, 8},
    [Q8_0] = {"q8_0", 32, 34}, [Q4_0] = {"q4_0", 32, 18},   [Q4_1] = {"q4_1", 32, 20},   [Q5_0] = {"q5_0", 32, 22},
    [Q5_1] = {"q5_1", 32, 24}, [Q4_K] = {"q4_K", 256, 144}, [Q5_K] = {"q5_K", 256, 176}, [Q6_K] = {"q6_K", 256, 210},
    [Q2_K] = {"q2_K", 256, 84}, [Q3_K] = {"q3_K", 256, 110}, [IQ4_XS] = {"iq4_xs", 256, 136},
    [IQ4_NL] = {"iq4_nl", 32, 18}, [MXFP4] = {"mxfp4", 32, 17},
    [U8] = {"u8", 1, 1},       [I8] = {"i8", 1, 1},         [I16] = {"i16", 1, 2},       [U16] = {"u16", 1, 2},
    [I32] = {"i32", 1, 4},     [I64] = {"i64", 1, 8},       [BOOL] = {"bool", 1, 1},
};

static uint32_t bits_of(float x)
{
    uint32_t u;
    memcpy(&u, &x, 4);
    return u;
}

static float of_bits(uint32_t u)
{
    float x;
    memcpy(&x, &u, 4);
    return x;
}

uint16_t f32_to_bf16(float x)
{
    uint32_t u = bits_of(x);
    if ((u & 0x7fffffff) > 0x7f800000) return (uint16_t)(u >> 16 | 0x40); /* NaN: keep the sign, set the quiet bit */
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

/* A multiplication with 2^112 adjusts the exponent and also makes subnormals normal; infinities and NaNs (exponent 31)
 * then get the top exponent. */
float f16_to_f32(uint16_t h)
{
    uint32_t magnitude = (uint32_t)(h & 0x7fff) << 13, sign = (uint32_t)(h & 0x8000) << 16;
    uint32_t u = bits_of(of_bits(magnitude) * of_bits(0x77800000));
    if (magnitude >= 0x0f800000) u |= 0x7f800000;
    return of_bits(u | sign);
}

/* Adding a power of two whose last mantissa bit is the half's makes the hardware round to nearest even, subnormals
 * included. */
uint16_t f32_to_f16(float x)
{
    uint32_t u = bits_of(x), sign = u >> 16 & 0x8000;
    u &= 0x7fffffff;
    if (u > 0x7f800000) return (uint16_t)(sign | 0x7e00);
    if (u >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* 65520 and above: infinity           */
    if (u < 0x38800000) return (uint16_t)(sign | (bits_of(of_bits(u) + 0.5f) - 0x3f000000)); /* steps of 2^-24 */
    u += 0xfff + (u >> 13 & 1);
    return (uint16_t)(sign | ((u - 0x38000000) >> 13));
}

static float half_at(const uint8_t *p)
{
    uint16_t h;
    memcpy(&h, p, 2);
    return f16_to_f32(h);
}

/* ---- blocks of 32 ------------------------------------------------------------------------------------------------ */

static void q8_0(const uint8_t *b, float *x)
{
    float d = half_at(b);
    for (int j = 0; j < 32; j++) x[j] = d * (int8_t)b[2 + j];
}

static void q4_0(const uint8_t *b, float *x)
{
    float d = half_at(b);
    for (int j = 0; j < 16; j++) {
        x[j] = d * ((b[2 + j] & 15) - 8);
        x[j + 16] = d * ((b[2 + j] >> 4) - 8);
    }
}

static void q4_1(const uint8_t *b, float *x)
{
    float d = half_at(b), m = half_at(b + 2);
    for (int j = 0; j < 16; j++) {
        x[j] = d * (b[4 + j] & 15) + m;
        x[j + 16] = d * (b[4 + j] >> 4) + m;
    }
}

/* The 32 five-bit numbers of a block: four bits in `low`, the fifth of number j in bit j of `high`. */
static void five_bits(const uint8_t *high, const uint8_t *low, int *q)
{
    uint32_t h;
    memcpy(&h, high, 4);
    for (int j = 0; j < 16; j++) {
        q[j] = (low[j] & 15) | (int)(h >> j & 1) << 4;
        q[j + 16] = low[j] >> 4 | (int)(h >> (j + 16) & 1) << 4;
    }
}

static void q5_0(const uint8_t *b, float *x)
{
    float d = half_at(b);
    int q[32];
    five_bits(b + 2, b + 6, q);
    for (int j = 0; j < 32; j++) x[j] = d * (q[j] - 16);
}

static void q5_1(const uint8_t *b, float *x)
{
    float d = half_at(b), m = half_at(b + 2);
    int q[32];
    five_bits(b + 4, b + 8, q);
    for (int j = 0; j < 32; j++) x[j] = d * q[j] + m;
}

/* A table of sixteen values, indexed by nibbles: low halves first. */
static void by_table(const int8_t *table, float d, const uint8_t *qs, float *x)
{
    for (int j = 0; j < 16; j++) {
        x[j] = d * table[qs[j] & 15];
        x[j + 16] = d * table[qs[j] >> 4];
    }
}

/* llama.cpp's four bits with steps that widen away from zero */
static const int8_t nonlinear[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

static void iq4_nl(const uint8_t *b, float *x) { by_table(nonlinear, half_at(b), b + 2, x); }

/* OCP's microscaling format: a power of two, 2^(e - 127), for 32 floats of 4 bits (E2M1), here in halves. */
static void mxfp4(const uint8_t *b, float *x)
{
    static const int8_t halves[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
    /* 2^(e - 128), subnormal below 2^-126 */
    uint32_t half_scale = b[0] < 2 ? 0x200000u << b[0] : (uint32_t)(b[0] - 1) << 23;
    by_table(halves, of_bits(half_scale), b + 1, x);
}

/* ---- superblocks of 256 ------------------------------------------------------------------------------------------ */

/* The 6-bit scale and minimum of sub-block j (0..7), packed in twelve bytes. */
static void scale_min(const uint8_t *sc, int j, int *scale, int *min)
{
    if (j < 4) {
        *scale = sc[j] & 63;
        *min = sc[j + 4] & 63;
    } else {
        *scale = (sc[j + 4] & 15) | (sc[j - 4] >> 6) << 4;
        *min = sc[j + 4] >> 4 | (sc[j] >> 6) << 4;
    }
}

/* Q5_K is Q4_K plus fifth bits, 32 bytes with bit j for sub-block j; NULL for Q4_K. */
static void q45_K(const uint8_t *b, const uint8_t *fifth, const uint8_t *qs, float *x)
{
    float d = half_at(b), dmin = half_at(b + 2);
    for (int j = 0; j < 8; j++) {
        int scale, min;
        scale_min(b + 4, j, &scale, &min);
        float ds = d * scale, dm = dmin * min;
        for (int l = 0; l < 32; l++) {
            int q = qs[32 * (j / 2) + l] >> 4 * (j & 1) & 15;
            if (fifth) q |= (fifth[l] >> j & 1) << 4;
            x[32 * j + l] = ds * q - dm;
        }
    }
}

static void q4_K(const uint8_t *b, float *x) { q45_K(b, NULL, b + 16, x); }
static void q5_K(const uint8_t *b, float *x) { q45_K(b, b + 16, b + 48, x); }

static void q6_K(const uint8_t *b, float *x)
{
    float d = half_at(b + 208);
    for (int half = 0; half < 2; half++) {
        const uint8_t *low = b + 64 * half, *high = b + 128 + 32 * half, *scale = b + 192 + 8 * half;
        for (int part = 0; part < 4; part++) {
            for (int l = 0; l < 32; l++) {
                int q = (low[l + 32 * (part & 1)] >> 4 * (part >> 1) & 15) | (high[l] >> 2 * part & 3) << 4;
                x[128 * half + 32 * part + l] = d * (int8_t)scale[2 * part + l / 16] * (q - 32);
            }
        }
    }
}

/* Sub-blocks of 16, each with a 4-bit scale and minimum in one byte. */
static void q2_K(const uint8_t *b, float *x)
{
    float d = half_at(b + 80), dmin = half_at(b + 82);
    for (int j = 0; j < 16; j++) {
        const uint8_t *q = b + 16 + 32 * (j / 8) + 16 * (j & 1);
        float ds = d * (b[j] & 15), dm = dmin * (b[j] >> 4);
        for (int l = 0; l < 16; l++) x[16 * j + l] = ds * (q[l] >> (j & 6) & 3) - dm;
    }
}

/* The same with signed scales of 6 bits, no minimum, and a third bit that subtracts 4 if it is not set. Four bits of
 * scale j are in a half of byte j % 8, two in byte 8 + j % 4. */
static void q3_K(const uint8_t *b, float *x)
{
    const uint8_t *high = b, *scales = b + 96;
    float d = half_at(b + 108);
    for (int j = 0; j < 16; j++) {
        const uint8_t *q = b + 32 + 32 * (j / 8) + 16 * (j & 1), *h = high + 16 * (j & 1);
        int scale = (scales[j & 7] >> 4 * (j / 8) & 15) | (scales[8 + (j & 3)] >> 2 * (j / 4) & 3) << 4;
        float ds = d * (scale - 32);
        for (int l = 0; l < 16; l++) {
            int low = q[l] >> (j & 6) & 3, bit = h[l] >> (j / 2) & 1;
            x[16 * j + l] = ds * (low - (bit ? 0 : 4));
        }
    }
}

/* Sub-blocks of 32 with signed scales of 6 bits: four of them in halves of scales_l, two in scales_h. */
static void iq4_xs(const uint8_t *b, float *x)
{
    float d = half_at(b);
    uint16_t scales_h;
    memcpy(&scales_h, b + 2, 2);
    for (int j = 0; j < 8; j++) {
        int scale = (b[4 + j / 2] >> 4 * (j & 1) & 15) | (scales_h >> 2 * j & 3) << 4;
        by_table(nonlinear, d * (scale - 32), b + 8 + 16 * j, x + 32 * j);
    }
}

/* ---- all types --------------------------------------------------------------------------------------------------- */

#define EACH(ctype, expression)                                                                                        \
    for (int64_t i = 0; i < n; i++) {                                                                                  \
        ctype v;                                                                                                       \
        memcpy(&v, p + i * (int64_t)sizeof v, sizeof v);                                                               \
        dst[i] = expression;                                                                                           \
    }                                                                                                                  \
    return

void dtype_decode(dtype t, const void *src, float *dst, int64_t n)
{
    static void (*const block[DTYPES])(const uint8_t *, float *) = {
        [Q8_0] = q8_0, [Q4_0] = q4_0, [Q4_1] = q4_1, [Q5_0] = q5_0,
        [Q5_1] = q5_1, [Q4_K] = q4_K, [Q5_K] = q5_K, [Q6_K] = q6_K,
        [Q2_K] = q2_K, [Q3_K] = q3_K, [IQ4_XS] = iq4_xs, [IQ4_NL] = iq4_nl, [MXFP4] = mxfp4,
    };
    const uint8_t *p = src;
    if (n <= 0) return;
    switch (t) {
    case F32: memcpy(dst, p, (size_t)n * 4); return;
    case F16: EACH(uint16_t, f16_to_f32(v));
    case BF16: EACH(uint16_t, bf16_to_f32(v));
    case F64: EACH(double, (float)v);
    case BOOL:
    case U8: EACH(uint8_t, v);
    case I8: EACH(int8_t, v);
    case I16: EACH(int16_t, v);
    case U16: EACH(uint16_t, v);
    case I32: EACH(int32_t, (float)v);
    case I64: EACH(int64_t, (float)v);
    default: break;
    }
    CHECK(t >= 0 && t < DTYPES && block[t]);
    CHECK(n % dtypes[t].values == 0);
    for (int64_t i = 0; i < n; i += dtypes[t].values, p += dtypes[t].bytes) block[t](p, dst + i);
}
