/* memory.h - how much memory there is, and how much this process holds. */
#ifndef WKV_BASE_MEMORY_H
#define WKV_BASE_MEMORY_H

#include <stddef.h>

/* bytes that can be taken without swapping, limits of containers included; 64 MiB at least */
size_t memory_available(void);
size_t memory_peak(void);      /* most bytes this process has had in memory */
size_t memory_resident(void);  /* bytes of it that are in memory, pages of mapped files included */

#endif
