/* facts.c - numbers that the kernel has names for. */
#include "base/platform/macos/facts.h"
#include <string.h>
#include <sys/sysctl.h>

uint64_t kernel_number(const char *name)
{
    union {
        uint32_t four;
        uint64_t eight;
    } n = {.eight = 0};
    size_t bytes = sizeof n; /* some names have 4 bytes, others 8 */
    if (sysctlbyname(name, &n, &bytes, NULL, 0)) return 0;
    return bytes == sizeof n.four ? n.four : n.eight;
}
