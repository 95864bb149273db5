/* int8_codes.h - the parts of blocks of weights, and codes of four to six bits as bytes (part of int8_body.h). */

/* Properties of a type, constants in code compiled for one type. */
typedef struct {
    int zero;          /* code of the value 0, before the minimum is added */
    int halves;        /* each 16 values have a scale                      */
    int minimum, wide; /* there are minimums; codes use all 8 bits         */
} coding;

static const struct {
    uint8_t bytes, at; /* of a block; where its codes begin in it */
} layout[] = {[Q8_0] = {34, 2},  [Q4_0] = {18, 2},    [Q4_1] = {20, 4},    [Q5_0] = {22, 6},
              [Q5_1] = {24, 8},  [Q4_K] = {144, 16},  [Q5_K] = {176, 48},  [Q6_K] = {210, 0}};

INLINE coding coding_of(const dtype type)
{
    return (coding){.zero = type == Q8_0 ? FLIP : type == Q4_0 ? 8 : type == Q5_0 ? 16 : type == Q6_K ? 32 : 0,
                    .halves = type == Q6_K,
                    .minimum = type == Q4_1 || type == Q5_1 || type == Q4_K || type == Q5_K,
                    .wide = type == Q8_0};
}

/* Nibbles, of 32 values that share 16 bytes: values 0 .. 15 are the low ones, 16 .. 31 the high ones.
 *
 * Fifth bits of Q5_0 and Q5_1 are in the order of the codes in every layout: code i has bit i % 8 of byte i / 8. So one
 * function serves the 32 codes of a block in a row, the outputs of an input in LAYOUT_SPARSE_BLOCKS and the 128 codes
 * of LAYOUT_INTERLEAVED. Q5_K differs: 32 bytes serve 8 blocks, code i of block b has bit b of byte i; so the same bit
 * of each byte is read, where the others spread the bits of one byte over eight codes. */
#if LANES == 16
#define PAIR(a, b) _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1)
#define BYTES32(p) _mm256_loadu_si256((const void *)(p))
#define TWICE16(p) _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)(p)))
#define TWICE32(p) _mm512_broadcast_i64x4(BYTES32(p))

/* The 32 nibbles of 16 bytes; with `two`, also those of the 16 bytes `apart` further. */
INLINE x86_int nibbles(const uint8_t *p, const int two, size_t apart)
{
    const x86_int by16 = _mm512_set_epi64(4, 4, 0, 0, 4, 4, 0, 0);
    x86_int v = _mm512_castsi256_si512(TWICE16(p));
    if (two) v = _mm512_mask_broadcast_i32x4(v, 0xff00, _mm_loadu_si128((const void *)(p + apart)));
    return _mm512_and_si512(_mm512_srlv_epi64(v, by16), _mm512_set1_epi8(15));
}

INLINE x86_int add_fifth(x86_int v, uint64_t bits)
{
    return _mm512_mask_add_epi8(v, (__mmask64)bits, v, _mm512_set1_epi8(16));
}

/* The fifth bits of blocks b and b + 1 of Q5_K. */
INLINE uint64_t fifth_of_q5_k(const uint8_t *p, const int b)
{
    const x86_int bit = PAIR(_mm256_set1_epi8((char)(1 << b)), _mm256_set1_epi8((char)(2 << b)));
    return _mm512_test_epi8_mask(TWICE32(p), bit);
}
#else
typedef uint8_t vu16 __attribute__((vector_size(16)));

INLINE vu16 bytes16(const void *p)
{
    vu16 v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE vu16 nibbles16(vu16 v, const int high) { return high ? v >> 4 : v & 15; }

/* 16 where the bit is set, for 16 codes. */
INLINE vu16 fifth16(const uint8_t *bits)
{
    const vu16 bit = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8_t a = bits[0], b = bits[1];
    return (vu16)(((vu16){a, a, a, a, a, a, a, a, b, b, b, b, b, b, b, b} & bit) != 0) & 16;
}

/* The same for block b of Q5_K. */
INLINE vu16 fifth16_of_q5_k(const uint8_t *p, const int b) { return (bytes16(p) >> (uint8_t)b & 1) << 4; }
#endif

#if LANES == 8
INLINE vb join(vu16 low, vu16 high)
{
    return (vb)__builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
                                       20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
}
#endif
