/* rng.c - counter-based random numbers: bits, uniform and normal. */
#include "base/rng.h"
#include <math.h>

/* splitmix64's finaliser over (seed, position), twice, so that adjacent seeds and positions are uncorrelated */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t rng_u64(rng *r) { return mix(mix(r->seed + 0x9e3779b97f4a7c15u) + ++r->n * 0x9e3779b97f4a7c15u); }

double rng_uniform(rng *r) { return (double)(rng_u64(r) >> 11) * 0x1p-53; }

double rng_normal(rng *r)
{
    double u = 1 - rng_uniform(r), v = rng_uniform(r); /* u in (0, 1]: Box and Muller */
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}
