/* opencl.h - shared by the files of the OpenCL device: its memory, its kernels, and a call of one. */
#ifndef WKV_OPENCL_OPENCL_H
#define WKV_OPENCL_OPENCL_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include "ops/device.h"

/* Work-items of a work-group: that adds up a row (kernels/common.cl); of a product of few rows (kernels/few.cl). */
enum { GROUP = 64, WIDE = 256 };

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

/* Pinned memory of the host, mapped, from which constants are written. */
typedef struct {
    cl_mem buffer;
    float *data;
    cl_event written; /* NULL: it can be filled */
} piece;

enum { REGIONS = 9, SCRATCHES = 3, PIECES = 2 };

/* ---- kernels ----------------------------------------------------------------------------------------------------- */

/* linear: one for each type of weights; few: for each set of types */
enum { TYPES = 9, TYPE_SETS = 1 << TYPES };
enum {
    PROGRAM_BASIC,
    PROGRAM_ROWS,
    PROGRAM_TIME,
    PROGRAM_LIST,
    PROGRAM_LIMITS,
    PROGRAM_LINEAR,
    PROGRAM_FEW = PROGRAM_LINEAR + TYPES,
    PROGRAMS = PROGRAM_FEW + TYPE_SETS
};

#define BASIC_KERNELS(X)                                                                                               \
    X(add)                                                                                                             \
    X(mul)                                                                                                             \
    X(mul_back)                                                                                                        \
    X(columns_dot) X(lerp) X(lerp_back) X(columns_sum) X(map) X(map_back) X(slope) X(repeat) X(repeat_back)            \
        X(matrix_of_row) X(fill) X(copy) X(gather) X(gather_back) X(shift) X(shift_back) X(states_copy) X(drop)        \
            X(square_sums) X(mean) X(adamw)
#define ROWS_KERNELS(X)                                                                                                \
    X(norm)                                                                                                            \
    X(norm_back)                                                                                                       \
    X(norm_columns)                                                                                                    \
    X(unit) X(unit_back) X(bonus) X(bonus_back) X(bonus_columns) X(softmax_nll) X(softmax_nll_back) X(norm_shift_mix)  \
        X(mix_back_rows) X(mix_back_states) X(mix_back_mu)
#define TIME_KERNELS(X) X(wkv4) X(wkv4_back) X(wkv6) X(wkv6_back) X(wkv7) X(wkv7_back)
#define LIST_KERNELS(X) X(list)
#define LIMITS_KERNELS(X) X(read_limit) X(fma_limit)
#define LINEAR_KERNELS(X) X(linear_rows) X(linear_dx) X(linear_dw)
#define FEW_KERNELS(X) X(linear_few)

enum {
#define KERNEL(name) KERNEL_##name,
    BASIC_KERNELS(KERNEL) ROWS_KERNELS(KERNEL) TIME_KERNELS(KERNEL) LIST_KERNELS(KERNEL) LIMITS_KERNELS(KERNEL)
        LINEAR_KERNELS(KERNEL) FEW_KERNELS(KERNEL)
#undef KERNEL
            KERNELS
};
enum { LINEARS = KERNEL_linear_few - KERNEL_linear_rows }; /* kernels of a type's program */
/* Kernels of all programs: those of the first type, then of the others, then of the sets. */
enum { KERNEL_OF_SET = KERNELS + (TYPES - 1) * LINEARS, ALL_KERNELS = KERNEL_OF_SET + TYPE_SETS };

/* ---- operations that wait ---------------------------------------------------------------------------------------- */

/* Passes of fewer rows than FEW (decode) share launches: operations wait in a list, and the mixtures of a norm wait for
 * the products that read them. */
enum { FEW = 4, LIST_MOST = 15, OPERANDS = 7, BUFFERS = 8 };

/* kernels/list.cl */
enum { OP_ADD, OP_MUL, OP_LERP, OP_MAP, OP_COPY, OP_NORM, OP_UNIT, OP_BONUS, OP_SHIFT, OP_WKV4, OP_WKV6, OP_WKV7 };

/* An operation in the list. */
typedef struct {
    int kind, rows;
    size_t C, number; /* values of a row; a number (kernels/list.cl) */
    size_t width;     /* columns that depend on each other: of a head, or the whole row; 0: none */
    size_t at, state; /* values of the spans' states that it advances, from `at` */
    float eps;
    const batch *batch;            /* NULL: it does not depend on spans */
    const real *operand[OPERANDS]; /* the first is written */
    size_t values[OPERANDS];
} listed;

/* The products of a region, and where copies of their outputs go (NULL: none). */
enum { PRODUCTS = 8 };
typedef struct {
    int n, T;
    product q[PRODUCTS];
    tensor w[PRODUCTS];
    real *also[PRODUCTS];
} waiting;

/* Different buffers of a launch. */
typedef struct {
    int n;
    cl_mem list[BUFFERS];
} buffers;

/* ---- the device -------------------------------------------------------------------------------------------------- */

