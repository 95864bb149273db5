/* limits.c - the device's own limits, for `wkv bench`: bytes read per second, and float32 operations per second
 * (kernels/limits.cl). */
#define _GNU_SOURCE
#include "opencl/opencl.h"
#include <time.h>

enum {
    LEAST = 1 << 28,     /* bytes of the buffer: more than caches hold */
    EACH = 1 << 18,      /* bytes that a work-group reads              */
    CHAINS = 8 * 16 * 2, /* operations of a work-item in a round       */
    ITEMS = 1 << 14      /* work-items that compute                    */
};

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static size_t group_size(const opencl *o)
{
    cl_device_type type = 0;
    clGetDeviceInfo(o->id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    return type & CL_DEVICE_TYPE_CPU ? 1 : GROUP; /* a processor's thread reads one address after another */
}

/* The buffer: four times the cache that the device reports, at most a quarter of its free memory; filled, because
 * memory that was never written may be none. The sums are at its end. */
static void make_buffer(opencl *o)
{
    cl_ulong cache = 0;
    cl_int status;
    clGetDeviceInfo(o->id, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE, sizeof cache, &cache, NULL);
    size_t bytes = 4 * (size_t)cache > LEAST ? 4 * (size_t)cache : LEAST;
    const size_t quarter = (o->memory - o->bytes) / 4;
    if (bytes > quarter) bytes = quarter;
    if (bytes > o->largest) bytes = o->largest;
    bytes = bytes / EACH * EACH;
    o->limits = bytes >= 2 * EACH ? clCreateBuffer(o->context, CL_MEM_READ_WRITE, bytes, NULL, &status) : NULL;
    if (!o->limits || status) {
        o->limits = NULL;
        opencl_broken(o, WKV_ENOMEM, "%s: no memory for a buffer of %.1f MB to measure its bandwidth", o->name,
                      (double)bytes * 1e-6);
        return;
    }
    o->limits_bytes = bytes;
    call c = call_of(o, KERNEL_fill);
    pass_long(&c, bytes / sizeof(real));
    pass_float(&c, 1);
    pass_buffer(&c, o->limits);
    pass_long(&c, 0);
    call_each(&c, bytes / sizeof(real));
}

/* Seconds of a launch that is prepared, from an idle device. */
static double timed(opencl *o, call *c, size_t items, size_t group)
{
    cl_int status = clFinish(o->queue);
    const double t = seconds();
    call_run(c, items, 1, 1, group, 1);
    if (!status) status = clFinish(o->queue);
    if (status) opencl_failed(o, "clFinish", status);
    return seconds() - t;
}

/* The last work-groups' part of the buffer has the sums. */
static double read_rate(opencl *o)
{
    const size_t group = group_size(o), groups = o->limits_bytes / EACH, sums = groups * group * sizeof(real);
    const size_t reading = groups - (sums + EACH - 1) / EACH;
    call c = call_of(o, KERNEL_read_limit);
    pass_long(&c, EACH / sizeof(cl_float16));
    pass_buffer(&c, o->limits);
    pass_long(&c, reading * EACH / sizeof(real));
    return (double)(reading * EACH) / timed(o, &c, reading * group, group);
}

/* Rounds are doubled until a launch takes long enough that its start does not matter. */
static double fma_rate(opencl *o)
{
    for (cl_int rounds = 64;; rounds *= 2) {
        call c = call_of(o, KERNEL_fma_limit);
        pass_int(&c, rounds);
        pass_float(&c, 0.999f);
        pass_float(&c, 0.001f);
        pass_buffer(&c, o->limits);
        const double t = timed(o, &c, ITEMS, GROUP);
        if (t > 0.004 || o->error || rounds >= 1 << 24) return (double)ITEMS * CHAINS * rounds / t;
    }
}

int opencl_limits(device *d, double *read, double *fma)
{
    opencl *o = opencl_of(d);
    *read = *fma = 0;
    if (!o->limits) make_buffer(o);
    if (!o->error) *read = read_rate(o);
    if (!o->error) *fma = fma_rate(o);
    return d->finish(d);
}
