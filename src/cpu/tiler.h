/* tiler.h - shared by the devices of this folder: memory of the host, and the heads entry. */
#ifndef WKV_CPU_TILER_H
#define WKV_CPU_TILER_H

#include "base/thread.h"
#include "ops/device.h"

/* The contexts of tiles, one for each share of the work, and a device without threads, shared by the workers. */
typedef struct {
    device *alone;
    pool *pool;
    cx *part;
} tiler;

int host_arena_new(device *d, arena *a, size_t bytes); /* arena_new and arena_free of device.h */
void host_arena_free(device *d, arena *a);

int tiler_init(tiler *t, device *alone, pool *p); /* WKV_ENOMEM */
int tiler_reserve(tiler *t, const pass_size *s);  /* memory for the tiles of passes of this size; WKV_ENOMEM */
void tiler_release(tiler *t);
size_t tiler_kept(device *d, const heads_args *a); /* heads_kept of device.h */
void tiler_heads(const tiler *t, const heads_args *a);
void tiler_heads_back(const tiler *t, const heads_args *a);

#endif
