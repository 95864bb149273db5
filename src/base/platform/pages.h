/* pages.h - memory from the system, by pages; and memory with an alignment. */
#ifndef WKV_BASE_PLATFORM_PAGES_H
#define WKV_BASE_PLATFORM_PAGES_H

#include <stddef.h>

size_t pages_size(void); /* bytes of a page */

/* Address space whose pages are zero, and take memory once they are used. NULL: none. Where the system grants memory
 * before it is used (Windows), pages_commit asks for the first `bytes`, of which `before` were granted; 0, or -1. */
void *pages_reserve(size_t bytes);
int pages_commit(void *pages, size_t before, size_t bytes);
void *pages_new(size_t bytes); /* the same, granted whole */
void pages_release(void *pages, size_t bytes);
void pages_prefer_large(void *pages, size_t bytes); /* huge pages: fewer page faults and TLB misses */
void pages_forbid(void *pages, size_t bytes);       /* any access is a fault */

void *aligned_new(size_t alignment, size_t bytes); /* alignment: a power of two. NULL: no memory */
void aligned_free(void *p);

/* Give each freed block of at least this size back to the system at once, where the allocator can. */
void memory_return_blocks(size_t bytes);

#endif
