/* int8.h - products with weights in blocks, in whole numbers: one table, one instance per way of multiplying bytes.
 *
 * A row of activations is rounded to bytes in blocks of 32: value = d q, d = max |x| / 127, q = x / d rounded to the
 * nearest, ties to even (d and q are 0 where max |x| / 127 is below the smallest normal number; d is NaN or infinite
 * when a value is). With weight = D c + M in the same block,
 *
 *     y = 0;  for each block in order:  y = fma(sum of c q, D d, y);  y = fma(M, d sum of q, y);      then y times w->scale
 *
 * The sums are exact integers, D d and d sum q are rounded to f32, and the second step is there only for types with a
 * minimum. Q6_K has a scale for 16 values: two sums and two steps a block, the first half's first. Every form, cut and
 * instruction set does exactly this, so all agree to the bit; tests/test_int8.c has it as plain loops. */
#ifndef WKV_CPU_INT8_H
#define WKV_CPU_INT8_H

#include <stdalign.h>
#include "format/dtype.h"

/* 256 consecutive values of one row of activations, or fewer where the row ends: what is behind is not read. */
typedef struct {
    alignas(64) int8_t q[256];
    float d[8], dsum[8];      /* of each block: its step, and the step times the sum of its q */
    int32_t sum[8], first[8]; /* sums of q: of the block, of its first 16                     */
} x256;

/* Weights of `outs` neighbouring outputs, 256 values of each, ready for many tokens: code k of output o at code[(k / 4)
 * outs 4 + 4 o + k % 4]; scales and minimums of block b of output o at [b outs + o], scales for 16 values at [(2 b +
 * half) outs + o]. weight = D (code - zero) + M. Q8_0's signed bytes are stored as c ^ flip, and `zero` is that
 * flip. */
typedef struct {
    uint8_t *code;
    float *d, *m;
} panel;

/* Fill p with outputs o .. o + n - 1 (n <= outs; the others' codes may be anything), values k .. k + 32 blocks - 1; k
 * is a multiple of 256. */
typedef void fill_panel(const void *weights, panel p, int o, int n, int k, int blocks);

typedef struct {
    int zero;  /* what a code of 0 means is D times -zero        */
    int halves, minimum, wide; /* scales for 16 values; there is M; codes use all 8 bits */
} coding;

typedef struct {
    const char *name; /* "avx512-vnni" ...                                                           */
    const char *isa;  /* the instance of simd.h that it belongs to                                   */
    int outs, flip;   /* of a panel; what signed bytes are stored with: 0x80 or 0                    */

    size_t (*scratch)(int T); /* bytes that a product of T rows needs, 64-byte aligned */

    /* T rows of I values; chunk c of row t goes to to[c step + t]. */
    void (*quantize)(x256 *to, size_t step, const float *x, size_t x_stride, int T, int I);

    /* y[t][o] = scale sum_i x[t][i] w[o][i], weights stored [out, in] in a type of int8_takes, where they lie. */
    void (*product)(float *y, size_t y_stride, const x256 *x, size_t step, const void *w, size_t w_bytes, dtype type, int T, int O,
                    int I, float scale, void *scratch);
    /* The same for LAYOUT_INTERLEAVED (format/layout.h), w_bytes being what a row would take; O is a multiple of 32. */
    void (*interleaved)(float *y, size_t y_stride, const x256 *x, size_t step, const void *w, size_t w_bytes,
                        dtype type, int T, int O, int I, float scale, void *scratch);
    /* The same for weights that only `fill` knows how to read. */
    void (*packed)(float *y, size_t y_stride, const x256 *x, size_t step, fill_panel *fill, const void *weights, coding c, int T,
                   int O, int I, float scale, void *scratch);

    /* Outputs from .. to - 1 (multiples of 32, or C) of y = scale x W, weights of F inputs and C outputs in
     * LAYOUT_SPARSE_BLOCKS: the bits of the same blocks row-major. Rows of which x is 0 are not read. y points at
     * output `from`. */
    void (*sparse)(float *y, size_t y_stride, const x256 *x, size_t step, const void *w, dtype type, int T, int C,
                   int from, int to, int F, float scale, void *scratch);
} int8_set;

enum { INT8_BLOCK = 512 }; /* tokens for which a panel is filled once */

static inline int int8_takes(dtype t) { return t >= Q8_0 && t <= Q6_K; }
/* How many x256 a matrix of T rows of I values takes. */
static inline size_t int8_chunks(int T, int I) { return (size_t)T * (((size_t)I + 255) / 256); }

/* The best instance that belongs to the instance of simd.h called `isa`. */
const int8_set *int8_of(const char *isa);
/* Every instance this processor can run, the best of each instruction set first; NULL past the end. */
const int8_set *int8_at(int i);

#endif
