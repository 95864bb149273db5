/* codes.h - the parts of a block of 32 values: Q8_0, Q4_0, Q4_1, Q5_0, Q5_1 (docs/formats.md 4.2). */
#ifndef WKV_FORMAT_CODES_H
#define WKV_FORMAT_CODES_H

#include "format/dtype.h"

static inline int codes_known(dtype t) { return t >= Q8_0 && t <= Q5_1; }
static inline int codes_have_minimum(dtype t) { return t == Q4_1 || t == Q5_1; }
static inline int codes_have_fifth(dtype t) { return t == Q5_0 || t == Q5_1; }

/* Split a block into codes, one per byte (Q8_0's are signed, others 0 .. 31), and join them again. The scale is the
 * block's first 2 bytes, the minimum the next 2. */
void codes_split(dtype t, const uint8_t *block, uint8_t code[32]);
void codes_join(dtype t, uint8_t *block, const uint8_t code[32]);

/* The value of a code, as in dtype_decode: multiplied in f32, then the minimum added. scale, minimum: f16,
 * unaligned. */
float codes_value(dtype t, uint8_t code, const void *scale, const void *minimum);

#endif
