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
    c->dev->linear(c->pool, y->data, x->data, w, x->rows);
    REC(c, linear_back, y, x, w);
    return y;
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
