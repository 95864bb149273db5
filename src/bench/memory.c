/* memory.c - what base knows of memory, for programs. */
#include "base/memory.h"
#include "wkv_bench.h"

size_t wkv_memory_available(void) { return memory_available(); }
size_t wkv_memory_peak(void) { return memory_peak(); }
size_t wkv_memory_resident(void) { return memory_resident(); }
