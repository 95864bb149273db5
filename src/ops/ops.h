/* ops.h - the language of the models: tensor, span, batch, tape, and every operation.
 *
 * Activations are matrices of rows (tokens) by columns (channels). Only shift and wkv depend on the order of rows,
 * which spans give: one token is one span of length 1, a prompt one span of length n, twenty chats twenty spans, a
 * training batch B spans of length T. Tensors have no batch dimension, no strides and no views.
 *
 * Operations run at once (eagerly). While the context is recording, each adds a record to the tape; tape_backward walks
 * the tape in reverse and calls each operation's backward, which is in the same file as the operation. Operations
 * cannot fail: a wrong shape is our bug and stops the program with a CHECK.
 *
 * Letters: T tokens (rows of a batch), C channels, H heads, N head size (C = H N), F ffn width, V vocabulary. */
#ifndef WKV_OPS_H
#define WKV_OPS_H

#include <stdint.h>
#include "base/arena.h"
#include "base/error.h"
#include "format/layout.h"
#include "wkv_probe.h"

/* The type of activations, states and gradients. Tests build this layer a second time with double. */
#ifdef WKV_DOUBLE
typedef double real;
#define REAL F64
#else
typedef float real;
#define REAL F32
#endif

typedef struct tensor tensor;
typedef struct adapter adapter;
struct tensor {
    int rows, cols;      /* as stored                   */
    int type;            /* dtype; activations are REAL */
    weight_layout layout; /* of a weight; activations are LAYOUT_ROW_MAJOR                                     */
    float scale;         /* a weight: factor of its stored values (0 means 1)                                  */
    int requires_grad;
    void *data;          /* row-major; a weight's may point into a file's mapping, at any alignment, read-only */
    real *grad;          /* same shape as data, F32/F64; allocated when first needed, or owned by the trainer  */
    adapter *adapter;    /* a weight: a low-rank map that op_linear adds, or NULL                              */
};

/* LoRA: y = x W' + (x a') b', a [rank, in], b [out, rank]; b's `scale` is alpha / rank. MiSS (arXiv 2409.15371): y = x
 * W' + f b, where f is the sum of x's shards of `rank` inputs (op_fold) and b [rank, out] is input-major; a is empty,
 * of 0 rows. */
struct adapter {
    tensor a, b;
    int site;      /* of the dropout of x in training, at least ADAPTER_SITE; 0: no dropout */
    adapter *next; /* a further adapter of the same weight, or NULL                         */
};

static inline int weight_in(const tensor *w) { return layout_is_input_major(w->layout) ? w->rows : w->cols; }
static inline int weight_out(const tensor *w) { return layout_is_input_major(w->layout) ? w->cols : w->rows; }
static inline stored_weight weight_stored(const tensor *w)
{
    return stored_rows(w->layout, (dtype)w->type, w->rows, w->cols);
}
static inline real *reals(const tensor *t) { return (real *)t->data; }

/* Consecutive rows of one sequence. Its state is a block of reals that the pass advances in place; each operation has
 * its offset `at` in the block. dstate, NULL or a block of the same layout: before tape_backward the gradient with
 * respect to the final state, afterwards that with respect to the initial one. (In place of v4's aa, bb, pp it holds
 * gA, gB, o of docs/models.md 2.4: gradients of the true sums, scaled by e^o; all zero means none.) */
typedef struct {
    int row, len;
    real *state, *dstate;
} span;

typedef struct {
    int rows, n_spans;
    const span *spans;
} batch;

typedef struct cx cx;
typedef struct record record;
typedef struct device device;
typedef struct pass_size pass_size;

struct record {               /* a recorded operation, in the arena */
    record *before;           /* the previous one                   */
    void (*back)(cx *, record *);
    tensor *out[2];
    tensor *in[12];
    real *saved;              /* values kept for backward      */
    const void *p;            /* further arguments of backward */
    int i, j;
};

/* Calls during a pass at sites of the model (wkv_probe.h). */
typedef struct {
    const uint32_t *sites; /* a bit 1 << site for each site with a probe: of the model, then of each layer */
    /* row: of the pass, the first of `rows` */
    void (*fn)(void *user, wkv_site site, int layer, int row, int rows, int cols, real *values);
    void *user;
} probe;

