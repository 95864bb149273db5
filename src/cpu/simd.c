/* simd.c - the instruction sets, and the choice among them. */
#include "cpu/simd.h"
#include <stdlib.h>
#include <string.h>
#include "base/error.h"

extern const simd simd_v128, simd_avx2, simd_avx512, simd_neon, simd_rvv;

#if defined __x86_64__
#include <cpuid.h>

/* Whether the processor has `set`, and the system saves its registers (XCR0). */
static int has(const simd *set)
{
    unsigned a, b, c, d, xcr0, high;
    enum { OSXSAVE = 1u << 27, AVX = 1u << 28, FMA3 = 1u << 12, F16C = 1u << 29 };
    enum { AVX2 = 1u << 5, F = 1u << 16, DQ = 1u << 17, BW = 1u << 30 };
    const unsigned VL = 1u << 31;

    if (set == &simd_v128) return 1;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (OSXSAVE | AVX | FMA3 | F16C)) != (OSXSAVE | AVX | FMA3 | F16C))
        return 0;
    __asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(high) : "c"(0));
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
    if (set == &simd_avx2) return (xcr0 & 0x06) == 0x06 && (b & AVX2);
    return (xcr0 & 0xe6) == 0xe6 && (b & (AVX2 | F | DQ | BW | VL)) == (AVX2 | F | DQ | BW | VL);
}

static const simd *const sets[] = {&simd_avx512, &simd_avx2, &simd_v128};
#elif defined __aarch64__
#include "base/platform/arm.h"

static int has(const simd *set) { return set == &simd_v128 || arm_has(ARM_NEON); }

static const simd *const sets[] = {&simd_neon, &simd_v128};
#elif defined WKV_RVV
#include "base/platform/riscv.h"

static int has(const simd *set) { return set == &simd_v128 || riscv_has_vectors(); }

static const simd *const sets[] = {&simd_rvv, &simd_v128};
#else
static int has(const simd *set) { return set == &simd_v128; }

static const simd *const sets[] = {&simd_v128};
#endif

enum { SETS = sizeof sets / sizeof *sets };

const simd *simd_at(int i)
{
    for (int s = 0; s < SETS; s++)
        if (has(sets[s]) && i-- == 0) return sets[s];
    return NULL;
}

int simd_find(const simd **out, const char *name)
{
    static const char *const known = "portable avx2 avx512 neon rvv";
    if (!name) name = getenv("WKV_ISA");
    *out = simd_at(0);
    if (!name || !*name) return 0;
    for (int i = 0; (*out = simd_at(i)); i++)
        if (!strcmp((*out)->name, name)) return 0;
    if (!strchr(name, ' ') && strstr(known, name))
        return fail(WKV_EUNSUPPORTED, "this processor has no %s; the best it has is %s", name, simd_at(0)->name);
    return fail(WKV_EARG, "no instruction set is called \"%s\"; there are portable, avx2, avx512, neon, rvv", name);
}

int simd_streams(void)
{
#if defined __x86_64__
    return __builtin_cpu_is("amd") ? 4 : 8;
#else
    return 8;
#endif
}
