/* cpu_linear.c - matrix products: the choice of kernels, and the division among threads.
 *
 * A parallel region is several products between two barriers. The columns of all their results, side by side, are
 * divided into as many ranges of equal cost as there are threads, so a thread has a rectangle of one product, or
 * rectangles of several. No sum is divided, so the division changes no bit. */
#include <math.h>
#include <string.h>
#include "cpu/cpu.h"

/* DOT and OUTER: see simd.h. DOT computes y of a weight stored [out, in] and dx of one stored [in, out]. INT8: int8.h,
 * y of a weight in blocks, except LAYOUT_INPUT_MAJOR. */
typedef enum { DOT, OUTER, INT8 } kernel;

/* One result, rows x cols, of sums of `sum` products. */
typedef struct {
    kernel kernel;
    float *y;
    int rows, cols, sum;
    const float *x; /* dot: rows x sum. outer: (row, k) at x[row xm + k xk] */
    size_t xm, xk;
    const x256 *bytes; /* INT8: x as bytes, chunks `rows` apart, if the previous region made them */
    const char *w;     /* dot: cols x sum. outer: sum x cols                                      */
    size_t w_bytes;    /* of a row of w                                                           */
    dtype type;
    weight_layout layout; /* of w                                           */
    float scale;
    int add;
    int has_epilogue;
    product end;
} matmul;

enum { MAX_PRODUCTS = 12, FEW = 4 }; /* of a region; rows up to which memory bandwidth is the limit */

typedef struct {
    const simd *s;
    const int8_set *int8;
    int n, by_rows;
    const matmul *q;
    double cost[MAX_PRODUCTS]; /* of `grain` columns */
    int grain[MAX_PRODUCTS];
    double all;
} region;

static float scale_of(const tensor *w) { return w->scale == 0 ? 1 : w->scale; }
static size_t row_bytes(const tensor *w) { return (size_t)dtype_bytes((dtype)w->type, w->cols); }

/* ---- a rectangle ------------------------------------------------------------------------------------------------- */

/* The weight of dx. */
static stored_weight weight_of_dx(const matmul *q)
{
    return (stored_weight){q->layout, q->type, .in = q->cols, .out = q->sum};
}

/* The rectangle for simd.h, w being the whole weight. */
static gemm gemm_of(const matmul *q, int row, int rows, int col, int cols)
{
    return (gemm){.M = rows,
                  .N = cols,
                  .K = q->sum,
                  .y = q->y + (size_t)row * (size_t)q->cols + col,
                  .y_stride = (size_t)q->cols,
                  .x = q->x + (size_t)row * q->xm,
                  .xm = q->xm,
                  .xk = q->xk,
                  .w = q->w,
                  .w_bytes = q->w_bytes,
                  .type = q->type,
                  .scale = q->scale,
                  .add = q->add};
}

/* dx of LAYOUT_SPARSE_BLOCKS: 32 of its rows at a time as floats. */
static void dot_sparse(const simd *s, const matmul *q, int row, int rows, int col, int cols)
{
    const stored_weight stored = weight_of_dx(q);
    size_t C = (size_t)q->sum;
    float *w = cpu_scratch(LAYOUT_TILE * C + s->dot_scratch(F32, rows, q->sum));
    for (int u = col; u < col + cols; u += LAYOUT_TILE) {
        int n = col + cols - u < LAYOUT_TILE ? col + cols - u : LAYOUT_TILE;
        for (int i = 0; i < n; i++) layout_decode(&stored, q->w, u + i, 0, q->sum, w + (size_t)i * C);
        gemm g = gemm_of(q, row, rows, u, n);
        g.w = w;
        g.w_bytes = sizeof *w * C;
        g.type = F32;
        s->dot(&g, w + LAYOUT_TILE * C);
    }
}

static void dot_kernel(const simd *s, const matmul *q, int row, int rows, int col, int cols)
{
    if (q->layout == LAYOUT_SPARSE_BLOCKS) {
        dot_sparse(s, q, row, rows, col, cols);
        return;
    }
    gemm g = gemm_of(q, row, rows, col, cols);
    g.w = q->w + (size_t)col * q->w_bytes;
    s->dot(&g, cpu_scratch(s->dot_scratch(q->type, rows, q->sum)));
}

/* dx of LAYOUT_INTERLEAVED: 32 of its rows at a time as floats. */
static void outer_interleaved(const simd *s, const matmul *q, int row, int rows, int col, int cols)
{
    const stored_weight stored = weight_of_dx(q);
    int from = col / 32 * 32, n = (col + cols + 31) / 32 * 32 - from;
    float *w = cpu_scratch((size_t)LAYOUT_TILE * (size_t)n + OUTER_SCRATCH);
    gemm g = gemm_of(q, row, rows, col, cols);
    g.K = LAYOUT_TILE;
    g.w = w + col - from;
    g.w_bytes = sizeof *w * (size_t)n;
    g.type = F32;
    for (int o = 0; o < q->sum; o += LAYOUT_TILE) {
        for (int i = 0; i < LAYOUT_TILE; i++) layout_decode(&stored, q->w, o + i, from, n, w + (size_t)i * (size_t)n);
        g.x = q->x + (size_t)row * q->xm + (size_t)o * q->xk;
        g.add = q->add || o;
        s->outer(&g, w + (size_t)LAYOUT_TILE * (size_t)n);
    }
}

