/* loss.c - softmax cross entropy, with L2Wrap in its gradient. */
#include "ops/tape.h"
#include <string.h>

typedef struct {
    const int32_t *targets;
    real *p, *max; /* probabilities [T, V]; the largest logit of each row ... */
    int *argmax;   /* ... and its first place                                 */
    int counted, l2wrap;
} loss_kept;

/* Gradient of the mean: (p - onehot) / counted; L2Wrap (spec ARCHITECTURES 6): 1e-4 / T max_logit at the largest. */
static void loss_back(cx *c, record *r)
{
    tensor *x = r->in[0];
    const loss_kept *k = r->p;
    real *dx = wanted(c, x), seed = r->out[0]->grad[0];
    int V = x->cols;
    if (!dx) return;
    for (int t = 0; t < x->rows; t++) {
        real *d = dx + (size_t)t * (size_t)V;
        if (k->targets[t] >= 0 && k->counted) {
            const real *p = k->p + (size_t)t * (size_t)V;
            real g = seed / (real)k->counted;
            for (int i = 0; i < V; i++) d[i] += g * p[i];
            d[k->targets[t]] -= g;
        }
        if (k->l2wrap) d[k->argmax[t]] += seed * (real)1e-4 / (real)x->rows * k->max[t];
    }
}

tensor *op_cross_entropy(cx *c, tensor *logits, const int32_t *targets, int l2wrap)
{
    int T = logits->rows, V = logits->cols, counted = 0;
    for (int t = 0; t < T; t++) {
        CHECK(targets[t] < V);
        counted += targets[t] >= 0;
    }
    tensor *y = tensor_zero(c, 1, 1);
    loss_kept *k = arena_alloc(&c->mem, sizeof *k);
    *k = (loss_kept){.targets = targets, .counted = counted, .l2wrap = l2wrap};
    size_t n = (size_t)T * (size_t)V;
    k->p = tape_keep(c, n);
    k->max = tape_keep(c, (size_t)T);
    k->argmax = arena_alloc(&c->mem, (size_t)T * sizeof *k->argmax);
    real *nll = tape_keep(c, (size_t)T);
    memcpy(k->p, logits->data, n * sizeof(real));
    c->dev->softmax_nll(c->pool, k->p, nll, k->max, k->argmax, targets, T, V);
    double sum = 0;
    for (int t = 0; t < T; t++) sum += (double)nll[t];
    reals(y)[0] = counted ? (real)(sum / counted) : 0;
    record *r = REC(c, loss_back, y, logits);
    if (r) r->p = k;
    return y;
}