typedef struct {
    device device; /* first: entries are given its address */
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;
    cl_program program[PROGRAMS];
    cl_kernel kernel[ALL_KERNELS];       /* NULL: not used yet */
    char name[160], key[17];             /* key: of driver and device, for the cache of programs */
    size_t memory, largest, local_bytes; /* of the device: all, the largest buffer, local */

    region regions[REGIONS];
    resident *residents; /* hashed, `capacity` of them */
    size_t n_residents, capacity;
    piece pieces[PIECES];
    unsigned next_piece;
    cl_mem pool; /* small constants, `pooled` bytes of it used */
    size_t pooled;
    cl_mem scratch[SCRATCHES]; /* of one entry */
    size_t scratch_bytes[SCRATCHES];
    size_t bytes, peak; /* of all buffers */

    cl_mem spans, of_row; /* of the last batch, and what they were made of */
    void *batch_copy;
    size_t batch_bytes;

    listed list[LIST_MOST];    /* operations that wait, `listed` of them, */
    int listed, n_spans, rows; /* with these spans, and `width` columns that depend on each other (0: none) */
    span span_list[FEW];
    size_t width;
    int mixes; /* `mix` waits, with its spans */
    mix_args mix;
    batch mix_batch;
    span mix_spans[FEW];
    real *mix_z, *mix_previous; /* where its normalised rows and those before them go; NULL: nowhere */
    waiting few;                /* the last products, if they wait; with `mix` if it waits */
    arena slots;                /* new states of shifts, until they are copied; `slots_used` bytes of it */
    size_t slots_used;

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
size_t opencl_weight_bytes(const device *d, const tensor *w);
size_t opencl_left(const device *d);
void opencl_pieces_release(opencl *o); /* when they are written */
/* The place of n bytes at an address: of a region, or a constant of the host, which is copied if it is new. */
place opencl_place(opencl *o, const void *p, size_t bytes);
/* The same of a weight, of a type with kernels, or else as f32: *type becomes it. */
place opencl_weight(opencl *o, const tensor *w, int *type);
/* A weight's place, type and layout for kernels: one that is decoded is row-major or input-major. */
typedef struct {
    place at;
    int type, layout;
} weight_place;
weight_place opencl_stored(opencl *o, const tensor *w);
static inline float opencl_scale(const tensor *w) { return w->scale != 0 ? w->scale : 1; }
int opencl_in_region(const opencl *o, const void *p);
cl_mem opencl_scratch(opencl *o, int which, size_t bytes); /* one of SCRATCHES, valid until it is asked for again */
void opencl_memory_release(opencl *o);
cl_mem opencl_buffer(opencl *o, size_t bytes); /* counted; NULL after an error */
void opencl_release(opencl *o, cl_mem *buffer, size_t bytes);

/* limits.c */
int opencl_limits(device *d, double *read, double *fma);

/* program.c */
/* NULL after an error. variant: the type of the linear kernels, the set of types of linear_few */
cl_kernel opencl_kernel(opencl *o, int kernel, int variant);
void opencl_programs_release(opencl *o);

/* list.c */
static inline int opencl_overlap(const real *x, size_t n, const real *y, size_t m)
{
    return x && y && x < y + m && y < x + n;
}
int opencl_few(const batch *b);               /* whether its passes share launches */
int opencl_list(opencl *o, const listed *op); /* let it wait; 0: it has too many rows, and must run alone */
/* Whether n values wait: an operation of the list writes them, or, when they are to be written, reads them. */
int opencl_waits(const opencl *o, const real *p, size_t n, int written);
void opencl_list_flush(opencl *o);
void opencl_list_drop(opencl *o);
/* The number of an address's buffer among those of a launch, and its offset in it; -1: there are too many buffers, or
 * the offset has more than 32 bits. */
int opencl_number(opencl *o, buffers *b, const void *p, size_t bytes, size_t unit, cl_uint *offset);

/* few.c */
int opencl_mix_waits(opencl *o, const mix_args *a); /* let it wait for its products; 0: it must run alone */
void opencl_mix_run(opencl *o, const mix_args *a);  /* entries_rows.c */
void opencl_mix_flush(opencl *o);
/* The products of a region with few rows in one launch; 0: it cannot do them. */
int opencl_linear_few(opencl *o, const linear_args *a);

void opencl_few_flush(opencl *o);
int opencl_copy_joins(opencl *o,
                      const copy_args *a); /* let the products that wait write the copy, too; 0: they cannot */

/* Launch all that waits. */
static inline void opencl_flush(opencl *o)
{
    opencl_few_flush(o);
    opencl_mix_flush(o);
    opencl_list_flush(o);
}

/* ---- calling a kernel: call_of, the arguments in order, call_run ------------------------------------------------- */

enum { MOST_ARGUMENTS = 64 };

/* An argument: the buffer of an address, or an offset in it in units of bytes, or a value. Addresses are looked up when
 * all are known, because a buffer may grow. */
typedef struct {
    enum { BUFFER_OF, OFFSET_OF, OFFSETS_OF, VALUE, STRUCT } kind;
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
call call_next(opencl *o, int kernel, int variant); /* without launching the operations that wait */
void pass_reals(call *c, const real *x, size_t n);  /* a matrix of n values or NULL: a buffer and an offset in values */
void pass_bytes(call *c, const void *p, size_t bytes, size_t unit); /* the same of units of bytes */
void pass_region(call *c, const void *p, size_t bytes);             /* the buffer of an address; NULL: none */
void pass_buffer(call *c, cl_mem buffer);
void pass_value(call *c, const void *x, size_t bytes);  /* at most 128 */
void pass_struct(call *c, const void *x, size_t bytes); /* which stays until call_run */
/* Count bytes that the launch reads or writes at addresses within its arguments; pass_reals, pass_bytes and
 * pass_offsets count theirs. */
static inline void count_bytes(call *c, size_t bytes) { c->bytes += bytes; }
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
void pass_spans_few(call *c, const batch *b); /* spans, their number, the buffer of the states; or no spans */

#define ENTRY(entry, args) void opencl_##entry(device *d, const args *a);
DEVICE_ENTRIES(ENTRY)
#undef ENTRY

#endif
