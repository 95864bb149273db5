/* room.h - devices for tests that call operations and entries without a model. */
#ifndef WKV_TEST_ROOM_H
#define WKV_TEST_ROOM_H

#include <stdio.h>
#include <stdlib.h>
#include "ops/device.h"

/* Reserve scratch memory for passes of tests' sizes, for this thread too. */
static inline int room_reserve(device *d)
{
    pass_size s = {.rows = 4096, .spans = 64, .width = 1024, .widest = 65536, .backward = 1};
    int e = d->reserve(d, &s);
    s.head = 128;
    if (!e) e = d->reserve(d, &s);
    if (!e) d->begin(d);
    return e;
}

/* A device that is ready. */
static inline device *room_device(const char *name, int threads, const char *isa)
{
    device *d;
    if (!device_open(&d, name, threads, isa) && !room_reserve(d)) return d;
    fprintf(stderr, "%s\n", wkv_error());
    exit(1);
}

/* A context that is ready. */
static inline int room_context(cx *c, device *d)
{
    int e = room_reserve(d);
    if (!e) e = cx_init(c, d);
    if (!e) cx_reset(c);
    return e;
}

#endif
