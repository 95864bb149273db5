/* open.c - the devices of all OpenCL platforms, opening one, its table, and the plug-in's symbol. */
#include "opencl/opencl.h"
#include "base/hash.h"
#include "ops/plugin.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- failures ---------------------------------------------------------------------------------------------------- */

/* The sentence is the program's: this library's copy of the code below it calls fail, too. */
static int (*say)(int code, const char *fmt, ...);

int fail(int code, const char *fmt, ...)
{
    char sentence[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, args);
    va_end(args);
    return say(code, "%s", sentence);
}

_Noreturn void check_failed(const char *file, int line, const char *expression, long long a, long long b)
{
    fprintf(stderr, "wkv: internal error at %s:%d: %s (%lld, %lld)\n", file, line, expression, a, b);
    abort();
}

void opencl_broken(opencl *o, int code, const char *fmt, ...)
{
    va_list args;
    if (o->error) return;
    o->error = code;
    va_start(args, fmt);
    vsnprintf(o->sentence, sizeof o->sentence, fmt, args);
    va_end(args);
}

void opencl_failed(opencl *o, const char *what, cl_int status)
{
    const int memory =
        status == CL_MEM_OBJECT_ALLOCATION_FAILURE || status == CL_OUT_OF_RESOURCES || status == CL_OUT_OF_HOST_MEMORY;
    if (memory)
        opencl_broken(o, WKV_ENOMEM,
                      "%s: its memory is exhausted (%s, status %d); %.1f of its %.1f MB are in use by this "
                      "program",
                      o->name, what, (int)status, (double)o->bytes * 1e-6, (double)o->memory * 1e-6);
    else
        opencl_broken(o, WKV_EUNSUPPORTED, "%s: %s failed with status %d; another driver may work", o->name, what,
                      (int)status);
}

/* ---- the list of devices ----------------------------------------------------------------------------------------- */

enum { MOST = 16 };

/* GPUs and accelerators first, then processors; their number. */
static int devices(cl_device_id list[MOST])
{
    static const cl_device_type kinds[] = {CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_ACCELERATOR, CL_DEVICE_TYPE_CPU};
    cl_platform_id platforms[MOST];
    cl_uint n = 0;
    int found = 0;
    if (clGetPlatformIDs(MOST, platforms, &n)) return 0;
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
        for (cl_uint i = 0; i < n && i < MOST && found < MOST; i++) {
            cl_uint here = 0;
            if (clGetDeviceIDs(platforms[i], kinds[kind], (cl_uint)(MOST - found), list + found, &here)) continue;
            found += here < (cl_uint)(MOST - found) ? (int)here : MOST - found;
        }
    return found;
}

static void text_of(cl_device_id id, cl_device_info what, char *to, size_t bytes)
{
    if (clGetDeviceInfo(id, what, bytes, to, NULL)) snprintf(to, bytes, "unknown");
    to[bytes - 1] = 0;
}

static size_t long_of(cl_device_id id, cl_device_info what)
{
    cl_ulong n = 0;
    return clGetDeviceInfo(id, what, sizeof n, &n, NULL) ? 0 : (size_t)n;
}

