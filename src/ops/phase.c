/* phase.c - norm, shift and mixtures in one go: the bits are those of the operations it stands for (tests/test_phases.c). */
#include "ops/tape.h"
#include <string.h>

typedef struct {
    mixing q;
    tensor *y[MOST_MIXTURES];
} mixed;

static void mix_back(cx *c, record *r)
{
    const mixed *k = r->p;
    mixing q = k->q;
    mixing_back g = {.state0 = r->saved, .dx = wanted(c, r->in[0]), .dw = wanted(c, r->in[1]), .db = wanted(c, r->in[2])};
    q.n = 0;
    for (int i = 0; i < k->q.n; i++) {
        if (!k->y[i]->grad) continue;
        q.mu[q.n] = k->q.mu[i];
        g.dy[q.n] = k->y[i]->grad;
        g.dmu[q.n++] = wanted(c, r->in[3 + i]);
    }
    c->dev->mix_back(c->pool, &q, &g, c->b, r->in[0]->cols, r->i);
}

void op_mix(cx *c, tensor *x, tensor *w, tensor *b, real eps, int at, weighs which, const mixture *m, int n)
{
    CHECK(x->rows == c->b->rows && w->rows == 1 && b->rows == 1 && w->cols == x->cols && b->cols == x->cols);
    CHECK(n > 0 && n <= MOST_MIXTURES);
    mixed k = {.q = {.x = x->data, .w = w->data, .b = b->data, .eps = eps, .current = which == CURRENT}};
    tensor *in[3 + MOST_MIXTURES] = {x, w, b};
    for (int i = 0; i < n; i++) {
        if (!m[i].mu) continue;
        CHECK(m[i].mu->rows == 1 && m[i].mu->cols == x->cols);
        k.y[k.q.n] = *m[i].y = tensor_new(c, x->rows, x->cols);
        k.q.y[k.q.n] = (*m[i].y)->data;
        k.q.mu[k.q.n] = m[i].mu->data;
        in[3 + k.q.n++] = m[i].mu;
    }
    record *r = tape_record(c, mix_back, k.y[0], 3 + k.q.n, in);
    if (r) {
        mixed *kept = arena_alloc(&c->mem, sizeof *kept);
        *kept = k;
        for (int i = 0; i < k.q.n; i++) k.y[i]->wants = 1;
        r->p = kept;
        r->i = at;
        r->saved = states_keep(c, at, x->cols);
    }
    c->dev->mix(c->pool, &k.q, c->b, x->cols, at);
}
