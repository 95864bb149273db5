/* arm.c - optional instructions of 64-bit Arm processors, as the system reports them. */
#include "base/platform/arm.h"

#if defined __aarch64__ && defined __linux__
#include <sys/auxv.h>

int arm_has(arm_feature f)
{
    /* HWCAP_ASIMD, HWCAP_ASIMDDP, HWCAP2_I8MM: the headers of older systems lack the last */
    enum { ASIMD = 1 << 1, ASIMDDP = 1 << 20, I8MM = 1 << 13 };
    if (f == ARM_I8MM) return !!(getauxval(AT_HWCAP2) & I8MM);
    return !!(getauxval(AT_HWCAP) & (f == ARM_NEON ? ASIMD : ASIMDDP));
}
#elif defined __aarch64__ && defined __APPLE__
#include "base/platform/macos/facts.h"

int arm_has(arm_feature f)
{
    if (f == ARM_NEON) return 1;
    return kernel_number(f == ARM_I8MM ? "hw.optional.arm.FEAT_I8MM" : "hw.optional.arm.FEAT_DotProd") == 1;
}
#else
int arm_has(arm_feature f)
{
    (void)f;
    return 0;
}
#endif
