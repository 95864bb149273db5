/* codes.c - blocks of 32 values, split into codes and joined. */
#include "format/codes.h"
#include <string.h>

/* Offsets of the fifth bits, and of the low bits or bytes. */
static int fifth_at(dtype t) { return codes_have_minimum(t) ? 4 : 2; }
static int low_at(dtype t) { return fifth_at(t) + (codes_have_fifth(t) ? 4 : 0); }

void codes_split(dtype t, const uint8_t *block, uint8_t code[32])
{
    uint32_t fifth = 0;
    const uint8_t *low = block + low_at(t);
    if (t == Q8_0) {
        memcpy(code, low, 32);
        return;
    }
    if (codes_have_fifth(t)) memcpy(&fifth, block + fifth_at(t), 4);
    for (int j = 0; j < 16; j++) {
        code[j] = (uint8_t)((low[j] & 15) | (fifth >> j & 1) << 4);
        code[j + 16] = (uint8_t)(low[j] >> 4 | (fifth >> (j + 16) & 1) << 4);
    }
}

void codes_join(dtype t, uint8_t *block, const uint8_t code[32])
{
    uint32_t fifth = 0;
    uint8_t *low = block + low_at(t);
    if (t == Q8_0) {
        memcpy(low, code, 32);
        return;
    }
    for (int j = 0; j < 16; j++) low[j] = (uint8_t)((code[j] & 15) | (code[j + 16] & 15) << 4);
    for (int j = 0; j < 32; j++) fifth |= (uint32_t)(code[j] >> 4) << j;
    if (codes_have_fifth(t)) memcpy(block + fifth_at(t), &fifth, 4);
}

float codes_value(dtype t, uint8_t code, const void *scale, const void *minimum)
{
    uint16_t d, m;
    memcpy(&d, scale, 2);
    float x = f16_to_f32(d) * (float)(t == Q8_0 ? (int8_t)code : code - (t == Q4_0 ? 8 : t == Q5_0 ? 16 : 0));
    if (!codes_have_minimum(t)) return x;
    memcpy(&m, minimum, 2);
    return x + f16_to_f32(m);
}
