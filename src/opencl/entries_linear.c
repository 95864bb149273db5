/* entries_linear.c - matrix products over stored weights (kernels/linear.cl). */
#include "opencl/opencl.h"

enum { ROWS = 16 }; /* of kernels/linear.cl */

weight_place opencl_stored(opencl *o, const tensor *w)
{
    weight_place s;
    s.at = opencl_weight(o, w, &s.type);
    s.layout = s.type != w->type && w->layout == LAYOUT_INTERLEAVED     ? LAYOUT_ROW_MAJOR
               : s.type != w->type && w->layout == LAYOUT_SPARSE_BLOCKS ? LAYOUT_INPUT_MAJOR
                                                                        : (int)w->layout;
    return s;
}

static size_t bytes_of(const tensor *w, const weight_place *s)
{
    return (size_t)dtype_bytes((dtype)s->type, (int64_t)w->rows * w->cols);
}

/* An f32 weight of a region may move with its buffer; others stay. */
static void pass_weight(call *c, const tensor *w, const weight_place *s)
{
    if (opencl_in_region(c->o, w->data))
        pass_bytes(c, w->data, (size_t)dtype_bytes((dtype)w->type, (int64_t)w->rows * w->cols), 1);
    else {
        pass_buffer(c, s->at.buffer);
        pass_long(c, s->at.at);
        count_bytes(c, bytes_of(w, s));
    }
    pass_int(c, s->layout);
    pass_long(c, (size_t)weight_in(w));
    pass_long(c, (size_t)weight_out(w));
}

/* ---- many rows --------------------------------------------------------------------------------------------------- */

static void product_rows(opencl *o, const product *q, const weight_place *s, int T)
{
    const size_t in = (size_t)weight_in(q->w), out = (size_t)weight_out(q->w), n = (size_t)T * out;
    call c = call_linear(o, KERNEL_linear_rows, s->type);
    pass_int(&c, T);
    pass_weight(&c, q->w, s);
    pass_reals(&c, q->x, (size_t)T * in);
    pass_float(&c, opencl_scale(q->w));
    pass_int(&c, (int)q->map);
    pass_reals(&c, q->bias, out);
    pass_reals(&c, q->from, n);
    pass_reals(&c, q->to, n);
    pass_reals(&c, q->times, n);
    pass_reals(&c, q->plus, n);
    pass_reals(&c, q->y, n);
    call_run(&c, out, ((size_t)T + ROWS - 1) / ROWS, 1, GROUP, 1);
}

void opencl_linear(device *d, const linear_args *a)
{
    opencl *o = opencl_of(d);
    if (opencl_linear_few(o, a)) return;
    for (int i = 0; i < a->n; i++) {
        const weight_place s = opencl_stored(o, a->q[i].w);
        product_rows(o, &a->q[i], &s, a->T);
    }
}

void opencl_linear_dx(device *d, const linear_back_args *a)
{
    opencl *o = opencl_of(d);
    const weight_place s = opencl_stored(o, a->w);
    const size_t in = (size_t)weight_in(a->w), T = (size_t)a->T;
    call c = call_linear(o, KERNEL_linear_dx, s.type);
    pass_int(&c, a->T);
    pass_weight(&c, a->w, &s);
    pass_reals(&c, a->dy, T * (size_t)weight_out(a->w));
    pass_float(&c, opencl_scale(a->w));
    pass_int(&c, a->add);
    pass_reals(&c, a->dx, T * in);
    call_run(&c, in, (T + ROWS - 1) / ROWS, 1, GROUP, 1);
}

void opencl_linear_dw(device *d, const linear_back_args *a)
{
    const int input_rows = layout_is_input_major(a->w->layout);
    const size_t rows = (size_t)a->w->rows, cols = (size_t)a->w->cols, T = (size_t)a->T;
    call c = call_linear(opencl_of(d), KERNEL_linear_dw, F32);
    pass_int(&c, a->T);
    pass_int(&c, a->w->rows);
    pass_int(&c, a->w->cols);
    pass_reals(&c, input_rows ? a->x : a->dy, T * rows);
    pass_reals(&c, input_rows ? a->dy : a->x, T * cols);
    pass_float(&c, opencl_scale(a->w));
    pass_reals(&c, a->dw, rows * cols);
    call_run(&c, cols, (rows + ROWS - 1) / ROWS, 1, GROUP, 1);
}
