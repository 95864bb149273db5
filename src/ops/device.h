/* device.h - the porting interface: the table of functions that a device fills. Instances: reference (cpu/ref_*.c), cpu
 * (cpu/cpu_*.c) and the plug-in opencl (opencl/entries_*.c).
 *
 * A device owns its threads, its instruction set and its scratch memory. Every entry takes the device and one struct of
 * named arguments; an operation and its backward share the struct. Matrices are contiguous, row-major, of T rows.
 * Entries named ..._back ADD to the given gradients and skip those that are NULL. The order in which an output element
 * is summed depends neither on T, nor on the grouping of rows, nor on the number of threads, so that any chunking, any
 * batch and any thread count give the same bits. */
#ifndef WKV_OPS_DEVICE_H
#define WKV_OPS_DEVICE_H

#include "ops/ops.h"

/* ---- arguments --------------------------------------------------------------------------------------------------- */

/* One matrix product of a parallel region, y = x W, and its epilogue, in this order; NULL and MAP_NONE are left out. */
typedef struct {
    real *y;               /* T x out, overwritten; overlaps no other memory of the region */
    const real *x;         /* T x in                                                       */
    const tensor *w;       /* every weight dtype, every layout, w->scale                   */
    const real *bias;      /* y + bias, one row of out                                     */
    map_kind map;          /* map(y)                                                       */
    const real *from, *to; /* from + (to - from) y, T x out                                */
    const real *times;     /* y times, T x out                                             */
    const real *plus;      /* y + plus, T x out                                            */
} product;

typedef struct {
    const product *q; /* n products of T rows each, none of which reads another's y */
    int n, T;
} linear_args;

typedef struct {
    const real *x, *dy; /* T x in, T x out                                                */
    const tensor *w;    /* linear_dx: of any dtype                                        */
    real *dx, *dw;      /* linear_dx: dx (+)= dy W'. linear_dw: dw += dy' x, in W's shape */
    int T, add;         /* add: dx is added to, else overwritten                          */
} linear_back_args;

/* z = x + y, x * y. A one-row operand (rows == 1 < T) is broadcast; its gradient is summed over rows in order. */
typedef struct {
    int T, C, y_rows;
    const real *x, *y;
    real *z;
    const real *dz;
    real *dx, *dy;
} pair_args;

/* z = x + (y - x) mu */
typedef struct {
    int T, C, mu_rows;
    const real *x, *y, *mu;
    real *z;
    const real *dz;
    real *dx, *dy, *dmu;
} lerp_args;

/* d += dz; if d has one row, d += the sum over rows */
typedef struct {
    int T, C, d_rows;
    const real *dz;
    real *d;
} sum_rows_args;

/* y = map(x) of n values. slope: dx *= dy/dx, for maps whose slope follows from y. */
typedef struct {
    map_kind kind;
    size_t n;
    const real *x;
    real *y;
    const real *dy;
    real *dx;
} map_args;

/* Norm of `groups` equal parts of a row, then w and b (one row each); groups divide C. */
typedef struct {
    int T, C, groups;
    real eps;
    const real *x, *w, *b;
    real *y;
    const real *dy;
    real *dx, *dw, *db;
} norm_args;

/* Each head divided by its norm. */
typedef struct {
    int T, C, heads;
    const real *x;
    real *y;
    const real *dy;
    real *dx;
} unit_args;

/* In each head y = (sum_j r_j k_j u_j) v; u: one row. */
typedef struct {
    int T, C, heads;
    const real *r, *k, *u, *v;
    real *y;
    const real *dy;
    real *dr, *dk, *du, *dv;
} bonus_args;

/* Token shift after a norm: z = norm(x; w, b); p is the previous row's z in the same span, or for its first row the
 * state at `at`, which is then set to the last z; y[i] = z + (p - z) mu[i], or p + (z - p) mu[i] where mu weighs the
 * current row. */
enum { MOST_MIXTURES = 8 };
typedef struct {
    const batch *batch;
    int C, at;
    const real *x, *w, *b; /* T x C; one row; one row */
    real eps;
    int current, n;                          /* mu weighs the current row; mixtures */
    real *y[MOST_MIXTURES];                  /* T x C; not read by mix_back         */
    const real *mu[MOST_MIXTURES];           /* one row                             */
    const real *dy[MOST_MIXTURES], *state0;  /* T x C; state0: see wkv_args         */
    real *dx, *dw, *db, *dmu[MOST_MIXTURES]; /* as x and so on                      */
} mix_args;

