/* memory.c - available memory, and memory of this process. */
#include "base/memory.h"
#include "base/platform/system.h"
#include <stdlib.h>
#include <string.h>

/* Never less than this, because the figure changes with other programs: small allocations are tried anyway. */
enum { ALWAYS_TRIED = 64 << 20 };

size_t memory_available(void)
{
    const size_t there = system_memory_available();
    return there > ALWAYS_TRIED ? there : ALWAYS_TRIED;
}

size_t memory_peak(void) { return system_memory_peak(); }
size_t memory_resident(void) { return system_memory_resident(); }

void *memory_copy(const void *from, size_t bytes)
{
    char *to = malloc(bytes + 1);
    if (!to) return NULL;
    if (bytes) memcpy(to, from, bytes);
    to[bytes] = 0;
    return to;
}
