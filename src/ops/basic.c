/* basic.c - elementwise operations, and pieces of matrices. */
#include "ops/tape.h"
#include <string.h>

static size_t values(const tensor *x) { return (size_t)x->rows * (size_t)x->cols; }

/* y serves every row of x, or has as many */
static void check_fits(const tensor *x, const tensor *y)
{
    CHECK_EQ(x->cols, y->cols);
    CHECK(y->rows == x->rows || y->rows == 1);
    CHECK(x->type == REAL && y->type == REAL);
}

static void add_back(cx *c, record *r)
{
    tensor *x = r->in[0], *y = r->in[1], *z = r->out[0];
    real *dx = wanted(c, x), *dy = wanted(c, y);
    if (dx) c->dev->sum_rows(c->pool, dx, z->grad, z->rows, z->cols, x->rows);
    if (dy) c->dev->sum_rows(c->pool, dy, z->grad, z->rows, z->cols, y->rows);
}

tensor *op_add(cx *c, tensor *x, tensor *y)
{
    check_fits(x, y);
    tensor *z = tensor_new(c, x->rows, x->cols);
    c->dev->add(c->pool, z->data, x->data, y->data, x->rows, x->cols, y->rows);
    REC(c, add_back, z, x, y);
    return z;
}

static void mul_back(cx *c, record *r)
{
    tensor *x = r->in[0], *y = r->in[1], *z = r->out[0];
    real *dx = wanted(c, x), *dy = wanted(c, y);
    c->dev->mul_back(c->pool, dx, dy, z->grad, x->data, y->data, z->rows, z->cols, y->rows);
}

tensor *op_mul(cx *c, tensor *x, tensor *y)
{
    check_fits(x, y);
    tensor *z = tensor_new(c, x->rows, x->cols);
    c->dev->mul(c->pool, z->data, x->data, y->data, x->rows, x->cols, y->rows);
    REC(c, mul_back, z, x, y);
    return z;
}

static void lerp_back(cx *c, record *r)
{
    tensor *x = r->in[0], *y = r->in[1], *mu = r->in[2], *z = r->out[0];
    real *dx = wanted(c, x), *dy = wanted(c, y), *dmu = wanted(c, mu);
    c->dev->lerp_back(c->pool, dx, dy, dmu, z->grad, x->data, y->data, mu->data, z->rows, z->cols, mu->rows);
}

tensor *op_lerp(cx *c, tensor *x, tensor *y, tensor *mu)
{
    check_fits(x, y);
    check_fits(x, mu);
    CHECK_EQ(x->rows, y->rows);
    tensor *z = tensor_new(c, x->rows, x->cols);
    c->dev->lerp(c->pool, z->data, x->data, y->data, mu->data, x->rows, x->cols, mu->rows);
    REC(c, lerp_back, z, x, y, mu);
    return z;
}

static void map_back(cx *c, record *r)
{
    tensor *x = r->in[0], *y = r->out[0];
    c->dev->map_back(c->pool, (map_kind)r->i, wanted(c, x), y->grad, x->data, y->data, values(x));
}

tensor *op_map(cx *c, map_kind kind, tensor *x)
{
    CHECK(x->type == REAL);
    tensor *y = tensor_new(c, x->rows, x->cols);
    c->dev->map(c->pool, kind, y->data, x->data, values(x));
    record *r = REC(c, map_back, y, x);
    if (r) r->i = kind;
    return y;
}

static void repeat_back(cx *c, record *r)
{
    tensor *x = r->in[0], *y = r->out[0];
    real *dx = wanted(c, x);
    int n = r->i;
    if (!dx) return;
    for (size_t i = 0; i < values(x); i++)
        for (int j = 0; j < n; j++) dx[i] += y->grad[i * (size_t)n + (size_t)j];
}

tensor *op_repeat(cx *c, tensor *x, int n)
{
    CHECK(x->rows == 1 && x->type == REAL);
    tensor *y = tensor_new(c, 1, x->cols * n);
    for (int i = 0; i < y->cols; i++) reals(y)[i] = reals(x)[i / n];
    record *r = REC(c, repeat_back, y, x);
    if (r) r->i = n;
    return y;
}

static void cols_back(cx *c, record *r)
{
    tensor *x = r->in[0], *y = r->out[0];
    real *dx = wanted(c, x);
    if (!dx) return;
    for (int t = 0; t < y->rows; t++)
        for (int i = 0; i < y->cols; i++) dx[(size_t)t * (size_t)x->cols + (size_t)(r->i + i)] += y->grad[(size_t)t * (size_t)y->cols + (size_t)i];
}

tensor *op_cols(cx *c, tensor *x, int from, int cols)
{
    CHECK(from >= 0 && cols > 0 && from + cols <= x->cols);
    tensor *y = tensor_new(c, x->rows, cols);
    for (int t = 0; t < x->rows; t++)
        memcpy(reals(y) + (size_t)t * (size_t)cols, reals(x) + (size_t)t * (size_t)x->cols + from, (size_t)cols * sizeof(real));
    record *r = REC(c, cols_back, y, x);
    if (r) r->i = from;
    return y;
}

tensor *op_matrix_of_row(cx *c, tensor *x, tensor *m)
{
    int n = x->cols;
    CHECK(m->rows == x->rows && m->cols == n * n && !c->recording);
    tensor *y = tensor_zero(c, x->rows, n);
    for (int t = 0; t < x->rows; t++) {
        const real *xt = reals(x) + (size_t)t * (size_t)n, *row = reals(m) + (size_t)t * (size_t)m->cols;
        real *yt = reals(y) + (size_t)t * (size_t)n;
        for (int i = 0; i < n; i++, row += n)
            for (int j = 0; j < n; j++) yt[j] += xt[i] * row[j];
    }
    return y;
}

static void rows_back(cx *c, record *r)
{
    tensor *x = r->in[0], *y = r->out[0];
    const int *rows = r->p;
    real *dx = wanted(c, x);
    if (!dx) return;
    for (int t = 0; t < y->rows; t++)
        for (int i = 0; i < y->cols; i++) dx[(size_t)rows[t] * (size_t)x->cols + (size_t)i] += y->grad[(size_t)t * (size_t)y->cols + (size_t)i];
}

tensor *op_rows(cx *c, tensor *x, const int *rows, int n)
{
    tensor *y = tensor_new(c, n, x->cols);
    for (int t = 0; t < n; t++) {
        CHECK(rows[t] >= 0 && rows[t] < x->rows);
        memcpy(reals(y) + (size_t)t * (size_t)x->cols, reals(x) + (size_t)rows[t] * (size_t)x->cols, (size_t)x->cols * sizeof(real));
    }
    record *r = REC(c, rows_back, y, x);
    if (r) r->p = rows;
    return y;
}