static int describe(int which, char *line, size_t bytes)
{
    cl_device_id list[MOST];
    char name[160], driver[100], version[100];
    if (which < 0 || which >= devices(list)) return 0;
    text_of(list[which], CL_DEVICE_NAME, name, sizeof name);
    text_of(list[which], CL_DRIVER_VERSION, driver, sizeof driver);
    text_of(list[which], CL_DEVICE_VERSION, version, sizeof version);
    snprintf(line, bytes, "%s, %.1f GB (largest buffer %.1f GB), %s, driver %s", name,
             (double)long_of(list[which], CL_DEVICE_GLOBAL_MEM_SIZE) * 1e-9,
             (double)long_of(list[which], CL_DEVICE_MAX_MEM_ALLOC_SIZE) * 1e-9, version, driver);
    return 1;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

static int reserve(device *d, const pass_size *s)
{
    (void)d, (void)s; /* scratch memory is allocated when it is used; `finish` reports a lack */
    return 0;
}

static void begin(device *d) { (void)d; }

static unsigned barriers(const device *d) { return (unsigned)((const opencl *)d)->launches; }

static int finish(device *d)
{
    opencl *o = opencl_of(d);
    opencl_flush(o);
    opencl_pieces_release(o);
    cl_int status = clFinish(o->queue);
    if (status) opencl_failed(o, "clFinish", status);
    const int err = o->error;
    o->error = 0;
    return err ? fail(err, "%s", o->sentence) : 0;
}

static size_t heads_kept(device *d, const heads_args *a)
{
    (void)d, (void)a;
    return 0; /* operations run on whole matrices */
}

/* Nobody calls them, since nothing is kept. */
void opencl_heads(device *d, const heads_args *a) { CHECK(heads_kept(d, a) > 0); }
void opencl_heads_back(device *d, const heads_args *a) { opencl_heads(d, a); }

static size_t device_bytes(const device *d, size_t *most)
{
    const opencl *o = (const opencl *)d;
    if (most) *most = o->peak;
    return o->bytes;
}

static uint64_t traffic(const device *d) { return ((const opencl *)d)->traffic; }

static void close_device(device *d)
{
    opencl *o = opencl_of(d);
    if (o->queue) clFinish(o->queue);
    opencl_list_drop(o);
    o->mixes = o->few.n = 0;
    opencl_programs_release(o);
    opencl_memory_release(o);
    if (o->queue) clReleaseCommandQueue(o->queue);
    if (o->context) clReleaseContext(o->context);
    free(o);
}

static const device table = {.name = "opencl",
                             .threads = 1,
                             .separate = 1,
                             .arena_new = opencl_arena_new,
                             .arena_free = opencl_arena_free,
                             .reserve = reserve,
                             .begin = begin,
                             .barriers = barriers,
                             .finish = finish,
                             .twin_new = opencl_twin_new,
                             .twin_free = opencl_twin_free,
                             .keep_weight = opencl_keep_weight,
                             .weight_bytes = opencl_weight_bytes,
                             .left = opencl_left,
                             .bytes = device_bytes,
                             .traffic = traffic,
                             .limits = opencl_limits,
                             .heads_kept = heads_kept,
                             .close = close_device,
#define ENTRY(entry, args) .entry = opencl_##entry,
                             DEVICE_ENTRIES(ENTRY)
#undef ENTRY
};

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static void set_key(opencl *o)
{
    static const cl_device_info what[] = {CL_DEVICE_NAME, CL_DEVICE_VENDOR, CL_DEVICE_VERSION, CL_DRIVER_VERSION};
    uint64_t h = HASH_START;
    for (size_t i = 0; i < sizeof what / sizeof *what; i++) {
        char text[200] = "";
        text_of(o->id, what[i], text, sizeof text);
        h = hash_bytes(h, text, strlen(text) + 1);
    }
    snprintf(o->key, sizeof o->key, "%016llx", (unsigned long long)h);
}

/* $WKV_DEVICE_MEMORY limits the memory that is used, since OpenCL does not tell how much other programs have left. */
static int limit_memory(opencl *o)
{
    const char *given = getenv("WKV_DEVICE_MEMORY");
    char *end;
    if (!given || !*given) return 0;
    const double bytes = strtod(given, &end) * 1e6;
    if (*end || !(bytes >= 1e6 && bytes < 1e15))
        return fail(WKV_EARG, "WKV_DEVICE_MEMORY is \"%s\", expected a number of MB", given);
    if (bytes < (double)o->memory) o->memory = (size_t)bytes;
    return 0;
}

static int open_at(opencl *o, cl_device_id id)
{
    cl_int status;
    size_t most = 0;
    cl_bool unified = CL_FALSE;
    o->device = table;
    o->id = id;
    text_of(id, CL_DEVICE_NAME, o->name, sizeof o->name);
    o->device.isa = o->name;
    o->memory = long_of(id, CL_DEVICE_GLOBAL_MEM_SIZE);
    o->largest = long_of(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    o->local_bytes = long_of(id, CL_DEVICE_LOCAL_MEM_SIZE);
    clGetDeviceInfo(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof most, &most, NULL);
    clGetDeviceInfo(id, CL_DEVICE_HOST_UNIFIED_MEMORY, sizeof unified, &unified, NULL);
    o->device.unified = unified == CL_TRUE;
    if (most < WIDE)
        return fail(WKV_EUNSUPPORTED, "%s runs %zu work-items together, expected at least %d", o->name, most, WIDE);
    if (limit_memory(o)) return WKV_EARG;
    set_key(o);
    o->context = clCreateContext(NULL, 1, &id, NULL, NULL, &status);
    if (!status) o->queue = clCreateCommandQueue(o->context, id, 0, &status); /* in order */
    return status ? fail(WKV_EUNSUPPORTED, "%s cannot be opened: status %d", o->name, (int)status) : 0;
}

static int open_device(device **out, int which, int (*said)(int code, const char *fmt, ...))
{
    cl_device_id list[MOST];
    say = said;
    *out = NULL;
    const int n = devices(list);
    if (!n)
        return fail(WKV_EUNSUPPORTED,
                    "no OpenCL device: no driver is installed, or it finds none (clinfo -l lists them; "
                    "Debian's pocl-opencl-icd runs OpenCL on the processor)");
    if (which < 0 || which >= n)
        return fail(WKV_EARG, "no device opencl:%d; there are %d, from opencl:0 (wkv info --devices)", which, n);
    opencl *o = calloc(1, sizeof *o);
    if (!o) return fail(WKV_ENOMEM, "no memory for a device");
    const int err = open_at(o, list[which]);
    if (err)
        close_device(&o->device);
    else
        *out = &o->device;
    return err;
}

__attribute__((visibility("default"))) const plugin *wkv_plugin(const char *build);

const plugin *wkv_plugin(const char *build)
{
    static const plugin here = {.open = open_device, .describe = describe};
    return strcmp(build, WKV_BUILD) ? NULL : &here;
}