struct cx {
    device *dev;
    arena mem;                /* the device's: values and gradients */
    arena host;               /* tensors, records, lists            */
    const batch *b;
    const int32_t *tokens;    /* id of each row, for tables that a layer reads by token */
    int recording;
    int keep_activations;     /* op_block recomputes nothing */
    int scan;                 /* op_wkv4 is op_wkv4_scan     */
    real drop_rate;           /* of op_drop; 0: no dropout   */
    real adapter_drop_rate;   /* of the inputs of adapters   */
    uint64_t drop_seed;
    int drop_row;             /* index of the first row in its step */
    const probe *probe;       /* NULL: none; not while recording    */
    int layer;                /* the running one; -1: before all    */
    int first_layer;          /* states of spans begin with it      */
    uint32_t probed;          /* its probe->sites; 0 without probes */
    record *last;             /* of the tape                        */
    real seed;                /* of tape_backward                   */
    /* If set, backward calls it after each operation; `layer` is the first layer from which on all gradients are
     * complete; INT_MAX: no further one. */
    void (*layer_done)(void *user, int layer);
    void *user;
};

/* c->mem reserves as much address space as the machine has memory, or as is left; c->host an eighth of it.
 * WKV_ENOMEM. */
int cx_init(cx *c, device *dev);
void cx_release(cx *c); /* the device stays open */
/* Reserve the device's scratch memory for passes of at most this size. c->mem can still be exhausted: the caller limits
 * the rows of a pass, or calls cx_run. WKV_ENOMEM. */
int cx_reserve(cx *c, const pass_size *s);
size_t cx_peak(const cx *c); /* peak use of both arenas in bytes */
void cx_peak_restart(cx *c); /* measure the peak from here on    */
/* Call fn(arg), which runs one or more passes. If c->mem is exhausted, the pass is abandoned: WKV_ENOMEM. Afterwards
 * the tape and the arenas are empty. */
int cx_run(cx *c, void (*fn)(void *arg), void *arg);

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

tensor *tensor_new(cx *c, int rows, int cols);                   /* in the arena, values not set */
tensor *tensor_zero(cx *c, int rows, int cols);
real *tensor_grad(cx *c, tensor *x);                             /* its gradient, zeroed at the first call       */
double scalar_read(cx *c, const tensor *x);                      /* the value of a 1 x 1, copied from the device */
void values_read(cx *c, const tensor *x, real *out);             /* all values of a tensor                       */
/* Matrix i of a weight that stores n equal matrices one after another, as a tensor that shares its memory. */
tensor *tensor_part(cx *c, const tensor *w, int i, int n);

/* ---- operations -------------------------------------------------------------------------------------------------- */

typedef enum {
    MAP_NONE,     /* x itself                                    */
    MAP_NEG,      /* -x                                          */
    MAP_EXP,      /* e^x                                         */
    MAP_NEGEXP,   /* -e^x:              v4 decay, in log space   */
    MAP_DECAY5,   /* e^(-e^x):          v5, v6 decay             */
    MAP_DECAY7,   /* e^(-e^(-1/2) s(x)): v7 decay; s the sigmoid */
    MAP_SIGMOID,
    MAP_TANH,
    MAP_SILU,     /* x s(x)                     */
    MAP_RELU2,    /* max(x, 0)^2; NaN stays NaN */
    MAPS
} map_kind;

/* y = x W' (or x W for a weight stored [in, out]), plus the terms of its adapters. x: T x in, y: T x out. */
tensor *op_linear(cx *c, tensor *x, tensor *w);
/* Several independent linear maps as one parallel region, each with its epilogue: y = f(x W' + bias), then from + (to -
 * from) y, then times y, then plus y. NULL operands are left out; a map without w is skipped. bias: one row; from, to,
 * times, plus: T x out. All maps have the same T; other sizes may differ. A probe at `site` gets y before plus. */
typedef struct {
    tensor **y, *x, *w, *bias;
    map_kind map;
    tensor *from, *to, *times, *plus;
    wkv_site site;
} linear_map;
void op_linears(cx *c, const linear_map *l, int n);
/* LINEARS(c, {.y = &r, .x = xr, .w = R}, {.y = &k, .x = xk, .w = K, .map = MAP_RELU2}) */
#define LINEARS(c, ...)                                                                                                \
    op_linears(c, (const linear_map[]){__VA_ARGS__},                                                                   \
               (int)(sizeof((const linear_map[]){__VA_ARGS__}) / sizeof(linear_map)))
