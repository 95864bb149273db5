/* entries_basic.c - elementwise entries, and entries that move values (kernels/basic.cl). */
#include "format/dtype.h"
#include "opencl/opencl.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t size_of(int T, int C) { return (size_t)T * (size_t)C; }

/* ---- pairs of matrices ------------------------------------------------------------------------------------------- */

static void pair(device *d, int op, int kernel, const pair_args *a)
{
    opencl *o = opencl_of(d);
    const size_t n = size_of(a->T, a->C), ny = size_of(a->y_rows, a->C);
    if (opencl_list(o, &(listed){.kind = op,
                                 .rows = a->T,
                                 .C = (size_t)a->C,
                                 .number = (size_t)a->y_rows,
                                 .operand = {a->z, a->x, a->y},
                                 .values = {n, n, ny}}))
        return;
    call c = call_of(o, kernel);
    pass_long(&c, n);
    pass_int(&c, a->C);
    pass_int(&c, a->y_rows);
    pass_reals(&c, a->x, n);
    pass_reals(&c, a->y, size_of(a->y_rows, a->C));
    pass_reals(&c, a->z, n);
    call_each(&c, n);
}

void opencl_add(device *d, const pair_args *a) { pair(d, OP_ADD, KERNEL_add, a); }
void opencl_mul(device *d, const pair_args *a) { pair(d, OP_MUL, KERNEL_mul, a); }

/* The gradient of a row that was broadcast: to += the sum over rows of dz x, or dz (x - less). */
static void columns_dot(device *d, int T, int C, const real *dz, const real *x, const real *less, real *to)
{
    call c = call_of(opencl_of(d), KERNEL_columns_dot);
    pass_int(&c, T);
    pass_int(&c, C);
    pass_reals(&c, dz, size_of(T, C));
    pass_reals(&c, x, size_of(T, C));
    pass_reals(&c, less, size_of(T, C));
    pass_reals(&c, to, (size_t)C);
    call_each(&c, (size_t)C);
}

void opencl_mul_back(device *d, const pair_args *a)
{
    const size_t n = size_of(a->T, a->C);
    const int sums = a->dy && a->y_rows < a->T;
    call c = call_of(opencl_of(d), KERNEL_mul_back);
    pass_long(&c, n);
    pass_int(&c, a->C);
    pass_int(&c, a->y_rows);
    pass_reals(&c, a->x, n);
    pass_reals(&c, a->y, size_of(a->y_rows, a->C));
    pass_reals(&c, a->dz, n);
    pass_reals(&c, a->dx, n);
    pass_reals(&c, sums ? NULL : a->dy, n);
    call_each(&c, n);
    if (sums) columns_dot(d, a->T, a->C, a->dz, a->x, NULL, a->dy);
}

void opencl_lerp(device *d, const lerp_args *a)
{
    opencl *o = opencl_of(d);
    const size_t n = size_of(a->T, a->C), n_mu = size_of(a->mu_rows, a->C);
    if (opencl_list(o, &(listed){.kind = OP_LERP,
                                 .rows = a->T,
                                 .C = (size_t)a->C,
                                 .number = (size_t)a->mu_rows,
                                 .operand = {a->z, a->x, a->y, a->mu},
                                 .values = {n, n, n, n_mu}}))
        return;
    call c = call_of(o, KERNEL_lerp);
    pass_long(&c, n);
    pass_int(&c, a->C);
    pass_int(&c, a->mu_rows);
    pass_reals(&c, a->x, n);
    pass_reals(&c, a->y, n);
    pass_reals(&c, a->mu, size_of(a->mu_rows, a->C));
    pass_reals(&c, a->z, n);
    call_each(&c, n);
}

void opencl_lerp_back(device *d, const lerp_args *a)
{
    const size_t n = size_of(a->T, a->C);
    const int sums = a->dmu && a->mu_rows < a->T;
    call c = call_of(opencl_of(d), KERNEL_lerp_back);
    pass_long(&c, n);
    pass_int(&c, a->C);
    pass_int(&c, a->mu_rows);
    pass_reals(&c, a->x, n);
    pass_reals(&c, a->y, n);
    pass_reals(&c, a->mu, size_of(a->mu_rows, a->C));
    pass_reals(&c, a->dz, n);
    pass_reals(&c, a->dx, n);
    pass_reals(&c, a->dy, n);
    pass_reals(&c, sums ? NULL : a->dmu, n);
    call_each(&c, n);
    if (sums) columns_dot(d, a->T, a->C, a->dz, a->y, a->x, a->dmu);
}

