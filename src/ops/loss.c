/* loss.c - the head and the softmax cross entropy of its logits, with L2Wrap in the gradient.
 *
 * Logits are the largest matrix of training (T x V, V up to 65536), so they never exist whole: the head runs over a chunk of
 * rows, and while the chunk's logits are at hand their gradient is taken too, which saves running the head once more on the
 * way back. */
#include "ops/tape.h"
#include <string.h>

typedef struct {
    const int32_t *targets;
    real *logits, *nll, *max; /* of a chunk: logits [n, V], then probabilities, then gradients; per row the loss, ... */
    int *argmax;              /* ... the largest logit and its first place                                           */
    int counted, rows, V;
    int from, n; /* rows of the chunk */
    real weight;
    int l2wrap;
} head_loss;

/* The chunk's probabilities become the gradient of weight x the mean: weight (p - onehot) / counted, and L2Wrap (spec
 * ARCHITECTURES 6): weight 1e-4 / T max_logit at the largest. */
static void to_gradients(void *arg, int part, int parts)
{
    const head_loss *k = arg;
    real g = k->counted ? k->weight / (real)k->counted : 0;
    int first, last;
    pool_share(k->n, 1, part, parts, &first, &last);
    for (int t = first; t < last; t++) {
        real *d = k->logits + (size_t)t * (size_t)k->V;
        int target = k->targets[k->from + t];
        real scale = target >= 0 ? g : 0;
        for (int i = 0; i < k->V; i++) d[i] *= scale;
        if (target >= 0) d[target] -= scale;
        if (k->l2wrap) d[k->argmax[t]] += k->weight * (real)1e-4 / (real)k->rows * k->max[t];
    }
}

static void loss_back(cx *c, record *r)
{
    CHECK(r->out[0]->grad[0] == 1); /* the head's own gradient was added on the way forward */
    hand_grad(c, r->in[0], r->saved);
}

tensor *op_head_loss(cx *c, tensor *x, tensor *w, const int32_t *targets, real weight, int l2wrap)
{
    CHECK(x->cols == weight_in(w) && !w->adapter);
    head_loss k = {.targets = targets, .rows = x->rows, .V = weight_out(w), .weight = weight, .l2wrap = l2wrap};
    for (int t = 0; t < k.rows; t++) {
        CHECK(targets[t] < k.V);
        k.counted += targets[t] >= 0;
    }
    tensor *y = tensor_zero(c, 1, 1);
    int C = x->cols, learns = c->recording && (x->wants || w->wants);
    real *dx = learns ? tape_keep(c, (size_t)k.rows * (size_t)C) : NULL, *dw = wanted(c, w);
    char *mark = arena_mark(&c->mem);
    int most = HEAD_CHUNK / k.V < 1 ? 1 : HEAD_CHUNK / k.V;
    if (most > k.rows) most = k.rows;
    k.logits = tape_keep(c, (size_t)most * (size_t)k.V);
    k.nll = tape_keep(c, (size_t)most);
    k.max = tape_keep(c, (size_t)most);
    k.argmax = arena_alloc(&c->mem, (size_t)most * sizeof *k.argmax);
    double sum = 0;
    for (; k.from < k.rows; k.from += k.n) {
        k.n = k.rows - k.from < most ? k.rows - k.from : most;
        const real *rows = reals(x) + (size_t)k.from * (size_t)C;
        c->dev->linear(c->pool, &(product){.y = k.logits, .x = rows, .w = w}, 1, k.n);
        c->dev->softmax_nll(c->pool, k.logits, k.nll, k.max, k.argmax, targets + k.from, k.n, k.V);
        for (int t = 0; t < k.n; t++) sum += (double)k.nll[t];
        if (!learns) continue;
        pool_run(c->pool, to_gradients, &k);
        c->dev->linear_dx(c->pool, dx + (size_t)k.from * (size_t)C, k.logits, w, k.n, 0);
        if (dw) c->dev->linear_dw(c->pool, dw, k.logits, rows, w, k.n);
    }
    arena_reset(&c->mem, mark);
    reals(y)[0] = k.counted ? (real)((double)weight * sum / k.counted) : 0;
    record *r = learns ? REC(c, loss_back, y, x, w) : NULL;
    if (r) r->saved = dx;
    return y;
}