static void outer_kernel(const simd *s, const matmul *q, int row, int rows, int col, int cols)
{
    if (q->layout == LAYOUT_INTERLEAVED) {
        outer_interleaved(s, q, row, rows, col, cols);
        return;
    }
    gemm g = gemm_of(q, row, rows, col, cols);
    g.w = q->w + dtype_bytes(q->type, col);
    s->outer(&g, cpu_scratch(OUTER_SCRATCH));
}

static x256 *int8_scratch(const int8_set *s, int rows, size_t chunks)
{
    return (x256 *)cpu_scratch((chunks * sizeof(x256) + s->scratch(rows)) / sizeof(float) + 1);
}

/* For a few tokens every thread converts x to bytes itself, which costs less than a barrier. */
static void int8_kernel(const int8_set *s, const matmul *q, int row, int rows, int col, int cols)
{
    const int sparse = q->layout == LAYOUT_SPARSE_BLOCKS;
    size_t chunks = q->bytes ? 0 : int8_chunks(rows, q->sum), x_step = (size_t)(q->bytes ? q->rows : rows);
    x256 *own = int8_scratch(s, rows, chunks);
    if (!q->bytes) s->quantize(own, x_step, q->x + (size_t)row * q->xm, q->xm, rows, q->sum);
    const int8_args a = {.y = q->y + (size_t)row * (size_t)q->cols + col,
                         .y_stride = (size_t)q->cols,
                         .x = q->bytes ? q->bytes + row : own,
                         .x_step = x_step,
                         .w = sparse ? q->w : q->w + (size_t)col * q->w_bytes,
                         .w_bytes = q->w_bytes,
                         .type = q->type,
                         .T = rows,
                         .O = cols,
                         .I = q->sum,
                         .w_outs = q->cols,
                         .w_from = col,
                         .scale = q->scale,
                         .scratch = own + chunks};
    if (sparse) s->sparse(&a);
    else if (q->layout == LAYOUT_INTERLEAVED) s->interleaved(&a);
    else s->product(&a);
}

static void rectangle(const region *f, const matmul *q, int row, int rows, int col, int cols)
{
    const simd *s = f->s;
    if (rows < 1 || cols < 1) return;
    if (q->kernel == OUTER)
        outer_kernel(s, q, row, rows, col, cols);
    else if (q->kernel == INT8)
        int8_kernel(f->int8, q, row, rows, col, cols);
    else
        dot_kernel(s, q, row, rows, col, cols);

    if (!q->has_epilogue) return;
    product e = q->end;
    size_t at = (size_t)row * (size_t)q->cols + (size_t)col;
    e.y += at;
    e.bias = cpu_in(e.bias, (size_t)col);
    e.from = cpu_in(e.from, at);
    e.to = cpu_in(e.to, at);
    e.times = cpu_in(e.times, at);
    e.plus = cpu_in(e.plus, at);
    s->finish((patch){.rows = rows, .cols = cols, .stride = (size_t)q->cols}, &e);
}

/* ---- a region ---------------------------------------------------------------------------------------------------- */

static int units(const region *f, int i) { return (f->q[i].cols + f->grain[i] - 1) / f->grain[i]; }

/* The column of product i at cumulative cost `cost`, when product i begins at `before`. */
static int column_at(const region *f, int i, double before, double cost)
{
    double u = floor((cost - before) / f->cost[i] + 0.5);
    if (u <= 0) return 0;
    return u < units(f, i) ? (int)u * f->grain[i] : f->q[i].cols;
}

static void part_of(void *arg, int part, int parts)
{
    const region *f = arg;
    double before = 0;
    for (int i = 0; i < f->n; i++) {
        const matmul *q = &f->q[i];
        int row = 0, rows = q->rows, col = 0, cols = q->cols;
        if (f->by_rows) {
            pool_share(q->rows, 12, part, parts, &row, &rows);
        } else {
            col = column_at(f, i, before, f->all * part / parts);
            cols = column_at(f, i, before, f->all * (part + 1) / parts);
        }
        rectangle(f, q, row, rows - row, col, cols - col);
        before += f->cost[i] * units(f, i);
    }
}

/* The fewest columns of a thread. */
static int grain_of(const int8_set *s, const matmul *q)
{
    int block = dtypes[q->type].values;
    if (q->layout == LAYOUT_SPARSE_BLOCKS) return 64;
    if (q->layout == LAYOUT_INTERLEAVED) return LAYOUT_TILE;
    return q->kernel == INT8 ? s->outs : q->kernel == DOT ? 16 : block > 64 ? block : 64;
}

