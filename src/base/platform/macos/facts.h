/* facts.h - numbers that the kernel has names for. */
#ifndef WKV_BASE_PLATFORM_MACOS_FACTS_H
#define WKV_BASE_PLATFORM_MACOS_FACTS_H

#include <stdint.h>

uint64_t kernel_number(const char *name); /* of sysctl(8); 0 where this machine has none of the name */

#endif
