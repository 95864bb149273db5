/* pages.c - memory by pages: mmap, which takes memory once a page is used. */
#define _GNU_SOURCE
#include "base/platform/pages.h"
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

size_t pages_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

void *pages_reserve(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

int pages_commit(void *pages, size_t before, size_t bytes)
{
    (void)pages, (void)before, (void)bytes;
    return 0;
}

void *pages_new(size_t bytes) { return pages_reserve(bytes); }
void pages_release(void *pages, size_t bytes) { munmap(pages, bytes); }

void pages_prefer_large(void *pages, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    madvise(pages, bytes, MADV_HUGEPAGE);
#else
    (void)pages, (void)bytes;
#endif
}

void pages_forbid(void *pages, size_t bytes) { mprotect(pages, bytes, PROT_NONE); }

void *aligned_new(size_t alignment, size_t bytes)
{
    void *p;
    return posix_memalign(&p, alignment, bytes) ? NULL : p;
}

void aligned_free(void *p) { free(p); }

void memory_return_blocks(size_t bytes)
{
#ifdef __GLIBC__ /* which soon takes large blocks from its heap, and that grows by the gaps between them */
    mallopt(M_MMAP_THRESHOLD, (int)bytes);
#else
    (void)bytes;
#endif
}
