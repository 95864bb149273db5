/* arena.h - bump memory with marks.
 *
 * The address range is reserved once and pages are allocated when touched, so no sizes are computed by hand, addresses
 * never move, and a pass that starts at the same mark gets the same addresses. Nothing is freed singly: arena_reset
 * returns to a mark. Under AddressSanitizer released memory is poisoned, with a gap between allocations. */
#ifndef WKV_BASE_ARENA_H
#define WKV_BASE_ARENA_H

#include <setjmp.h>
#include <stddef.h>

typedef struct {
    char *base, *at, *end;
    size_t peak;    /* most bytes ever in use                     */
    size_t granted; /* bytes that the system has granted, >= peak */
    jmp_buf *full;  /* target of arena_alloc when the range is exhausted; NULL: the owner has ensured that it is not */
} arena;

int arena_init(arena *a, size_t reserve);  /* reserve bytes of address space; WKV_ENOMEM */
void arena_release(arena *a);              /* unmap the range */
void *arena_alloc(arena *a, size_t bytes); /* 64-byte aligned, NOT zeroed; never NULL: see `full` */
void *arena_zero(arena *a, size_t bytes);  /* the same, zeroed */
static inline char *arena_mark(const arena *a) { return a->at; }
void arena_reset(arena *a, char *mark); /* release everything allocated since mark */

#endif
