/* scratch.h - a thread's scratch memory, reserved before it is needed, so that operations cannot fail.
 *
 * The caller of a pass first reserves, for its own thread and for those of its pool, the most bytes that the pass can
 * need. Only address space is reserved; pages are allocated when touched, and are reused by later passes. */
#ifndef WKV_BASE_SCRATCH_H
#define WKV_BASE_SCRATCH_H

#include <stddef.h>

/* Bytes private to a thread, and bytes shared by the parts of parallel regions, which stay while the regions run. */
typedef struct {
    size_t own, shared;
} workspace;

typedef struct {
    char *base; /* the shared memory, then the thread's own; NULL: none */
    workspace bytes;
} thread_memory;

int scratch_reserve(thread_memory *s, workspace w); /* at least w; the contents are lost. WKV_ENOMEM */
void scratch_release(thread_memory *s);
void scratch_use(thread_memory *s); /* for the calling thread, from now on; the caller keeps s */

/* The calling thread's memory, 64-byte aligned, valid until its next request. CHECK: enough is reserved. */
void *scratch_own(size_t bytes);
void *scratch_shared(size_t bytes);

#endif
