/* pages.c - memory by pages, from the allocator: WebAssembly has no address space beside its memory. */
#include "base/platform/pages.h"
#include <stdlib.h>
#include <string.h>

enum { PAGE = 4096 }; /* as elsewhere: one of WebAssembly has 64 KB, which would be lost at each block */

size_t pages_size(void) { return PAGE; }

void *pages_reserve(size_t bytes)
{
    void *p = aligned_new(PAGE, bytes);
    return p ? memset(p, 0, bytes) : NULL;
}

int pages_commit(void *pages, size_t before, size_t bytes)
{
    (void)pages, (void)before, (void)bytes;
    return 0;
}

void *pages_new(size_t bytes) { return pages_reserve(bytes); }

void pages_release(void *pages, size_t bytes)
{
    (void)bytes;
    free(pages);
}

void pages_prefer_large(void *pages, size_t bytes) { (void)pages, (void)bytes; }
void pages_forbid(void *pages, size_t bytes) { (void)pages, (void)bytes; }

void *aligned_new(size_t alignment, size_t bytes)
{
    void *p;
    return posix_memalign(&p, alignment, bytes) ? NULL : p;
}

void aligned_free(void *p) { free(p); }
void memory_return_blocks(size_t bytes) { (void)bytes; }
