/* memory.h - available memory, and memory of this process. */
#ifndef WKV_BASE_MEMORY_H
#define WKV_BASE_MEMORY_H

#include <stddef.h>

/* bytes that can be allocated without swapping, limits of containers included; at least 64 MiB */
size_t memory_available(void);
size_t memory_peak(void);     /* peak resident bytes of this process */
size_t memory_resident(void); /* resident bytes of this process, pages of mapped files included */

/* A copy, and a zero byte behind it; the caller frees it. NULL: no memory. */
void *memory_copy(const void *from, size_t bytes);

#endif
