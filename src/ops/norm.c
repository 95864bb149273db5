/* norm.c - layer and group norm, unit heads, and v7's bonus. Gradients: docs/models.md 5.6 and 6. */
#include "ops/tape.h"

static void norm_back(cx *c, record *r)
{
    norm_args a = *(const norm_args *)r->p;
    a.dy = r->out[0]->grad;
    a.dx = grad_or_null(c, r->in[0]);
    a.dw = grad_or_null(c, r->in[1]);
    a.db = grad_or_null(c, r->in[2]);
    c->dev->norm_back(c->dev, &a);
}

tensor *op_norm(cx *c, tensor *x, tensor *w, tensor *b, int groups, real eps)
{
    CHECK(x->cols == w->cols && x->cols == b->cols && w->rows == 1 && b->rows == 1);
    CHECK(groups > 0 && x->cols % groups == 0);
    tensor *y = tensor_new(c, x->rows, x->cols);
    norm_args a = {.T = x->rows,
                   .C = x->cols,
                   .groups = groups,
                   .eps = eps,
                   .x = x->data,
                   .w = w->data,
                   .b = b->data,
                   .y = y->data};
    c->dev->norm(c->dev, &a);
    record *r = REC(c, norm_back, y, x, w, b);
    if (r) r->p = tape_copy(c, &a, sizeof a);
    return y;
}

static unit_args unit_of(const tensor *x, const tensor *y, int heads)
{
    return (unit_args){.T = x->rows, .C = x->cols, .heads = heads, .x = x->data, .y = y->data};
}

static void unit_back(cx *c, record *r)
{
    unit_args a = unit_of(r->in[0], r->out[0], r->i);
    a.dy = r->out[0]->grad;
    a.dx = grad_or_null(c, r->in[0]);
    c->dev->unit_back(c->dev, &a);
}

tensor *op_unit(cx *c, tensor *x, int heads)
{
    CHECK(heads > 0 && x->cols % heads == 0);
    tensor *y = tensor_new(c, x->rows, x->cols);
    unit_args a = unit_of(x, y, heads);
    c->dev->unit(c->dev, &a);
    record *r = REC(c, unit_back, y, x);
    if (r) r->i = heads;
    return y;
}

static void bonus_back(cx *c, record *r)
{
    bonus_args a = *(const bonus_args *)r->p;
    a.dy = r->out[0]->grad;
    a.dr = grad_or_null(c, r->in[0]);
    a.dk = grad_or_null(c, r->in[1]);
    a.du = grad_or_null(c, r->in[2]);
    a.dv = grad_or_null(c, r->in[3]);
    c->dev->bonus_back(c->dev, &a);
}

tensor *op_bonus(cx *c, tensor *r, tensor *k, tensor *u, tensor *v, int heads)
{
    CHECK(r->cols == k->cols && r->cols == u->cols && r->cols == v->cols && u->rows == 1);
    CHECK(heads > 0 && r->cols % heads == 0);
    tensor *y = tensor_new(c, r->rows, r->cols);
    bonus_args a = {.T = r->rows,
                    .C = r->cols,
                    .heads = heads,
                    .r = r->data,
                    .k = k->data,
                    .u = u->data,
                    .v = v->data,
                    .y = y->data};
    c->dev->bonus(c->dev, &a);
    record *rec = REC(c, bonus_back, y, r, k, u, v);
    if (rec) rec->p = tape_copy(c, &a, sizeof a);
    return y;
}
