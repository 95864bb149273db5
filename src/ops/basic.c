/* basic.c - elementwise operations, and rows and columns of matrices. */
#include "ops/tape.h"

static size_t values(const tensor *x) { return (size_t)x->rows * (size_t)x->cols; }

/* y has one row, which is broadcast, or as many as x */
static void check_fits(const tensor *x, const tensor *y)
{
    CHECK_EQ(x->cols, y->cols);
    CHECK(y->rows == x->rows || y->rows == 1);
    CHECK(x->type == REAL && y->type == REAL);
}

static void sum_into(cx *c, real *d, const tensor *z, int d_rows)
{
    if (d)
        c->dev->sum_rows(c->dev, &(sum_rows_args){.T = z->rows, .C = z->cols, .d_rows = d_rows, .dz = z->grad, .d = d});
}

static void add_back(cx *c, record *r)
{
    tensor *x = r->in[0], *y = r->in[1], *z = r->out[0];
    real *dx = grad_or_null(c, x), *dy = grad_or_null(c, y);
    sum_into(c, dx, z, x->rows);
    sum_into(c, dy, z, y->rows);
}

static pair_args pair_of(const tensor *x, const tensor *y, const tensor *z)
{
    return (pair_args){.T = x->rows, .C = x->cols, .y_rows = y->rows, .x = x->data, .y = y->data, .z = z->data};
}

tensor *op_add(cx *c, tensor *x, tensor *y)
{
    check_fits(x, y);
    tensor *z = tensor_new(c, x->rows, x->cols);
    pair_args a = pair_of(x, y, z);
    c->dev->add(c->dev, &a);
    REC(c, add_back, z, x, y);
    return z;
}

static void mul_back(cx *c, record *r)
{
    tensor *x = r->in[0], *y = r->in[1], *z = r->out[0];
    pair_args a = pair_of(x, y, z);
    a.dz = z->grad;
    a.dx = grad_or_null(c, x);
    a.dy = grad_or_null(c, y);
    c->dev->mul_back(c->dev, &a);
}

tensor *op_mul(cx *c, tensor *x, tensor *y)
{
    check_fits(x, y);
    tensor *z = tensor_new(c, x->rows, x->cols);
    pair_args a = pair_of(x, y, z);
    c->dev->mul(c->dev, &a);
    REC(c, mul_back, z, x, y);
    return z;
}

static lerp_args lerp_of(tensor *const *in, const tensor *z)
{
    const tensor *x = in[0], *y = in[1], *mu = in[2];
    return (lerp_args){
        .T = x->rows, .C = x->cols, .mu_rows = mu->rows, .x = x->data, .y = y->data, .mu = mu->data, .z = z->data};
}

static void lerp_back(cx *c, record *r)
{
    lerp_args a = lerp_of(r->in, r->out[0]);
    a.dz = r->out[0]->grad;
    a.dx = grad_or_null(c, r->in[0]);
    a.dy = grad_or_null(c, r->in[1]);
    a.dmu = grad_or_null(c, r->in[2]);
    c->dev->lerp_back(c->dev, &a);
}

tensor *op_lerp(cx *c, tensor *x, tensor *y, tensor *mu)
{
    check_fits(x, y);
    check_fits(x, mu);
    CHECK_EQ(x->rows, y->rows);
    tensor *z = tensor_new(c, x->rows, x->cols);
    lerp_args a = lerp_of((tensor *const[]){x, y, mu}, z);
    c->dev->lerp(c->dev, &a);
    REC(c, lerp_back, z, x, y, mu);
    return z;
}

static void map_back(cx *c, record *r)
{
    tensor *x = r->in[0], *y = r->out[0];
    c->dev->map_back(c->dev, &(map_args){.kind = (map_kind)r->i,
                                         .n = values(x),
                                         .x = x->data,
                                         .y = y->data,
                                         .dy = y->grad,
                                         .dx = grad_or_null(c, x)});
}

tensor *op_map(cx *c, map_kind kind, tensor *x)
{
    CHECK(x->type == REAL);
    tensor *y = tensor_new(c, x->rows, x->cols);
    c->dev->map(c->dev, &(map_args){.kind = kind, .n = values(x), .x = x->data, .y = y->data});
    record *r = REC(c, map_back, y, x);
    if (r) r->i = kind;
    return y;
}

