/* units.h - a matrix in blocks, stored by input: [in][out] instead of [out][in], with the same blocks.
 *
 * A block holds 32 consecutive inputs of one output. Here the blocks of 32 inputs ("units": of ffn.value they are the hidden
 * units) and all C outputs make a group of C x bytes of a block, in which
 *     the codes of unit 0 for all outputs, then those of unit 1, ... 31; then C scales (f16); then C minimums, where there are.
 * A unit's codes: q8_0 C bytes. Of 4 and 5 bits, 16 bytes for 32 outputs: byte j has output j in its low half and j + 16 in its
 * high half; and behind these, of 5 bits, one bit for each output, from the lowest of each byte up.
 * So a unit that is not needed need not be read; nothing is lost, and no byte is added: it is a permutation of the blocks. */
#ifndef WKV_FORMAT_UNITS_H
#define WKV_FORMAT_UNITS_H

#include "format/dtype.h"

/* In the metadata of a GGUF that has ffn.value so: its shape is then [F, C] in place of [C, F], of plain types too. */
#define UNITS_KEY "wkv.ffn_value"
#define UNITS_VALUE "by unit"

enum { UNITS = 32 }; /* of a group; outputs are taken 32 at a time too */

/* Is there such a form for F inputs and C outputs? Both must be multiples of 32, the type one with blocks of 32. */
int units_fit(dtype t, int64_t F, int64_t C);

static inline int64_t units_group(dtype t, int64_t C) { return C * dtypes[t].bytes; }                    /* bytes of a group    */
static inline int64_t units_row(dtype t, int64_t C) { return t == Q8_0 ? C : t == Q5_0 || t == Q5_1 ? C / 2 + C / 8 : C / 2; } /* of a unit's codes */
static inline int64_t units_scales(dtype t, int64_t C) { return UNITS * units_row(t, C); }               /* where scales begin  */

/* Outputs c .. c + 31 (c a multiple of 32) of all groups, from their rows of F inputs in blocks, row_bytes apart; and back. */
void units_put(dtype t, void *groups, const void *rows, int64_t row_bytes, int64_t F, int64_t C, int64_t c);
void units_get(dtype t, const void *groups, void *rows, int64_t row_bytes, int64_t F, int64_t C, int64_t c);

/* Unit `unit` for outputs c .. c + n - 1 (multiples of 32) as numbers. */
void units_decode(dtype t, const void *groups, int64_t C, int64_t unit, int64_t c, int64_t n, float *out);

#endif
