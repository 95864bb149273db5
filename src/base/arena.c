/* arena.c - bump memory with marks, in one reserved address range. */
#include "base/arena.h"
#include "base/error.h"
#include "base/platform/pages.h"
#include "base/poison.h"
#include <stdint.h>
#include <string.h>

enum { ALIGN = 64, SMALL = 16 << 20 }; /* huge pages beyond SMALL: fewer page faults and TLB misses */

int arena_init(arena *a, size_t reserve)
{
    void *p = pages_reserve(reserve);
    if (!p) return fail(WKV_ENOMEM, "no address space for %zu MiB of scratch memory", reserve >> 20);
    if (reserve > SMALL) pages_prefer_large((char *)p + SMALL, reserve - SMALL);
    *a = (arena){.base = p, .at = p, .end = (char *)p + reserve};
    return 0;
}

void arena_release(arena *a)
{
    if (!a->base) return;
    ASAN_UNPOISON_MEMORY_REGION(a->base, a->peak);
    pages_release(a->base, (size_t)(a->end - a->base));
    *a = (arena){0};
}

/* Have the first `used` bytes granted, and some more: 1; 0: the system has no memory. */
static int grant(arena *a, size_t used)
{
    const size_t all = (size_t)(a->end - a->base), wanted = used < all - used ? used + used / 8 + SMALL : all;
    const size_t bytes = wanted < all ? wanted : all;
    if (pages_commit(a->base, a->granted, bytes)) return 0;
    a->granted = bytes;
    return 1;
}

void *arena_alloc(arena *a, size_t bytes)
{
    size_t take = (bytes + ALIGN - 1) / ALIGN * ALIGN + GAP;
    if (take > (size_t)(a->end - a->at) && a->full) longjmp(*a->full, 1);
    CHECK(take >= bytes && take <= (size_t)(a->end - a->at));
    const size_t used = (size_t)(a->at - a->base) + take;
    const int granted = used <= a->granted || grant(a, used);
    if (!granted && a->full) longjmp(*a->full, 1);
    CHECK(granted);
    char *p = a->at;
    a->at += take;
    if (used > a->peak) a->peak = used;
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
