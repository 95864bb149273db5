/* time.c - the operations that know about time: shift, wkv4, wkv6 (v5 and v6), wkv7. They read and advance the spans'
 * states in place; when recording they keep the states as they were, for backward. */
#include "ops/tape.h"
#include <string.h>

/* Backward of an operation on states is called for the state's gradient even when none came to its output. */
static real *out_grad(cx *c, record *r) { return tensor_grad(c, r->out[0]); }

/* ---- shift ----------------------------------------------------------------------------------------------------------- */

static void shift_back(cx *c, record *r)
{
    tensor *x = r->in[0];
    const real *dy = out_grad(c, r);
    size_t C = (size_t)x->cols;
    real *dx = wanted(c, x);
    for (int s = 0; s < c->b->n_spans; s++) {
        const span *sp = &c->b->spans[s];
        size_t first = (size_t)sp->row * C, n = ((size_t)sp->len - 1) * C;
        if (dx)
            for (size_t i = 0; i < n; i++) dx[first + i] += dy[first + C + i];
        if (!sp->dstate) continue;
        real *ds = sp->dstate + r->i;
        for (size_t i = 0; i < C; i++) {
            if (dx) dx[first + n + i] += ds[i]; /* the last row became the state */
            ds[i] = dy[first + i];              /* the first row came from it    */
        }
    }
}

tensor *op_shift(cx *c, tensor *x, int at)
{
    CHECK_EQ(x->rows, c->b->rows);
    tensor *y = tensor_new(c, x->rows, x->cols);
    size_t C = (size_t)x->cols;
    for (int s = 0; s < c->b->n_spans; s++) {
        const span *sp = &c->b->spans[s];
        const real *from = reals(x) + (size_t)sp->row * C;
        real *to = reals(y) + (size_t)sp->row * C, *state = sp->state + at;
        size_t n = ((size_t)sp->len - 1) * C;
        memcpy(to, state, C * sizeof(real));
        memcpy(to + C, from, n * sizeof(real));
        memcpy(state, from + n, C * sizeof(real));
    }
    record *r = REC(c, shift_back, y, x);
    if (r) {
        r->i = at;
        r->saved = reals(y); /* nothing more is needed; says that backward must be called for the state's sake */
    }
    return y;
}

/* ---- wkv ------------------------------------------------------------------------------------------------------------- */

static void wkv4_back(cx *c, record *r)
{
    tensor *k = r->in[0], *v = r->in[1], *w = r->in[2], *u = r->in[3];
    real *dk = wanted(c, k), *dv = wanted(c, v), *dw = wanted(c, w), *du = wanted(c, u);
    (r->j ? c->dev->wkv4_scan_back : c->dev->wkv4_back)(c->pool, dk, dv, dw, du, out_grad(c, r), k->data, v->data, w->data, u->data,
                                                        r->saved, c->b, k->cols, r->i);
}

static tensor *wkv4(cx *c, tensor *k, tensor *v, tensor *w, tensor *u, int at, int scan)
{
    int C = k->cols;
    CHECK(v->cols == C && w->cols == C && u->cols == C && w->rows == 1 && u->rows == 1 && k->rows == c->b->rows);
    tensor *y = tensor_new(c, k->rows, C);
    record *r = REC(c, wkv4_back, y, k, v, w, u);
    if (r) {
        r->i = at;
        r->j = scan;
        r->saved = states_keep(c, at, 3 * C);
    }
    (scan ? c->dev->wkv4_scan : c->dev->wkv4)(c->pool, y->data, k->data, v->data, w->data, u->data, c->b, C, at);
    return y;
}

tensor *op_wkv4(cx *c, tensor *k, tensor *v, tensor *w, tensor *u, int at) { return wkv4(c, k, v, w, u, at, c->scan); }

tensor *op_wkv4_scan(cx *c, tensor *k, tensor *v, tensor *w, tensor *u, int at) { return wkv4(c, k, v, w, u, at, 1); }

static void wkv6_back(cx *c, record *rec)
{
    tensor *r = rec->in[0], *k = rec->in[1], *v = rec->in[2], *w = rec->in[3], *u = rec->in[4];
    real *dr = wanted(c, r), *dk = wanted(c, k), *dv = wanted(c, v), *dw = wanted(c, w), *du = wanted(c, u);
    c->dev->wkv6_back(c->pool, dr, dk, dv, dw, du, out_grad(c, rec), r->data, k->data, v->data, w->data, w->rows, u->data, rec->saved,
                      c->b, r->cols, rec->j, rec->i);
}

tensor *op_wkv6(cx *c, tensor *r, tensor *k, tensor *v, tensor *w, tensor *u, int heads, int at)
{
    int C = r->cols, N = C / heads;
    CHECK(k->cols == C && v->cols == C && w->cols == C && u->cols == C && u->rows == 1 && r->rows == c->b->rows);
    CHECK(C % heads == 0 && (w->rows == 1 || w->rows == r->rows));
    tensor *y = tensor_new(c, r->rows, C);
    record *rec = REC(c, wkv6_back, y, r, k, v, w, u);
    if (rec) {
        rec->i = at;
        rec->j = heads;
        rec->saved = states_keep(c, at, C * N);
    }
    c->dev->wkv6(c->pool, y->data, r->data, k->data, v->data, w->data, w->rows, u->data, c->b, C, heads, at);
    return y;
}

static void wkv7_back(cx *c, record *rec)
{
    tensor *r = rec->in[0], *w = rec->in[1], *k = rec->in[2], *v = rec->in[3], *a = rec->in[4], *b = rec->in[5];
    real *dr = wanted(c, r), *dw = wanted(c, w), *dk = wanted(c, k), *dv = wanted(c, v), *da = wanted(c, a), *db = wanted(c, b);
    c->dev->wkv7_back(c->pool, dr, dw, dk, dv, da, db, out_grad(c, rec), r->data, w->data, k->data, v->data, a->data, b->data, rec->saved,
                      c->b, r->cols, rec->j, rec->i);
}

tensor *op_wkv7(cx *c, tensor *r, tensor *w, tensor *k, tensor *v, tensor *a, tensor *b, int heads, int at)
{
    int C = r->cols, N = C / heads, T = r->rows;
    CHECK(w->cols == C && k->cols == C && v->cols == C && a->cols == C && b->cols == C && C % heads == 0);
    CHECK(T == c->b->rows && w->rows == T && k->rows == T && v->rows == T && a->rows == T && b->rows == T);
    tensor *y = tensor_new(c, T, C);
    record *rec = REC(c, wkv7_back, y, r, w, k, v, a, b);
    if (rec) {
        rec->i = at;
        rec->j = heads;
        rec->saved = states_keep(c, at, C * N);
    }
    c->dev->wkv7(c->pool, y->data, r->data, w->data, k->data, v->data, a->data, b->data, c->b, C, heads, at);
    return y;
}
