/* norm.c - layer and group norm, unit heads, and v7's bonus. Gradients: spec ARCHITECTURES 5.6 and 6. */
#include "ops/tape.h"

typedef struct {
    int groups;
    real eps;
} norm_how;

static void norm_back(cx *c, record *r)
{
    tensor *x = r->in[0], *w = r->in[1], *b = r->in[2], *y = r->out[0];
    const norm_how *how = r->p;
    real *dx = wanted(c, x), *dw = wanted(c, w), *db = wanted(c, b);
    c->dev->norm_back(c->pool, dx, dw, db, y->grad, x->data, w->data, x->rows, x->cols, how->groups, how->eps);
}

tensor *op_norm(cx *c, tensor *x, tensor *w, tensor *b, int groups, real eps)
{
    CHECK(x->cols == w->cols && x->cols == b->cols && w->rows == 1 && b->rows == 1);
    CHECK(groups > 0 && x->cols % groups == 0);
    tensor *y = tensor_new(c, x->rows, x->cols);
    c->dev->norm(c->pool, y->data, x->data, w->data, b->data, x->rows, x->cols, groups, eps);
    record *r = REC(c, norm_back, y, x, w, b);
    if (r) {
        norm_how *how = arena_alloc(&c->mem, sizeof *how);
        *how = (norm_how){groups, eps};
        r->p = how;
    }
    return y;
}

static void unit_back(cx *c, record *r)
{
    tensor *x = r->in[0], *y = r->out[0];
    c->dev->unit_back(c->pool, wanted(c, x), y->grad, x->data, y->data, x->rows, x->cols, r->i);
}

tensor *op_unit(cx *c, tensor *x, int heads)
{
    CHECK(heads > 0 && x->cols % heads == 0);
    tensor *y = tensor_new(c, x->rows, x->cols);
    c->dev->unit(c->pool, y->data, x->data, x->rows, x->cols, heads);
    record *r = REC(c, unit_back, y, x);
    if (r) r->i = heads;
    return y;
}

static void bonus_back(cx *c, record *rec)
{
    tensor *r = rec->in[0], *k = rec->in[1], *u = rec->in[2], *v = rec->in[3], *y = rec->out[0];
    real *dr = wanted(c, r), *dk = wanted(c, k), *du = wanted(c, u), *dv = wanted(c, v);
    c->dev->bonus_back(c->pool, dr, dk, du, dv, y->grad, r->data, k->data, u->data, v->data, y->rows, y->cols, rec->i);
}

tensor *op_bonus(cx *c, tensor *r, tensor *k, tensor *u, tensor *v, int heads)
{
    CHECK(r->cols == k->cols && r->cols == u->cols && r->cols == v->cols && u->rows == 1);
    CHECK(heads > 0 && r->cols % heads == 0);
    tensor *y = tensor_new(c, r->rows, r->cols);
    c->dev->bonus(c->pool, y->data, r->data, k->data, u->data, v->data, r->rows, r->cols, heads);
    record *rec = REC(c, bonus_back, y, r, k, u, v);
    if (rec) rec->i = heads;
    return y;
}
