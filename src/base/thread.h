/* thread.h - a fixed pool of threads for short parallel regions.
 *
 * Workers spin for some microseconds between regions, then sleep, so that a token's many regions cost no system call
 * and an idle program uses no processor. One thread drives a pool at a time. At most as many threads are started as
 * there are processors; work is divided into as many parts as threads were requested, and idle threads run the next
 * part. */
#ifndef WKV_BASE_THREAD_H
#define WKV_BASE_THREAD_H

#include "base/scratch.h"

typedef struct pool pool;

int pool_new(pool **out, int threads);  /* including the caller; threads <= 0: one per physical core */
void pool_free(pool *p);                /* NULL is fine */
int pool_threads(const pool *p);        /* threads requested, which is the number of parts of work. NULL: 1 */
/* parallel regions that ended so far, modulo 2^32; NULL and one thread: 0 */
unsigned pool_barriers(const pool *p);
/* scratch memory of each thread except the caller's; not within a parallel region. WKV_ENOMEM */
int pool_reserve(pool *p, workspace w);
int cpu_cores(void); /* physical cores this process may run on; of fast and slow ones only the fast (cores.h) */

/* Run fn(arg, part, parts) for part = 0 .. parts-1, parts = pool_threads(p), in parallel on the pool's threads and the
 * caller's, and return when all are done. p NULL runs fn(arg, 0, 1). */
void pool_run(pool *p, void (*fn)(void *arg, int part, int parts), void *arg);

/* The share [*from, *to) of n items for `part` of `parts`, divided at multiples of `grain`. */
void pool_share(int n, int grain, int part, int parts, int *from, int *to);

#endif
