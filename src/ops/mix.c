/* mix.c - norm, shift and mixtures fused, with the bits of the separate operations (tests/test_fused.c). */
#include "ops/tape.h"

typedef struct {
    mix_args a;
    tensor *y[MOST_MIXTURES];
} mixed;

static void mix_back(cx *c, record *r)
{
    const mixed *k = r->p;
    mix_args a = k->a;
    a.batch = c->b;
    a.state0 = r->saved;
    a.dx = grad_or_null(c, r->in[0]);
    a.dw = grad_or_null(c, r->in[1]);
    a.db = grad_or_null(c, r->in[2]);
    a.n = 0;
    for (int i = 0; i < k->a.n; i++) {
        if (!k->y[i]->grad) continue;
        a.mu[a.n] = k->a.mu[i];
        a.dy[a.n] = k->y[i]->grad;
        a.dmu[a.n++] = grad_or_null(c, r->in[3 + i]);
    }
    c->dev->mix_back(c->dev, &a);
}

void op_mix(cx *c, const mix_in *in, int at, weighs which, const mixture *m, int n)
{
    tensor *x = in->x, *w = in->w, *b = in->b;
    CHECK(x->rows == c->b->rows && w->rows == 1 && b->rows == 1 && w->cols == x->cols && b->cols == x->cols);
    CHECK(n > 0 && n <= MOST_MIXTURES);
    mixed k = {.a = {.batch = c->b,
                     .C = x->cols,
                     .at = at,
                     .x = x->data,
                     .w = w->data,
                     .b = b->data,
                     .eps = in->eps,
                     .current = which == CURRENT}};
    tensor *all[3 + MOST_MIXTURES] = {x, w, b};
    for (int i = 0; i < n; i++) {
        if (!m[i].mu) continue;
        CHECK(m[i].mu->rows == 1 && m[i].mu->cols == x->cols);
        k.y[k.a.n] = *m[i].y = tensor_new(c, x->rows, x->cols);
        k.a.y[k.a.n] = (*m[i].y)->data;
        k.a.mu[k.a.n] = m[i].mu->data;
        all[3 + k.a.n++] = m[i].mu;
    }
    record *r = tape_record(c, mix_back, k.y[0], 3 + k.a.n, all);
    if (r) {
        for (int i = 0; i < k.a.n; i++) k.y[i]->requires_grad = 1;
        r->p = tape_copy(c, &k, sizeof k);
        r->saved = states_keep(c, at, x->cols);
    }
    c->dev->mix(c->dev, &k.a);
}
