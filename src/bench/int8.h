/* int8.h - int8 dot products from registers, with the best instructions of this processor. */
#ifndef WKV_BENCH_INT8_H
#define WKV_BENCH_INT8_H

#include <stdint.h>

typedef struct {
    const char *name;
    double (*burn)(int64_t n); /* n rounds of multiply-adds; returns the operations, a multiply-add is two */
} int8_way;

/* The best instructions of the set `isa` (simd.h) on this processor. */
int8_way int8_best(const char *isa);

#endif
