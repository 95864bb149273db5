/* layout.c - weights to each layout, and rows of blocks or values from it. */
#include "format/layout.h"
#include "base/error.h"
#include "format/codes.h"
#include <string.h>

enum { TILE = LAYOUT_TILE };

static int64_t row_bytes(const stored_weight *w) { return dtype_bytes(w->type, w->in); }

/* ---- LAYOUT_INPUT_MAJOR ------------------------------------------------------------------------------------------ */

/* Transposed in small squares, because rows a power of two apart share few cache lines. */
static void put_input_major(const stored_weight *w, char *data, int64_t o, int64_t n, const char *rows)
{
    const size_t size = (size_t)dtypes[w->type].bytes, F = (size_t)w->in, C = (size_t)w->out;
    uint32_t wide[TILE][TILE], turned_wide[TILE][TILE];
    uint16_t half[TILE][TILE], turned_half[TILE][TILE];
    CHECK(size == 2 || size == 4);
    data += (size_t)o * size;
    for (; n > 0; n -= TILE, rows += TILE * F * size, data += TILE * size) {
        size_t outs = n < TILE ? (size_t)n : TILE;
        for (size_t f = 0; f < F; f += TILE) {
            size_t ins = F - f < TILE ? F - f : TILE;
            for (size_t i = 0; i < outs; i++)
                memcpy(size == 2 ? (void *)half[i] : (void *)wide[i], rows + (i * F + f) * size, ins * size);
            for (size_t k = 0; k < ins; k++)
                for (size_t i = 0; i < outs; i++) {
                    if (size == 2)
                        turned_half[k][i] = half[i][k];
                    else
                        turned_wide[k][i] = wide[i][k];
                }
            for (size_t k = 0; k < ins; k++)
                memcpy(data + (f + k) * C * size, size == 2 ? (void *)turned_half[k] : (void *)turned_wide[k],
                       outs * size);
        }
    }
}

/* ---- LAYOUT_SPARSE_BLOCKS ---------------------------------------------------------------------------------------- */

static int64_t group_bytes(const stored_weight *w) { return w->out * dtypes[w->type].bytes; }

/* Bytes of the codes of one input. */
static int64_t input_bytes(const stored_weight *w)
{
    return w->type == Q8_0 ? w->out : codes_have_fifth(w->type) ? w->out / 2 + w->out / 8 : w->out / 2;
}

/* Write the codes of one input for outputs c .. c + 31, a byte each, to the input's row; and read them. */
static void put_codes(const stored_weight *w, uint8_t *row, const uint8_t code[TILE], int64_t c)
{
    uint32_t fifth = 0;
    if (w->type == Q8_0) {
        memcpy(row + c, code, TILE);
        return;
    }
    for (int j = 0; j < 16; j++) row[c / 2 + j] = (uint8_t)((code[j] & 15) | (code[j + 16] & 15) << 4);
    for (int j = 0; j < 32; j++) fifth |= (uint32_t)(code[j] >> 4) << j;
    if (codes_have_fifth(w->type)) memcpy(row + w->out / 2 + c / 8, &fifth, 4);
}

static void get_codes(const stored_weight *w, const uint8_t *row, uint8_t code[TILE], int64_t c)
{
    uint32_t fifth = 0;
    if (w->type == Q8_0) {
        memcpy(code, row + c, TILE);
        return;
    }
    if (codes_have_fifth(w->type)) memcpy(&fifth, row + w->out / 2 + c / 8, 4);
    for (int j = 0; j < 16; j++) {
        uint8_t b = row[c / 2 + j];
        code[j] = (uint8_t)((b & 15) | (fifth >> j & 1) << 4);
        code[j + 16] = (uint8_t)(b >> 4 | (fifth >> (j + 16) & 1) << 4);
    }
}

static void turn(uint8_t to[TILE][TILE], uint8_t from[TILE][TILE])
{
    for (int i = 0; i < TILE; i++)
        for (int j = 0; j < TILE; j++) to[i][j] = from[j][i];
}

