/* scratch.c - a thread's scratch memory: one reserved address range, the shared bytes before the own ones. */
#include "base/scratch.h"
#include <stdint.h>
#include "base/error.h"
#include "base/platform/pages.h"
#include "base/poison.h"

enum { PAGE = 4096 };

static _Thread_local thread_memory *mine;

static size_t pages(size_t bytes) { return (bytes + PAGE - 1) / PAGE * PAGE; }

int scratch_reserve(thread_memory *s, workspace w)
{
    if (s->base && s->bytes.own >= w.own && s->bytes.shared >= w.shared) return 0;
    if (w.own < s->bytes.own) w.own = s->bytes.own;
    if (w.shared < s->bytes.shared) w.shared = s->bytes.shared;
    if (w.own > SIZE_MAX / 4 || w.shared > SIZE_MAX / 4)
        return fail(WKV_ENOMEM, "no address space for the scratch memory of a thread");
    w = (workspace){pages(w.own), pages(w.shared)};
    size_t bytes = w.own + w.shared;
    void *p = pages_new(bytes);
    if (!p) return fail(WKV_ENOMEM, "no address space for %zu MiB of a thread's scratch memory", bytes >> 20);
    scratch_release(s);
    *s = (thread_memory){p, w};
    return 0;
}

void scratch_release(thread_memory *s)
{
    size_t bytes = s->bytes.own + s->bytes.shared;
    if (s->base) ASAN_UNPOISON_MEMORY_REGION(s->base, bytes);
    if (s->base) pages_release(s->base, bytes);
    *s = (thread_memory){0};
}

void scratch_use(thread_memory *s) { mine = s; }

static void *ask(char *p, size_t bytes, size_t there)
{
    size_t gap = GAP;
    ASAN_UNPOISON_MEMORY_REGION(p, bytes);
    ASAN_POISON_MEMORY_REGION(p + bytes, there - bytes < gap ? there - bytes : gap);
    return p;
}

void *scratch_shared(size_t bytes)
{
    CHECK(mine && bytes <= mine->bytes.shared);
    return ask(mine->base, bytes, mine->bytes.shared);
}

void *scratch_own(size_t bytes)
{
    CHECK(mine && bytes <= mine->bytes.own);
    return ask(mine->base + mine->bytes.shared, bytes, mine->bytes.own);
}