void opencl_sum_rows(device *d, const sum_rows_args *a)
{
    const int T = a->d_rows == 1 ? a->T : 1, C = a->d_rows == 1 ? a->C : a->T * a->C; /* else a row of all values */
    call c = call_of(opencl_of(d), KERNEL_columns_sum);
    pass_int(&c, T);
    pass_int(&c, C);
    pass_reals(&c, a->dz, size_of(T, C));
    pass_reals(&c, a->d, (size_t)C);
    call_each(&c, (size_t)C);
}

/* ---- maps -------------------------------------------------------------------------------------------------------- */

/* A kernel of values, with the matrices that it reads and writes. */
static void map_values(opencl *o, int kernel, const map_args *a, int n, const real *const *matrices)
{
    call c = call_of(o, kernel);
    pass_long(&c, a->n);
    pass_int(&c, (int)a->kind);
    for (int i = 0; i < n; i++) pass_reals(&c, matrices[i], a->n);
    call_each(&c, a->n);
}

void opencl_map(device *d, const map_args *a)
{
    opencl *o = opencl_of(d);
    const listed op = {.kind = OP_MAP, .number = (size_t)a->kind, .operand = {a->y, a->x}, .values = {a->n, a->n}};
    if (!opencl_list(o, &op)) map_values(o, KERNEL_map, a, 2, (const real *const[]){a->x, a->y});
}

void opencl_map_back(device *d, const map_args *a)
{
    const real *const matrices[] = {a->x, a->y, a->dy, a->dx};
    if (a->dx) map_values(opencl_of(d), KERNEL_map_back, a, 4, matrices);
}

void opencl_slope(device *d, const map_args *a)
{
    map_values(opencl_of(d), KERNEL_slope, a, 2, (const real *const[]){a->y, a->dx});
}

void opencl_repeat(device *d, const repeat_args *a)
{
    const size_t n = size_of(a->C, a->n);
    call c = call_of(opencl_of(d), KERNEL_repeat);
    pass_long(&c, n);
    pass_int(&c, a->n);
    pass_reals(&c, a->x, (size_t)a->C);
    pass_reals(&c, a->y, n);
    call_each(&c, n);
}

void opencl_repeat_back(device *d, const repeat_args *a)
{
    call c = call_of(opencl_of(d), KERNEL_repeat_back);
    pass_long(&c, (size_t)a->C);
    pass_int(&c, a->n);
    pass_reals(&c, a->dy, size_of(a->C, a->n));
    pass_reals(&c, a->dx, (size_t)a->C);
    call_each(&c, (size_t)a->C);
}