static void put_sparse(const stored_weight *w, uint8_t *group, int64_t o, const uint8_t *rows)
{
    uint8_t of_output[TILE][TILE], of_input[TILE][TILE];
    for (int64_t b = 0; b < w->in / TILE; b++, group += group_bytes(w)) {
        uint8_t *scale = group + TILE * input_bytes(w) + 2 * o;
        for (int i = 0; i < TILE; i++) {
            const uint8_t *block = rows + i * row_bytes(w) + b * dtypes[w->type].bytes;
            codes_split(w->type, block, of_output[i]);
            memcpy(scale + 2 * i, block, 2);
            if (codes_have_minimum(w->type)) memcpy(scale + 2 * w->out + 2 * i, block + 2, 2);
        }
        turn(of_input, of_output);
        for (int i = 0; i < TILE; i++) put_codes(w, group + i * input_bytes(w), of_input[i], o);
    }
}

static void get_sparse(const stored_weight *w, const uint8_t *group, int64_t o, uint8_t *rows)
{
    uint8_t of_output[TILE][TILE], of_input[TILE][TILE];
    for (int64_t b = 0; b < w->in / TILE; b++, group += group_bytes(w)) {
        const uint8_t *scale = group + TILE * input_bytes(w) + 2 * o;
        for (int i = 0; i < TILE; i++) get_codes(w, group + i * input_bytes(w), of_input[i], o);
        turn(of_output, of_input);
        for (int i = 0; i < TILE; i++) {
            uint8_t *block = rows + i * row_bytes(w) + b * dtypes[w->type].bytes;
            memcpy(block, scale + 2 * i, 2);
            if (codes_have_minimum(w->type)) memcpy(block + 2, scale + 2 * w->out + 2 * i, 2);
            codes_join(w->type, block, of_output[i]);
        }
    }
}

static void decode_sparse(const stored_weight *w, const uint8_t *data, int64_t row, int64_t from, int64_t n, float *out)
{
    const uint8_t *group = data + row / TILE * group_bytes(w), *scale = group + TILE * input_bytes(w);
    uint8_t code[TILE];
    for (int64_t o = from; o < from + n; o += TILE) {
        get_codes(w, group + row % TILE * input_bytes(w), code, o);
        for (int i = 0; i < TILE; i++)
            *out++ = codes_value(w->type, code[i], scale + 2 * (o + i), scale + 2 * (w->out + o + i));
    }
}

/* ---- LAYOUT_INTERLEAVED ------------------------------------------------------------------------------------------ */

enum { FOURS = TILE / 4, POSITIONS = 4 * TILE }; /* fours of inputs in a tile; codes of each */

static int64_t tile_bytes(const stored_weight *w) { return TILE * dtypes[w->type].bytes; }

/* Bytes of a tile before its codes. */
static int codes_at(dtype t) { return codes_have_minimum(t) ? 4 * TILE : 2 * TILE; }

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

/* The code of input i of output o of a tile. */
static uint8_t get_code(dtype t, const uint8_t *tile, int o, int i)
{
    const uint8_t *codes = tile + codes_at(t);
    int four = i / 4, p = 4 * o + i % 4;
    if (t == Q8_0) return codes[POSITIONS * four + p];
    uint8_t low = codes[64 * four + p % 64], code = p < 64 ? low & 15 : low >> 4;
    if (codes_have_fifth(t)) code |= (uint8_t)((codes[64 * FOURS + 16 * four + p / 8] >> p % 8 & 1) << 4);
    return code;
}

static void put_interleaved(const stored_weight *w, uint8_t *tile, const uint8_t *rows)
{
    uint8_t code[32], four[FOURS][POSITIONS];
    for (int64_t b = 0; b < w->in / TILE; b++, tile += tile_bytes(w)) {
        for (int o = 0; o < TILE; o++) {
            const uint8_t *block = rows + o * row_bytes(w) + b * dtypes[w->type].bytes;
            memcpy(tile + 2 * o, block, 2);
            if (codes_have_minimum(w->type)) memcpy(tile + 2 * (TILE + o), block + 2, 2);
            codes_split(w->type, block, code);
            for (int i = 0; i < FOURS; i++) memcpy(&four[i][4 * o], &code[4 * i], 4);
        }
        for (int i = 0; i < FOURS; i++) put_four(w->type, tile + codes_at(w->type), i, four[i]);
    }
}

