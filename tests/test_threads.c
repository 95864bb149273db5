/* test_threads.c - the pool: every part runs exactly once, and its writes are visible afterwards. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include "base/clock.h"
#include "base/cores.h"
#include "base/file.h"
#include "base/platform/begin.h"
#include "base/thread.h"
#include "folder.h"
#include "test.h"
#include "wkv.h"

enum { MOST = 16 };

typedef struct {
    int runs[MOST], parts;
} probe;

static void visit(void *arg, int part, int parts)
{
    probe *q = arg;
    q->runs[part]++;
    if (part == 0) q->parts = parts;
}

static void every_part_once(void)
{
    for (int n = 1; n <= 7; n++) {
        pool *p;
        probe q = {0};
        EXPECT_EQ(pool_new(&p, n), 0);
        EXPECT_EQ(pool_threads(p), n);
        for (int i = 0; i < 200; i++) pool_run(p, visit, &q);
        EXPECT_EQ(q.parts, n);
        for (int i = 0; i < n; i++) EXPECT_EQ(q.runs[i], 200);
        pool_free(p);
    }
}

static void without_a_pool(void)
{
    probe q = {0};
    pool_run(NULL, visit, &q);
    EXPECT_EQ(q.runs[0], 1);
    EXPECT_EQ(q.parts, 1);
    EXPECT_EQ(pool_threads(NULL), 1);
    pool_free(NULL);
}

typedef struct {
    int *from, *to, n;
} copying;

static void copy_next(void *arg, int part, int parts)
{
    copying *c = arg;
    int a, b;
    pool_share(c->n, 8, part, parts, &a, &b);
    for (int i = a; i < b; i++) c->to[i] = c->from[(i + 1) % c->n] + 1;
}

/* Each region reads the writes of other threads in the previous one, which detects a lost or late part. */
static void phases_see_each_other(void)
{
    enum { N = 1000, PHASES = 3000 };
    static int x[N], y[N];
    pool *p;
    EXPECT_EQ(pool_new(&p, 4), 0);
    for (int i = 0; i < N; i++) x[i] = i;
    for (int k = 0; k < PHASES; k++) {
        copying c = {k % 2 ? y : x, k % 2 ? x : y, N};
        pool_run(p, copy_next, &c);
    }
    int bad = 0;
    for (int i = 0; i < N; i++) bad += x[i] != (i + PHASES) % N + PHASES;
    EXPECT_EQ(bad, 0);
    pool_free(p);
}

/* Long pauses put the workers to sleep; they must still wake. */
static void sleepers_wake(void)
{
    pool *p;
    probe q = {0};
    struct timespec pause = {0, 3000000};
    EXPECT_EQ(pool_new(&p, 3), 0);
    for (int i = 0; i < 20; i++) {
        nanosleep(&pause, NULL);
        pool_run(p, visit, &q);
    }
    for (int i = 0; i < 3; i++) EXPECT_EQ(q.runs[i], 20);
    pool_free(p);
}

static void slow_part(void *arg, int part, int parts)
{
    struct timespec pause = {0, 2000000};
    if (part == parts - 1) {
        nanosleep(&pause, NULL);
        ++*(int *)arg;
    }
}

/* The caller falls asleep while a worker is still busy. */
static void caller_waits(void)
{
    pool *p;
    int n = 0;
    EXPECT_EQ(pool_new(&p, 3), 0);
    for (int i = 0; i < 20; i++) pool_run(p, slow_part, &n);
    EXPECT_EQ(n, 20);
    pool_free(p);
}

static void busy_part(void *arg, int part, int parts)
{
    int64_t until = clock_ns() + *(int *)arg;
    if (part == parts - 1)
        while (clock_ns() < until) continue;
}

/* The last part ends about when the caller stops polling for it: no wake-up is lost. */
static void parts_end_as_the_caller_falls_asleep(void)
{
    enum { REGIONS = 5000, SHORTEST = 48000, SPAN = 8000 }; /* nanoseconds, around thread.c's SPIN_NS */
    pool *p;
    EXPECT_EQ(pool_new(&p, 2), 0);
    for (int i = 0; i < REGIONS; i++) {
        int ns = SHORTEST + i * 37 % SPAN;
        pool_run(p, busy_part, &ns);
    }
    EXPECT_EQ(pool_barriers(p), REGIONS);
    pool_free(p);
}

static void an_idle_pool_is_idle(void)
{
    pool *p;
    struct timespec a, b, pause = {0, 50000000};
    EXPECT_EQ(pool_new(&p, 4), 0);
    nanosleep(&pause, NULL);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    nanosleep(&pause, NULL);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    EXPECT((double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec) < 0.01);
    pool_free(p);
}

static void pools_come_and_go(void)
{
    for (int i = 0; i < 100; i++) {
        pool *p;
        EXPECT_EQ(pool_new(&p, 1 + i % 5), 0);
        pool_free(p);
    }
}

