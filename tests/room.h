/* room.h - scratch memory for tests that call operations and devices without a model. */
#ifndef WKV_TEST_ROOM_H
#define WKV_TEST_ROOM_H

#include "ops/device.h"

/* A context that is ready for passes of tests' sizes. */
static inline int room_context(cx *c, const device *dev, pool *p)
{
    pass_size s = {.rows = 4096, .spans = 64, .width = 1024, .widest = 4096, .backward = 1};
    int e = cx_init(c, dev, p);
    if (!e) e = cx_reserve(c, &s);
    s.head = 128;
    if (!e) e = cx_reserve(c, &s);
    if (!e) cx_reset(c);
    return e;
}

/* For the calling thread and those of n pools, some of which may be NULL. */
static inline int room_threads(pool *const *pools, int n)
{
    static thread_memory mine;
    const workspace w = {.own = 1 << 28, .shared = 1 << 28};
    int e = scratch_reserve(&mine, w);
    for (int i = 0; i < n && !e; i++) e = pool_reserve(pools[i], w);
    scratch_use(&mine);
    return e;
}

#endif