static void run(device *d, const matmul *q, int n)
{
    region f = {.s = cpu_of(d)->simd, .int8 = cpu_of(d)->int8, .n = n, .q = q};
    double work = 0;
    int all_units = 0, parts = d->threads;
    CHECK(n <= MAX_PRODUCTS);
    for (int i = 0; i < n; i++) {
        double bytes = (double)dtypes[q[i].type].bytes / dtypes[q[i].type].values;
        f.grain[i] = grain_of(f.int8, &q[i]);
        f.cost[i] = (double)f.grain[i] * q[i].sum * (q->rows <= FEW ? bytes : q[i].kernel == INT8 ? 0.25 : 1);
        f.all += f.cost[i] * units(&f, i);
        all_units += units(&f, i);
        work += 0.25 * q[i].rows * q[i].cols * q[i].sum; /* a vector has at least four lanes */
    }
    f.by_rows = all_units < 4 * parts && q->rows >= 4 * parts;
    pool_run(cpu_worth(d, work), part_of, &f);
}

/* Bytes of the x of every INT8 product, rows divided among the threads. */
typedef struct {
    const int8_set *s;
    const matmul *q;
    int n;
} quantize_region;

/* The number of the first product with the same x. */
static int same_x(const matmul *q, int i)
{
    for (int j = 0; j < i; j++)
        if (q[j].bytes && q[j].x == q[i].x && q[j].sum == q[i].sum) return j;
    return i;
}

static void quantize_part(void *arg, int part, int parts)
{
    const quantize_region *f = arg;
    for (int i = 0; i < f->n; i++) {
        const matmul *q = &f->q[i];
        int from, to;
        if (!q->bytes || same_x(f->q, i) != i) continue;
        pool_share(q->rows, 1, part, parts, &from, &to);
        f->s->quantize((x256 *)q->bytes + from, (size_t)q->rows, q->x + (size_t)from * q->xm, q->xm, to - from, q->sum);
    }
}

static void quantize_all(device *d, matmul *q, int n)
{
    size_t chunks = 0;
    for (int i = 0; i < n; i++)
        if (q[i].kernel == INT8) chunks += int8_chunks(q[i].rows, q[i].sum);
    if (!chunks || q->rows <= FEW) return;
    x256 *next = (x256 *)cpu_shared(chunks * (sizeof(x256) / sizeof(float)));
    for (int i = 0; i < n; i++) {
        if (q[i].kernel != INT8) continue;
        int j = same_x(q, i);
        q[i].bytes = j < i ? q[j].bytes : next;
        if (j == i) next += int8_chunks(q[i].rows, q[i].sum);
    }
    quantize_region f = {.s = cpu_of(d)->int8, .q = q, .n = n};
    pool_run(cpu_worth(d, 256.0 * (double)chunks), quantize_part, &f);
}

void cpu_linear(device *d, const linear_args *a)
{
    matmul m[MAX_PRODUCTS];
    const product *q = a->q;
    CHECK(a->n <= MAX_PRODUCTS);
    for (int i = 0; i < a->n; i++) {
        const tensor *w = q[i].w;
        m[i] = (matmul){.kernel = w->layout == LAYOUT_INPUT_MAJOR ? OUTER
                                  : int8_takes((dtype)w->type)    ? INT8
                                                                : DOT,
                        .layout = w->layout,
                        .y = q[i].y,
                        .rows = a->T,
                        .cols = weight_out(w),
                        .sum = weight_in(w),
                        .x = q[i].x,
                        .xm = (size_t)weight_in(w),
                        .xk = 1,
                        .w = w->data,
                        .w_bytes = row_bytes(w),
                        .type = (dtype)w->type,
                        .scale = scale_of(w),
                        .has_epilogue = q[i].bias || q[i].map != MAP_NONE || q[i].to || q[i].times || q[i].plus,
                        .end = q[i]};
    }
    quantize_all(d, m, a->n);
    run(d, m, a->n);
}

void cpu_linear_dx(device *d, const linear_back_args *a)
{
    const tensor *w = a->w;
    matmul q = {.kernel = layout_is_input_major(w->layout) ? DOT : OUTER,
                .layout = w->layout,
                .y = a->dx,
                .rows = a->T,
                .cols = weight_in(w),
                .sum = weight_out(w),
                .x = a->dy,
                .xm = (size_t)weight_out(w),
                .xk = 1,
                .w = w->data,
                .w_bytes = row_bytes(w),
                .type = (dtype)w->type,
                .scale = scale_of(w),
                .add = a->add};
    run(d, &q, 1);
}

void cpu_linear_dw(device *d, const linear_back_args *a)
{
    const tensor *w = a->w;
    const int input_rows = layout_is_input_major(w->layout); /* dw[row][col] += row_of[t][row] col_of[t][col] */
    const real *row_of = input_rows ? a->x : a->dy, *col_of = input_rows ? a->dy : a->x;
    matmul q = {.kernel = OUTER,
                .y = a->dw,
                .rows = w->rows,
                .cols = w->cols,
                .sum = a->T,
                .x = row_of,
                .xm = 1,
                .xk = (size_t)w->rows,
                .w = (const char *)col_of,
                .w_bytes = sizeof(real) * (size_t)w->cols,
                .type = F32,
                .scale = scale_of(w),
                .add = 1};
    run(d, &q, 1);
}
