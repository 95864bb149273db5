/* time.c - the operations along time: shift, wkv4, wkv6 (v5 and v6), wkv7. They read and advance the spans' states in
 * place; when recording they keep a copy of the initial states for backward. */
#include "ops/tape.h"

/* Backward of an operation on states is called even when its output has no gradient, since the state may have one. */
static real *out_grad(cx *c, record *r) { return tensor_grad(c, r->out[0]); }

/* ---- shift ------------------------------------------------------------------------------------------------------- */

static void shift_back(cx *c, record *r)
{
    tensor *x = r->in[0];
    shift_args a = {.batch = c->b, .C = x->cols, .at = r->i, .dy = out_grad(c, r), .dx = grad_or_null(c, x)};
    c->dev->shift_back(c->dev, &a);
}

tensor *op_shift(cx *c, tensor *x, int at)
{
    CHECK_EQ(x->rows, c->b->rows);
    tensor *y = tensor_new(c, x->rows, x->cols);
    c->dev->shift(c->dev, &(shift_args){.batch = c->b, .C = x->cols, .at = at, .x = x->data, .y = y->data});
    record *r = REC(c, shift_back, y, x);
    if (r) {
        r->i = at;
        r->saved = reals(y); /* no values are saved; marks that backward must be called for the state's gradient */
    }
    return y;
}

/* ---- wkv --------------------------------------------------------------------------------------------------------- */

/* A record keeps the arguments of its operation, and in state0 the initial states: `len` reals of each span. */
static void keep(cx *c, record *r, wkv_args *a, int len)
{
    if (!r) return;
    a->state0 = r->saved = states_keep(c, a->at, len);
    r->p = tape_copy(c, a, sizeof *a);
}

static wkv_args kept(cx *c, record *r)
{
    wkv_args a = *(const wkv_args *)r->p;
    a.batch = c->b;
    a.dy = out_grad(c, r);
    return a;
}

typedef void recurrence(device *, const wkv_args *);

/* The recurrence of `len` reals of state; a probed state is given after each token. */
static void run(cx *c, recurrence *fn, const wkv_args *a, int len)
{
    if (is_probed(c, WKV_SITE_STATE)) {
        for (int i = 0; i < a->batch->n_spans; i++) {
            span token = {.row = a->batch->spans[i].row, .len = 1, .state = a->batch->spans[i].state};
            const batch one = {.rows = 1, .n_spans = 1, .spans = &token};
            wkv_args alone = *a;
            alone.batch = &one;
            for (int t = 0; t < a->batch->spans[i].len; t++, token.row++) {
                fn(c->dev, &alone);
                probe_give(c, WKV_SITE_STATE, token.row, 1, len, token.state + a->at);
            }
        }
    } else
        fn(c->dev, a);
    if (is_probed(c, WKV_SITE_WKV)) probe_give(c, WKV_SITE_WKV, 0, a->batch->rows, a->C, a->y);
}

static void wkv4_back(cx *c, record *r)
{
    wkv_args a = kept(c, r);
    a.dk = grad_or_null(c, r->in[0]);
    a.dv = grad_or_null(c, r->in[1]);
    a.dw = grad_or_null(c, r->in[2]);
    a.du = grad_or_null(c, r->in[3]);
    (r->i ? c->dev->wkv4_scan_back : c->dev->wkv4_back)(c->dev, &a);
}

static tensor *wkv4(cx *c, tensor *const in[4], int at, int scan)
{
    const tensor *k = in[0], *v = in[1], *w = in[2], *u = in[3];
    int C = k->cols;
    CHECK(v->cols == C && w->cols == C && u->cols == C && w->rows == 1 && u->rows == 1 && k->rows == c->b->rows);
    tensor *y = tensor_new(c, k->rows, C);
    wkv_args a = {
        .batch = c->b, .C = C, .at = at, .k = k->data, .v = v->data, .w = w->data, .u = u->data, .y = y->data};
    record *r = tape_record(c, wkv4_back, y, 4, in);
    if (r) r->i = scan;
    keep(c, r, &a, 3 * C);
    run(c, scan ? c->dev->wkv4_scan : c->dev->wkv4, &a, 3 * C);
    return y;
}

tensor *op_wkv4(cx *c, tensor *k, tensor *v, tensor *w, tensor *u, int at)
{
    return wkv4(c, (tensor *const[]){k, v, w, u}, at, c->scan);
}

tensor *op_wkv4_scan(cx *c, tensor *k, tensor *v, tensor *w, tensor *u, int at)
{
    return wkv4(c, (tensor *const[]){k, v, w, u}, at, 1);
}

static void wkv6_back(cx *c, record *r)
{
    wkv_args a = kept(c, r);
    a.dr = grad_or_null(c, r->in[0]);
    a.dk = grad_or_null(c, r->in[1]);
    a.dv = grad_or_null(c, r->in[2]);
    a.dw = grad_or_null(c, r->in[3]);
    a.du = grad_or_null(c, r->in[4]);
    c->dev->wkv6_back(c->dev, &a);
}

tensor *op_wkv6(cx *c, tensor *r, tensor *k, tensor *v, tensor *w, tensor *u, int heads, int at)
{
    int C = r->cols, N = C / heads;
    CHECK(k->cols == C && v->cols == C && w->cols == C && u->cols == C && u->rows == 1 && r->rows == c->b->rows);
    CHECK(C % heads == 0 && (w->rows == 1 || w->rows == r->rows));
    tensor *y = tensor_new(c, r->rows, C);
    wkv_args a = {.batch = c->b,
                  .C = C,
                  .heads = heads,
                  .at = at,
                  .w_rows = w->rows,
                  .r = r->data,
                  .w = w->data,
                  .k = k->data,
                  .v = v->data,
                  .u = u->data,
                  .y = y->data};
    keep(c, REC(c, wkv6_back, y, r, k, v, w, u), &a, C * N);
    run(c, c->dev->wkv6, &a, C * N);
    return y;
}

static void wkv7_back(cx *c, record *r)
{
    wkv_args a = kept(c, r);
    a.dr = grad_or_null(c, r->in[0]);
    a.dw = grad_or_null(c, r->in[1]);
    a.dk = grad_or_null(c, r->in[2]);
    a.dv = grad_or_null(c, r->in[3]);
    a.da = grad_or_null(c, r->in[4]);
    a.db = grad_or_null(c, r->in[5]);
    c->dev->wkv7_back(c->dev, &a);
}

tensor *op_wkv7(cx *c, const wkv7_in *in, int heads, int at)
{
    tensor *r = in->r, *w = in->w, *k = in->k, *v = in->v, *a = in->a, *b = in->b;
    int C = r->cols, N = C / heads, T = r->rows;
    CHECK(w->cols == C && k->cols == C && v->cols == C && a->cols == C && b->cols == C && C % heads == 0);
    CHECK(T == c->b->rows && w->rows == T && k->rows == T && v->rows == T && a->rows == T && b->rows == T);
    tensor *y = tensor_new(c, T, C);
    wkv_args q = {.batch = c->b,
                  .C = C,
                  .heads = heads,
                  .at = at,
                  .r = r->data,
                  .w = w->data,
                  .k = k->data,
                  .v = v->data,
                  .a = a->data,
                  .b = b->data,
                  .y = y->data};
    keep(c, REC(c, wkv7_back, y, r, w, k, v, a, b), &q, C * N);
    run(c, c->dev->wkv7, &q, C * N);
    return y;
}
