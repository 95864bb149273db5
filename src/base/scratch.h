/* scratch.h - a thread's scratch memory, which exists before it is needed: operations cannot fail.
 *
 * The caller of a pass first reserves, for its own thread and for those of its pool, as many bytes as the pass can ask
 * for. Only address space is taken; pages appear as they are touched, and stay warm from pass to pass. */
#ifndef WKV_BASE_SCRATCH_H
#define WKV_BASE_SCRATCH_H

#include <stddef.h>

/* Bytes: of a thread's own work, and of memory that stays while parallel regions run, which their parts share. */
typedef struct {
    size_t own, shared;
} workspace;

typedef struct {
    char *base; /* the shared memory, then the thread's own; NULL: none */
    workspace bytes;
} thread_memory;

int scratch_reserve(thread_memory *s, workspace w); /* at least so much; its contents are lost. WKV_ENOMEM */
void scratch_release(thread_memory *s);
void scratch_use(thread_memory *s); /* from now on the calling thread's; s is its owner's, and read at each request */

/* The calling thread's memory, 64-byte aligned; valid until it asks again. CHECK: there is as much. */
void *scratch_own(size_t bytes);
void *scratch_shared(size_t bytes);

#endif
