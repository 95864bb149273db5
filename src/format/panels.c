/* panels.c - blocks of rows to panels and back. */
#include "format/panels.h"
#include "format/codes.h"
#include <string.h>

int panels_fit(dtype t, int64_t rows, int64_t cols) { return codes_known(t) && rows % PANEL == 0 && cols % 32 == 0; }

/* Bytes before the codes of 32 blocks. */
static int codes_at(dtype t) { return codes_have_minimum(t) ? 4 * PANEL : 2 * PANEL; }

enum { FOURS = 8, POSITIONS = 4 * PANEL }; /* of 32 inputs; codes of each */

static void put_four(dtype t, uint8_t *codes, int four, const uint8_t code[POSITIONS])
{
    if (t == Q8_0) {
        memcpy(codes + POSITIONS * four, code, POSITIONS);
        return;
    }
    uint8_t *low = codes + 64 * four, *fifth = codes + 64 * FOURS + 16 * four;
    for (int j = 0; j < 64; j++) low[j] = (uint8_t)((code[j] & 15) | (code[j + 64] & 15) << 4);
    for (int j = 0; j < 16 && codes_have_fifth(t); j++) {
        fifth[j] = 0;
        for (int i = 0; i < 8; i++) fifth[j] |= (uint8_t)((code[8 * j + i] >> 4) << i);
    }
}

static uint8_t get_code(dtype t, const uint8_t *codes, int four, int p)
{
    if (t == Q8_0) return codes[POSITIONS * four + p];
    uint8_t low = codes[64 * four + p % 64], code = p < 64 ? low & 15 : low >> 4;
    if (codes_have_fifth(t)) code |= (uint8_t)((codes[64 * FOURS + 16 * four + p / 8] >> p % 8 & 1) << 4);
    return code;
}

void panels_put(dtype t, void *panel, const void *rows, int64_t row_bytes, int64_t cols)
{
    uint8_t *to = panel, code[32], four[FOURS][POSITIONS];
    for (int64_t b = 0; b < cols / 32; b++, to += PANEL * dtypes[t].bytes) {
        for (int o = 0; o < PANEL; o++) {
            const uint8_t *block = (const uint8_t *)rows + o * row_bytes + b * dtypes[t].bytes;
            memcpy(to + 2 * o, block, 2);
            if (codes_have_minimum(t)) memcpy(to + 2 * (PANEL + o), block + 2, 2);
            codes_split(t, block, code);
            for (int i = 0; i < FOURS; i++) memcpy(&four[i][4 * o], &code[4 * i], 4);
        }
        for (int i = 0; i < FOURS; i++) put_four(t, to + codes_at(t), i, four[i]);
    }
}

void panels_get(dtype t, const void *panel, void *rows, int64_t row_bytes, int64_t cols)
{
    const uint8_t *from = panel;
    uint8_t code[32];
    for (int64_t b = 0; b < cols / 32; b++, from += PANEL * dtypes[t].bytes)
        for (int o = 0; o < PANEL; o++) {
            uint8_t *block = (uint8_t *)rows + o * row_bytes + b * dtypes[t].bytes;
            memcpy(block, from + 2 * o, 2);
            if (codes_have_minimum(t)) memcpy(block + 2, from + 2 * (PANEL + o), 2);
            for (int i = 0; i < 32; i++) code[i] = get_code(t, from + codes_at(t), i / 4, 4 * o + i % 4);
            codes_join(t, block, code);
        }
}

void panels_decode(dtype t, const void *panels, int64_t cols, int64_t row, int64_t from, int64_t n, float *out)
{
    const int64_t bytes = PANEL * dtypes[t].bytes;
    const uint8_t *p = (const uint8_t *)panels + (row / PANEL * (cols / 32) + from / 32) * bytes;
    int o = (int)(row % PANEL);
    for (int64_t end = from + n; from < end; from += 32, p += bytes)
        for (int i = 0; i < 32; i++)
            *out++ = codes_value(t, get_code(t, p + codes_at(t), i / 4, 4 * o + i % 4), p + 2 * o, p + 2 * (PANEL + o));
}
