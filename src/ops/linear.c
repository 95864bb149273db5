/* linear.c - what reads big weights: the linear map and the embedding table. */
#include "ops/tape.h"
#include <string.h>

static const real *checked(const tensor *x, int rows, int cols)
{
    if (!x) return NULL;
    CHECK(x->rows == rows && x->cols == cols && x->type == REAL);
    return x->data;
}

static void linear_back(cx *c, record *r)
{
    tensor *x = r->in[0], *w = r->in[1], *bias = r->in[2], *plus = r->in[3], *y = r->out[0];
    real *dy = y->grad, *db = wanted(c, bias), *dw = wanted(c, w); /* of dy this is the last reader: it may be changed */
    if (r->i != MAP_NONE) c->dev->slope(c->pool, (map_kind)r->i, dy, y->data, (size_t)y->rows * (size_t)y->cols);
    if (db) c->dev->sum_rows(c->pool, db, dy, y->rows, y->cols, 1);
    if (x->wants) {
        int add = x->grad != NULL;
        c->dev->linear_dx(c->pool, add ? x->grad : tensor_grad_unset(c, x), dy, w, x->rows, add);
    }
    if (dw) c->dev->linear_dw(c->pool, dw, dy, x->data, w, x->rows);
    if (plus) hand_grad(c, plus, dy);
}

/* y = map(x W' + bias) + plus; with plus there is no map, and a map is one whose slope its value tells. */
static tensor *linear(cx *c, tensor *x, tensor *w, tensor *bias, map_kind map, tensor *plus)
{
    int out = weight_out(w);
    CHECK_EQ(x->cols, weight_in(w));
    tensor *y = tensor_new(c, x->rows, out);
    product q = {.y = y->data, .x = x->data, .w = w, .bias = checked(bias, 1, out), .map = map, .plus = checked(plus, x->rows, out)};
    c->dev->linear(c->pool, &q, 1, x->rows);
    record *r = REC(c, linear_back, y, x, w, bias, plus);
    if (r) r->i = map;
    return y;
}

tensor *op_linear(cx *c, tensor *x, tensor *w)
{
    tensor *y = linear(c, x, w, NULL, MAP_NONE, NULL);
    return w->adapter ? op_add(c, y, op_linear(c, op_linear(c, x, &w->adapter->a), &w->adapter->b)) : y;
}

static int told_by_value(map_kind map) { return map != MAP_DECAY5 && map != MAP_DECAY7 && map != MAP_SILU; }

/* The same from operations that know how to go back, and what an adapter adds. */
static void some_at_once(cx *c, const linear_map *l)
{
    map_kind map = l->map;
    tensor *plus = l->plus, *y;
    if (l->w->adapter) {
        y = op_linear(c, l->x, l->w);
        if (l->bias) y = op_add(c, y, l->bias);
    } else {
        int maps = told_by_value(map), adds = map == MAP_NONE && !l->to && !l->times;
        y = linear(c, l->x, l->w, l->bias, maps ? map : MAP_NONE, adds ? plus : NULL);
        if (maps) map = MAP_NONE;
        if (adds) plus = NULL;
    }
    if (map != MAP_NONE) y = op_map(c, map, y);
    if (l->to) y = op_lerp(c, l->from, l->to, y);
    if (l->times) y = op_mul(c, y, l->times);
    *l->y = plus ? op_add(c, y, plus) : y;
}

void op_linears(cx *c, const linear_map *l, int n)
{
    enum { MOST = 12 };
    product q[MOST];
    int m = 0, T = 0;
    for (; n > 0; n--, l++) {
        if (!l->w) continue;
        if (c->recording || l->w->adapter) {
            some_at_once(c, l);
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
    CHECK(layout_is_row_major(w->layout));
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
