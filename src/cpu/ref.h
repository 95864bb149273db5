/* ref.h - the reference device's functions, one family a file: what each operation of device.h means, in plain loops on
 * one thread. Every other device is tested against these, and may use them for what is not worth its own code. */
#ifndef WKV_CPU_REF_H
#define WKV_CPU_REF_H

#include "ops/device.h"

/* ref_linear.c */
void ref_linear(pool *p, const product *q, int n, int T);
void ref_linear_dx(pool *p, real *dx, const real *dy, const tensor *w, int T, int add);
void ref_linear_dw(pool *p, real *dw, const real *dy, const real *x, const tensor *w, int T);

/* ref_basic.c */
void ref_add(pool *p, real *z, const real *x, const real *y, int T, int C, int y_rows);
void ref_mul(pool *p, real *z, const real *x, const real *y, int T, int C, int y_rows);
void ref_mul_back(pool *p, real *dx, real *dy, const real *dz, const real *x, const real *y, int T, int C, int y_rows);
void ref_lerp(pool *p, real *z, const real *x, const real *y, const real *mu, int T, int C, int mu_rows);
void ref_lerp_back(pool *p, real *dx, real *dy, real *dmu, const real *dz, const real *x, const real *y, const real *mu, int T,
                   int C, int mu_rows);
void ref_sum_rows(pool *p, real *d, const real *dz, int T, int C, int d_rows);
void ref_map(pool *p, map_kind kind, real *y, const real *x, size_t n);
void ref_map_back(pool *p, map_kind kind, real *dx, const real *dy, const real *x, const real *y, size_t n);
void ref_slope(pool *p, map_kind kind, real *d, const real *y, size_t n);

/* ref_norm.c */
void ref_norm(pool *p, real *y, const real *x, const real *w, const real *b, int T, int C, int groups, real eps);
void ref_norm_back(pool *p, real *dx, real *dw, real *db, const real *dy, const real *x, const real *w, int T, int C, int groups,
                   real eps);
void ref_mix(pool *p, const mixing *m, const batch *b, int C, int at);
void ref_mix_back(pool *p, const mixing *m, const mixing_back *g, const batch *b, int C, int at);
void ref_unit(pool *p, real *y, const real *x, int T, int C, int heads);
void ref_unit_back(pool *p, real *dx, const real *dy, const real *x, const real *y, int T, int C, int heads);
void ref_bonus(pool *p, real *y, const real *r, const real *k, const real *u, const real *v, int T, int C, int heads);
void ref_bonus_back(pool *p, real *dr, real *dk, real *du, real *dv, const real *dy, const real *r, const real *k, const real *u,
                    const real *v, int T, int C, int heads);
void ref_softmax_nll(pool *p, real *logits, real *nll, real *max, int *argmax, const int32_t *targets, int T, int V);

/* ref_time.c */
void ref_wkv4(pool *p, real *y, const real *k, const real *v, const real *w, const real *u, const batch *b, int C, int at);
void ref_wkv4_back(pool *p, real *dk, real *dv, real *dw, real *du, const real *dy, const real *k, const real *v, const real *w,
                   const real *u, const real *state0, const batch *b, int C, int at);
void ref_wkv4_scan(pool *p, real *y, const real *k, const real *v, const real *w, const real *u, const batch *b, int C,
                   int at);
void ref_wkv4_scan_back(pool *p, real *dk, real *dv, real *dw, real *du, const real *dy, const real *k, const real *v,
                        const real *w, const real *u, const real *state0, const batch *b, int C, int at);
void ref_wkv6(pool *p, real *y, const real *r, const real *k, const real *v, const real *w, int w_rows, const real *u,
              const batch *b, int C, int heads, int at);
void ref_wkv6_back(pool *p, real *dr, real *dk, real *dv, real *dw, real *du, const real *dy, const real *r, const real *k,
                   const real *v, const real *w, int w_rows, const real *u, const real *state0, const batch *b, int C, int heads,
                   int at);
void ref_wkv7(pool *p, real *y, const real *r, const real *w, const real *k, const real *v, const real *a, const real *bb,
              const batch *b, int C, int heads, int at);
void ref_wkv7_back(pool *p, real *dr, real *dw, real *dk, real *dv, real *da, real *db, const real *dy, const real *r,
                   const real *w, const real *k, const real *v, const real *a, const real *bb, const real *state0, const batch *b,
                   int C, int heads, int at);

#endif
