/* memory.c - memory of the machine and of this process, from /proc and control groups where they are. */
#include "base/platform/system.h"
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* The number of `key` in a file of lines "key number"; an empty key: the file's first word. SIZE_MAX: not found; a
 * number that a 32-bit size_t cannot hold is its largest but one. */
static size_t number_in(const char *path, const char *key)
{
    FILE *f = fopen(path, "r");
    char line[256];
    unsigned long long n;
    size_t found = SIZE_MAX, length = strlen(key);
    while (f && found == SIZE_MAX && fgets(line, sizeof line, f))
        if (!strncmp(line, key, length) && sscanf(line + length, "%llu", &n) == 1)
            found = n < SIZE_MAX ? (size_t)n : SIZE_MAX - 1;
    if (f) fclose(f);
    return found;
}

size_t system_memory(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages < 1 || page < 1) return 0;
    return (size_t)pages < SIZE_MAX / (size_t)page ? (size_t)pages * (size_t)page : SIZE_MAX;
}

size_t system_memory_available(void)
{
    size_t kilobytes = number_in("/proc/meminfo", "MemAvailable:"), there;
    if (kilobytes != SIZE_MAX)
        there = kilobytes < SIZE_MAX / 1024 ? kilobytes * 1024 : SIZE_MAX;
    else
        there = system_memory() ? system_memory() : SIZE_MAX;
    size_t most = number_in("/sys/fs/cgroup/memory.max", ""), used = number_in("/sys/fs/cgroup/memory.current", "");
    if (most != SIZE_MAX && used != SIZE_MAX) {
        size_t cache = number_in("/sys/fs/cgroup/memory.stat", "inactive_file "); /* reclaimed when needed */
        if (cache != SIZE_MAX && cache < used) used -= cache;
        size_t left = most > used ? most - used : 0;
        if (left < there) there = left;
    }
    struct rlimit limit;
    if (!getrlimit(RLIMIT_AS, &limit) && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < there)
        there = (size_t)limit.rlim_cur;
    return there;
}

size_t system_memory_peak(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (size_t)u.ru_maxrss * 1024;
}

size_t system_memory_resident(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    unsigned long long total, resident;
    int got = f && fscanf(f, "%llu %llu", &total, &resident) == 2;
    if (f) fclose(f);
    return got ? (size_t)resident * (size_t)sysconf(_SC_PAGESIZE) : system_memory_peak();
}

size_t system_cache(void)
{
#ifdef _SC_LEVEL3_CACHE_SIZE
    const long bytes = sysconf(_SC_LEVEL3_CACHE_SIZE);
    return bytes > 0 ? (size_t)bytes : 0;
#else
    return 0;
#endif
}
