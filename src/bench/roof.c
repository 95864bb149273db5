/* roof.c - the hardware limits: memory reads, float32 multiply-adds, int8 dot products. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"
#include "bench/int8.h"
#include "ops/device.h"
#include "rwkv/api.h"
#include "wkv_bench.h"
#include "base/platform/pages.h"
#include "base/platform/system.h"

/* ---- reading ----------------------------------------------------------------------------------------------------- */

typedef struct {
    int streams, ahead;
} pattern;

/* The bandwidth of a thread depends on the number of parallel streams (docs/performance.md, "Decoding: reading
 * weights"), and the best number on the machine: all are tried. */
static const pattern patterns[] = {
    {8, 1024}, {1, 0},    {8, 0},    {4, 1024}, {16, 1024}, {2, 0},    {4, 0},
    {16, 0},   {1, 2048}, {2, 2048}, {4, 512},  {8, 512},   {8, 2048}, {16, 512},
};
enum { PATTERNS = sizeof patterns / sizeof *patterns };

typedef uint64_t pair __attribute__((vector_size(16)));

/* Read `bytes` once as `streams` equal parts in parallel; the result depends on all of it. */
static inline __attribute__((always_inline)) uint64_t walk(const char *data, size_t bytes, const int streams,
                                                           size_t ahead)
{
    size_t apart = bytes / (size_t)streams / 64 * 64;
    pair acc[4] = {{0}};
    for (size_t i = 0; i < apart; i += 64) _Pragma("GCC unroll 16") for (int s = 0; s < streams; s++)
        {
            const char *at = data + (size_t)s * apart + i;
            const pair *line = (const pair *)(const void *)at;
            if (ahead) __builtin_prefetch(at + ahead);
            acc[0] += line[0];
            acc[1] += line[1];
            acc[2] += line[2];
            acc[3] += line[3];
        }
    pair sum = (acc[0] + acc[1]) + (acc[2] + acc[3]);
    return sum[0] + sum[1];
}

static uint64_t read_all(const char *data, size_t bytes, pattern p)
{
    size_t ahead = (size_t)p.ahead;
    switch (p.streams) {
    case 1: return ahead ? walk(data, bytes, 1, ahead) : walk(data, bytes, 1, 0);
    case 2: return ahead ? walk(data, bytes, 2, ahead) : walk(data, bytes, 2, 0);
    case 4: return ahead ? walk(data, bytes, 4, ahead) : walk(data, bytes, 4, 0);
    case 8: return ahead ? walk(data, bytes, 8, ahead) : walk(data, bytes, 8, 0);
    default: return ahead ? walk(data, bytes, 16, ahead) : walk(data, bytes, 16, 0);
    }
}

typedef struct {
    char *data;
    size_t bytes; /* of each thread */
    pattern how;
} reading;

static void fill_part(void *arg, int part, int parts)
{
    const reading *r = arg;
    (void)parts;
    memset(r->data + (size_t)part * r->bytes, part + 1, r->bytes);
}

static void read_part(void *arg, int part, int parts)
{
    const reading *r = arg;
    (void)parts;
    volatile uint64_t keep = read_all(r->data + (size_t)part * r->bytes, r->bytes, r->how);
    (void)keep;
}

/* Twice the last-level cache, at least 256 MiB and at most 1 GiB, but no more than a quarter of the available
 * memory. */
static size_t buffer_bytes(void)
{
    size_t bytes = (size_t)256 << 20, quarter = wkv_memory_available() / 4;
    if (2 * system_cache() > bytes) bytes = 2 * system_cache();
    if (bytes > (size_t)1 << 30) bytes = (size_t)1 << 30;
    return bytes < quarter ? bytes : quarter;
}

struct wkv_meter {
    device *d;     /* its instruction set is measured            */
    device *other; /* measures itself, in place of the processor */
    pool *p;
    reading r;
    wkv_roof best;
};

/* Bytes per second of one pass. */
static double read_once(wkv_meter *m)
{
    double t = clock_seconds();
    pool_run(m->p, read_part, &m->r);
    return (double)m->r.bytes * pool_threads(m->p) / (clock_seconds() - t);
}

/* Try every pattern in turn until the time is over, the most promising first; every third try repeats the best so far,
 * because a busy machine seldom reaches its limit. */
static void search_reading(wkv_meter *m, double seconds)
{
    wkv_roof *best = &m->best;
    int next = 0;
    double end = clock_seconds() + seconds;
    for (int i = 0; i < 3 || clock_seconds() < end; i++) {
        int again = i % 3 == 2 || (i == 0 && best->read > 0);
        m->r.how = again ? (pattern){best->streams, best->ahead} : patterns[next++ % PATTERNS];
        double rate = read_once(m);
        if (rate <= best->read) continue;
        best->read = rate;
        best->streams = m->r.how.streams;
        best->ahead = m->r.how.ahead;
    }
    m->r.how = (pattern){best->streams, best->ahead};
}