/* The recurrences of versions 4, 5 and 6, and 7. `batch` says which rows follow each other; the spans' states at `at`
 * are read and advanced. In *_back, state0 holds the spans' states at `at` from BEFORE the forward pass, one after
 * another in span order; a span's dstate at `at`, when not NULL, changes from d(final) to d(initial). wkv4_scan sums in
 * an order that depends on a span's length, so a span run in chunks has other roundings. */
typedef struct {
    const batch *batch;
    int C, heads, at; /* heads: versions 5 to 7                          */
    int w_rows;       /* versions 5 and 6: rows of w, T or 1 (broadcast) */
    const real *r, *w, *k, *v, *a, *b,
        *u; /* r: versions 5 to 7. a, b: version 7. u: versions 4 to 6, one row. Version 4's w is one row */
    real *y;
    const real *dy, *state0;
    real *dr, *dw, *dk, *dv, *da, *db, *du;
} wkv_args;

/* logits[T, V] -> probabilities in place; loss of each row in nll[T] (0 where targets[t] < 0); the largest logit and
 * its first index. softmax_nll_back turns the probabilities into gradients: scale (p - onehot(target)), with scales[t]
 * in place of `scale` when given, 0 in rows without a target; then `l2wrap` x the largest logit is added at its index
 * (L2Wrap; 0: none). */
typedef struct {
    int T, V;
    real *logits, *nll, *max;
    int *argmax;
    const int32_t *targets; /* the host's */
    const real *scales;     /* T, the host's; NULL: `scale` for each row */
    real scale, l2wrap;
} softmax_args;

/* y[0] = weight x the sum of nll[0 .. T) / counted, added in order in double; 0 where counted is 0. With `scales` (T,
 * the host's) the sum is of scales[t] x nll[t]. */
typedef struct {
    int T, counted;
    double weight;
    const real *nll, *scales;
    real *y;
} mean_args;

/* ---- arguments: memory ------------------------------------------------------------------------------------------- */

/* to = from, or to += from with `add`: `rows` rows of `cols` values; strides in values */
typedef struct {
    int rows;
    size_t cols, to_stride, from_stride;
    const real *from;
    real *to;
    int add;
} copy_args;

/* x = value, n times */
typedef struct {
    real *x;
    size_t n;
    real value;
} fill_args;

/* to_host copies from device to host memory, from_host from host to device */
typedef struct {
    const real *from;
    real *to;
    size_t n;
} transfer_args;

/* y[t] = row ids[t] of w; dw, of w's shape: row ids[t] += dy[t], in order */
typedef struct {
    const tensor *w;    /* of any dtype, row-major */
    const int32_t *ids; /* the host's              */
    int T;
    real *y;
    const real *dy;
    real *dw;
} gather_args;

/* y: the previous row of the same span; for its first row the state at `at`, which is then set to the last row of x. In
 * backward, a span's dstate, when not NULL, changes from d(final) to d(initial). */
typedef struct {
    const batch *batch;
    int C, at;
    const real *x;
    real *y;
    const real *dy;
    real *dx;
} shift_args;

/* y[i n .. i n + n) = x[i], C of them */
typedef struct {
    int C, n;
    const real *x;
    real *y;
    const real *dy;
    real *dx;
} repeat_args;

/* y[t] = x[t] M[t], M[t] the n x n values of row t of m, [in][out] */
typedef struct {
    int T, n;
    const real *x, *m;
    real *y;
} matrix_of_row_args;

/* to += from x scale, except for dropped values: value i is dropped when the high half of mix64(key + (first + i) x
 * 0x9e3779b97f4a7c15) is less than `below`; mix64 is splitmix64's finaliser (ops/drop.h) */
typedef struct {
    size_t n;
    const real *from;
    real *to;
    uint64_t key, first;
    uint32_t below;
    real scale;
} drop_args;

/* states_save copies the spans' states at [at, at + len), one after another in span order, to `kept`; states_restore
 * copies them back. */
typedef struct {
    const batch *batch;
    int at, len;
    real *kept;
} states_args;

/* ---- arguments: the per-head part -------------------------------------------------------------------------------- */

