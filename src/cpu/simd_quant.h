/* simd_quant.h - rows of stored weights as floats (part of simd_body.h). Block layouts: docs/formats.md 4.2.
 *
 * A scale has 11 bits, a number at most 8, their product is exact, so there is one rounding (where a minimum is added)
 * and the values are those of dtype_decode to the bit. */

#ifdef __F16C__
#include <immintrin.h>
#endif

enum { AHEAD = 1024 }; /* prefetch distance in each stream of weights, in bytes */

typedef int8_t vb __attribute__((vector_size(16)));
typedef uint8_t vub __attribute__((vector_size(16)));

INLINE vub bytes16(const void *p)
{
    vub v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* to[0..16) = d q + m */
INLINE void put16(float *to, vb q, float d, float m)
{
#ifdef LOAD_I8
    for (int i = 0; i < 16; i += LANES) store(to + i, madd((vf)LOAD_I8((const char *)&q + i), all(d), all(m)));
#else
    typedef int16_t vs __attribute__((vector_size(16)));
    vb half[2] = {__builtin_shufflevector(q, q, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7),
                  __builtin_shufflevector(q, q, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15)};
    for (int i = 0; i < 2; i++, to += 8) { /* every byte doubled twice, then shifted down with its sign */
        vs s = (vs)half[i];
        vi low = (vi)__builtin_shufflevector(s, s, 0, 0, 1, 1, 2, 2, 3, 3) >> 24;
        vi high = (vi)__builtin_shufflevector(s, s, 4, 4, 5, 5, 6, 6, 7, 7) >> 24;
        store(to, madd(__builtin_convertvector(low, vf), all(d), all(m)));
        store(to + 4, madd(__builtin_convertvector(high, vf), all(d), all(m)));
    }
#endif
}

/* 32 numbers: the low halves of 16 bytes, then the high halves; bit i of `fifth` is 16 more for number i; minus
 * `zero` */
INLINE void put_nibbles(float *to, const uint8_t *from, uint32_t fifth, int zero, float d, float m)
{
    const vub bit = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    vub q = bytes16(from), more[2];
    for (int i = 0; i < 2; i++) {
        uint8_t a = (uint8_t)(fifth >> (16 * i)), b = (uint8_t)(fifth >> (16 * i + 8));
        vub byte = {a, a, a, a, a, a, a, a, b, b, b, b, b, b, b, b};
        more[i] = (vub)((byte & bit) != 0) & 16;
    }
    put16(to, (vb)((q & 15) + more[0] - (uint8_t)zero), d, m);
    put16(to + 16, (vb)((q >> 4) + more[1] - (uint8_t)zero), d, m);
}

/* the f16 at p */
INLINE float half_at(const uint8_t *p)
{
    uint16_t h;
    memcpy(&h, p, 2);
#ifdef __F16C__
    return _cvtsh_ss(h);
#else
    vf bits = (vf)(vu){(h & 0x7fffu) << 13};
    float size = bits[0] * 0x1p112f;
    return h & 0x8000 ? -size : size; /* scales are finite */
#endif
}

/* a block of 32 */
INLINE void decode32(const dtype type, const uint8_t *p, float *to)
{
    float d = half_at(p);
    uint32_t fifth = 0;
    if (type == Q8_0) {
        put16(to, (vb)bytes16(p + 2), d, 0);
        put16(to + 16, (vb)bytes16(p + 18), d, 0);
    }
    if (type == Q5_0) memcpy(&fifth, p + 2, 4);
    if (type == Q5_1) memcpy(&fifth, p + 4, 4);
    if (type == Q4_0) put_nibbles(to, p + 2, 0, 8, d, 0);
    if (type == Q4_1) put_nibbles(to, p + 4, 0, 0, d, half_at(p + 2));
    if (type == Q5_0) put_nibbles(to, p + 6, fifth, 16, d, 0);
    if (type == Q5_1) put_nibbles(to, p + 8, fifth, 0, d, half_at(p + 2));
}

/* a superblock of 256 of Q4_K or Q5_K: 8 sub-blocks, each with a 6-bit scale and minimum */
INLINE void decode_k(const dtype type, const uint8_t *p, float *to)
{
    const uint8_t *sc = p + 4, *high = p + 16, *q = p + (type == Q5_K ? 48 : 16);
    float d = half_at(p), dmin = half_at(p + 2);
    for (int j = 0; j < 8; j++, to += 32) {
        int s = j < 4 ? sc[j] & 63 : (sc[j + 4] & 15) | (sc[j - 4] >> 6) << 4;
        int m = j < 4 ? sc[j + 4] & 63 : sc[j + 4] >> 4 | (sc[j] >> 6) << 4;
        for (int i = 0; i < 32; i += 16) {
            vub v = bytes16(q + 32 * (j / 2) + i);
            v = j % 2 ? v >> 4 : v & 15;
            if (type == Q5_K) v += (bytes16(high + i) >> (uint8_t)j & 1) << 4;
            put16(to + i, (vb)v, d * (float)s, -dmin * (float)m);
        }
    }
}

/* a superblock of 256 of Q6_K: 16 sub-blocks with 8-bit scales */
INLINE void decode_q6(const uint8_t *p, float *to)
{
    float d = half_at(p + 208);
    for (int half = 0; half < 2; half++)
        for (int part = 0; part < 4; part++)
            for (int i = 0; i < 32; i += 16) {
                vub low = bytes16(p + 64 * half + 32 * (part % 2) + i), high = bytes16(p + 128 + 32 * half + i);
                vub v = (part < 2 ? low & 15 : low >> 4) | (high >> (uint8_t)(2 * part) & 3) << 4;
                int8_t s = (int8_t)p[192 + 8 * half + 2 * part + i / 16];
                put16(to + 128 * half + 32 * part + i, (vb)(v - 32), d * (float)s, 0);
            }
}

/* n values of a row, from a block's start */
static void decode_row(dtype type, const char *row, float *to, int n)
{
    const uint8_t *p = (const uint8_t *)row;
    int i = 0, bytes = dtypes[type].bytes;
    switch (type) {
    case F32: memcpy(to, row, sizeof *to * (size_t)n); break;
    case F16:
        for (; i + LANES <= n; i += LANES) {
            __builtin_prefetch(row + 2 * i + AHEAD);
            store(to + i, load_f16(row + 2 * i));
        }
        if (i < n) store_part(to + i, load_w_part(F16, row, (size_t)i, n - i), n - i);
        break;
    case BF16:
        for (; i + LANES <= n; i += LANES) {
            __builtin_prefetch(row + 2 * i + AHEAD);
            store(to + i, load_bf16(row + 2 * i));
        }
        if (i < n) store_part(to + i, load_w_part(BF16, row, (size_t)i, n - i), n - i);
        break;
#define BLOCKS_OF(T, size, one) \
    case T: for (; i < n; i += size, p += bytes) one; break;
    BLOCKS_OF(Q8_0, 32, decode32(Q8_0, p, to + i))
    BLOCKS_OF(Q4_0, 32, decode32(Q4_0, p, to + i))
    BLOCKS_OF(Q4_1, 32, decode32(Q4_1, p, to + i))
    BLOCKS_OF(Q5_0, 32, decode32(Q5_0, p, to + i))
    BLOCKS_OF(Q5_1, 32, decode32(Q5_1, p, to + i))
    BLOCKS_OF(Q4_K, 256, decode_k(Q4_K, p, to + i))
    BLOCKS_OF(Q5_K, 256, decode_k(Q5_K, p, to + i))
    BLOCKS_OF(Q6_K, 256, decode_q6(p, to + i))
#undef BLOCKS_OF
    default: dtype_decode(type, row, to, n);
    }
}
