/* int8.h - GEMMs of quantized weights in integer arithmetic: one table, one instance per kind of byte multiplication.
 *
 * A row of activations is rounded to bytes in blocks of 32: value = d q, d = max |x| / 127, q = x / d rounded to the
 * nearest, ties to even (d and q are 0 where max |x| / 127 is below the smallest normal number; d is NaN or infinite
 * when a value is). With weight = D c + M in the same block,
 *
 *     y = 0;  for each block in order:  y = fma(sum of c q, D d, y);  y = fma(M, d sum of q, y);  then y times w->scale
 *
 * The sums are exact integers, D d and d sum q are rounded to f32, and the second step is only for types with a
 * minimum. Q6_K has a scale per 16 values: two sums and two steps a block, the first half first. Every kernel, tiling
 * and instruction set computes exactly this, so all agree to the bit; tests/test_int8.c has it as plain loops. */
#ifndef WKV_CPU_INT8_H
#define WKV_CPU_INT8_H

#include <stdalign.h>
#include "format/dtype.h"

/* 256 consecutive values of one row of activations, or fewer at its end: the rest is not read. */
typedef struct {
    alignas(64) int8_t q[256];
    float d[8], dsum[8];      /* of each block: its step, and the step times the sum of its q */
    int32_t sum[8], first[8]; /* sums of q: of the block, of its first 16                     */
} x256;

/* One GEMM: y[t][o] = scale sum_i x[t][i] w[o][i] for T tokens, O outputs, I inputs. */
typedef struct {
    float *y; /* T x O, rows y_stride floats apart */
    size_t y_stride;
    const x256 *x; /* T x I: chunk c of row t is x[c x_step + t] */
    size_t x_step;
    const void *w;  /* O x I in a type of int8_takes; `sparse`: the complete matrix */
    size_t w_bytes; /* of the weights of one output; not used by `sparse`           */
    dtype type;     /* of w                                                         */
    int T, O, I;
    int w_outs, w_from; /* `sparse`: outputs of the complete matrix, the first of the O */
    float scale;        /* of w                                                         */
    void *scratch;      /* int8_set.scratch(T) bytes, 64-byte aligned                   */
} int8_args;

typedef void int8_gemm(const int8_args *a);

typedef struct {
    const char *name; /* "avx512-vnni" ...                         */
    const char *isa;  /* the instance of simd.h that it belongs to */
    int outs;         /* outputs computed together                 */

    size_t (*scratch)(int T); /* bytes that a GEMM of T rows needs, 64-byte aligned */

    /* T rows of I values; chunk c of row t goes to to[c step + t]. */
    void (*quantize)(x256 *to, size_t step, const float *x, size_t x_stride, int T, int I);

    /* One for each layout (format/layout.h), with the same bits. */
    int8_gemm *product;     /* LAYOUT_ROW_MAJOR                          */
    int8_gemm *interleaved; /* LAYOUT_INTERLEAVED; O is a multiple of 32 */
    int8_gemm *sparse;      /* LAYOUT_SPARSE_BLOCKS: inputs that are 0 are not read; w_from is a multiple of 32,
                             * w_from + O too, or w_outs                                                     */
} int8_set;

enum { INT8_BLOCK = 512 }; /* tokens for which weights are unpacked once */

static inline int int8_takes(dtype t) { return t >= Q8_0 && t <= Q6_K; }
/* The number of x256 of a matrix of T rows of I values. */
static inline size_t int8_chunks(int T, int I) { return (size_t)T * (((size_t)I + 255) / 256); }

/* The best instance for instance `isa` of simd.h. */
const int8_set *int8_of(const char *isa);
/* Every instance this processor can run, the best of each instruction set first; NULL past the end. */
const int8_set *int8_at(int i);

#endif
