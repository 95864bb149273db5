/* map.c - mapped files of POSIX. */
#define _GNU_SOURCE
#include "base/platform/descriptor.h"
#include <stdint.h>
#include <sys/mman.h>

void *descriptor_map(int fd, size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
    return p == MAP_FAILED ? NULL : p;
}

void map_release(const void *map, size_t bytes) { munmap((void *)(uintptr_t)map, bytes); }

void map_expect(const void *map, size_t bytes, int scattered)
{
    madvise((void *)(uintptr_t)map, bytes, scattered ? MADV_RANDOM : MADV_NORMAL);
}

void map_forget(const void *map, size_t bytes)
{
    madvise((void *)(uintptr_t)map, bytes, MADV_DONTNEED); /* shared with a file: nothing is lost */
}
