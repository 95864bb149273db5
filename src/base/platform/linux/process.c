/* process.c - the program's file, and clocks of threads. */
#define _GNU_SOURCE
#include "base/platform/system.h"
#include <pthread.h>
#include <time.h>
#include <unistd.h>

int system_program(char *out, size_t capacity)
{
    const ssize_t n = readlink("/proc/self/exe", out, capacity - 1);
    out[n < 0 ? 0 : n] = 0;
    return n > 0;
}

int thread_clock_own(thread_clock *out)
{
    clockid_t id;
    if (pthread_getcpuclockid(pthread_self(), &id)) return -1;
    *out = (thread_clock)id;
    return 0;
}

int64_t thread_clock_us(thread_clock c)
{
    struct timespec t;
    return clock_gettime((clockid_t)c, &t) ? 0 : (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void thread_clock_release(thread_clock c) { (void)c; }
