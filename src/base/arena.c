/* arena.c - bump memory with marks, in one reserved address range. */
#define _GNU_SOURCE
#include "base/arena.h"
#include "base/error.h"
#include "base/poison.h"
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGN = 64, SMALL = 16 << 20 }; /* huge pages beyond SMALL: fewer page faults and TLB misses */

int arena_init(arena *a, size_t reserve)
{
    void *p = mmap(NULL, reserve, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return fail(WKV_ENOMEM, "no address space for %zu MiB of scratch memory", reserve >> 20);
#ifdef MADV_HUGEPAGE
    if (reserve > SMALL) madvise((char *)p + SMALL, reserve - SMALL, MADV_HUGEPAGE);
#endif
    *a = (arena){.base = p, .at = p, .end = (char *)p + reserve};
    return 0;
}

void arena_release(arena *a)
{
    if (!a->base) return;
    ASAN_UNPOISON_MEMORY_REGION(a->base, a->peak);
    munmap(a->base, (size_t)(a->end - a->base));
    *a = (arena){0};
}

void *arena_alloc(arena *a, size_t bytes)
{
    size_t take = (bytes + ALIGN - 1) / ALIGN * ALIGN + GAP;
    if (take > (size_t)(a->end - a->at) && a->full) longjmp(*a->full, 1);
    CHECK(take >= bytes && take <= (size_t)(a->end - a->at));
    char *p = a->at;
    a->at += take;
    if ((size_t)(a->at - a->base) > a->peak) a->peak = (size_t)(a->at - a->base);
    ASAN_UNPOISON_MEMORY_REGION(p, bytes);
    return p;
}

void *arena_zero(arena *a, size_t bytes) { return memset(arena_alloc(a, bytes), 0, bytes); }

void arena_reset(arena *a, char *mark)
{
    CHECK(mark >= a->base && mark <= a->at);
    ASAN_POISON_MEMORY_REGION(mark, (size_t)(a->at - mark));
    a->at = mark;
}
