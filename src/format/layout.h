/* layout.h - the order in which the values of a weight matrix are stored.
 *
 * A weight of `in` inputs and `out` outputs is y[o] = sum over i of W[o][i] x[i]. Every layout has the same number of
 * bytes. The last two are for blocks of 32 inputs of one output (q8_0, q4_0, q4_1, q5_0, q5_1), with `in` and `out`
 * multiples of 32. They permute the parts of the same blocks: conversions are lossless.
 *
 * LAYOUT_ROW_MAJOR, as in checkpoints; any tensor that is not a weight too
 *
 *     | output 0: inputs 0 1 2 ... in - 1 | output 1 | ... | output out - 1 |
 *
 * LAYOUT_INPUT_MAJOR: rows of zero inputs are skipped (activation sparsity)
 *
 *     | input 0: outputs 0 1 2 ... out - 1 | input 1 | ... | input in - 1 |
 *
 * LAYOUT_SPARSE_BLOCKS: the same for blocks. The blocks of 32 inputs and all outputs form a group
 *
 *     | group 0: inputs 0-31 | group 1: inputs 32-63 | ... |
 *        |
 *        +-> | codes of input 0 | codes of input 1 | ... | codes of input 31 | scales  | minimums |
 *               |                                                              out f16   out f16, q4_1 and q5_1 only
 *               |
 *               +-> q8_0    | a byte for each of outputs 0 ... out - 1 |
 *                   others  | outputs 0-31 | outputs 32-63 | ... | fifth bits: output o in bit o % 8 of byte o / 8 |
 *                             16 bytes                             out / 8 bytes, q5_0 and q5_1 only
 *                             byte j: output j in the low half, output j + 16 in the high half
 *
 * LAYOUT_INTERLEAVED: the operands of one step of a GEMM are adjacent. The blocks of 32 outputs and 32 inputs form a
 * tile
 *
 *     | outputs 0-31: inputs 0-31 | inputs 32-63 | ... | outputs 32-63: inputs 0-31 | ... |
 *        |
 *        +-> | scales | minimums | inputs 0-3 | 4-7 | ... | 28-31 | fifth bits of 0-3 | 4-7 | ... | 28-31 |
 *              32 f16   32 f16,     |                               16 bytes, code p in bit p % 8 of byte p / 8;
 *                       if any      |                               q5_0 and q5_1 only
 *                                   |
 *                                   +-> q8_0    | 128 bytes, code p in byte p |
 *                                       others  | 64 bytes, codes p in the low half of byte p, p + 64 in the high |
 *                                       code p: output p / 4 of the 32, input p % 4 of the four
 */
#ifndef WKV_FORMAT_LAYOUT_H
#define WKV_FORMAT_LAYOUT_H

#include "format/dtype.h"

typedef enum { LAYOUT_ROW_MAJOR, LAYOUT_INPUT_MAJOR, LAYOUT_SPARSE_BLOCKS, LAYOUT_INTERLEAVED } weight_layout;

enum { LAYOUT_TILE = 32 }; /* outputs, and inputs, of a tile of the last two */

/* A weight as it is stored, without its data. A row of LAYOUT_ROW_MAJOR and LAYOUT_INTERLEAVED is an output, a row of
 * the others an input. */
typedef struct {
    weight_layout layout;
    dtype type;
    int64_t in, out;
} stored_weight;

/* Whether it is stored like any tensor. */
static inline int layout_is_row_major(weight_layout l) { return l == LAYOUT_ROW_MAJOR; }
/* Whether a row is an input. Matrix products then skip zero inputs. */
static inline int layout_is_input_major(weight_layout l)
{
    return l == LAYOUT_INPUT_MAJOR || l == LAYOUT_SPARSE_BLOCKS;
}
/* Whether the parts of its blocks are permuted. */
static inline int layout_permutes_blocks(weight_layout l)
{
    return l == LAYOUT_SPARSE_BLOCKS || l == LAYOUT_INTERLEAVED;
}

/* A weight of `rows` rows and `cols` columns as stored. */
static inline stored_weight stored_rows(weight_layout l, dtype type, int64_t rows, int64_t cols)
{
    int swapped = layout_is_input_major(l);
    return (stored_weight){l, type, .in = swapped ? rows : cols, .out = swapped ? cols : rows};
}

/* Whether a weight of this type and these sizes can have the layout. */
int layout_fits(weight_layout l, dtype type, int64_t in, int64_t out);

/* Write outputs o .. o + n - 1, given as n rows of `in` values of w's type. The last two layouts need LAYOUT_TILE
 * outputs from a multiple of it; LAYOUT_INPUT_MAJOR needs f32, f16 or bf16. */
void layout_put(const stored_weight *w, void *data, int64_t o, int64_t n, const void *rows);
/* Read them; not from LAYOUT_INPUT_MAJOR, where blocks are along outputs. */
void layout_get(const stored_weight *w, const void *data, int64_t o, int64_t n, void *rows);

/* Decode values from .. from + n - 1 of a row, both multiples of its blocks (LAYOUT_SPARSE_BLOCKS: of LAYOUT_TILE). */
void layout_decode(const stored_weight *w, const void *data, int64_t row, int64_t from, int64_t n, float *out);

/* Bytes that a matrix product skips for each zero input; 0 if rows are outputs. */
int64_t layout_input_bytes(const stored_weight *w);

/* ---- in a GGUF --------------------------------------------------------------------------------------------------- */

/* The metadata of a file with input-major ffn.value, of shape [F, C] instead of [C, F]. */
#define LAYOUT_GGUF_KEY "wkv.ffn_value"
#define LAYOUT_GGUF_INPUT_MAJOR "by unit"

/* Added to the type's number of an interleaved tensor, so that no other program reads it as rows. */
enum { LAYOUT_GGUF_INTERLEAVED = 1000 };

static inline uint32_t layout_gguf_mark(weight_layout l)
{
    return l == LAYOUT_INTERLEAVED ? LAYOUT_GGUF_INTERLEAVED : 0;
}
/* The layout of a type's number, and the number without its mark. */
static inline weight_layout layout_of_gguf(uint32_t *type)
{
    if (*type < LAYOUT_GGUF_INTERLEAVED || *type >= 2 * LAYOUT_GGUF_INTERLEAVED) return LAYOUT_ROW_MAJOR;
    *type -= LAYOUT_GGUF_INTERLEAVED;
    return LAYOUT_INTERLEAVED;
}

#endif
