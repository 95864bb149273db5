/* simd.h - the inner loops of the CPU device: one table, one instance per instruction set.
 *
 * The loops are written once, in vector extensions (simd_body.h and the files it includes), and compiled once per set by
 * simd_v128.c, simd_avx2.c, simd_avx512.c, simd_neon.c. One thread's share each: cutting work into shares is cpu_*.c's.
 *
 * What makes bits independent of tokens, batches and threads is here: an output element goes through one sequence of
 * operations whatever tile it falls into. Fused multiply-adds are written out (FMA) and contraction is off. */
#ifndef WKV_CPU_SIMD_H
#define WKV_CPU_SIMD_H

#include <stddef.h>
#include "format/dtype.h"

typedef struct {
    const char *name; /* "portable", "avx2", "avx512", "neon" */

    /* y[t][o] = scale sum_i x[t][i] w[o][i], or += with `add`; t < T, o < O, i < I. One accumulator of as many lanes as a
     * vector has; lane l takes i = l modulo lanes, in order; the lanes are summed by halves.
     * scratch: dot_scratch(type, T, I) floats. */
    void (*dot)(float *y, size_t y_stride, const float *x, size_t x_stride, const void *w, size_t w_bytes, dtype type, int T,
                int O, int I, float scale, int add, float *scratch);
    size_t (*dot_scratch)(dtype type, int T, int I);

    /* y[m][n] += sum_k a(m, k) (scale b[k][n]), k in order; a(m, k) = a[m am + k ak]; m < M, n < N, k < K. Rows of b are of any
     * type; b and N lie at multiples of that type's block. scratch: OUTER_SCRATCH floats. */
    void (*outer)(float *y, size_t y_stride, const float *a, size_t am, size_t ak, const void *b, size_t b_bytes, dtype type,
                  int M, int N, int K, float scale, float *scratch);
} simd;

enum { OUTER_SCRATCH = 256 * 256 + 256 };

/* The CPU device's instance. */
const simd *simd_now(void);
/* Every instance this processor can run, best first: simd_at(0) ...; NULL past the end. */
const simd *simd_at(int i);
/* The instance called `name` (NULL: what WKV_ISA names, else the best) becomes the CPU device's. WKV_EARG: there is none of that
 * name; WKV_EUNSUPPORTED: this processor cannot run it. Not while the device is at work. */
int simd_choose(const char *name);
const char *simd_name(void); /* of simd_now() */

#endif
