/* entries_time.c - the recurrences and their gradients (kernels/time.cl). */
#include "opencl/opencl.h"

enum { CHUNK = 16 }; /* of kernels/time.cl */

/* Count the states: `size` values of each span, read and written. */
static void count_states(call *c, const wkv_args *a, size_t size)
{
    count_bytes(c, 2 * (size_t)a->batch->n_spans * size * sizeof(real));
}

enum { WORK, DW, DU }; /* scratch memory */

static size_t spans_of(const wkv_args *a) { return (size_t)a->batch->n_spans; }
static size_t values_of(const wkv_args *a) { return (size_t)a->batch->rows * (size_t)a->C; }

static void pass_matrices(call *c, const wkv_args *a, const real *const *x, int n)
{
    for (int i = 0; i < n; i++) pass_reals(c, x[i], values_of(a));
}

/* Zeroed rows of C values, one for each span. */
static cl_mem span_rows(opencl *o, const wkv_args *a, int which)
{
    const size_t n = spans_of(a) * (size_t)a->C;
    cl_mem rows = opencl_scratch(o, which, n * sizeof(real));
    call c = call_of(o, KERNEL_fill);
    pass_long(&c, n);
    pass_float(&c, 0);
    pass_buffer(&c, rows);
    pass_long(&c, 0);
    call_each(&c, n);
    return rows;
}

/* Add the spans' rows to a gradient, in order. */
static void add_span_rows(opencl *o, const wkv_args *a, cl_mem rows, real *to)
{
    if (!to) return;
    call c = call_of(o, KERNEL_columns_sum);
    pass_int(&c, a->batch->n_spans);
    pass_int(&c, a->C);
    pass_buffer(&c, rows);
    pass_long(&c, 0);
    pass_reals(&c, to, (size_t)a->C);
    call_each(&c, (size_t)a->C);
}

/* ---- version 4 --------------------------------------------------------------------------------------------------- */

void opencl_wkv4(device *d, const wkv_args *a)
{
    opencl *o = opencl_of(d);
    const size_t n = values_of(a), C = (size_t)a->C;
    if (opencl_list(o, &(listed){.kind = OP_WKV4,
                                 .rows = a->batch->rows,
                                 .C = C,
                                 .at = (size_t)a->at,
                                 .state = 3 * C,
                                 .batch = a->batch,
                                 .operand = {a->y, a->w, a->u, a->k, a->v},
                                 .values = {n, C, C, n, n}}))
        return;
    call c = call_of(o, KERNEL_wkv4);
    pass_int(&c, a->C);
    pass_long(&c, (size_t)a->at);
    pass_spans(&c, a->batch, SPAN_STATES);
    pass_reals(&c, a->w, (size_t)a->C);
    pass_reals(&c, a->u, (size_t)a->C);
    pass_matrices(&c, a, (const real *const[]){a->k, a->v, a->y}, 3);
    count_states(&c, a, 3 * (size_t)a->C);
    call_columns(&c, (size_t)a->C, spans_of(a));
}

void opencl_wkv4_back(device *d, const wkv_args *a)
{
    opencl *o = opencl_of(d);
    const size_t C = (size_t)a->C;
    cl_mem dw = span_rows(o, a, DW), du = span_rows(o, a, DU);
    cl_mem before = opencl_scratch(o, WORK, 3 * values_of(a) * sizeof(real));
    call c = call_of(o, KERNEL_wkv4_back);
    pass_int(&c, a->C);
    pass_long(&c, (size_t)a->batch->rows);
    pass_long(&c, (size_t)a->at);
    pass_spans(&c, a->batch, SPAN_GRADIENTS);
    pass_reals(&c, a->state0, 3 * C * spans_of(a));
    pass_reals(&c, a->w, C);
    pass_reals(&c, a->u, C);
    pass_matrices(&c, a, (const real *const[]){a->k, a->v, a->dy, a->dk, a->dv}, 5);
    pass_buffer(&c, dw);
    pass_buffer(&c, du);
    pass_buffer(&c, before);
    call_columns(&c, C, spans_of(a));
    add_span_rows(o, a, dw, a->dw);
    add_span_rows(o, a, du, a->du);
}

/* Within rounding, a scan is the recurrence. */
void opencl_wkv4_scan(device *d, const wkv_args *a) { opencl_wkv4(d, a); }
void opencl_wkv4_scan_back(device *d, const wkv_args *a) { opencl_wkv4_back(d, a); }

/* ---- versions 5 to 7 --------------------------------------------------------------------------------------------- */

static int head_size(const wkv_args *a) { return a->C / a->heads; }
static size_t state_size(const wkv_args *a) { return (size_t)head_size(a) * (size_t)head_size(a); }

/* States of a head and span that backward marks. */
static size_t marks_of(const wkv_args *a)
{
    int longest = 1;
    for (int i = 0; i < a->batch->n_spans; i++)
        if (a->batch->spans[i].len > longest) longest = a->batch->spans[i].len;
    return ((size_t)longest + CHUNK - 1) / CHUNK;
}

static cl_mem work_of(opencl *o, const wkv_args *a, size_t more)
{
    const size_t of_head = (marks_of(a) + CHUNK + 2) * state_size(a) + more;
    return opencl_scratch(o, WORK, of_head * (size_t)a->heads * spans_of(a) * sizeof(real));
}

