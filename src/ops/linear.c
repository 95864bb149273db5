/* linear.c - what reads big weights: the linear map and the embedding table. */
#include "ops/tape.h"
#include <string.h>

static void linear_back(cx *c, record *r)
{
    tensor *x = r->in[0], *w = r->in[1], *y = r->out[0];
    real *dx = wanted(c, x), *dw = wanted(c, w);
    if (dx) c->dev->linear_dx(c->pool, dx, y->grad, w, x->rows);
    if (dw) c->dev->linear_dw(c->pool, dw, y->grad, x->data, w, x->rows);
}

tensor *op_linear(cx *c, tensor *x, tensor *w)
{
    CHECK_EQ(x->cols, weight_in(w));
    tensor *y = tensor_new(c, x->rows, weight_out(w));
    c->dev->linear(c->pool, &(product){.y = y->data, .x = x->data, .w = w}, 1, x->rows);
    REC(c, linear_back, y, x, w);
    return w->adapter ? op_add(c, y, op_linear(c, op_linear(c, x, &w->adapter->a), &w->adapter->b)) : y;
}

/* The same from operations that know how to go back, and what an adapter adds. */
static void one_by_one(cx *c, const linear_map *l)
{
    tensor *y = op_linear(c, l->x, l->w);
    if (l->bias) y = op_add(c, y, l->bias);
    if (l->map != MAP_NONE) y = op_map(c, l->map, y);
    if (l->to) y = op_lerp(c, l->from, l->to, y);
    if (l->times) y = op_mul(c, y, l->times);
    *l->y = l->plus ? op_add(c, y, l->plus) : y;
}

static const real *checked(const tensor *x, int rows, int cols)
{
    if (!x) return NULL;
    CHECK(x->rows == rows && x->cols == cols && x->type == REAL);
    return x->data;
}

void op_linears(cx *c, const linear_map *l, int n)
{
    enum { MOST = 12 };
    product q[MOST];
    int m = 0, T = 0;
    for (; n > 0; n--, l++) {
        if (!l->w) continue;
        if (c->recording || l->w->adapter) {
            one_by_one(c, l);
            continue;
        }
        int out = weight_out(l->w);
        CHECK(!l->from == !l->to);
        CHECK(m < MOST && l->x->cols == weight_in(l->w) && (!m || l->x->rows == T));
        T = l->x->rows;
        *l->y = tensor_new(c, T, out);
        q[m++] = (product){.y = (*l->y)->data,
                           .x = l->x->data,
                           .w = l->w,
                           .bias = checked(l->bias, 1, out),
                           .map = l->map,
                           .from = checked(l->from, T, out),
                           .to = checked(l->to, T, out),
                           .times = checked(l->times, T, out),
                           .plus = checked(l->plus, T, out)};
    }
    if (m) c->dev->linear(c->pool, q, m, T);
}

static void embed_back(cx *c, record *r)
{
    tensor *w = r->in[0], *y = r->out[0];
    const int32_t *ids = r->p;
    real *dw = wanted(c, w);
    size_t C = (size_t)y->cols;
    if (!dw) return;
    for (int t = 0; t < y->rows; t++)
        for (size_t i = 0; i < C; i++) dw[(size_t)ids[t] * C + i] += y->grad[(size_t)t * C + i];
}

tensor *op_embed(cx *c, tensor *w, const int32_t *ids, int n)
{
    CHECK(!w->in_rows);
    tensor *y = tensor_new(c, n, w->cols);
    int64_t row = dtype_bytes((dtype)w->type, w->cols);
    for (int t = 0; t < n; t++) {
        CHECK(ids[t] >= 0 && ids[t] < w->rows);
        const char *from = (const char *)w->data + row * ids[t];
        real *to = reals(y) + (size_t)t * (size_t)w->cols;
        if (w->type == REAL) memcpy(to, from, (size_t)row);
        else {
            float *f = arena_alloc(&c->mem, (size_t)w->cols * sizeof *f);
            dtype_decode((dtype)w->type, from, f, w->cols);
            for (int i = 0; i < w->cols; i++) to[i] = f[i];
            arena_reset(&c->mem, (char *)f);
        }
    }
    record *r = REC(c, embed_back, y, w);
    if (r) r->p = ids;
    return y;
}