/* Rows `ids` of an embedding table. The caller keeps ids until backward. */
tensor *op_embed(cx *c, tensor *w, const int32_t *ids, int n);
/* Rows rows[0..n) of x (those that need logits). */
tensor *op_rows(cx *c, tensor *x, const int *rows, int n);
/* Columns [from, from + cols) of x. */
tensor *op_cols(cx *c, tensor *x, int from, int cols);
/* The sum of x's shards of `cols` columns, the last padded with zeros: T x cols. */
tensor *op_fold(cx *c, tensor *x, int cols);
/* Each row of x, of n values, times its own matrix: the n x n values of the same row of m, [in][out]. No backward. */
tensor *op_matrix_of_row(cx *c, tensor *x, tensor *m);

/* z = x + y, x * y. y has as many rows as x, or one row that is broadcast. */
tensor *op_add(cx *c, tensor *x, tensor *y);
tensor *op_mul(cx *c, tensor *x, tensor *y);
/* x + (y - x) mu; x, y, mu: T rows, mu also one row. */
tensor *op_lerp(cx *c, tensor *x, tensor *y, tensor *mu);
/* Each value of a row n times: [1, H] -> [1, H n]; per-head scalars of v5.0 and v5.1. */
tensor *op_repeat(cx *c, tensor *x, int n);

tensor *op_map(cx *c, map_kind kind, tensor *x);

/* Normalise each of `groups` equal parts of a row to mean 0, variance 1 (biased, + eps), then w and b per channel.
 * groups = 1 is LayerNorm, groups = H the group norm after wkv. w, b: one row of C. */
tensor *op_norm(cx *c, tensor *x, tensor *w, tensor *b, int groups, real eps);
/* Each head divided by max(its norm, 1e-12). */
tensor *op_unit(cx *c, tensor *x, int heads);
/* v7: in each head (sum_j r_j k_j u_j) v. u: one row of C. */
tensor *op_bonus(cx *c, tensor *r, tensor *k, tensor *u, tensor *v, int heads);

/* The previous row of the same span; for its first row state[at .. at+C), which is then set to the span's last row. */
tensor *op_shift(cx *c, tensor *x, int at);
/* Layer norm, shift and lerps in one: z = norm(x; w, b), p = shift(z), and for each mixture *y = z + (p - z) mu when
 * mu weighs the previous token, p + (z - p) mu when it weighs the current one. mu: one row; a mixture without mu is
 * skipped. */
typedef enum { PREVIOUS, CURRENT } weighs;
typedef struct {
    tensor **y, *mu;
} mixture;
typedef struct {
    tensor *x, *w, *b;
    real eps;
} mix_in;
void op_mix(cx *c, const mix_in *in, int at, weighs which, const mixture *m, int n);
/* Time mixing. State at `at`: v4 aa, bb, pp; v5-7 S[H][N key][N value]. All T x C, but for w and u, see below.
 * v4: w = -e^decay (log space), u: one row of C each. docs/models.md 2.2, 2.4 */
tensor *op_wkv4(cx *c, tensor *k, tensor *v, tensor *w, tensor *u, int at);
/* The same within rounding, tiles of the text in parallel; used only on request (c->scan). docs/models.md 2.3 */
tensor *op_wkv4_scan(cx *c, tensor *k, tensor *v, tensor *w, tensor *u, int at);
/* v5, v6: w in (0, 1): one row (v5) or T rows (v6); u: one row. docs/models.md 3.2, 3.4 */
tensor *op_wkv6(cx *c, tensor *r, tensor *k, tensor *v, tensor *w, tensor *u, int heads, int at);
/* v7: w in [1/2, 1), T rows (MAP_DECAY7 gives at least 0.545; backward divides by products of 16 of them); a = -kappa,
 * b = kappa * the learning rate. docs/models.md 5.2, 5.4 */