static void repeat_back(cx *c, record *r)
{
    tensor *x = r->in[0], *y = r->out[0];
    real *dx = grad_or_null(c, x);
    if (dx) c->dev->repeat_back(c->dev, &(repeat_args){.C = x->cols, .n = r->i, .dy = y->grad, .dx = dx});
}

tensor *op_repeat(cx *c, tensor *x, int n)
{
    CHECK(x->rows == 1 && x->type == REAL);
    tensor *y = tensor_new(c, 1, x->cols * n);
    c->dev->repeat(c->dev, &(repeat_args){.C = x->cols, .n = n, .x = x->data, .y = y->data});
    record *r = REC(c, repeat_back, y, x);
    if (r) r->i = n;
    return y;
}

static void cols_back(cx *c, record *r)
{
    tensor *x = r->in[0], *y = r->out[0];
    real *dx = grad_or_null(c, x);
    if (!dx) return;
    c->dev->copy(c->dev, &(copy_args){.rows = y->rows,
                                      .cols = (size_t)y->cols,
                                      .to_stride = (size_t)x->cols,
                                      .from_stride = (size_t)y->cols,
                                      .from = y->grad,
                                      .to = dx + r->i,
                                      .add = 1});
}

tensor *op_cols(cx *c, tensor *x, int from, int cols)
{
    CHECK(from >= 0 && cols > 0 && from + cols <= x->cols);
    tensor *y = tensor_new(c, x->rows, cols);
    c->dev->copy(c->dev, &(copy_args){.rows = y->rows,
                                      .cols = (size_t)cols,
                                      .to_stride = (size_t)cols,
                                      .from_stride = (size_t)x->cols,
                                      .from = reals(x) + from,
                                      .to = y->data});
    record *r = REC(c, cols_back, y, x);
    if (r) r->i = from;
    return y;
}

/* Add columns [at, at + n) of x to a matrix of `cols` columns, or the reverse. */
static void fold(cx *c, real *x, int x_cols, real *y, int y_cols, int rows, int back)
{
    for (int at = 0; at < x_cols; at += y_cols) {
        copy_args a = {.rows = rows, .cols = (size_t)(x_cols - at < y_cols ? x_cols - at : y_cols), .add = 1};
        a.from = back ? y : x + at;
        a.to = back ? x + at : y;
        a.from_stride = (size_t)(back ? y_cols : x_cols);
        a.to_stride = (size_t)(back ? x_cols : y_cols);
        c->dev->copy(c->dev, &a);
    }
}

static void fold_back(cx *c, record *r)
{
    tensor *x = r->in[0], *y = r->out[0];
    real *dx = grad_or_null(c, x);
    if (dx) fold(c, dx, x->cols, y->grad, y->cols, y->rows, 1);
}

tensor *op_fold(cx *c, tensor *x, int cols)
{
    tensor *y = tensor_zero(c, x->rows, cols);
    fold(c, x->data, x->cols, y->data, cols, x->rows, 0);
    REC(c, fold_back, y, x);
    return y;
}

tensor *op_matrix_of_row(cx *c, tensor *x, tensor *m)
{
    int n = x->cols;
    CHECK(m->rows == x->rows && m->cols == n * n && !c->recording);
    tensor *y = tensor_new(c, x->rows, n);
    c->dev->matrix_of_row(c->dev,
                          &(matrix_of_row_args){.T = x->rows, .n = n, .x = x->data, .m = m->data, .y = y->data});
    return y;
}

static void gather_back(cx *c, record *r)
{
    tensor *w = r->in[0], *y = r->out[0];
    real *dw = grad_or_null(c, w);
    if (dw) c->dev->gather_back(c->dev, &(gather_args){.w = w, .ids = r->p, .T = y->rows, .dy = y->grad, .dw = dw});
}

tensor *op_embed(cx *c, tensor *w, const int32_t *ids, int n)
{
    CHECK(layout_is_row_major(w->layout));
    for (int t = 0; t < n; t++) CHECK(ids[t] >= 0 && ids[t] < w->rows);
    tensor *y = tensor_new(c, n, w->cols);
    c->dev->gather(c->dev, &(gather_args){.w = w, .ids = ids, .T = n, .y = y->data});
    record *r = REC(c, gather_back, y, w);
    if (r) r->p = ids;
    return y;
}

tensor *op_rows(cx *c, tensor *x, const int *rows, int n) { return op_embed(c, x, rows, n); }
