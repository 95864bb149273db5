/* int8.c - the instances of integer GEMM, and the choice among them. */
#include "cpu/int8.h"
#include <string.h>
#include "cpu/simd.h"

extern const int8_set int8_avx512vnni, int8_avx512, int8_avxvnni, int8_avx2, int8_neoni8mm, int8_neondot, int8_neon,
    int8_rvv, int8_portable;

/* Whether the processor has the instructions of `set` beyond those of its instance of simd.h. */
#if defined __x86_64__
#include <cpuid.h>

static int has(const int8_set *set)
{
    enum { AVX512_VNNI = 1 << 11, AVX_VNNI = 1 << 4 };
    unsigned a, b, c, d;
    if (set == &int8_avx512vnni) return __get_cpuid_count(7, 0, &a, &b, &c, &d) && c & AVX512_VNNI;
#ifdef INT8_AVXVNNI
    if (set == &int8_avxvnni) return __get_cpuid_count(7, 1, &a, &b, &c, &d) && a & AVX_VNNI;
#endif
    return 1;
}

static const int8_set *const sets[] = {
    &int8_avx512vnni, &int8_avx512,
#ifdef INT8_AVXVNNI
    &int8_avxvnni,
#endif
    &int8_avx2,       &int8_portable,
};
#elif defined __aarch64__
#include "base/platform/arm.h"

static int has(const int8_set *set)
{
    if (set == &int8_neondot) return arm_has(ARM_DOTPROD);
#ifdef INT8_I8MM
    if (set == &int8_neoni8mm) return arm_has(ARM_DOTPROD) && arm_has(ARM_I8MM);
#endif
    return 1;
}

static const int8_set *const sets[] = {
#ifdef INT8_I8MM
    &int8_neoni8mm,
#endif
    &int8_neondot, &int8_neon, &int8_portable};
#elif defined WKV_RVV
static int has(const int8_set *set) { return set != NULL; }

static const int8_set *const sets[] = {&int8_rvv, &int8_portable};
#else
static int has(const int8_set *set) { return set == &int8_portable; }

static const int8_set *const sets[] = {&int8_portable};
#endif

enum { SETS = sizeof sets / sizeof *sets };

const int8_set *int8_at(int i)
{
    for (int s = 0; s < SETS; s++)
        for (int j = 0; simd_at(j); j++)
            if (!strcmp(simd_at(j)->name, sets[s]->isa) && has(sets[s]) && i-- == 0) return sets[s];
    return NULL;
}

const int8_set *int8_of(const char *isa)
{
    const int8_set *s;
    for (int i = 0; (s = int8_at(i)); i++)
        if (!strcmp(s->isa, isa)) break;
    return s;
}