typedef struct {
    tensor *r, *w, *k, *v, *a, *b;
} wkv7_in;
tensor *op_wkv7(cx *c, const wkv7_in *in, int heads, int at);

/* The layer whose sites follow; -1: the model's. */
void op_layer(cx *c, int layer);
/* x, or if the running layer has a probe at `site`, a copy that the probe has read and may have changed. */
tensor *op_probe(cx *c, wkv_site site, tensor *x);

/* Dropout, in training only: each value is 0 with probability p, else divided by 1 - p; p is c->drop_rate, and
 * c->adapter_drop_rate at sites from ADAPTER_SITE on. The mask depends on the step's c->drop_seed and on `site`, which
 * is different for each call of a pass. */
enum { ADAPTER_SITE = 1 << 16 };
tensor *op_drop(cx *c, tensor *x, int site);

/* weight x the mean cross entropy of the logits x W' against targets (-1: excluded), 1 x 1. At most HEAD_CHUNK logits
 * (or one row) exist at a time. The forward pass already adds the gradient of w, so the loss must be the root of
 * tape_backward, with seed 1. The gradient includes L2Wrap: weight x 1e-4 / rows x the largest logit, on that logit
 * (docs/models.md 6); l2wrap 0 disables it. */
enum { HEAD_CHUNK = 1 << 22 };
tensor *op_head_loss(cx *c, tensor *x, tensor *w, const int32_t *targets, real weight, int l2wrap);

/* The sum of the cross entropy of each span's rows: n_spans x 1. Not recorded. */
tensor *op_head_sums(cx *c, tensor *x, tensor *w, const int32_t *targets);
/* The sum of scales[t] x the cross entropy of row t, 1 x 1; as op_head_loss without L2Wrap. */
tensor *op_head_scaled(cx *c, tensor *x, tensor *w, const int32_t *targets, const real *scales);

/* Run fn, the per-head part of a layer, on n matrices of T x C and rows of C (NULL stays NULL): none of its operations
 * mixes columns of different heads. The device may run it in tiles of some heads and tokens, with states that begin at
 * the tile's first head. fn(c, p, in, heads, at) reads the tile's columns of in[0..n) and returns the tile's output;
 * the caller keeps p and its targets until backward, which recomputes the tiles. */
typedef tensor *heads_fn(cx *c, const void *p, tensor *const *in, int heads, int at);
tensor *op_heads(cx *c, heads_fn *fn, const void *p, int heads, int at, tensor *const *in, int n);
/* HEADS(c, fn, p, heads, at, per_head, .r = r, .k = k): per_head, a struct of tensor pointers only, names the inputs;
 * op_heads reads it as an array, and fn reads HEAD_INPUTS(per_head, in)->r. */
#define HEADS(c, fn, p, heads, at, inputs, ...)                                                                        \
    op_heads(c, fn, p, heads, at, (tensor *const *)(const void *)&(const inputs){__VA_ARGS__},                         \
             (int)(sizeof(inputs) / sizeof(tensor *)))
#define HEAD_INPUTS(inputs, in) ((const inputs *)(const void *)(in))

/* A layer: fn(c, p, layer, in, out) reads in[0], in[1], in[2] (the last two may be NULL; in[2] gets no gradient) and
 * sets out[0], out[1] (out[1] may be NULL or in[1] itself). Its scratch memory is freed at its end. While recording,
 * backward restores [at, at + len) of every state and recomputes the layer with records (gradient checkpointing). With
 * c->keep_activations the layer is recorded at once: faster, in more memory, the same bits. */
typedef void block_fn(cx *c, const void *p, int layer, tensor *in[3], tensor *out[2]);
void op_block(cx *c, block_fn *fn, const void *p, int layer, tensor *in[3], tensor *out[2], int at, int len);

/* ---- the tape ---------------------------------------------------------------------------------------------------- */

/* Record an operation: its record, or NULL when the context is not recording or no input requires a gradient. */
record *tape_record(cx *c, void (*back)(cx *, record *), tensor *out, int n_in, tensor *const *in);
/* Backward of everything recorded, from root (1 x 1) with gradient `seed`. Adds to the gradients of parameters. */
void tape_backward(cx *c, tensor *root, real seed);
/* Empty the tape and both arenas. */
void cx_reset(cx *c);

#endif
