/* opencl.h - shared by the files of the OpenCL device: its memory, its kernels, and a call of one. */
#ifndef WKV_OPENCL_OPENCL_H
#define WKV_OPENCL_OPENCL_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include "ops/device.h"

enum { GROUP = 64 }; /* work-items of a work-group that adds up a row (kernels/common.cl) */

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* A range of host addresses with a buffer of the device behind it: an arena, whose addresses are only reserved, or the
 * twin of a host block. The buffer of an arena grows to the highest address in use. */
typedef struct {
    char *base;
    size_t bytes; /* of addresses         */
    cl_mem buffer;
    size_t have; /* bytes of the buffer  */
} region;

/* A constant of the host, copied at its first use: a weight or a vector, known by its address and size. */
typedef struct {
    const void *host;
    size_t bytes;
    cl_mem buffer;
    size_t at; /* byte of the buffer */
} resident;

/* Where an address is on the device. */
typedef struct {
    cl_mem buffer;
    size_t at; /* byte */
} place;

enum { REGIONS = 8, SCRATCHES = 3 };

/* ---- kernels ----------------------------------------------------------------------------------------------------- */

enum { PROGRAM_BASIC, PROGRAM_ROWS, PROGRAM_TIME, PROGRAM_LIMITS, PROGRAM_LINEAR };
enum { PROGRAMS = PROGRAM_LINEAR + 9 }; /* one per type */

#define BASIC_KERNELS(X)                                                                                               \
    X(add)                                                                                                             \
    X(mul) X(mul_back) X(columns_dot) X(lerp) X(lerp_back) X(columns_sum) X(map) X(map_back) X(slope) X(repeat)        \
        X(repeat_back) X(matrix_of_row) X(fill) X(copy) X(gather) X(gather_back) X(shift) X(shift_back) X(states_copy) \
            X(drop) X(square_sums) X(mean) X(adamw)
#define ROWS_KERNELS(X)                                                                                                \
    X(norm)                                                                                                            \
    X(norm_back) X(norm_columns) X(unit) X(unit_back) X(bonus) X(bonus_back) X(bonus_columns) X(softmax_nll)           \
        X(softmax_nll_back) X(norm_shift_mix) X(mix_back_rows) X(mix_back_states) X(mix_back_mu)
#define TIME_KERNELS(X) X(wkv4) X(wkv4_back) X(wkv6) X(wkv6_back) X(wkv7) X(wkv7_back)
#define LIMITS_KERNELS(X) X(read_limit) X(fma_limit)
#define LINEAR_KERNELS(X) X(linear_few) X(linear_rows) X(linear_dx) X(linear_dw)

enum {
#define KERNEL(name) KERNEL_##name,
    BASIC_KERNELS(KERNEL) ROWS_KERNELS(KERNEL) TIME_KERNELS(KERNEL) LIMITS_KERNELS(KERNEL) LINEAR_KERNELS(KERNEL)
#undef KERNEL
        KERNELS
};
enum { LINEARS = KERNELS - KERNEL_linear_few }; /* kernels of a type's program */

/* ---- the device -------------------------------------------------------------------------------------------------- */

typedef struct {
    device device; /* first: entries are given its address */
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;
    cl_program program[PROGRAMS];
    cl_kernel kernel[KERNELS + 8 * LINEARS]; /* the last: of each type; NULL: not used yet */
    char name[160], key[17];                 /* key: of driver and device, for the cache of programs */
    size_t memory, largest, local_bytes;     /* of the device: all, the largest buffer, local */

    region regions[REGIONS];
    resident *residents; /* hashed, `capacity` of them */
    size_t n_residents, capacity;
    cl_mem pool; /* small constants, `pooled` bytes of it used */
    size_t pooled;
    cl_mem scratch[SCRATCHES]; /* of one entry */
    size_t scratch_bytes[SCRATCHES];
    size_t bytes, peak; /* of all buffers */

    cl_mem spans, of_row; /* of the last batch, and what they were made of */
    void *batch_copy;
    size_t batch_bytes;

    uint64_t launches, traffic; /* traffic: bytes (ops/device.h) */
    cl_mem limits;              /* the buffer of limits.c, not included in `bytes` */
    size_t limits_bytes;
    int error; /* of the pass; then nothing runs until `finish` */
    char sentence[512];
} opencl;

static inline opencl *opencl_of(device *d) { return (opencl *)d; }

