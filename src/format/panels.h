/* panels.h - a matrix in blocks, [out][in], in panels of 32 outputs: what one step of a product needs lies together.
 *
 * A panel has the blocks of 32 rows, the first 32 inputs' of all rows, then the next 32 inputs', and so on. Such 32 blocks are
 *     32 scales (f16); 32 minimums, where there are; then the codes of inputs 0 .. 3 for all outputs, of inputs 4 .. 7, ... 28 .. 31.
 * Code p of such a four is that of output p / 4, input p % 4. q8_0: 128 bytes, code p in byte p. Of 4 and 5 bits: 64 bytes, byte j
 * has code j in its low half and j + 64 in its high half; behind all eight, of 5 bits, 16 bytes a four, code p's bit being bit p.
 * No byte is added: a panel takes the place of 32 rows, and is a permutation of their blocks. */
#ifndef WKV_FORMAT_PANELS_H
#define WKV_FORMAT_PANELS_H

#include "format/dtype.h"

enum {
    PANEL = 32,        /* outputs of a panel                                                                           */
    PANELS_GGUF = 1000 /* a GGUF of ours has the type's number and this, so that no other program takes it for rows */
};

/* Is there such a form for these rows and columns? Both must be multiples of 32, the type one with blocks of 32. */
int panels_fit(dtype t, int64_t rows, int64_t cols);

/* A panel from 32 rows of `cols` values, row_bytes apart; and back. */
void panels_put(dtype t, void *panel, const void *rows, int64_t row_bytes, int64_t cols);
void panels_get(dtype t, const void *panel, void *rows, int64_t row_bytes, int64_t cols);

/* Values `from` .. from + n - 1 (multiples of 32) of a row of the matrix. */
void panels_decode(dtype t, const void *panels, int64_t cols, int64_t row, int64_t from, int64_t n, float *out);

#endif
