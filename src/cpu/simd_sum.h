/* simd_sum.h - sums along a row, in one order on every instruction set (part of simd_body.h).
 *
 * A sum has 16 lanes for every register width. Value i is added to lane i modulo 16, in order, by a fused multiply-add
 * if it is a product; a row is padded with zeros to a multiple of 16. Then the lanes are added by halves: lane l and
 * lane l + 8, l + 4, l + 2, l + 1.
 *
 *     AVX-512   0 1 2 3 4 5 6 7 8 9 a b c d e f       one register
 *     AVX2      0 1 2 3 4 5 6 7|8 9 a b c d e f       two
 *     NEON      0 1 2 3|4 5 6 7|8 9 a b|c d e f       four
 */
enum { SUM_LANES = 16, PARTS = SUM_LANES / LANES };

typedef struct {
    vf part[PARTS];
} lanes16;

/* The parts' halves added until one vector is left. */
INLINE vf fold(lanes16 s)
{
#if LANES == 16
    return s.part[0];
#elif LANES == 8
    return s.part[0] + s.part[1];
#else
    return (s.part[0] + s.part[2]) + (s.part[1] + s.part[3]);
#endif
}

/* The lanes of a vector that n more values fill. */
INLINE int lanes_left(int n) { return n < 0 ? 0 : n < LANES ? n : LANES; }

/* v with zeros after its first n lanes. */
INLINE vf first_lanes(vf v, int n)
{
    for (int l = n; l < LANES; l++) v[l] = 0;
    return v;
}

/* clang-format off */
/* Run `body` for the vectors of n_ values, i being where one begins; LD and ST read and write there, the last time only
 * those that are left. */
#define EACH(n_, body)                                                                                                 \
    do {                                                                                                               \
        int i = 0;                                                                                                     \
        for (; i + LANES <= (n_); i += LANES) { enum { whole = 1 }; const int left = LANES; (void)left; body }         \
        if (i < (n_)) { enum { whole = 0 }; const int left = (n_) - i; body }                                          \
    } while (0)
#define LD(at) (whole ? load((at) + i) : load_part((at) + i, left))
#define ST(at, v) do { if (whole) store((at) + i, v); else store_part((at) + i, v, left); } while (0)

/* The same for sums: p is the vector's part of one, and all of the last 16 lanes are added, zeros after the row. */
#if LANES == 16
#define EACH_PART(run, body) run(0, body)
#elif LANES == 8
#define EACH_PART(run, body) run(0, body) run(1, body)
#else
#define EACH_PART(run, body) run(0, body) run(1, body) run(2, body) run(3, body)
#endif
#define WHOLE_PART(p_, body) { enum { p = p_, whole = 1 }; const int left = LANES; (void)left; body i += LANES; }
#define LAST_PART(p_, body) { enum { p = p_, whole = 0 }; const int left = lanes_left(length - i); body i += LANES; }
#define TWICE _Pragma("GCC unroll 2") /* else GCC 12 reads operands again for which it has registers: 35 % slower */
#define EACH_LANE(n_, body)                                                                                            \
    do {                                                                                                               \
        const int length = (n_);                                                                                       \
        int i = 0;                                                                                                     \
        TWICE while (i + SUM_LANES <= length) { EACH_PART(WHOLE_PART, body) }                                          \
        if (i < length) { EACH_PART(LAST_PART, body) }                                                                 \
    } while (0)
/* clang-format on */

/* The lanes of a vector added by halves. */
INLINE float sum_lanes(vf v)
{
#if LANES == 16
    typedef float half __attribute__((vector_size(32)));
    half h = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
             __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
#elif LANES == 8
    vf h = v;
#endif
    typedef float quarter __attribute__((vector_size(16)));
#if LANES > 4
    quarter q = __builtin_shufflevector(h, h, 0, 1, 2, 3) + __builtin_shufflevector(h, h, 4, 5, 6, 7);
#else
    quarter q = v;
#endif
    q += __builtin_shufflevector(q, q, 2, 3, 2, 3);
    return q[0] + q[1];
}

/* The sums of LANES vectors, each equal to sum_lanes(): two vectors are halved into one. */
#if LANES == 16
#define HALVE8(a, b)                                                                                                   \
    (__builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +                           \
     __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
#define HALVE4(a, b)                                                                                                   \
    (__builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +                         \
     __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31))
#define HALVE2(a, b)                                                                                                   \
    (__builtin_shufflevector(a, b, 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29) +                         \
     __builtin_shufflevector(a, b, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31))
#define HALVE1(a, b)                                                                                                   \
    (__builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +                        \
     __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31))
#elif LANES == 8
#define HALVE4(a, b)                                                                                                   \
    (__builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11) +                                                         \
     __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15))
#define HALVE2(a, b)                                                                                                   \
    (__builtin_shufflevector(a, b, 0, 1, 4, 5, 8, 9, 12, 13) +                                                         \
     __builtin_shufflevector(a, b, 2, 3, 6, 7, 10, 11, 14, 15))
#define HALVE1(a, b)                                                                                                   \
    (__builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14) +                                                        \
     __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15))
#else
#define HALVE2(a, b) (__builtin_shufflevector(a, b, 0, 1, 4, 5) + __builtin_shufflevector(a, b, 2, 3, 6, 7))
#define HALVE1(a, b) (__builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7))
#endif
INLINE vf sums_of(vf v[LANES])
{
#if LANES > 8
    UNROLL for (int i = 0; i < LANES / 2; i++) v[i] = HALVE8(v[2 * i], v[2 * i + 1]);
#endif
#if LANES > 4
    UNROLL for (int i = 0; i < 4; i++) v[i] = HALVE4(v[2 * i], v[2 * i + 1]);
#endif
    UNROLL for (int i = 0; i < 2; i++) v[i] = HALVE2(v[2 * i], v[2 * i + 1]);
    return HALVE1(v[0], v[1]);
}

INLINE float sum(lanes16 s) { return sum_lanes(fold(s)); }

/* The sums of LANES rows of 16 floats. */
INLINE vf sums(const float *rows)
{
    vf v[LANES];
    UNROLL for (int i = 0; i < LANES; i++)
    {
        lanes16 s;
        UNROLL for (int p = 0; p < PARTS; p++) s.part[p] = load(rows + i * SUM_LANES + p * LANES);
        v[i] = fold(s);
    }
    return sums_of(v);
}
