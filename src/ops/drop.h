/* drop.h - the random numbers of dropout, the same on every device. */
#ifndef WKV_OPS_DROP_H
#define WKV_OPS_DROP_H

#include <stdint.h>

/* splitmix64's finaliser */
static inline uint64_t mix64(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

#endif
