/* thread.c - the pool: a generation counter that workers poll, a claim per part, a count of parts that the caller
 * polls.
 *
 * Incrementing `opened` opens a region, and it is closed when `left` is zero. The first thread that claims a part runs
 * it: each thread first claims its own, then the remaining ones, so a thread always has the same part as long as every
 * thread has a processor. A thread without one, because another program runs there, does not delay the region unless it
 * has begun: the others run its part. Threads never outnumber processors; parts are as many as threads were requested.
 *
 * Both sides spin for SPIN_NS and then sleep on a condition variable, which also leaves the processor to a thread of
 * ours that waits for one. A thread sets `asleep` or `waiting` BEFORE it last reads the counter it waits for, and a
 * thread that changes a counter reads these flags AFTERWARDS; with sequentially consistent atomics one of the two
 * always sees the other, so the usual region takes no lock and no wake-up is lost. */
#include "base/clock.h"
#include "base/platform/begin.h"
#include "base/platform/pages.h"
#include "base/platform/signals.h"
#include "base/platform/system.h"
#include "base/thread.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"

enum { SPIN_NS = 50000, LINE = 64 };

typedef struct {
    _Alignas(LINE) atomic_uint phase; /* the last region in which the part was claimed */
} claim;

struct pool {
    int threads, parts;
    claim *claims; /* of each part */
    void (*fn)(void *arg, int part, int parts);
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t start, done;
    pthread_t *thread;     /* threads - 1 */
    thread_memory *memory; /* threads - 1 */
    _Alignas(LINE) atomic_uint opened;
    atomic_int asleep, stop;
    _Alignas(LINE) atomic_int left;
    atomic_int waiting;
};

typedef struct {
    pool *p;
    int part;
} worker;

static void relax(void)
{
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("isb");
#endif
}

/* Wait until a region other than `seen` is open; returns its number. */
static unsigned wait_opened(pool *p, unsigned seen)
{
    int64_t until = clock_ns() + SPIN_NS;
    do {
        for (int i = 0; i < 16; i++) {
            unsigned n = atomic_load_explicit(&p->opened, memory_order_acquire);
            if (n != seen) return n;
            relax();
        }
    } while (clock_ns() < until);

    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->asleep, 1);
    while (atomic_load(&p->opened) == seen) pthread_cond_wait(&p->start, &p->lock);
    atomic_fetch_sub(&p->asleep, 1);
    pthread_mutex_unlock(&p->lock);
    return atomic_load(&p->opened);
}

static void wait_done(pool *p)
{
    int64_t until = clock_ns() + SPIN_NS;
    do {
        for (int i = 0; i < 16; i++) {
            if (!atomic_load_explicit(&p->left, memory_order_acquire)) return;
            relax();
        }
    } while (clock_ns() < until);

    pthread_mutex_lock(&p->lock);
    atomic_exchange(&p->waiting, 1); /* no store: in qemu 7.2's 64-bit Arm the load below can come before it */
    while (atomic_load(&p->left)) pthread_cond_wait(&p->done, &p->lock);
    atomic_store(&p->waiting, 0);
    pthread_mutex_unlock(&p->lock);
}

static void open_phase(pool *p)
{
    atomic_fetch_add(&p->opened, 1);
    if (!atomic_load(&p->asleep)) return;
    pthread_mutex_lock(&p->lock);
    pthread_cond_broadcast(&p->start);
    pthread_mutex_unlock(&p->lock);
}

/* Run the unclaimed parts of this region, from `own` on. */
static void take_parts(pool *p, unsigned phase, int own)
{
    for (int i = 0; i < p->parts; i++) {
        int part = own + i < p->parts ? own + i : own + i - p->parts;
        unsigned before = phase - 1;
        if (atomic_load_explicit(&p->claims[part].phase, memory_order_relaxed) != before ||
            !atomic_compare_exchange_strong(&p->claims[part].phase, &before, phase))
            continue;
        p->fn(p->arg, part, p->parts);
        if (atomic_fetch_sub(&p->left, 1) == 1 && atomic_load(&p->waiting)) {
            pthread_mutex_lock(&p->lock);
            pthread_cond_signal(&p->done);
            pthread_mutex_unlock(&p->lock);
        }
    }
}

