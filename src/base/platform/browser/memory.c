/* memory.c - memory of WebAssembly: one range of addresses that grows, up to the most that the build allows. */
#include "base/platform/system.h"
#include <emscripten/heap.h>
#include <malloc.h>

size_t system_memory(void) { return emscripten_get_heap_max(); }
size_t system_memory_resident(void) { return emscripten_get_heap_size(); }
size_t system_memory_peak(void) { return emscripten_get_heap_size(); } /* it never shrinks */

/* mallinfo counts in int, whose bits are those of a size_t. */
size_t system_memory_available(void)
{
    const size_t most = emscripten_get_heap_max(), used = (size_t)(unsigned)mallinfo().uordblks;
    return used < most ? most - used : 0;
}
