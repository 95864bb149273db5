/* riscv.c - optional instructions of 64-bit RISC-V processors, as the system reports them. */
#include "base/platform/riscv.h"

#if defined __riscv && defined __linux__
#include <sys/auxv.h>

int riscv_has_vectors(void) { return !!(getauxval(AT_HWCAP) & (1ul << ('V' - 'A'))); } /* a bit for each letter */
#else
int riscv_has_vectors(void) { return 0; }
#endif
