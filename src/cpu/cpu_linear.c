/* cpu_linear.c - matrix products: which form, and which thread does what.
 *
 * The dot form serves y of a weight stored [out, in] and dx of one stored [in, out]; everything else takes the outer form. A thread gets a rectangle of the result, so no sum is ever shared. */
#include "cpu/cpu.h"
#include <string.h>

typedef struct {
    const simd *s;
    float *y;            /* the result, rows x cols                                */
    int rows, cols, sum; /* sum: length of every element's sum                     */
    const float *x;      /* dot: rows x sum. outer: (row, k) at x[row xm + k xk]   */
    size_t xm, xk;
    const char *w;  /* dot: cols x sum. outer: sum x cols                     */
    size_t w_bytes; /* of a row of w                                          */
    dtype type;
    float scale;
    int add;
} product;

static float scale_of(const tensor *w) { return w->scale == 0 ? 1 : w->scale; }
static size_t row_bytes(const tensor *w) { return (size_t)dtype_bytes((dtype)w->type, w->cols); }

/* The rectangle of `part`: columns are divided when there are enough of them for every thread, else rows. */
static void share(const product *q, int grain, int part, int parts, int row[2], int col[2])
{
    row[0] = col[0] = 0;
    row[1] = q->rows;
    col[1] = q->cols;
    if (q->cols >= 4 * grain * parts || q->rows < 4 * parts)
        pool_share(q->cols, grain, part, parts, &col[0], &col[1]);
    else
        pool_share(q->rows, 12, part, parts, &row[0], &row[1]);
}

static void dot_part(void *arg, int part, int parts)
{
    const product *q = arg;
    int row[2], col[2];
    share(q, 16, part, parts, row, col);
    if (row[0] == row[1] || col[0] == col[1]) return;
    int T = row[1] - row[0];
    q->s->dot(q->y + (size_t)row[0] * (size_t)q->cols + col[0], (size_t)q->cols, q->x + (size_t)row[0] * q->xm, q->xm,
              q->w + (size_t)col[0] * q->w_bytes, q->w_bytes, q->type, T, col[1] - col[0], q->sum, q->scale, q->add,
              cpu_scratch(q->s->dot_scratch(q->type, T, q->sum)));
}

static void outer_part(void *arg, int part, int parts)
{
    const product *q = arg;
    int row[2], col[2];
    share(q, dtypes[q->type].values > 64 ? dtypes[q->type].values : 64, part, parts, row, col);
    if (row[0] == row[1] || col[0] == col[1]) return;
    for (int r = row[0]; r < row[1] && !q->add; r++)
        memset(q->y + (size_t)r * (size_t)q->cols + col[0], 0, sizeof(float) * (size_t)(col[1] - col[0]));
    q->s->outer(q->y + (size_t)row[0] * (size_t)q->cols + col[0], (size_t)q->cols, q->x + (size_t)row[0] * q->xm, q->xm,
                q->xk, q->w + dtype_bytes(q->type, col[0]), q->w_bytes, q->type, row[1] - row[0], col[1] - col[0],
                q->sum, q->scale, cpu_scratch(OUTER_SCRATCH));
}

static void run(pool *p, void (*part)(void *, int, int), product *q)
{
    q->s = simd_now();
    pool_run(cpu_worth(p, 0.25 * q->rows * q->cols * q->sum), part, q); /* a vector does at least four at once */
}

void cpu_linear(pool *p, real *y, const real *x, const tensor *w, int T)
{
    size_t in = (size_t)weight_in(w);
    product q = {.y = y,
                 .rows = T,
                 .cols = weight_out(w),
                 .sum = weight_in(w),
                 .x = x,
                 .xm = in,
                 .xk = 1,
                 .w = w->data,
                 .w_bytes = row_bytes(w),
                 .type = (dtype)w->type,
                 .scale = scale_of(w)};
    run(p, w->in_rows ? outer_part : dot_part, &q);
}

void cpu_linear_dx(pool *p, real *dx, const real *dy, const tensor *w, int T)
{
    size_t out = (size_t)weight_out(w);
    product q = {.y = dx,
                 .rows = T,
                 .cols = weight_in(w),
                 .sum = weight_out(w),
                 .x = dy,
                 .xm = out,
                 .xk = 1,
                 .w = w->data,
                 .w_bytes = row_bytes(w),
                 .type = (dtype)w->type,
                 .scale = scale_of(w),
                 .add = 1};
    run(p, w->in_rows ? dot_part : outer_part, &q);
}

void cpu_linear_dw(pool *p, real *dw, const real *dy, const real *x, const tensor *w, int T)
{
    const real *a = w->in_rows ? x : dy, *b = w->in_rows ? dy : x; /* dw[row][col] += a[t][row] b[t][col] */
    product q = {.y = dw,
                 .rows = w->rows,
                 .cols = w->cols,
                 .sum = T,
                 .x = a,
                 .xm = 1,
                 .xk = (size_t)w->rows,
                 .w = (const char *)b,
                 .w_bytes = sizeof(real) * (size_t)w->cols,
                 .type = F32,
                 .scale = scale_of(w),
                 .add = 1};
    run(p, outer_part, &q);
}