/* ---- computing --------------------------------------------------------------------------------------------------- */

typedef struct {
    double (*burn)(int64_t n);
    int64_t rounds;
} burning;

static void burn_part(void *arg, int part, int parts)
{
    const burning *b = arg;
    (void)part, (void)parts;
    volatile double keep = b->burn(b->rounds);
    (void)keep;
}

/* Operations per second of all threads: the best of bursts of a few milliseconds, short enough that other programs do
 * not disturb all. */
static double measure_burning(pool *p, double (*burn)(int64_t), double seconds)
{
    burning b = {.burn = burn, .rounds = 1000};
    double t, best = 0, one = burn(1);
    for (;; b.rounds *= 2) {
        t = clock_seconds();
        burn(b.rounds);
        if (clock_seconds() - t > 0.001) break;
    }
    double end = clock_seconds() + seconds;
    for (int i = 0; i < 1 || clock_seconds() < end; i++) {
        t = clock_seconds();
        pool_run(p, burn_part, &b);
        double rate = one * (double)b.rounds * pool_threads(p) / (clock_seconds() - t);
        if (rate > best) best = rate;
    }
    return best;
}

static void measure_arithmetic(const wkv_meter *m, wkv_roof *to, double seconds)
{
    int8_way int8 = int8_best(m->d->isa);
    double fma = measure_burning(m->p, m->d->burn, seconds / 2), bytes = measure_burning(m->p, int8.burn, seconds / 2);
    if (fma > to->fma) to->fma = fma;
    if (bytes > to->int8) to->int8 = bytes;
    to->fma_how = m->d->isa;
    to->int8_how = int8.name;
}

/* ---- a device with memory of its own ----------------------------------------------------------------------------- */

static void measure_other(wkv_meter *m, wkv_roof *now)
{
    now->read = now->fma = 0;
    m->other->limits(m->other, &now->read, &now->fma);
    now->int8 = now->fma;
    if (now->read > m->best.read) m->best.read = now->read;
    if (now->fma > m->best.fma) m->best.fma = m->best.int8 = now->fma;
}

int wkv_meter_use(wkv_meter *m, const wkv_context *c)
{
    REQUIRE(m, "the meter");
    REQUIRE(c, "the context");
    device *d = context_device(c);
    double read, fma;
    if (!d->limits) return 0;
    int err = d->limits(d, &read, &fma); /* builds the kernels, too */
    if (err) return err;
    m->other = d;
    m->best = (wkv_roof){.threads = d->threads, .fma_how = d->isa, .int8_how = "as float32"};
    return 0;
}

/* ---- the meter --------------------------------------------------------------------------------------------------- */

int wkv_meter_new(wkv_meter **out, int threads)
{
    REQUIRE(out, "the place for the meter");
    *out = NULL;
    if (threads < 0 || threads > 1024)
        return fail(WKV_EARG, "%d threads, expected 1 to 1024, or 0 for one per core", threads);
    wkv_meter *m = calloc(1, sizeof *m);
    int err = m ? pool_new(&m->p, threads) : fail(WKV_ENOMEM, "no memory for the meter");
    if (!err) err = device_open(&m->d, "cpu", 1, NULL);
    if (!err) {
        int n = m->best.threads = pool_threads(m->p);
        m->r.bytes = buffer_bytes() / (size_t)n / 4096 * 4096;
        size_t all = m->r.bytes * (size_t)n;
        if (!all || !(m->r.data = aligned_new(4096, all)))
            err = fail(WKV_ENOMEM, "no memory for a read buffer of %zu MB", all / 1000000);
    }
    if (!err) pool_run(m->p, fill_part, &m->r);
    if (err)
        wkv_meter_free(m);
    else
        *out = m;
    return err;
}

void wkv_meter_free(wkv_meter *m)
{
    if (!m) return;
    pool_free(m->p);
    device_close(m->d);
    aligned_free(m->r.data);
    free(m);
}

void wkv_meter_search(wkv_meter *m, double seconds, wkv_roof *best)
{
    if (!m || !best) return;
    if (m->other) {
        wkv_roof now;
        const double end = clock_seconds() + seconds;
        do measure_other(m, &now);
        while (clock_seconds() < end);
    } else {
        search_reading(m, seconds / 2);
        measure_arithmetic(m, &m->best, seconds / 2);
    }
    *best = m->best;
}

void wkv_meter_now(wkv_meter *m, wkv_roof *out)
{
    if (!m || !out) return;
    *out = m->best;
    if (m->other) {
        measure_other(m, out);
        return;
    }
    out->fma = out->int8 = 0;
    out->read = read_once(m);
    measure_arithmetic(m, out, 0);
    if (out->read > m->best.read) m->best.read = out->read;
    if (out->fma > m->best.fma) m->best.fma = out->fma;
    if (out->int8 > m->best.int8) m->best.int8 = out->int8;
}