static size_t w_values(const wkv_args *a) { return (size_t)a->w_rows * (size_t)a->C; }

void opencl_wkv6(device *d, const wkv_args *a)
{
    opencl *o = opencl_of(d);
    const size_t n = values_of(a);
    if (opencl_list(o, &(listed){.kind = OP_WKV6,
                                 .rows = a->batch->rows,
                                 .C = (size_t)a->C,
                                 .number = (size_t)a->w_rows,
                                 .width = (size_t)head_size(a),
                                 .at = (size_t)a->at,
                                 .state = (size_t)a->heads * state_size(a),
                                 .batch = a->batch,
                                 .operand = {a->y, a->r, a->w, a->k, a->v, a->u},
                                 .values = {n, n, w_values(a), n, n, (size_t)a->C}}))
        return;
    call c = call_of(o, KERNEL_wkv6);
    pass_int(&c, a->C);
    pass_int(&c, head_size(a));
    pass_int(&c, a->w_rows);
    pass_long(&c, (size_t)a->at);
    pass_spans(&c, a->batch, SPAN_STATES);
    pass_reals(&c, a->r, n);
    pass_reals(&c, a->w, w_values(a));
    pass_reals(&c, a->k, n);
    pass_reals(&c, a->v, n);
    pass_reals(&c, a->u, (size_t)a->C);
    pass_reals(&c, a->y, n);
    count_states(&c, a, (size_t)a->heads * state_size(a));
    call_columns(&c, (size_t)a->C, spans_of(a));
}

void opencl_wkv6_back(device *d, const wkv_args *a)
{
    opencl *o = opencl_of(d);
    const size_t n = values_of(a), C = (size_t)a->C;
    cl_mem dw = span_rows(o, a, DW), du = span_rows(o, a, DU), work = work_of(o, a, 0);
    call c = call_of(o, KERNEL_wkv6_back);
    pass_int(&c, a->C);
    pass_int(&c, head_size(a));
    pass_int(&c, a->w_rows);
    pass_long(&c, (size_t)a->at);
    pass_long(&c, marks_of(a));
    pass_spans(&c, a->batch, SPAN_GRADIENTS);
    pass_reals(&c, a->state0, spans_of(a) * (size_t)a->heads * state_size(a));
    pass_reals(&c, a->r, n);
    pass_reals(&c, a->w, w_values(a));
    pass_reals(&c, a->k, n);
    pass_reals(&c, a->v, n);
    pass_reals(&c, a->u, C);
    pass_reals(&c, a->dy, n);
    pass_reals(&c, a->dr, n);
    pass_reals(&c, a->dw, w_values(a));
    pass_reals(&c, a->dk, n);
    pass_reals(&c, a->dv, n);
    pass_buffer(&c, dw);
    pass_buffer(&c, du);
    pass_buffer(&c, work);
    call_run(&c, (size_t)a->heads * GROUP, spans_of(a), 1, GROUP, 1);
    if (a->w_rows == 1) add_span_rows(o, a, dw, a->dw);
    add_span_rows(o, a, du, a->du);
}

static void pass_wkv7(call *c, const wkv_args *a)
{
    pass_int(c, a->C);
    pass_int(c, head_size(a));
    pass_long(c, (size_t)a->at);
}

void opencl_wkv7(device *d, const wkv_args *a)
{
    opencl *o = opencl_of(d);
    const size_t n = values_of(a);
    if (opencl_list(o, &(listed){.kind = OP_WKV7,
                                 .rows = a->batch->rows,
                                 .C = (size_t)a->C,
                                 .width = (size_t)head_size(a),
                                 .at = (size_t)a->at,
                                 .state = (size_t)a->heads * state_size(a),
                                 .batch = a->batch,
                                 .operand = {a->y, a->r, a->w, a->k, a->v, a->a, a->b},
                                 .values = {n, n, n, n, n, n, n}}))
        return;
    call c = call_of(o, KERNEL_wkv7);
    pass_wkv7(&c, a);
    pass_spans(&c, a->batch, SPAN_STATES);
    pass_matrices(&c, a, (const real *const[]){a->r, a->w, a->k, a->v, a->a, a->b, a->y}, 7);
    count_states(&c, a, (size_t)a->heads * state_size(a));
    call_columns(&c, (size_t)a->C, spans_of(a));
}

void opencl_wkv7_back(device *d, const wkv_args *a)
{
    opencl *o = opencl_of(d);
    cl_mem work = work_of(o, a, (CHUNK + 1) * (size_t)head_size(a));
    call c = call_of(o, KERNEL_wkv7_back);
    pass_wkv7(&c, a);
    pass_long(&c, marks_of(a));
    pass_spans(&c, a->batch, SPAN_GRADIENTS);
    pass_reals(&c, a->state0, spans_of(a) * (size_t)a->heads * state_size(a));
    pass_matrices(
        &c, a,
        (const real *const[]){a->r, a->w, a->k, a->v, a->a, a->b, a->dy, a->dr, a->dw, a->dk, a->dv, a->da, a->db}, 13);
    pass_buffer(&c, work);
    call_run(&c, (size_t)a->heads * GROUP, spans_of(a), 1, GROUP, 1);
}
