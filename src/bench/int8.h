/* int8.h - dot products of bytes that stay in registers, in the best way this processor has. */
#ifndef WKV_BENCH_INT8_H
#define WKV_BENCH_INT8_H

#include <stdint.h>

typedef struct {
    const char *name;
    double (*burn)(int64_t n); /* n rounds of multiply-adds; returns the operations done, a multiply-add being two */
} int8_way;

/* The best way that the instruction set called `isa` (simd.h) has on this processor. */
int8_way int8_best(const char *isa);

#endif