/* Run fn (op_heads) on matrices and rows, at once or in tiles of some tokens of some heads; out: T x C. heads_back
 * recomputes the tiles, recorded: grad[i], when not NULL, is the gradient of in[i], added to, or overwritten if
 * first[i]. */
enum { MOST_HEADS_IN = 16 };
typedef struct {
    const cx *c; /* for the batch and c->recording */
    heads_fn *fn;
    const void *p;
    tensor *const *in;
    tensor *out;
    int n, heads, at;
    real *kept; /* heads_kept reals, written forward and read backward; NULL: no backward follows */
    real *grad[MOST_HEADS_IN];
    int first[MOST_HEADS_IN];
} heads_args;

/* ---- arguments: the optimizer ------------------------------------------------------------------------------------ */

/* sums[i] = the sum of squares of values i tile .. (i + 1) tile of x, in double, in order */
typedef struct {
    const real *x;
    size_t n, tile;
    double *sums; /* the host's */
} square_sums_args;

/* One step of AdamW (docs/training.md 8) for n values w with gradients g, which are then zeroed, and moments. clip: the
 * factor of the gradients; bias1, bias2: 1 / (1 - beta^step) */
typedef struct {
    size_t n;
    real *w, *g, *mean, *square;
    float lr, beta1, beta2, eps, decay, clip, bias1, bias2;
} adamw_args;

/* ---- the table --------------------------------------------------------------------------------------------------- */

/* Every entry and its arguments. The reference defines ref_NAME, the CPU device cpu_NAME. */
#define DEVICE_ENTRIES(X)                                                                                              \
    X(linear, linear_args)                                                                                             \
    X(linear_dx, linear_back_args)                                                                                     \
    X(linear_dw, linear_back_args)                                                                                     \
    X(add, pair_args)                                                                                                  \
    X(mul, pair_args)                                                                                                  \
    X(mul_back, pair_args)                                                                                             \
    X(lerp, lerp_args)                                                                                                 \
    X(lerp_back, lerp_args)                                                                                            \
    X(sum_rows, sum_rows_args)                                                                                         \
    X(map, map_args)                                                                                                   \
    X(map_back, map_args)                                                                                              \
    X(slope, map_args)                                                                                                 \
    X(norm, norm_args)                                                                                                 \
    X(norm_back, norm_args)                                                                                            \
    X(unit, unit_args)                                                                                                 \
    X(unit_back, unit_args)                                                                                            \
    X(bonus, bonus_args)                                                                                               \
    X(bonus_back, bonus_args)                                                                                          \
    X(mix, mix_args)                                                                                                   \
    X(mix_back, mix_args)                                                                                              \
    X(wkv4, wkv_args)                                                                                                  \
    X(wkv4_back, wkv_args)                                                                                             \
    X(wkv4_scan, wkv_args)                                                                                             \
    X(wkv4_scan_back, wkv_args)                                                                                        \
    X(wkv6, wkv_args)                                                                                                  \
    X(wkv6_back, wkv_args)                                                                                             \
    X(wkv7, wkv_args)                                                                                                  \
    X(wkv7_back, wkv_args)                                                                                             \
    X(softmax_nll, softmax_args)                                                                                       \
    X(softmax_nll_back, softmax_args)                                                                                  \
    X(mean, mean_args)                                                                                                 \
    X(copy, copy_args)                                                                                                 \
    X(fill, fill_args)                                                                                                 \
    X(to_host, transfer_args)                                                                                          \
    X(from_host, transfer_args)                                                                                        \
    X(gather, gather_args)                                                                                             \
    X(gather_back, gather_args)                                                                                        \
    X(shift, shift_args)                                                                                               \
    X(shift_back, shift_args)                                                                                          \
    X(repeat, repeat_args)                                                                                             \
    X(repeat_back, repeat_args)                                                                                        \
    X(matrix_of_row, matrix_of_row_args)                                                                               \
    X(drop, drop_args)                                                                                                 \
    X(states_save, states_args)                                                                                        \
    X(states_restore, states_args)                                                                                     \
    X(heads, heads_args)                                                                                               \
    X(heads_back, heads_args)                                                                                          \
    X(square_sums, square_sums_args)                                                                                   \
    X(adamw, adamw_args)

/* The revision of sums and roundings, which states in files name (session/identity.c): a change that alters
 * tests/golden/bits.txt increases it. */
enum { ARITHMETIC_REVISION = 1 };

