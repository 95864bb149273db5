/* simd.h - the inner loops of the CPU device: one table, one instance per instruction set.
 *
 * The loops are written once, in vector extensions (simd_body.h and the files it includes), and compiled once per set,
 * by simd_v128.c, simd_avx2.c, simd_avx512.c, simd_neon.c and simd_rvv.c. Each call is one thread's share; cpu_*.c
 * divide the work.
 *
 * Bits depend neither on tokens, batches and threads nor on the instruction set: an output element has one sequence of
 * operations in every tile, sums along a row have 16 lanes on every set (simd_sum.h), fused multiply-adds are explicit
 * (FMA) and contraction is off. */
#ifndef WKV_CPU_SIMD_H
#define WKV_CPU_SIMD_H

#include <stddef.h>
#include "ops/device.h"

/* One matrix product, y = scale x W, M x N from sums of K products, or with `add` y += scale x W. */
typedef struct {
    int M, N, K;
    float *y;       /* M x N, rows y_stride floats apart              */
    const float *x; /* M x K, (m, k) at x[m xm + k xk]; xm or xk is 1 */
    const void *w;  /* dot: N x K. outer: K x N. Rows w_bytes apart   */
    size_t y_stride, xm, xk, w_bytes;
    dtype type;  /* of w           */
    float scale; /* a power of two */
    int add;
} gemm;

/* A rectangle of matrices with rows `stride` floats apart; `one` is the stride of the operand that may be broadcast: 0
 * if it has a single row. */
typedef struct {
    int rows, cols;
    size_t stride, one;
} patch;

/* One head of one span, versions 5 to 7: T tokens, C floats apart; the pointers are to the head's first column of the
 * span's first row. Gradients that are not needed are NULL. */
typedef struct {
    int T, N;
    size_t C, w_step;                        /* w_step: C, or 0 when w has one row for all tokens */
    const float *r, *w, *k, *v, *a, *b, *u;  /* a, b: version 7. u: versions 5 and 6              */
    float *y, *S;                            /* forward: the state, N x N, is advanced            */
    const float *dy, *S0;                    /* backward: the state before the first token        */
    float *dr, *dw, *dk, *dv, *da, *db, *du, *dS;
} head;

/* n channels of one span, version 4: T tokens, C floats apart; the pointers are to the first channel of the span's
 * first row. A state is three rows aa, bb, pp, C apart. Gradients that are not needed are NULL. */
typedef struct {
    int T, C, n;
    const float *k, *v, *w, *u;
    float *y, *state;         /* forward: the state is advanced             */
    const float *dy, *state0; /* backward: the state before the first token */
    float *dk, *dv, *dw, *du, *dstate;
} channels4;

/* The logits of [from, to] outside [hole_from, hole_to], which is empty if its ends are NaN or in reverse. */
typedef struct {
    float from, to, hole_from, hole_to;
} logit_range;

