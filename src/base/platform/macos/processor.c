/* processor.c - processors of the machine; a process has all of them. */
#include "base/platform/macos/facts.h"
#include "base/platform/system.h"

static int at_least_one(uint64_t n) { return n ? (int)n : 1; }

int system_processors(void) { return at_least_one(kernel_number("hw.logicalcpu")); }

int system_cores(void)
{
    const uint64_t fast = kernel_number("hw.perflevel0.physicalcpu"); /* level 0 is the fastest; macOS 12 and later */
    return at_least_one(fast ? fast : kernel_number("hw.physicalcpu"));
}
