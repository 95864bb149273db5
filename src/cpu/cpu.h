/* cpu.h - what the files of the CPU device share. */
#ifndef WKV_CPU_CPU_H
#define WKV_CPU_CPU_H

#include "cpu/simd.h"
#include "ops/device.h"

/* This thread's scratch memory, at least `floats` long, 64-byte aligned; valid until it asks again. It grows, and goes with its
 * thread, so that a warm device allocates nothing. Aborts when there is no memory. */
float *cpu_scratch(size_t floats);

/* The pool, or NULL when `work` (elementary operations) is not worth waking it. */
static inline pool *cpu_worth(pool *p, double work) { return work < 30000 ? NULL : p; }

void cpu_linear(pool *p, real *y, const real *x, const tensor *w, int T);
void cpu_linear_dx(pool *p, real *dx, const real *dy, const tensor *w, int T);
void cpu_linear_dw(pool *p, real *dw, const real *dy, const real *x, const tensor *w, int T);

#endif
