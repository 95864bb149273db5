/* processor.c - processors of this process, from affinity, /sys and control groups. */
#define _GNU_SOURCE
#include "base/platform/system.h"
#include <sched.h>
#include <stdio.h>
#include "base/cores.h"

/* The number at the beginning of a file; -1: none (also "max"). */
static long long number_in(const char *path, long long *second)
{
    long long n = -1;
    FILE *f = fopen(path, "r");
    if (!f) return -1;
    if (fscanf(f, "%lld", &n) != 1)
        n = -1;
    else if (second && fscanf(f, "%lld", second) != 1)
        n = -1;
    fclose(f);
    return n;
}

/* The processor limit of a container, rounded up; a large number without one. */
static int quota(void)
{
    long long period = 0, most = number_in("/sys/fs/cgroup/cpu.max", &period);
    if (most < 0) { /* control groups of version 1 */
        most = number_in("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", NULL);
        period = number_in("/sys/fs/cgroup/cpu/cpu.cfs_period_us", NULL);
    }
    return most > 0 && period > 0 ? (int)((most + period - 1) / period) : 1 << 20;
}

int system_processors(void)
{
    cpu_set_t may;
    int n = sched_getaffinity(0, sizeof may, &may) ? 1 : CPU_COUNT(&may), limit = quota();
    return n < limit ? n : limit;
}

/* The lowest-numbered processor of cpu's core, which identifies the core. */
static int first_sibling(int cpu)
{
    char path[96];
    int first = cpu;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    FILE *f = fopen(path, "r");
    if (!f) return cpu;
    if (fscanf(f, "%d", &first) != 1) first = cpu;
    fclose(f);
    return first;
}

int system_cores(void)
{
    cpu_set_t may, seen;
    unsigned char fast[CPU_SETSIZE];
    int n = 0, slow = 0, last = CPU_SETSIZE, limit = quota();

    if (sched_getaffinity(0, sizeof may, &may)) return 1;
    CPU_ZERO(&seen);
    while (last && !CPU_ISSET(last - 1, &may)) last--;
    cores_fast("", fast, last);
    for (int cpu = 0; cpu < last; cpu++) {
        if (!CPU_ISSET(cpu, &may)) continue;
        int core = first_sibling(cpu);
        if (core < 0 || core >= CPU_SETSIZE || CPU_ISSET(core, &seen)) continue;
        CPU_SET(core, &seen);
        if (fast[cpu]) n++;
        else slow++;
    }
    if (n < 1) n = slow ? slow : 1;
    return n < limit ? n : limit;
}
