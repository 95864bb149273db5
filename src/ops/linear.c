/* linear.c - linear maps, one alone or several as one parallel region. */
#include "ops/tape.h"

static const real *checked(const tensor *x, int rows, int cols)
{
    if (!x) return NULL;
    CHECK(x->rows == rows && x->cols == cols && x->type == REAL);
    return x->data;
}

static void linear_back(cx *c, record *r)
{
    tensor *x = r->in[0], *w = r->in[1], *bias = r->in[2], *plus = r->in[3], *y = r->out[0];
    real *dy = y->grad, *db = grad_or_null(c, bias),
         *dw = grad_or_null(c, w); /* dy has no other reader left, so it is changed in place */
    if (r->i != MAP_NONE)
        c->dev->slope(
            c->dev,
            &(map_args){.kind = (map_kind)r->i, .n = (size_t)y->rows * (size_t)y->cols, .y = y->data, .dx = dy});
    if (db) c->dev->sum_rows(c->dev, &(sum_rows_args){.T = y->rows, .C = y->cols, .d_rows = 1, .dz = dy, .d = db});
    linear_back_args a = {.x = x->data, .dy = dy, .w = w, .dw = dw, .T = x->rows, .add = x->grad != NULL};
    if (x->requires_grad) {
        a.dx = a.add ? x->grad : tensor_grad_unset(c, x);
        c->dev->linear_dx(c->dev, &a);
    }
    if (dw) c->dev->linear_dw(c->dev, &a);
    if (plus) move_grad(c, plus, dy);
}

/* y = map(x W' + bias) + plus; with plus, map is MAP_NONE. The map's slope must follow from its value. */
static tensor *linear(cx *c, tensor *x, tensor *w, tensor *bias, map_kind map, tensor *plus)
{
    int out = weight_out(w);
    CHECK_EQ(x->cols, weight_in(w));
    tensor *y = tensor_new(c, x->rows, out);
    product q = {.y = y->data,
                 .x = x->data,
                 .w = w,
                 .bias = checked(bias, 1, out),
                 .map = map,
                 .plus = checked(plus, x->rows, out)};
    c->dev->linear(c->dev, &(linear_args){.q = &q, .n = 1, .T = x->rows});
    record *r = REC(c, linear_back, y, x, w, bias, plus);
    if (r) r->i = map;
    return y;
}

tensor *op_linear(cx *c, tensor *x, tensor *w)
{
    tensor *y = linear(c, x, w, NULL, MAP_NONE, NULL);
    for (adapter *low = w->adapter; low; low = low->next) {
        tensor *read = low->site ? op_drop(c, x, low->site) : x;
        tensor *thin = low->a.rows ? op_linear(c, read, &low->a) : op_fold(c, read, weight_in(&low->b));
        y = op_add(c, y, op_linear(c, thin, &low->b));
    }
    return y;
}

static int slope_from_value(map_kind map) { return map != MAP_DECAY5 && map != MAP_DECAY7 && map != MAP_SILU; }

/* The same map composed of operations that have a backward, with its adapters. */
static void linear_composed(cx *c, const linear_map *l)
{
    map_kind map = l->map;
    tensor *plus = l->plus, *y;
    if (l->w->adapter) {
        y = op_linear(c, l->x, l->w);
        if (l->bias) y = op_add(c, y, l->bias);
    } else {
        int maps = slope_from_value(map), adds = map == MAP_NONE && !l->to && !l->times;
        y = linear(c, l->x, l->w, l->bias, maps ? map : MAP_NONE, adds ? plus : NULL);
        if (maps) map = MAP_NONE;
        if (adds) plus = NULL;
    }
    if (map != MAP_NONE) y = op_map(c, map, y);
    if (l->to) y = op_lerp(c, l->from, l->to, y);
    if (l->times) y = op_mul(c, y, l->times);
    *l->y = plus ? op_add(c, y, plus) : y;
}

/* Give y, computed without plus, to the probe of the map's site. */
static void give(cx *c, const linear_map *l)
{
    tensor *y = *l->y;
    probe_give(c, l->site, 0, y->rows, y->cols, y->data);
    if (l->plus) *l->y = op_add(c, y, l->plus);
}

void op_linears(cx *c, const linear_map *l, int n)
{
    enum { MOST = 12 };
    product q[MOST];
    const linear_map *end = l + n;
    int m = 0, T = 0;
    for (; l < end; l++) {
        if (!l->w) continue;
        const int gives = is_probed(c, l->site);
        if (c->recording || l->w->adapter) {
            linear_map alone = *l;
            if (gives) alone.plus = NULL;
            linear_composed(c, &alone);
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
                           .plus = gives ? NULL : checked(l->plus, T, out)};
    }
    if (m) c->dev->linear(c->dev, &(linear_args){.q = q, .n = m, .T = T});
    for (l -= n; c->probed && l < end; l++)
        if (l->w && is_probed(c, l->site)) give(c, l);
}
