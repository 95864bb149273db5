/* int8.c - one loop for each int8 instruction: twelve chains of dot products, enough to hide their latency. */
#include "bench/int8.h"
#include <string.h>

enum { CHAINS = 12 };

#define UNROLL _Pragma("GCC unroll 16")

#if defined __x86_64__
#include <cpuid.h>
#include <immintrin.h>

/* bytes of x are 0 .. 127, of y -1 or 1, so the sums stay small */
__attribute__((target("avx512f,avx512vnni"))) static double burn_avx512_vnni(int64_t n)
{
    __m512i x = _mm512_set1_epi8(3), y = _mm512_set1_epi8(-1), acc[CHAINS];
    UNROLL for (int i = 0; i < CHAINS; i++) acc[i] = _mm512_set1_epi32(i);
    for (int64_t k = 0; k < n; k++) UNROLL for (int i = 0; i < CHAINS; i++) acc[i] = _mm512_dpbusd_epi32(acc[i], x, y);
    for (int i = 1; i < CHAINS; i++) acc[0] = _mm512_xor_si512(acc[0], acc[i]);
    return _mm512_reduce_add_epi32(acc[0]) == 12345 ? 0 : 2.0 * 64 * CHAINS * (double)n;
}

__attribute__((target("avx2"))) static double kept(__m256i *acc, int64_t n)
{
    int32_t lanes[8];
    for (int i = 1; i < CHAINS; i++) acc[0] = _mm256_xor_si256(acc[0], acc[i]);
    memcpy(lanes, acc, sizeof lanes);
    return lanes[0] == 12345 ? 0 : 2.0 * 32 * CHAINS * (double)n;
}

__attribute__((target("avx2,avxvnni"))) static double burn_avx_vnni(int64_t n)
{
    __m256i x = _mm256_set1_epi8(3), y = _mm256_set1_epi8(-1), acc[CHAINS];
    UNROLL for (int i = 0; i < CHAINS; i++) acc[i] = _mm256_set1_epi32(i);
    for (int64_t k = 0; k < n; k++)
        UNROLL for (int i = 0; i < CHAINS; i++) acc[i] = _mm256_dpbusd_avx_epi32(acc[i], x, y);
    return kept(acc, n);
}

/* products of bytes as sums of two in 16 bits, those as sums of two in 32. `same` hides from the compiler that x never
 * changes. */
__attribute__((target("avx2"))) static double burn_avx2(int64_t n)
{
    __m256i x = _mm256_set1_epi8(3), y = _mm256_set1_epi8(-1), ones = _mm256_set1_epi16(1), acc[CHAINS];
    UNROLL for (int i = 0; i < CHAINS; i++) acc[i] = _mm256_set1_epi32(i);
    for (int64_t k = 0; k < n; k++) UNROLL for (int i = 0; i < CHAINS; i++)
        {
            __m256i same = x;
            __asm__("" : "+x"(same));
            acc[i] = _mm256_add_epi32(acc[i], _mm256_madd_epi16(_mm256_maddubs_epi16(same, y), ones));
        }
    return kept(acc, n);
}
#endif

#if defined __aarch64__
#include <arm_neon.h>
#include "base/platform/arm.h"

#define BURN(name, extension, instruction, operations)                                                                 \
    static double burn_##name(int64_t n)                                                                               \
    {                                                                                                                  \
        int8x16_t x = vdupq_n_s8(3), y = vdupq_n_s8(-1);                                                               \
        int32x4_t acc[CHAINS];                                                                                         \
        UNROLL for (int i = 0; i < CHAINS; i++) acc[i] = vdupq_n_s32(i);                                               \
        for (int64_t k = 0; k < n; k++)                                                                                \
            UNROLL for (int i = 0; i < CHAINS; i++)                                                                    \
                __asm__(".arch armv8.2-a+" extension "\n\t" instruction " %0.4s, %1.16b, %2.16b"                       \
                        : "+w"(acc[i])                                                                                 \
                        : "w"(x), "w"(y));                                                                             \
        for (int i = 1; i < CHAINS; i++) acc[0] = veorq_s32(acc[0], acc[i]);                                           \
        return vaddvq_s32(acc[0]) == 12345 ? 0 : (operations) * CHAINS * (double)n;                                    \
    }
BURN(dotprod, "dotprod", "sdot", 32.0)
BURN(i8mm, "i8mm", "smmla", 64.0)
#undef BURN
#endif

/* 1024 bytes by 1024 bytes in L1, vectorized by the compiler. */
static double burn_portable(int64_t n)
{
    enum { BYTES = 1024 };
    int8_t x[BYTES], y[BYTES];
    int32_t sum = 0;
    memset(x, 3, sizeof x);
    memset(y, -1, sizeof y);
    for (int64_t k = 0; k < n; k++) {
        __asm__ volatile("" : : "r"(x), "r"(y) : "memory"); /* the values may have changed */
        for (int i = 0; i < BYTES; i++) sum += (int16_t)(x[i] * y[i]);
    }
    return sum == 12345 ? 0 : 2.0 * BYTES * (double)n;
}

int8_way int8_best(const char *isa)
{
#if defined __x86_64__
    enum { AVX512_VNNI = 1 << 11, AVX_VNNI = 1 << 4 };
    unsigned a, b, c, d;
    if (!strcmp(isa, "avx512") && __get_cpuid_count(7, 0, &a, &b, &c, &d) && c & AVX512_VNNI)
        return (int8_way){"AVX-512 VNNI", burn_avx512_vnni};
    if (!strcmp(isa, "avx512") || !strcmp(isa, "avx2")) {
        if (__get_cpuid_count(7, 1, &a, &b, &c, &d) && a & AVX_VNNI) return (int8_way){"AVX-VNNI", burn_avx_vnni};
        return (int8_way){"AVX2", burn_avx2};
    }
#elif defined __aarch64__
    if (!strcmp(isa, "neon") && arm_has(ARM_I8MM)) return (int8_way){"NEON I8MM", burn_i8mm};
    if (!strcmp(isa, "neon") && arm_has(ARM_DOTPROD)) return (int8_way){"NEON dot products", burn_dotprod};
#endif
    (void)isa;
    return (int8_way){"portable C", burn_portable};
}
