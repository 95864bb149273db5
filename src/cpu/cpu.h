/* cpu.h - what the files of the CPU device share. */
#ifndef WKV_CPU_CPU_H
#define WKV_CPU_CPU_H

#include "cpu/simd.h"
#include "ops/device.h"

workspace cpu_workspace(const pass_size *s);

/* This thread's scratch memory, `floats` long, 64-byte aligned; valid until it asks again. */
static inline float *cpu_scratch(size_t floats) { return scratch_own(floats * sizeof(float)); }
/* Another such buffer, kept while parallel regions run: the data that their workers share. */
static inline float *cpu_shared(size_t floats) { return scratch_shared(floats * sizeof(float)); }

/* The pool, or NULL when `work` (elementary operations) is not worth waking it. */
static inline pool *cpu_worth(pool *p, double work) { return work < 30000 ? NULL : p; }

/* cpu_linear.c */
void cpu_linear(pool *p, const product *q, int n, int T);
void cpu_linear_dx(pool *p, real *dx, const real *dy, const tensor *w, int T, int add);
void cpu_linear_dw(pool *p, real *dw, const real *dy, const real *x, const tensor *w, int T);

/* cpu_rows.c */
void cpu_add(pool *p, real *z, const real *x, const real *y, int T, int C, int y_rows);
void cpu_mul(pool *p, real *z, const real *x, const real *y, int T, int C, int y_rows);
void cpu_mul_back(pool *p, real *dx, real *dy, const real *dz, const real *x, const real *y, int T, int C, int y_rows);
void cpu_lerp(pool *p, real *z, const real *x, const real *y, const real *mu, int T, int C, int mu_rows);
void cpu_lerp_back(pool *p, real *dx, real *dy, real *dmu, const real *dz, const real *x, const real *y, const real *mu,
                   int T, int C, int mu_rows);
void cpu_sum_rows(pool *p, real *d, const real *dz, int T, int C, int d_rows);
void cpu_map(pool *p, map_kind kind, real *y, const real *x, size_t n);
void cpu_map_back(pool *p, map_kind kind, real *dx, const real *dy, const real *x, const real *y, size_t n);
void cpu_slope(pool *p, map_kind kind, real *d, const real *y, size_t n);
void cpu_norm(pool *p, real *y, const real *x, const real *w, const real *b, int T, int C, int groups, real eps);
void cpu_norm_back(pool *p, real *dx, real *dw, real *db, const real *dy, const real *x, const real *w, int T, int C,
                   int groups, real eps);
void cpu_unit(pool *p, real *y, const real *x, int T, int C, int heads);
void cpu_unit_back(pool *p, real *dx, const real *dy, const real *x, const real *y, int T, int C, int heads);
void cpu_bonus(pool *p, real *y, const real *r, const real *k, const real *u, const real *v, int T, int C, int heads);
void cpu_bonus_back(pool *p, real *dr, real *dk, real *du, real *dv, const real *dy, const real *r, const real *k,
                    const real *u, const real *v, int T, int C, int heads);

/* cpu_mix.c */
void cpu_mix(pool *p, const mixing *m, const batch *b, int C, int at);
void cpu_mix_back(pool *p, const mixing *m, const mixing_back *g, const batch *b, int C, int at);

/* cpu_time.c */
void cpu_wkv4(pool *p, real *y, const real *k, const real *v, const real *w, const real *u, const batch *b, int C,
              int at);
void cpu_wkv4_back(pool *p, real *dk, real *dv, real *dw, real *du, const real *dy, const real *k, const real *v,
                   const real *w, const real *u, const real *state0, const batch *b, int C, int at);
void cpu_wkv4_scan(pool *p, real *y, const real *k, const real *v, const real *w, const real *u, const batch *b, int C,
                   int at);
void cpu_wkv4_scan_back(pool *p, real *dk, real *dv, real *dw, real *du, const real *dy, const real *k, const real *v,
                        const real *w, const real *u, const real *state0, const batch *b, int C, int at);
void cpu_wkv6(pool *p, real *y, const real *r, const real *k, const real *v, const real *w, int w_rows, const real *u,
              const batch *b, int C, int heads, int at);
void cpu_wkv6_back(pool *p, real *dr, real *dk, real *dv, real *dw, real *du, const real *dy, const real *r,
                   const real *k, const real *v, const real *w, int w_rows, const real *u, const real *state0,
                   const batch *b, int C, int heads, int at);
void cpu_wkv7(pool *p, real *y, const real *r, const real *w, const real *k, const real *v, const real *a,
              const real *bb, const batch *b, int C, int heads, int at);
void cpu_wkv7_back(pool *p, real *dr, real *dw, real *dk, real *dv, real *da, real *db, const real *dy, const real *r,
                   const real *w, const real *k, const real *v, const real *a, const real *bb, const real *state0,
                   const batch *b, int C, int heads, int at);
void cpu_softmax_nll(pool *p, real *logits, real *nll, real *max, int *argmax, const int32_t *targets, int T, int V);

#endif
