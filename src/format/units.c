/* units.c - blocks of rows to groups of units and back. */
#include "format/units.h"
#include <string.h>

int units_fit(dtype t, int64_t F, int64_t C) { return t >= Q8_0 && t <= Q5_1 && F % UNITS == 0 && C % 32 == 0; }

/* Where things are in a block of 32. */
typedef struct {
    int min, fifth, low; /* offsets of the minimum, the fifth bits, the low bits or bytes; 0: there are none */
} place;

static place place_of(dtype t)
{
    place p = {.min = t == Q4_1 || t == Q5_1 ? 2 : 0};
    int at = 2 + p.min;
    p.fifth = t == Q5_0 || t == Q5_1 ? at : 0;
    p.low = p.fifth ? at + 4 : at;
    return p;
}

/* The codes of a block, one a byte. */
static void split(dtype t, place p, const uint8_t *block, uint8_t code[32])
{
    uint32_t fifth = 0;
    if (t == Q8_0) {
        memcpy(code, block + p.low, 32);
        return;
    }
    if (p.fifth) memcpy(&fifth, block + p.fifth, 4);
    for (int j = 0; j < 16; j++) {
        uint8_t b = block[p.low + j];
        code[j] = (uint8_t)((b & 15) | (fifth >> j & 1) << 4);
        code[j + 16] = (uint8_t)(b >> 4 | (fifth >> (j + 16) & 1) << 4);
    }
}

static void join(dtype t, place p, uint8_t *block, const uint8_t code[32])
{
    uint32_t fifth = 0;
    if (t == Q8_0) {
        memcpy(block + p.low, code, 32);
        return;
    }
    for (int j = 0; j < 16; j++) block[p.low + j] = (uint8_t)((code[j] & 15) | (code[j + 16] & 15) << 4);
    for (int j = 0; j < 32; j++) fifth |= (uint32_t)(code[j] >> 4) << j;
    if (p.fifth) memcpy(block + p.fifth, &fifth, 4);
}

/* The codes of one unit for outputs c .. c + 31, as bytes, to the unit's row; and from it. A row is 32 outputs' codes as a block
 * has those of 32 inputs, but for the fifth bits, which come together at its end. */
static void put_codes(dtype t, uint8_t *row, const uint8_t code[32], int64_t C, int64_t c)
{
    uint32_t fifth = 0;
    if (t == Q8_0) {
        memcpy(row + c, code, 32);
        return;
    }
    for (int j = 0; j < 16; j++) row[c / 2 + j] = (uint8_t)((code[j] & 15) | (code[j + 16] & 15) << 4);
    for (int j = 0; j < 32; j++) fifth |= (uint32_t)(code[j] >> 4) << j;
    if (t == Q5_0 || t == Q5_1) memcpy(row + C / 2 + c / 8, &fifth, 4);
}

static void get_codes(dtype t, const uint8_t *row, uint8_t code[32], int64_t C, int64_t c)
{
    uint32_t fifth = 0;
    if (t == Q8_0) {
        memcpy(code, row + c, 32);
        return;
    }
    if (t == Q5_0 || t == Q5_1) memcpy(&fifth, row + C / 2 + c / 8, 4);
    for (int j = 0; j < 16; j++) {
        uint8_t b = row[c / 2 + j];
        code[j] = (uint8_t)((b & 15) | (fifth >> j & 1) << 4);
        code[j + 16] = (uint8_t)(b >> 4 | (fifth >> (j + 16) & 1) << 4);
    }
}

static void turn(uint8_t to[32][32], uint8_t from[32][32])
{
    for (int i = 0; i < 32; i++)
        for (int j = 0; j < 32; j++) to[i][j] = from[j][i];
}

void units_put(dtype t, void *groups, const void *rows, int64_t row_bytes, int64_t F, int64_t C, int64_t c)
{
    place p = place_of(t);
    uint8_t by_output[32][32], by_unit[32][32];
    for (int64_t g = 0; g < F / UNITS; g++) {
        uint8_t *group = (uint8_t *)groups + g * units_group(t, C), *scale = group + units_scales(t, C) + 2 * c;
        for (int i = 0; i < 32; i++) {
            const uint8_t *block = (const uint8_t *)rows + i * row_bytes + g * dtypes[t].bytes;
            split(t, p, block, by_output[i]);
            memcpy(scale + 2 * i, block, 2);
            if (p.min) memcpy(scale + 2 * C + 2 * i, block + p.min, 2);
        }
        turn(by_unit, by_output);
        for (int u = 0; u < UNITS; u++) put_codes(t, group + u * units_row(t, C), by_unit[u], C, c);
    }
}

void units_get(dtype t, const void *groups, void *rows, int64_t row_bytes, int64_t F, int64_t C, int64_t c)
{
    place p = place_of(t);
    uint8_t by_output[32][32], by_unit[32][32];
    for (int64_t g = 0; g < F / UNITS; g++) {
        const uint8_t *group = (const uint8_t *)groups + g * units_group(t, C), *scale = group + units_scales(t, C) + 2 * c;
        for (int u = 0; u < UNITS; u++) get_codes(t, group + u * units_row(t, C), by_unit[u], C, c);
        turn(by_output, by_unit);
        for (int i = 0; i < 32; i++) {
            uint8_t *block = (uint8_t *)rows + i * row_bytes + g * dtypes[t].bytes;
            memcpy(block, scale + 2 * i, 2);
            if (p.min) memcpy(block + p.min, scale + 2 * C + 2 * i, 2);
            join(t, p, block, by_output[i]);
        }
    }
}

/* q as dtype_decode would have it: multiplied in f32, then the minimum added. */
void units_decode(dtype t, const void *groups, int64_t C, int64_t unit, int64_t c, int64_t n, float *out)
{
    const uint8_t *group = (const uint8_t *)groups + unit / UNITS * units_group(t, C), *scale = group + units_scales(t, C);
    const uint8_t *row = group + unit % UNITS * units_row(t, C);
    int zero = t == Q4_0 ? 8 : t == Q5_0 ? 16 : 0, min = place_of(t).min;
    uint8_t code[32];
    for (int64_t end = c + n; c < end; c += 32) {
        get_codes(t, row, code, C, c);
        for (int i = 0; i < 32; i++) {
            uint16_t d, m = 0;
            memcpy(&d, scale + 2 * (c + i), 2);
            if (min) memcpy(&m, scale + 2 * (C + c + i), 2);
            float x = f16_to_f32(d) * (float)(t == Q8_0 ? (int8_t)code[i] : code[i] - zero);
            *out++ = min ? x + f16_to_f32(m) : x;
        }
    }
}
