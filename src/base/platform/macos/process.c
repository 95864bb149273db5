/* process.c - the program's file, and clocks of threads. */
#include "base/platform/system.h"
#include <limits.h>
#include <mach-o/dyld.h>
#include <mach/mach.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

int system_program(char *out, size_t capacity)
{
    char started[PATH_MAX], real[PATH_MAX]; /* the first may have links in it */
    uint32_t most = sizeof started;
    *out = 0;
    if (_NSGetExecutablePath(started, &most) || !realpath(started, real) || strlen(real) >= capacity) return 0;
    strcpy(out, real);
    return 1;
}

int thread_clock_own(thread_clock *out)
{
    *out = (thread_clock)pthread_mach_thread_np(pthread_self());
    return 0;
}

/* There are no clocks of other threads, but the time that each has used. */
int64_t thread_clock_us(thread_clock c)
{
    thread_basic_info_data_t used;
    mach_msg_type_number_t n = THREAD_BASIC_INFO_COUNT;
    if (thread_info((thread_act_t)c, THREAD_BASIC_INFO, (thread_info_t)&used, &n)) return 0;
    return (int64_t)(used.user_time.seconds + used.system_time.seconds) * 1000000 + used.user_time.microseconds +
           used.system_time.microseconds;
}

void thread_clock_release(thread_clock c) { (void)c; }