/* The sizes that determine the scratch memory of a pass. */
struct pass_size {
    int rows, spans;   /* of the pass                                                          */
    int width, widest; /* C; the largest of all rows and columns of weights, adapters included */
    int head;          /* N; 0: no heads                                                       */
    int backward;      /* with gradients                                                       */
};

/* An opened device; the instance has further fields after these. */
struct device {
    const char *name, *isa; /* "cpu", "avx512"                                                       */
    int threads;            /* number of shares that work is divided into                            */
    int separate;           /* has memory of its own: states, logits and losses are transferred      */
    int unified;            /* that memory is physically the host's                                  */
    int same_bits;          /* gives the same bits as every other such device (docs/architecture.md) */

    /* Memory for the matrices of a pass: `bytes` of address space, which costs nothing until it is used. The operations
     * compute addresses in it and never access it. WKV_ENOMEM. */
    int (*arena_new)(device *d, arena *a, size_t bytes);
    void (*arena_free)(device *d, arena *a);
    int (*reserve)(device *d, const pass_size *s); /* scratch memory for passes of at most this size; WKV_ENOMEM */
    void (*begin)(device *d);                      /* begin a pass, driven by the calling thread                 */
    unsigned (*barriers)(const device *d);         /* number of barriers passed so far, modulo 2^32              */
    /* run n rounds of float32 multiply-adds in one thread; the number of operations. NULL: not known */
    double (*burn)(int64_t n);
    void (*close)(device *d);
    /* Reals that heads keeps for heads_back; 0: tiles do not pay, and the operations run on whole matrices. */
    size_t (*heads_kept)(device *d, const heads_args *a);

    /* ---- of a device with memory of its own; NULL in others ---- */

    /* Wait until all entries have run. WKV_ENOMEM, WKV_EUNSUPPORTED: one of them failed, and the results since the last
     * finish are lost; what to_host would have written is unchanged. */
    int (*finish)(device *d);
    /* Give a host block a twin on the device: entries are given addresses in the block and use the twin, from_host and
     * to_host with equal addresses copy between the two. WKV_ENOMEM. */
    int (*twin_new)(device *d, void *host, size_t bytes);
    void (*twin_free)(device *d, void *host); /* NULL, or one without a twin, is fine */
    /* Copy a weight, which else happens at its first use. Constants of the host are known by their addresses: they stay
     * as they are until the device is closed. WKV_ENOMEM */
    int (*keep_weight)(device *d, const tensor *w);
    size_t (*weight_bytes)(const device *d, const tensor *w); /* allocated by keep_weight     */
    size_t (*left)(const device *d);                          /* bytes that can be allocated  */
    size_t (*bytes)(const device *d, size_t *most); /* allocated on the device: now, and at most so far */
    /* Bytes that all launches so far have read and written in the device's memory, as their arguments say: an argument
     * that is read and written counts once. Forward entries only. */
    uint64_t (*traffic)(const device *d);
    /* Measure bytes per second read by all of the device from a buffer larger than its caches, and float32 operations
     * per second, a multiply-add being two. WKV_ENOMEM, WKV_EUNSUPPORTED. */
    int (*limits)(device *d, double *read, double *fma);

#define ENTRY(entry, args) void (*entry)(device *, const args *);
    DEVICE_ENTRIES(ENTRY)
#undef ENTRY
};

/* ---- opening, where the instances are listed (cpu/devices.c) ----------------------------------------------------- */

/* Open device `name` (NULL: device_default) with `threads` threads (0: one per core) and instruction set `isa`
 * (NULL: WKV_ISA, else the best). "opencl:N" is a plug-in's N-th device, "opencl" or "gpu" its first. WKV_EARG: unknown
 * name, with a list of the known ones, or invalid number of threads; WKV_EUNSUPPORTED: an instruction set that this
 * processor lacks, or no such plug-in or driver; WKV_ENOMEM. */
int device_open(device **out, const char *name, int threads, const char *isa);
const char *device_default(void);       /* WKV_DEVICE, else the first of the list                          */
void device_close(device *d);           /* NULL is fine                                                    */
const char *device_name(int i);         /* the i-th built-in device's; NULL past the end                   */
const char *device_isa(int i, int isa); /* of its instruction sets here, the best first; NULL past the end */
/* Describe device `which` of the OpenCL plug-in in a line: 1, or 0 past the last. A negative code: no plug-in. */
int device_describe(int which, char *line, size_t bytes);

#endif