/* Keep the first error of the pass. */
void opencl_broken(opencl *o, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Keep a failure of OpenCL's function `what`. */
void opencl_failed(opencl *o, const char *what, cl_int status);

/* memory.c */
int opencl_arena_new(device *d, arena *a, size_t bytes);
void opencl_arena_free(device *d, arena *a);
int opencl_twin_new(device *d, void *host, size_t bytes);
void opencl_twin_free(device *d, void *host);
int opencl_keep_weight(device *d, const tensor *w);
/* The place of n bytes at an address: of a region, or a constant of the host, which is copied if it is new. */
place opencl_place(opencl *o, const void *p, size_t bytes);
/* The same of a weight, of a type with kernels, or else as f32: *type becomes it. */
place opencl_weight(opencl *o, const tensor *w, int *type);
int opencl_in_region(const opencl *o, const void *p);
cl_mem opencl_scratch(opencl *o, int which, size_t bytes); /* one of SCRATCHES, valid until it is asked for again */
void opencl_memory_release(opencl *o);
cl_mem opencl_buffer(opencl *o, size_t bytes); /* counted; NULL after an error */
void opencl_release(opencl *o, cl_mem *buffer, size_t bytes);

/* limits.c */
int opencl_limits(device *d, double *read, double *fma);

/* program.c */
cl_kernel opencl_kernel(opencl *o, int kernel, int type); /* NULL after an error. type: of the linear kernels */
void opencl_programs_release(opencl *o);

/* ---- calling a kernel: call_of, the arguments in order, call_run ------------------------------------------------- */

enum { MOST_ARGUMENTS = 64 };

/* An argument: the buffer of an address, or an offset in it in units of bytes, or a value. Addresses are looked up when
 * all are known, because a buffer may grow. */
typedef struct {
    enum { BUFFER_OF, OFFSET_OF, OFFSETS_OF, VALUE } kind;
    const void *p;
    size_t bytes; /* from p on; of the value */
    size_t unit;
    union {
        cl_ulong8 offsets;
        char bytes[128];
    } value;
    const real *of[8]; /* OFFSETS_OF: matrices of `bytes` */
} argument;

typedef struct {
    opencl *o;
    cl_kernel kernel;
    int n, n_small;
    size_t bytes; /* read and written */
    argument list[MOST_ARGUMENTS];
    cl_mem small[4]; /* released after the call */
} call;

call call_of(opencl *o, int kernel);
call call_linear(opencl *o, int kernel, int type);
void pass_reals(call *c, const real *x, size_t n); /* a matrix of n values or NULL: a buffer and an offset in values */
void pass_bytes(call *c, const void *p, size_t bytes, size_t unit); /* the same of units of bytes */
void pass_region(call *c, const void *p, size_t bytes);             /* the buffer of an address; NULL: none */
void pass_buffer(call *c, cl_mem buffer);
/* Count bytes that the launch reads or writes at addresses within its arguments; pass_reals, pass_bytes and
 * pass_offsets count theirs. */
static inline void count_bytes(call *c, size_t bytes) { c->bytes += bytes; }
void pass_value(call *c, const void *x, size_t bytes); /* at most 128 */
void pass_int(call *c, int x);
void pass_long(call *c, size_t x);
void pass_float(call *c, float x);
void pass_local(call *c, size_t bytes);
void pass_host(call *c, const void *x, size_t bytes); /* a list of the host's, copied; NULL: none */
/* The offsets, in values, of eight matrices of n values, each in the buffer of its address. */
void pass_offsets(call *c, const real *const x[8], size_t n);
/* Work-items in up to three dimensions, and of a group in the first two; a grid is rounded up to whole groups. */
void call_run(call *c, size_t x, size_t y, size_t z, size_t group_x, size_t group_y);
static inline void call_each(call *c, size_t n) { call_run(c, n, 1, 1, GROUP, 1); }           /* a value each */
static inline void call_groups(call *c, size_t n) { call_run(c, n * GROUP, 1, 1, GROUP, 1); } /* a row each   */
static inline void call_columns(call *c, size_t n, size_t spans) { call_run(c, n, spans, 1, GROUP, 1); }

/* Pass the spans of a batch as rows of four offsets (kernels/common.cl); then, if asked for, the span of each row; then
 * the buffer of the states, or of their gradients. */
enum { SPAN_ROWS = 1, SPAN_STATES = 2, SPAN_GRADIENTS = 4 };
void pass_spans(call *c, const batch *b, int what);

#define ENTRY(entry, args) void opencl_##entry(device *d, const args *a);
DEVICE_ENTRIES(ENTRY)
#undef ENTRY

#endif