static void get_interleaved(const stored_weight *w, const uint8_t *tile, uint8_t *rows)
{
    uint8_t code[32];
    for (int64_t b = 0; b < w->in / TILE; b++, tile += tile_bytes(w))
        for (int o = 0; o < TILE; o++) {
            uint8_t *block = rows + o * row_bytes(w) + b * dtypes[w->type].bytes;
            memcpy(block, tile + 2 * o, 2);
            if (codes_have_minimum(w->type)) memcpy(block + 2, tile + 2 * (TILE + o), 2);
            for (int i = 0; i < 32; i++) code[i] = get_code(w->type, tile, o, i);
            codes_join(w->type, block, code);
        }
}

static void decode_interleaved(const stored_weight *w, const uint8_t *data, int64_t row, int64_t from, int64_t n,
                               float *out)
{
    const uint8_t *tile = data + row / TILE * TILE * row_bytes(w) + from / TILE * tile_bytes(w);
    int o = (int)(row % TILE);
    for (; n > 0; n -= TILE, tile += tile_bytes(w))
        for (int i = 0; i < TILE; i++)
            *out++ = codes_value(w->type, get_code(w->type, tile, o, i), tile + 2 * o, tile + 2 * (TILE + o));
}

/* ---- any layout -------------------------------------------------------------------------------------------------- */

int layout_fits(weight_layout l, dtype type, int64_t in, int64_t out)
{
    if (l == LAYOUT_ROW_MAJOR) return in % dtypes[type].values == 0;
    if (l == LAYOUT_INPUT_MAJOR) return out % dtypes[type].values == 0;
    return codes_known(type) && in % TILE == 0 && out % TILE == 0;
}

void layout_put(const stored_weight *w, void *data, int64_t o, int64_t n, const void *rows)
{
    uint8_t *there = (uint8_t *)data + o * row_bytes(w);
    switch (w->layout) {
    case LAYOUT_ROW_MAJOR: memcpy(there, rows, (size_t)(n * row_bytes(w))); break;
    case LAYOUT_INPUT_MAJOR: put_input_major(w, data, o, n, rows); break;
    case LAYOUT_SPARSE_BLOCKS: put_sparse(w, data, o, rows); break;
    case LAYOUT_INTERLEAVED: put_interleaved(w, there, rows); break;
    }
}

void layout_get(const stored_weight *w, const void *data, int64_t o, int64_t n, void *rows)
{
    const uint8_t *there = (const uint8_t *)data + o * row_bytes(w);
    CHECK(w->layout != LAYOUT_INPUT_MAJOR);
    if (w->layout == LAYOUT_ROW_MAJOR)
        memcpy(rows, there, (size_t)(n * row_bytes(w)));
    else if (w->layout == LAYOUT_SPARSE_BLOCKS)
        get_sparse(w, data, o, rows);
    else
        get_interleaved(w, there, rows);
}

void layout_decode(const stored_weight *w, const void *data, int64_t row, int64_t from, int64_t n, float *out)
{
    int64_t cols = w->layout == LAYOUT_INPUT_MAJOR ? w->out : w->in;
    if (w->layout == LAYOUT_SPARSE_BLOCKS)
        decode_sparse(w, data, row, from, n, out);
    else if (w->layout == LAYOUT_INTERLEAVED)
        decode_interleaved(w, data, row, from, n, out);
    else
        dtype_decode(w->type, (const char *)data + dtype_bytes(w->type, row * cols + from), out, n);
}

int64_t layout_input_bytes(const stored_weight *w)
{
    return w->layout == LAYOUT_INPUT_MAJOR     ? dtype_bytes(w->type, w->out)
           : w->layout == LAYOUT_SPARSE_BLOCKS ? input_bytes(w)
                                               : 0;
}
