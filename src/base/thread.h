/* thread.h - a fixed pool of threads for short parallel phases.
 *
 * Workers spin for some microseconds between phases, then sleep, so that a token's many phases cost no system call and
 * an idle program costs no processor. One thread drives a pool at a time. No more threads are started than there are
 * processors to run on: work is cut into as many parts as threads were asked for, and who is free takes the next. */
#ifndef WKV_BASE_THREAD_H
#define WKV_BASE_THREAD_H

#include "base/scratch.h"

typedef struct pool pool;

int pool_new(pool **out, int threads);  /* the caller counts as one; threads <= 0: one per physical core */
void pool_free(pool *p);                /* NULL is fine */
int pool_threads(const pool *p);        /* as many as were asked for: parts that work is cut into. NULL: 1 */
/* phases that all threads ended together so far, modulo 2^32; NULL and one thread: 0 */
unsigned pool_barriers(const pool *p);
int pool_reserve(pool *p, workspace w); /* scratch memory of each thread but the caller's, between phases; WKV_ENOMEM */
int cpu_cores(void);                    /* physical cores this process may run on */

/* Run fn(arg, part, parts) for part = 0 .. parts-1, parts = pool_threads(p), side by side on the pool's threads, the
 * caller's among them, and return when all are done. p NULL runs fn(arg, 0, 1) here. */
void pool_run(pool *p, void (*fn)(void *arg, int part, int parts), void *arg);

/* The share [*from, *to) of n items that belongs to `part` of `parts`, cut at multiples of `grain`. */
void pool_share(int n, int grain, int part, int parts, int *from, int *to);

#endif
