/* program.c - the kernels: their text is in the library (kernels.S), their programs are built at first use, and kept
 * for the next run in $XDG_CACHE_HOME/wkv/opencl (or ~/.cache), by device, driver and text. */
#define _GNU_SOURCE
#include "opencl/opencl.h"
#include "base/hash.h"
#include "base/platform/descriptor.h"
#include "base/platform/system.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const char text_common[], text_operations[], text_basic[], text_rows[], text_time[], text_list[], text_limits[],
    text_weights[], text_linear[], text_few[];

static const struct {
    const char *name;
    int program;
} kernels[KERNELS] = {
#define BASIC(name) [KERNEL_##name] = {#name, PROGRAM_BASIC},
#define ROWS(name) [KERNEL_##name] = {#name, PROGRAM_ROWS},
#define TIME(name) [KERNEL_##name] = {#name, PROGRAM_TIME},
#define LIST(name) [KERNEL_##name] = {#name, PROGRAM_LIST},
#define LIMITS(name) [KERNEL_##name] = {#name, PROGRAM_LIMITS},
#define LINEAR(name) [KERNEL_##name] = {#name, PROGRAM_LINEAR},
#define FEWS(name) [KERNEL_##name] = {#name, PROGRAM_FEW},
    BASIC_KERNELS(BASIC) ROWS_KERNELS(ROWS) TIME_KERNELS(TIME) LIST_KERNELS(LIST) LIMITS_KERNELS(LIMITS)
        LINEAR_KERNELS(LINEAR) FEW_KERNELS(FEWS)
#undef BASIC
#undef ROWS
#undef TIME
#undef LIST
#undef LIMITS
#undef LINEAR
#undef FEWS
};

enum { PARTS = 4 };

/* The parts of a program's text, in order. */
static void text_of(const char *parts[PARTS], int program)
{
    static const char *const texts[] = {text_basic, text_rows, text_time, text_list, text_limits};
    parts[0] = text_common;
    parts[1] = text_operations;
    parts[2] = program < PROGRAM_LINEAR ? "" : text_weights;
    parts[3] = program < PROGRAM_LINEAR ? texts[program] : program < PROGRAM_FEW ? text_linear : text_few;
}

static void options_of(char options[64], int program)
{
    snprintf(options, 64, "-cl-std=CL1.2");
    if (program >= PROGRAM_FEW)
        snprintf(options + strlen(options), 32, " -DTYPES=%d", program - PROGRAM_FEW);
    else if (program >= PROGRAM_LINEAR)
        snprintf(options + strlen(options), 32, " -DTYPE=%d", program - PROGRAM_LINEAR);
}

/* ---- the cache --------------------------------------------------------------------------------------------------- */

enum { PATH = 4096 };

/* The file of a program, its folders made; 0: there is no place for one. */
static int cache_path(char path[PATH], const opencl *o, int program)
{
    char options[64], folder[PATH - 64];
    if (!system_folder(folder, sizeof folder - 64, USER_CACHE)) return 0;
    folder_create(folder, 0700);
    strcat(folder, "/wkv");
    folder_create(folder, 0700);
    strcat(folder, "/opencl");
    folder_create(folder, 0700);
    options_of(options, program);
    const char *parts[PARTS];
    text_of(parts, program);
    uint64_t h = HASH_START;
    for (int i = 0; i < PARTS; i++) h = hash_bytes(h, parts[i], strlen(parts[i]));
    h = hash_bytes(h, options, strlen(options));
    snprintf(path, PATH, "%s/%s-%016llx.bin", folder, o->key, (unsigned long long)h);
    return 1;
}