void opencl_matrix_of_row(device *d, const matrix_of_row_args *a)
{
    const size_t all = size_of(a->T, a->n);
    call c = call_of(opencl_of(d), KERNEL_matrix_of_row);
    pass_long(&c, all);
    pass_int(&c, a->n);
    pass_reals(&c, a->x, all);
    pass_reals(&c, a->m, all * (size_t)a->n);
    pass_reals(&c, a->y, all);
    call_each(&c, all);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

void opencl_fill(device *d, const fill_args *a)
{
    call c = call_of(opencl_of(d), KERNEL_fill);
    pass_long(&c, a->n);
    pass_float(&c, a->value);
    pass_reals(&c, a->x, a->n);
    call_each(&c, a->n);
}

void opencl_copy(device *d, const copy_args *a)
{
    opencl *o = opencl_of(d);
    const size_t rows = (size_t)a->rows, n = rows * a->cols;
    if (opencl_copy_joins(o, a)) return;
    if (!a->add && (rows == 1 || a->to_stride == a->cols) &&
        opencl_list(o, &(listed){.kind = OP_COPY,
                                 .rows = a->rows,
                                 .C = a->cols,
                                 .number = a->from_stride,
                                 .operand = {a->to, a->from},
                                 .values = {n, (rows - 1) * a->from_stride + a->cols}}))
        return;
    call c = call_of(o, KERNEL_copy);
    pass_long(&c, n);
    pass_long(&c, a->cols);
    pass_long(&c, a->to_stride);
    pass_long(&c, a->from_stride);
    pass_int(&c, a->add);
    pass_reals(&c, a->from, (rows - 1) * a->from_stride + a->cols);
    pass_reals(&c, a->to, (rows - 1) * a->to_stride + a->cols);
    call_each(&c, n);
}

void opencl_to_host(device *d, const transfer_args *a)
{
    opencl *o = opencl_of(d);
    const size_t bytes = a->n * sizeof *a->from;
    opencl_flush(o);
    const place p = o->error ? (place){0} : opencl_place(o, a->from, bytes);
    if (o->error) return;
    cl_int status = clEnqueueReadBuffer(o->queue, p.buffer, CL_TRUE, p.at, bytes, a->to, 0, NULL, NULL);
    if (status) opencl_failed(o, "clEnqueueReadBuffer", status);
}

void opencl_from_host(device *d, const transfer_args *a)
{
    opencl *o = opencl_of(d);
    const size_t bytes = a->n * sizeof *a->from;
    opencl_flush(o);
    const place p = o->error ? (place){0} : opencl_place(o, a->to, bytes);
    if (o->error) return;
    cl_int status = clEnqueueWriteBuffer(o->queue, p.buffer, CL_TRUE, p.at, bytes, a->from, 0, NULL, NULL);
    if (status) opencl_failed(o, "clEnqueueWriteBuffer", status);
}

/* Rows of a table of the host, which stays there. */
static void gather_host(device *d, const gather_args *a)
{
    const size_t C = (size_t)a->w->cols, n = size_of(a->T, a->w->cols);
    const size_t row = (size_t)dtype_bytes((dtype)a->w->type, a->w->cols);
    float *rows = malloc(n * sizeof *rows);
    if (!rows) {
        opencl_broken(opencl_of(d), WKV_ENOMEM, "no memory for %d rows of a table", a->T);
        return;
    }
    for (int t = 0; t < a->T; t++)
        dtype_decode((dtype)a->w->type, (const char *)a->w->data + row * (size_t)a->ids[t], rows + (size_t)t * C,
                     a->w->cols);
    opencl_from_host(d, &(transfer_args){.from = rows, .to = a->y, .n = n});
    free(rows);
}

void opencl_gather(device *d, const gather_args *a)
{
    opencl *o = opencl_of(d);
    const size_t C = (size_t)a->w->cols, n = size_of(a->T, a->w->cols);
    if (!opencl_in_region(o, a->w->data)) {
        gather_host(d, a);
        return;
    }
    if (a->T < FEW) {
        for (size_t t = 0; t < (size_t)a->T; t++) {
            const real *row = (const real *)a->w->data + (size_t)a->ids[t] * C;
            opencl_copy(d, &(copy_args){.rows = 1, .cols = C, .from = row, .to = a->y + t * C});
        }
        return;
    }
    call c = call_of(o, KERNEL_gather);
    pass_long(&c, n);
    pass_int(&c, a->w->cols);
    pass_reals(&c, a->w->data, size_of(a->w->rows, a->w->cols));
    pass_host(&c, a->ids, (size_t)a->T * sizeof *a->ids);
    pass_reals(&c, a->y, n);
    call_each(&c, n);
}

void opencl_gather_back(device *d, const gather_args *a)
{
    call c = call_of(opencl_of(d), KERNEL_gather_back);
    pass_int(&c, a->T);
    pass_int(&c, a->w->cols);
    pass_reals(&c, a->dy, size_of(a->T, a->w->cols));
    pass_host(&c, a->ids, (size_t)a->T * sizeof *a->ids);
    pass_reals(&c, a->dw, size_of(a->w->rows, a->w->cols));
    call_each(&c, (size_t)a->w->cols);
}

void opencl_shift(device *d, const shift_args *a)
{
    opencl *o = opencl_of(d);
    const size_t n = size_of(a->batch->rows, a->C);
    if (opencl_list(o, &(listed){.kind = OP_SHIFT,
                                 .rows = a->batch->rows,
                                 .C = (size_t)a->C,
                                 .at = (size_t)a->at,
                                 .state = (size_t)a->C,
                                 .batch = a->batch,
                                 .operand = {a->y, a->x},
                                 .values = {n, n}}))
        return;
    call c = call_of(o, KERNEL_shift);
    pass_int(&c, a->C);
    pass_long(&c, (size_t)a->at);
    pass_spans(&c, a->batch, SPAN_STATES);
    pass_reals(&c, a->x, n);
    pass_reals(&c, a->y, n);
    count_bytes(&c, 2 * size_of(a->batch->n_spans, a->C) * sizeof(real)); /* the states */
    call_columns(&c, (size_t)a->C, (size_t)a->batch->n_spans);
}

void opencl_shift_back(device *d, const shift_args *a)
{
    const size_t n = size_of(a->batch->rows, a->C);
    call c = call_of(opencl_of(d), KERNEL_shift_back);
    pass_int(&c, a->C);
    pass_long(&c, (size_t)a->at);
    pass_spans(&c, a->batch, SPAN_GRADIENTS);
    pass_reals(&c, a->dy, n);
    pass_reals(&c, a->dx, n);
    call_columns(&c, (size_t)a->C, (size_t)a->batch->n_spans);
}

static void states_copy(device *d, const states_args *a, int back)
{
    call c = call_of(opencl_of(d), KERNEL_states_copy);
    if (!a->batch->n_spans) return;
    pass_long(&c, (size_t)a->len);
    pass_long(&c, (size_t)a->at);
    pass_int(&c, back);
    pass_spans(&c, a->batch, SPAN_STATES);
    pass_reals(&c, a->kept, size_of(a->batch->n_spans, a->len));
    call_columns(&c, (size_t)a->len, (size_t)a->batch->n_spans);
}

void opencl_states_save(device *d, const states_args *a) { states_copy(d, a, 0); }
void opencl_states_restore(device *d, const states_args *a) { states_copy(d, a, 1); }

/* ---- training ---------------------------------------------------------------------------------------------------- */

void opencl_drop(device *d, const drop_args *a)
{
    call c = call_of(opencl_of(d), KERNEL_drop);
    pass_long(&c, a->n);
    pass_long(&c, a->key);
    pass_long(&c, a->first);
    pass_int(&c, (int)a->below);
    pass_float(&c, a->scale);
    pass_reals(&c, a->from, a->n);
    pass_reals(&c, a->to, a->n);
    call_each(&c, a->n);
}

void opencl_square_sums(device *d, const square_sums_args *a)
{
    opencl *o = opencl_of(d);
    const size_t tiles = (a->n + a->tile - 1) / a->tile, bytes = tiles * sizeof(cl_float2);
    cl_mem sums = tiles ? opencl_scratch(o, 0, bytes) : NULL;
    cl_float2 *list = malloc(bytes ? bytes : 1);
    call c = call_of(o, KERNEL_square_sums);
    pass_long(&c, a->n);
    pass_long(&c, a->tile);
    pass_long(&c, tiles);
    pass_reals(&c, a->x, a->n);
    pass_buffer(&c, sums);
    call_each(&c, tiles);
    if (!list) opencl_broken(o, WKV_ENOMEM, "no memory for %zu sums", tiles);
    cl_int status =
        o->error || !tiles ? 0 : clEnqueueReadBuffer(o->queue, sums, CL_TRUE, 0, bytes, list, 0, NULL, NULL);
    if (status) opencl_failed(o, "clEnqueueReadBuffer", status);
    for (size_t i = 0; i < tiles; i++) /* an infinite or NaN gradient stops a step */
        a->sums[i] = o->error                 ? (double)NAN
                     : isfinite(list[i].s[0]) ? (double)list[i].s[0] + (double)list[i].s[1]
                                              : (double)list[i].s[0];
    free(list);
}

void opencl_mean(device *d, const mean_args *a)
{
    call c = call_of(opencl_of(d), KERNEL_mean);
    pass_int(&c, a->counted ? a->T : 0);
    pass_float(&c, a->counted ? (float)(a->weight / a->counted) : 0);
    pass_reals(&c, a->nll, (size_t)a->T);
    pass_host(&c, a->scales, (size_t)a->T * sizeof *a->scales);
    pass_reals(&c, a->y, 1);
    call_run(&c, 1, 1, 1, 1, 1);
}

void opencl_adamw(device *d, const adamw_args *a)
{
    const float numbers[] = {a->lr, a->beta1, a->beta2, a->eps, a->decay, a->clip, a->bias1, a->bias2};
    call c = call_of(opencl_of(d), KERNEL_adamw);
    pass_long(&c, a->n);
    pass_reals(&c, a->w, a->n);
    pass_reals(&c, a->g, a->n);
    pass_reals(&c, a->mean, a->n);
    pass_reals(&c, a->square, a->n);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) pass_float(&c, numbers[i]);
    call_each(&c, a->n);
}