static void *work(void *arg)
{
    pool *p = ((worker *)arg)->p;
    int part = ((worker *)arg)->part;
    unsigned seen = 0;
    free(arg);
    scratch_use(&p->memory[part - 1]);
    for (;;) {
        seen = wait_opened(p, seen);
        if (atomic_load(&p->stop)) return NULL;
        take_parts(p, seen, part);
    }
}

void pool_run(pool *p, void (*fn)(void *arg, int part, int parts), void *arg)
{
    if (!p) {
        fn(arg, 0, 1);
        return;
    }
    if (p->threads == 1) {
        for (int part = 0; part < p->parts; part++) fn(arg, part, p->parts);
        return;
    }
    p->fn = fn;
    p->arg = arg;
    atomic_store_explicit(&p->left, p->parts, memory_order_relaxed);
    open_phase(p);
    take_parts(p, atomic_load_explicit(&p->opened, memory_order_relaxed), 0);
    wait_done(p);
}

/* Stop the first `started` workers and free everything. */
static void stop_pool(pool *p, int started)
{
    atomic_store(&p->stop, 1);
    open_phase(p);
    for (int i = 0; i < started; i++) pthread_join(p->thread[i], NULL);
    pthread_cond_destroy(&p->start);
    pthread_cond_destroy(&p->done);
    pthread_mutex_destroy(&p->lock);
    for (int i = 0; p->memory && i < p->threads - 1; i++) scratch_release(&p->memory[i]);
    free(p->memory);
    free(p->thread);
    aligned_free(p->claims);
    aligned_free(p);
}

/* Start n workers with signals held: signals are the host's, and wake the thread that waits for them. Returns the
 * number started. */
static int start_workers(pool *p, int n)
{
    signals_kept before;
    int i = 0;
    signals_hold(&before);
    for (; i < n; i++) {
        worker *w = malloc(sizeof *w);
        if (w) *w = (worker){p, i + 1};
        if (w && !thread_begin(&p->thread[i], work, w)) continue;
        free(w);
        break;
    }
    signals_restore(&before);
    return i;
}

int pool_new(pool **out, int threads)
{
    enum { MOST = 1024 };

    *out = NULL;
    if (threads <= 0) threads = cpu_cores();
    if (threads > MOST) return fail(WKV_EARG, "%d threads: at most %d", threads, MOST);
    pool *p = aligned_new(LINE, (sizeof *p + LINE - 1) / LINE * LINE);
    if (!p) return fail(WKV_ENOMEM, "no memory for a pool of %d threads", threads);
    memset(p, 0, sizeof *p);
    p->parts = threads;
    if (threads > system_processors()) threads = system_processors();
    p->threads = threads;
    p->thread = calloc((size_t)threads, sizeof *p->thread);
    p->memory = calloc((size_t)threads, sizeof *p->memory);
    p->claims = aligned_new(LINE, (size_t)p->parts * sizeof *p->claims);
    if (p->claims) memset(p->claims, 0, (size_t)p->parts * sizeof *p->claims);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->start, NULL);
    pthread_cond_init(&p->done, NULL);
    int there = p->thread && p->claims && p->memory;
    if (!there) {
        stop_pool(p, 0);
        return fail(WKV_ENOMEM, "no memory for a pool of %d threads", threads);
    }
    int started = start_workers(p, threads - 1);
    if (started < threads - 1) {
        stop_pool(p, started);
        return fail(WKV_ENOMEM, "the system gives only %d of %d threads", started + 1, threads);
    }
    *out = p;
    return 0;
}

void pool_free(pool *p)
{
    if (p) stop_pool(p, p->threads - 1);
}

int pool_reserve(pool *p, workspace w)
{
    int err = 0;
    for (int i = 0; p && !err && i < p->threads - 1; i++) err = scratch_reserve(&p->memory[i], w);
    return err;
}

int pool_threads(const pool *p) { return p ? p->parts : 1; }

unsigned pool_barriers(const pool *p) { return p ? atomic_load((atomic_uint *)&p->opened) : 0; }

void pool_share(int n, int grain, int part, int parts, int *from, int *to)
{
    int64_t blocks = ((int64_t)n + grain - 1) / grain;
    int64_t a = blocks * part / parts * grain, b = blocks * (part + 1) / parts * grain;
    *from = a < n ? (int)a : n;
    *to = b < n ? (int)b : n;
}

int cpu_cores(void) { return system_cores(); }