/* A program that was built before; NULL: none. */
static cl_program read_program(const opencl *o, const char *path)
{
    entry_info about;
    FILE *f = fopen(path, "rb");
    if (!f || descriptor_entry(&about, fileno(f)) || about.bytes <= 0) {
        if (f) fclose(f);
        return NULL;
    }
    const size_t n = (size_t)about.bytes;
    unsigned char *bytes = malloc(n);
    cl_program program = NULL;
    cl_int status, valid;
    if (bytes && fread(bytes, 1, n, f) == n) {
        program = clCreateProgramWithBinary(o->context, 1, &o->id, &n, (const unsigned char **)&bytes, &valid, &status);
        if (status) program = NULL;
    }
    fclose(f);
    free(bytes);
    return program;
}

/* Beside, then renamed; nothing depends on it. */
static void write_program(cl_program program, const char *path)
{
    size_t n = 0;
    char part[PATH + 32];
    if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof n, &n, NULL) || !n) return;
    unsigned char *bytes = malloc(n);
    snprintf(part, sizeof part, "%s.%ld", path, system_process());
    FILE *f =
        bytes && !clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof bytes, &bytes, NULL) ? fopen(part, "wb") : NULL;
    if (f) {
        const int written = fwrite(bytes, 1, n, f) == n;
        if (fclose(f) || !written || entry_rename(part, path)) entry_remove(part);
    }
    free(bytes);
}

/* ---- building ---------------------------------------------------------------------------------------------------- */

/* The compiler's first lines. */
static void build_failed(opencl *o, cl_program program, cl_int status)
{
    char log[400] = "";
    size_t n = 0;
    clGetProgramBuildInfo(program, o->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &n);
    char *all = n ? calloc(1, n + 1) : NULL;
    if (all && !clGetProgramBuildInfo(program, o->id, CL_PROGRAM_BUILD_LOG, n, all, NULL))
        snprintf(log, sizeof log, "%s", all);
    free(all);
    opencl_broken(o, WKV_EUNSUPPORTED, "%s: its driver cannot build the kernels (status %d): %s", o->name, (int)status,
                  log);
}

static cl_program build(opencl *o, int program)
{
    char path[PATH], options[64];
    const char *texts[PARTS];
    text_of(texts, program);
    const int cached = cache_path(path, o, program);
    options_of(options, program);
    cl_program p = cached ? read_program(o, path) : NULL;
    if (p && !clBuildProgram(p, 1, &o->id, options, NULL, NULL)) return p;
    if (p) clReleaseProgram(p);
    cl_int status;
    p = clCreateProgramWithSource(o->context, PARTS, texts, NULL, &status);
    if (!p || status) {
        opencl_failed(o, "clCreateProgramWithSource", status);
        return NULL;
    }
    status = clBuildProgram(p, 1, &o->id, options, NULL, NULL);
    if (status) {
        build_failed(o, p, status);
        clReleaseProgram(p);
        return NULL;
    }
    if (cached) write_program(p, path);
    return p;
}

/* The place of a kernel in the device's list: linear_few's sets come last, the other types of linear kernels before. */
static int place_of(int kernel, int variant)
{
    if (kernel == KERNEL_linear_few) return KERNEL_OF_SET + variant;
    if (kernel < KERNEL_linear_rows || !variant) return kernel;
    return KERNELS + (variant - 1) * LINEARS + kernel - KERNEL_linear_rows;
}

cl_kernel opencl_kernel(opencl *o, int kernel, int variant)
{
    const int at = place_of(kernel, variant), program = kernels[kernel].program + variant;
    if (o->kernel[at] || o->error) return o->kernel[at];
    if (!o->program[program]) o->program[program] = build(o, program);
    if (!o->program[program]) return NULL;
    cl_int status;
    o->kernel[at] = clCreateKernel(o->program[program], kernels[kernel].name, &status);
    if (status) {
        o->kernel[at] = NULL;
        opencl_failed(o, kernels[kernel].name, status);
    }
    return o->kernel[at];
}

void opencl_programs_release(opencl *o)
{
    for (size_t i = 0; i < sizeof o->kernel / sizeof *o->kernel; i++)
        if (o->kernel[i]) clReleaseKernel(o->kernel[i]);
    for (int i = 0; i < PROGRAMS; i++)
        if (o->program[i]) clReleaseProgram(o->program[i]);
}
