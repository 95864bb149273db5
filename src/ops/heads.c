/* heads.c - the per-head part of a layer: a device may run it in tiles, and backward recomputes the tiles. */
#include "ops/tape.h"

static void heads_back(cx *c, record *r)
{
    heads_args a = *(const heads_args *)r->p;
    a.c = c;
    a.in = r->in;
    tensor_grad(c, a.out);
    for (int i = 0; i < a.n; i++) {
        tensor *x = r->in[i];
        if (!x || !x->requires_grad) continue;
        a.first[i] = x->rows > 1 && !x->grad;
        a.grad[i] = a.first[i] ? tensor_grad_unset(c, x) : tensor_grad(c, x);
    }
    c->dev->heads_back(c->dev, &a);
}

tensor *op_heads(cx *c, heads_fn *fn, const void *p, int heads, int at, tensor *const *in, int n)
{
    int T = c->b->rows, C = in[0]->cols;
    CHECK(n <= MOST_HEADS_IN && C % heads == 0);
    for (int i = 0; i < n; i++) CHECK(!in[i] || (in[i]->cols == C && (in[i]->rows == 1 || in[i]->rows == T)));
    heads_args a = {.c = c, .fn = fn, .p = p, .in = in, .n = n, .heads = heads, .at = at};
    size_t kept = c->dev->heads_kept(c->dev, &a);
    if (!kept || is_probed(c, WKV_SITE_WKV) || is_probed(c, WKV_SITE_STATE)) return fn(c, p, in, heads, at);
    a.out = tensor_new(c, T, C);
    record *r = tape_record(c, heads_back, a.out, n, in);
    if (r) {
        r->saved = a.kept = tape_keep(c, kept);
        r->p = tape_copy(c, &a, sizeof a);
    }
    c->dev->heads(c->dev, &a);
    return a.out;
}
