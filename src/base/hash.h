/* hash.h - hashes that are not cryptographic: FNV-1a of bytes, and one of integers. */
#ifndef WKV_BASE_HASH_H
#define WKV_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START 0xcbf29ce484222325u

/* Continue hash h with more bytes. */
static inline uint64_t hash_bytes(uint64_t h, const void *data, size_t bytes)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < bytes; i++) h = (h ^ p[i]) * 0x100000001b3u;
    return h;
}

/* Continue a hash of 32 bits with an integer, for tables in memory. */
static inline uint32_t hash_mix(uint32_t h, uint32_t x)
{
    h = (h ^ x) * 0x9e3779b1u;
    return h ^ h >> 15;
}

#endif
