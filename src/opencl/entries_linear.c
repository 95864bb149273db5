/* entries_linear.c - matrix products over stored weights (kernels/linear.cl). */
#include "opencl/opencl.h"

enum { STRETCH = 256, ROWS = 16 }; /* of kernels/linear.cl */

static float scale_of(const tensor *w) { return w->scale != 0 ? w->scale : 1; }

/* A weight's buffer, offset and layout; a decoded one is row-major or input-major. Returns its type for kernels. */
typedef struct {
    place at;
    int type, layout;
} stored;

static stored stored_of(opencl *o, const tensor *w)
{
    stored s;
    s.at = opencl_weight(o, w, &s.type);
    s.layout = s.type != w->type && w->layout == LAYOUT_INTERLEAVED     ? LAYOUT_ROW_MAJOR
               : s.type != w->type && w->layout == LAYOUT_SPARSE_BLOCKS ? LAYOUT_INPUT_MAJOR
                                                                        : (int)w->layout;
    return s;
}

static size_t bytes_of(const tensor *w, const stored *s)
{
    return (size_t)dtype_bytes((dtype)s->type, (int64_t)w->rows * w->cols);
}

/* An f32 weight of a region may move with its buffer; others stay. */
static void pass_weight(call *c, const tensor *w, const stored *s)
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

/* ---- few rows ---------------------------------------------------------------------------------------------------- */

/* Work-items of a group that share the stretches of an output, outputs of a group, and products of a call. */
enum { SHARES = 8, OUTPUTS = 8, TOGETHER = 4 };

/* The struct of kernels/linear.cl. */
typedef struct {
    cl_ulong w, in, out, x, y, bias, from, to, times, plus;
    cl_uint first;
    cl_int layout, kind;
    cl_float scale;
} few_product;

/* Offset in values of its buffer; all ones: not given. */
static cl_ulong offset_of(opencl *o, const real *x, size_t n)
{
    return x ? opencl_place(o, x, n * sizeof *x).at / sizeof *x : ~(cl_ulong)0;
}

static size_t parts_of(const product *q)
{
    return ((size_t)weight_in(q->w) + STRETCH - 1) / STRETCH * OUTPUTS * sizeof(float);
}

/* Whether all its activations are in the region of y. */
static int in_one_region(opencl *o, const product *q)
{
    const real *x[] = {q->x, q->from, q->to, q->times, q->plus};
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        if (x[i] && opencl_place(o, x[i], 1).buffer != opencl_place(o, q->y, 1).buffer) return 0;
    return 1;
}

static void pass_few(call *c, const product *q, int T, const stored *s, size_t first)
{
    opencl *o = c->o;
    const size_t in = (size_t)weight_in(q->w), out = (size_t)weight_out(q->w), n = (size_t)T * out;
    const few_product p = {.w = s->at.at,
                           .in = in,
                           .out = out,
                           .x = offset_of(o, q->x, (size_t)T * in),
                           .y = offset_of(o, q->y, n),
                           .bias = offset_of(o, q->bias, out),
                           .from = offset_of(o, q->from, n),
                           .to = offset_of(o, q->to, n),
                           .times = offset_of(o, q->times, n),
                           .plus = offset_of(o, q->plus, n),
                           .first = (cl_uint)first,
                           .layout = s->layout,
                           .kind = (cl_int)q->map,
                           .scale = scale_of(q->w)};
    if (opencl_in_region(o, q->w->data))
        pass_region(c, q->w->data, (size_t)dtype_bytes((dtype)q->w->type, (int64_t)q->w->rows * q->w->cols));
    else
        pass_buffer(c, s->at.buffer);
    pass_region(c, q->bias, out * sizeof(real));
    pass_value(c, &p, sizeof p);
    const size_t outputs = n * (1 + !!q->from + !!q->to + !!q->times + !!q->plus) + (q->bias ? out : 0);
    count_bytes(c, bytes_of(q->w, s) + ((size_t)T * in + outputs) * sizeof(real));
}

/* Products of one type in one call; those that are missing begin past the end. */
static void products_few(opencl *o, const product *const *q, const stored *s, int n, int T)
{
    const size_t all = ((size_t)T * ((size_t)weight_out(q[0]->w))) * sizeof(real);
    size_t items = 0, parts = 0;
    const few_product none = {.first = ~(cl_uint)0};
    call c = call_linear(o, KERNEL_linear_few, s[0].type);
    pass_region(&c, q[0]->y, all);
    for (int i = 0; i < n; i++) {
        pass_few(&c, q[i], T, &s[i], items);
        items += ((size_t)weight_out(q[i]->w) + OUTPUTS - 1) / OUTPUTS * OUTPUTS;
        if (parts_of(q[i]) > parts) parts = parts_of(q[i]);
    }
    for (int i = n; i < TOGETHER; i++) {
        pass_buffer(&c, NULL);
        pass_buffer(&c, NULL);
        pass_value(&c, &none, sizeof none);
    }
    pass_local(&c, parts);
    call_run(&c, items, SHARES, (size_t)T, OUTPUTS, SHARES);
}

/* ---- many rows --------------------------------------------------------------------------------------------------- */

static void product_rows(opencl *o, const product *q, const stored *s, int T)
{
    const size_t in = (size_t)weight_in(q->w), out = (size_t)weight_out(q->w), n = (size_t)T * out;
    call c = call_linear(o, KERNEL_linear_rows, s->type);
    pass_int(&c, T);
    pass_weight(&c, q->w, s);
    pass_reals(&c, q->x, (size_t)T * in);
    pass_float(&c, scale_of(q->w));
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
    enum { MOST = 16 };
    CHECK(a->n <= MOST);
    stored s[MOST];
    int done[MOST] = {0};
    for (int i = 0; i < a->n; i++) {
        const product *q = &a->q[i];
        s[i] = stored_of(o, q->w);
        if (a->T < ROWS / 4 && parts_of(q) <= o->local_bytes / 2 && in_one_region(o, q)) continue;
        product_rows(o, q, &s[i], a->T);
        done[i] = 1;
    }
    for (int i = 0; i < a->n; i++) { /* the first that is left, with others of its type */
        const product *few[TOGETHER];
        stored of[TOGETHER];
        int n = 0;
        for (int k = i; k < a->n && n < TOGETHER && !done[i]; k++) {
            if (done[k] || s[k].type != s[i].type) continue;
            few[n] = &a->q[k];
            of[n++] = s[k];
            if (k > i) done[k] = 1;
        }
        if (n) products_few(o, few, of, n, a->T);
    }
}

void opencl_linear_dx(device *d, const linear_back_args *a)
{
    opencl *o = opencl_of(d);
    const stored s = stored_of(o, a->w);
    const size_t in = (size_t)weight_in(a->w), T = (size_t)a->T;
    call c = call_linear(o, KERNEL_linear_dx, s.type);
    pass_int(&c, a->T);
    pass_weight(&c, a->w, &s);
    pass_reals(&c, a->dy, T * (size_t)weight_out(a->w));
    pass_float(&c, scale_of(a->w));
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
    pass_float(&c, scale_of(a->w));
    pass_reals(&c, a->dw, rows * cols);
    call_run(&c, cols, (rows + ROWS - 1) / ROWS, 1, GROUP, 1);
}