static void shares_cover_everything(void)
{
    for (int n = 0; n < 200; n += 7)
        for (int grain = 1; grain <= 16; grain *= 4)
            for (int parts = 1; parts <= 9; parts++) {
                int end = 0;
                for (int part = 0; part < parts; part++) {
                    int a, b;
                    pool_share(n, grain, part, parts, &a, &b);
                    EXPECT_EQ(a, end);
                    EXPECT(b >= a && (a % grain == 0 || a == n));
                    end = b;
                }
                EXPECT_EQ(end, n);
            }
    int a, b;
    pool_share(2147483647, 64, 1, 2, &a, &b);
    EXPECT(a > 0 && b == 2147483647);
}

static void counts(void)
{
    pool *p;
    EXPECT(cpu_cores() >= 1);
    EXPECT_EQ(pool_new(&p, 0), 0);
    EXPECT_EQ(pool_threads(p), cpu_cores());
    pool_free(p);
    EXPECT_EQ(pool_new(&p, 1 << 30), WKV_EARG);
    EXPECT(!p);
    EXPECT_HAS(wkv_error(), "threads");
}

/* A folder with sys/ of processors whose file `name` has these numbers; 0: none. */
static const char *machine_with(const char *name, const int *numbers, int n)
{
    char path[512];
    folder_begin("cores");
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu%d/cpufreq", folder, i);
        EXPECT_EQ(file_make_folders(path, 0777), 0);
        snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu%d/%s", folder, i, name);
        FILE *f = numbers[i] ? fopen(path, "w") : NULL;
        if (f) fprintf(f, "%d\n", numbers[i]);
        if (f) fclose(f);
    }
    return folder;
}

static void slow_cores_are_left_out(void)
{
    unsigned char fast[8];
#define EXPECT_FAST(name, expected, ...)                                                                               \
    do {                                                                                                               \
        const int numbers[] = {__VA_ARGS__}, n = sizeof numbers / sizeof *numbers;                                     \
        char got[9] = "";                                                                                              \
        cores_fast(machine_with(name, numbers, n), fast, n);                                                           \
        for (int i = 0; i < n; i++) got[i] = fast[i] ? '1' : '0';                                                      \
        EXPECT_STR(got, expected);                                                                                     \
        folder_end();                                                                                                  \
    } while (0)
    EXPECT_FAST("cpu_capacity", "00001111", 446, 446, 446, 446, 1024, 1024, 1024, 1024); /* four slow, four fast */
    EXPECT_FAST("cpu_capacity", "00001111", 325, 325, 325, 325, 846, 846, 846, 1024);    /* three kinds          */
    EXPECT_FAST("cpu_capacity", "1111", 1024, 1024, 1024, 1024);
    EXPECT_FAST("cpu_capacity", "101", 1024, 100, 0); /* one that is not there */
    EXPECT_FAST("cpufreq/cpuinfo_max_freq", "0011", 1766400, 1766400, 2803200, 2841600);
    EXPECT_FAST("cpufreq/cpuinfo_max_freq", "1111", 5700000, 5500000, 4300000, 4300000);
    EXPECT_FAST("nothing", "11", 1, 2);
#undef EXPECT_FAST
}

/* Half of a stack, written from its beginning on. */
static void *fill(void *sum)
{
    enum { BYTES = THREAD_STACK / 2, PAGE = 4096 };
    volatile char much[BYTES];
    for (int i = BYTES - 1; i >= 0; i -= PAGE) much[i] = 1;
    for (int i = BYTES - 1; i >= 0; i -= PAGE) *(int *)sum += much[i];
    return NULL;
}

/* Where the system gives 512 KB, too. */
static void stacks_are_large(void)
{
#ifdef _WIN32
    SKIP("stacks of Windows have the size that the program's file says");
#endif
    pthread_t thread;
    int sum = 0;
#ifdef __GLIBC__
    pthread_attr_t before, small;
    pthread_getattr_default_np(&before);
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 512 << 10);
    pthread_setattr_default_np(&small);
#endif
    EXPECT_EQ(thread_begin(&thread, fill, &sum), 0);
    pthread_join(thread, NULL);
    EXPECT_EQ(sum, THREAD_STACK / 2 / 4096);
#ifdef __GLIBC__
    pthread_setattr_default_np(&before);
    pthread_attr_destroy(&small);
    pthread_attr_destroy(&before);
#endif
}

int main(void)
{
    RUN(every_part_once);
    RUN(without_a_pool);
    RUN(phases_see_each_other);
    RUN(sleepers_wake);
    RUN(caller_waits);
    RUN(parts_end_as_the_caller_falls_asleep);
    RUN(an_idle_pool_is_idle);
    RUN(pools_come_and_go);
    RUN(shares_cover_everything);
    RUN(counts);
    RUN(slow_cores_are_left_out);
    RUN(stacks_are_large);
    return DONE();
}
