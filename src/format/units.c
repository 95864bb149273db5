/* units.c - blocks of rows to groups of units and back. */
#include "format/units.h"
#include "format/codes.h"
#include <string.h>

int units_fit(dtype t, int64_t F, int64_t C) { return codes_known(t) && F % UNITS == 0 && C % 32 == 0; }

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
    if (codes_have_fifth(t)) memcpy(row + C / 2 + c / 8, &fifth, 4);
}

static void get_codes(dtype t, const uint8_t *row, uint8_t code[32], int64_t C, int64_t c)
{
    uint32_t fifth = 0;
    if (t == Q8_0) {
        memcpy(code, row + c, 32);
        return;
    }
    if (codes_have_fifth(t)) memcpy(&fifth, row + C / 2 + c / 8, 4);
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
    uint8_t by_output[32][32], by_unit[32][32];
    for (int64_t g = 0; g < F / UNITS; g++) {
        uint8_t *group = (uint8_t *)groups + g * units_group(t, C), *scale = group + units_scales(t, C) + 2 * c;
        for (int i = 0; i < 32; i++) {
            const uint8_t *block = (const uint8_t *)rows + i * row_bytes + g * dtypes[t].bytes;
            codes_split(t, block, by_output[i]);
            memcpy(scale + 2 * i, block, 2);
            if (codes_have_minimum(t)) memcpy(scale + 2 * C + 2 * i, block + 2, 2);
        }
        turn(by_unit, by_output);
        for (int u = 0; u < UNITS; u++) put_codes(t, group + u * units_row(t, C), by_unit[u], C, c);
    }
}

void units_get(dtype t, const void *groups, void *rows, int64_t row_bytes, int64_t F, int64_t C, int64_t c)
{
    uint8_t by_output[32][32], by_unit[32][32];
    for (int64_t g = 0; g < F / UNITS; g++) {
        const uint8_t *group = (const uint8_t *)groups + g * units_group(t, C), *scale = group + units_scales(t, C) + 2 * c;
        for (int u = 0; u < UNITS; u++) get_codes(t, group + u * units_row(t, C), by_unit[u], C, c);
        turn(by_output, by_unit);
        for (int i = 0; i < 32; i++) {
            uint8_t *block = (uint8_t *)rows + i * row_bytes + g * dtypes[t].bytes;
            memcpy(block, scale + 2 * i, 2);
            if (codes_have_minimum(t)) memcpy(block + 2, scale + 2 * C + 2 * i, 2);
            codes_join(t, block, by_output[i]);
        }
    }
}

void units_decode(dtype t, const void *groups, int64_t C, int64_t unit, int64_t c, int64_t n, float *out)
{
    const uint8_t *group = (const uint8_t *)groups + unit / UNITS * units_group(t, C), *scale = group + units_scales(t, C);
    const uint8_t *row = group + unit % UNITS * units_row(t, C);
    uint8_t code[32];
    for (int64_t end = c + n; c < end; c += 32) {
        get_codes(t, row, code, C, c);
        for (int i = 0; i < 32; i++) *out++ = codes_value(t, code[i], scale + 2 * (c + i), scale + 2 * (C + c + i));
    }
}
