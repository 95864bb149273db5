/* launches.h - OpenCL calls left out on purpose: a test that sets launches_skipped allocates what a run allocates and
 * counts what it counts, but computes and copies nothing, so that sizes which would take hours, or more than the
 * machine's memory, can be measured. The program's functions are found before the loader's (ENABLE_EXPORTS in
 * CMakeLists.txt). */
#ifndef WKV_TESTS_LAUNCHES_H
#define WKV_TESTS_LAUNCHES_H

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

static int launches_skipped;

/* The loader's function, which the plug-in has loaded. */
static void *real_function(const char *name)
{
    void *loader = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_NOLOAD), *f = loader ? dlsym(loader, name) : NULL;
    if (loader) dlclose(loader);
    return f;
}

#define LEAVE_OUT(name, types, values)                                                                                 \
    __attribute__((visibility("default"))) int32_t name types;                                                         \
    int32_t name types                                                                                                 \
    {                                                                                                                  \
        if (launches_skipped) return 0;                                                                                \
        int32_t(*f) types = (int32_t(*) types)(uintptr_t)real_function(#name);                                         \
        return f ? f values : -1;                                                                                      \
    }

typedef const void *const *events;
LEAVE_OUT(clEnqueueNDRangeKernel,
          (void *queue, void *kernel, uint32_t n, const size_t *from, const size_t *grid, const size_t *group,
           uint32_t waits, events list, void *event),
          (queue, kernel, n, from, grid, group, waits, list, event))
LEAVE_OUT(clEnqueueWriteBuffer,
          (void *queue, void *buffer, uint32_t waiting, size_t at, size_t bytes, const void *host, uint32_t waits,
           events list, void *event),
          (queue, buffer, waiting, at, bytes, host, waits, list, event))
LEAVE_OUT(clEnqueueCopyBuffer,
          (void *queue, void *from, void *to, size_t at, size_t to_at, size_t bytes, uint32_t waits, events list,
           void *event),
          (queue, from, to, at, to_at, bytes, waits, list, event))

#endif
