/* rng.h - counter-based random numbers: a stream is (seed, position), so it can be saved, resumed and split. */
#ifndef WKV_BASE_RNG_H
#define WKV_BASE_RNG_H

#include <stdint.h>

typedef struct {
    uint64_t seed, n; /* n: numbers used so far */
} rng;

uint64_t rng_u64(rng *r);
double rng_uniform(rng *r); /* in [0, 1), 53 bits */
double rng_normal(rng *r);  /* mean 0, variance 1; uses two numbers */

#endif