typedef struct {
    const char *name; /* "portable", "avx2", "avx512", "neon", "rvv"                                */
    int fused;        /* multiply-adds are rounded once: the same bits as every other such instance */

    /* y[m][n] (+)= scale sum_k x(m, k) w[n][k]; xk is 1. Every 1024 values of k are a sum of 16 lanes (simd_sum.h); the
     * sums of 1024 are added up in order. scratch: dot_scratch(type, M, K) floats. */
    void (*dot)(const gemm *q, float *scratch);
    size_t (*dot_scratch)(dtype type, int M, int K);

    /* y[m][n] (+)= sum_k x(m, k) (scale w[k][n]), k in order. w and N are multiples of the type's block. scratch:
     * OUTER_SCRATCH floats. */
    void (*outer)(const gemm *q, float *scratch);

    /* Elementwise, see device.h. y or mu may be broadcast; sums over rows are in order in each column. */
    void (*add)(patch m, float *z, const float *x, const float *y);
    void (*mul)(patch m, float *z, const float *x, const float *y);
    void (*mul_back)(patch m, float *dx, float *dy, const float *dz, const float *x, const float *y);
    void (*lerp)(patch m, float *z, const float *x, const float *y, const float *mu);
    void (*lerp_back)(patch m, float *dx, float *dy, float *dmu, const float *dz, const float *x, const float *y,
                      const float *mu);
    void (*sum_rows)(patch m, float *d, const float *dz);
    /* One row of a mix, backward (device.h): m->dy and m->dmu point to it, z is the row after the norm and `before` the
     * previous row's. dbefore: in, the gradient from the next row; out, the gradient for the previous row. dz: of z. */
    void (*mix_back)(const mix_args *m, const float *z, const float *before, float *dz, float *dbefore);
    void (*map)(map_kind kind, float *y, const float *x, int n);
    void (*map_back)(map_kind kind, float *dx, const float *dy, const float *x, const float *y, int n);
    void (*slope)(map_kind kind, float *d, const float *y, int n);
    /* The epilogue of a matrix product (device.h), in place: pointers are to the patch. */
    void (*finish)(patch m, const product *q);

    /* Within rows, for T rows from the pointers on. norm_back: dx, and mean and 1 / deviation of every group to `saved`
     * [T][groups][2]. norm_sums: dw and db of n columns of one group, to which dw, db, dy, x and `saved` point. rows:
     * of N floats. */
    void (*norm)(const norm_args *a);
    void (*norm_back)(const norm_args *a, float *saved);
    void (*norm_sums)(const norm_args *a, const float *saved, int n);
    void (*unit)(float *y, const float *x, int rows, int N);
    void (*unit_back)(float *dx, const float *dy, const float *x, const float *y, int rows, int N);
    void (*bonus)(const bonus_args *a);
    void (*bonus_back)(const bonus_args *a); /* one head, to which the pointers point */
    /* x -> probabilities; the largest, its first index, and the sum of e^(x - largest) */
    void (*softmax)(float *x, int V, float *max, int *argmax, float *sum);

    /* Time, one span. wkv4_past: advance a state with rows `apart`. wkv4_join: combine the sums `before` with those of
     * the T tokens in `state`. wkv4_back: scratch: wkv4_scratch(T, n) floats. */
    void (*wkv4)(const channels4 *c);
    void (*wkv4_past)(float *state, int apart, const float *k, const float *v, const float *w, int T, int C, int n);
    void (*wkv4_join)(float *state, const float *before, const float *w, int T, int C);
    size_t (*wkv4_scratch)(int T, int n);
    void (*wkv4_back)(const channels4 *c, float *scratch);
    /* value columns [from, to) of the head; scratch: N x (N + 16) floats */
    void (*wkv6)(const head *h, int from, int to, float *scratch);
    void (*wkv7)(const head *h, int from, int to, float *scratch);
    size_t (*wkv6_scratch)(const head *h);
    void (*wkv6_back)(const head *h, float *scratch);
    size_t (*wkv7_scratch)(const head *h);
    void (*wkv7_back)(const head *h, float *scratch);

    /* Sampling, n logits x; the same bits on every instance, fused or not. peaks: raise largest[l], of 16, to the
     * largest of x[l], x[l + 16], ...; returns 0 if a logit is NaN or +infinity. weights: w = e^((x - top) factor) in
     * the range and 0 outside, for (x - top) factor <= 0; returns the sum, in 16 lanes. within: the indices of x in the
     * range, in order; returns their number; `at` has space for n + 16. */
    int (*peaks)(float *largest, const float *x, int n);
    float (*weights)(float *w, const float *x, int n, const logit_range *r, float top, float factor);
    int (*within)(int32_t *at, const float *x, int n, const logit_range *r);

    /* Hardware limits, for reports. n rounds of multiply-adds in registers: returns the number of operations. Read all
     * of `data` once, as decoding does: returns a value that depends on it. */
    double (*burn)(int64_t n);
    float (*stream)(const void *data, size_t bytes);
} simd;

enum { OUTER_SCRATCH = 704 * 1024 }; /* packed operands, see simd_linear.h */

/* Every instance this processor can run, best first: simd_at(0) ...; NULL past the end. */
const simd *simd_at(int i);
/* The instance `name` (NULL: WKV_ISA, else the best). WKV_EARG: unknown name; WKV_EUNSUPPORTED: this processor cannot
 * run it. */
int simd_find(const simd **out, const char *name);
/* The number of weight rows that a thread should read in parallel for one token, 8 or 4: several streams give the most
 * bandwidth, and the best number depends on the processor's prefetchers (two threads, in % of the best: 8 rows 100 and
 * 4 rows 93 on Ice Lake, 85 and 98 on Zen 5). */
int simd_streams(void);

#endif
