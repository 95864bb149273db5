/* riscv.h - optional instructions of 64-bit RISC-V processors. */
#ifndef WKV_BASE_PLATFORM_RISCV_H
#define WKV_BASE_PLATFORM_RISCV_H

/* Whether the processor has the vector extension and the system lets programs use it; 0 on other processors. */
int riscv_has_vectors(void);

#endif
