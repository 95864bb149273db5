/* loss.c - the head and the softmax cross entropy of its logits, with L2Wrap in the gradient.
 *
 * Logits are the largest matrix of training (T x V, V up to 65536), so they never exist whole: the head runs over a
 * chunk of rows, and while the chunk's logits are at hand their gradient is taken too, which saves running the head
 * once more on the way back. */
#include "ops/tape.h"

/* A chunk: its logits, then probabilities, then gradients; of each row the loss, the largest logit and its place. */
typedef struct {
    softmax_args q;
    int from, learns; /* its first row; gradients are taken */
    real *dx, *dw;
} head_loss;

static void loss_back(cx *c, record *r)
{
    CHECK(c->seed == 1); /* the head's own gradient was added on the way forward */
    hand_grad(c, r->in[0], r->saved);
}

/* Loss of the chunk's rows, and when it learns their gradients: weight (p - onehot) / counted, and L2Wrap (spec
 * ARCHITECTURES 6): weight 1e-4 / T max_logit at the largest. */
static void run_chunk(cx *c, const tensor *x, const tensor *w, const head_loss *k)
{
    const size_t at = (size_t)k->from * (size_t)x->cols;
    const product q = {.y = k->q.logits, .x = reals(x) + at, .w = w};
    c->dev->linear(c->dev, &(linear_args){.q = &q, .n = 1, .T = k->q.T});
    c->dev->softmax_nll(c->dev, &k->q);
    if (!k->learns) return;
    c->dev->softmax_nll_back(c->dev, &k->q);
    linear_back_args a = {.x = q.x, .dy = q.y, .w = w, .dx = k->dx + at, .dw = k->dw, .T = k->q.T};
    c->dev->linear_dx(c->dev, &a);
    if (a.dw) c->dev->linear_dw(c->dev, &a);
}

tensor *op_head_loss(cx *c, tensor *x, tensor *w, const int32_t *targets, real weight, int l2wrap)
{
    CHECK(x->cols == weight_in(w) && !w->adapter);
    int V = weight_out(w), T = x->rows, counted = 0;
    for (int t = 0; t < T; t++) {
        CHECK(targets[t] < V);
        counted += targets[t] >= 0;
    }
    tensor *y = tensor_new(c, 1, 1);
    head_loss k = {.learns = c->recording && (x->wants || w->wants)};
    k.dx = k.learns ? tape_keep(c, (size_t)T * (size_t)x->cols) : NULL;
    k.dw = wanted(c, w);
    cx_place mark = cx_mark(c);
    int most = HEAD_CHUNK / V < 1 ? 1 : HEAD_CHUNK / V;
    if (most > T) most = T;
    real *nll = tape_keep(c, (size_t)T);
    k.q = (softmax_args){.V = V,
                         .logits = tape_keep(c, (size_t)most * (size_t)V),
                         .max = tape_keep(c, (size_t)most),
                         .argmax = arena_alloc(&c->mem, (size_t)most * sizeof *k.q.argmax),
                         .scale = counted ? weight / (real)counted : 0,
                         .pull = l2wrap ? weight * (real)1e-4 / (real)T : 0};
    for (; k.from < T; k.from += k.q.T) {
        k.q.T = T - k.from < most ? T - k.from : most;
        k.q.nll = nll + k.from;
        k.q.targets = targets + k.from;
        run_chunk(c, x, w, &k);
    }
    c->dev->mean(c->dev, &(mean_args){.T = T, .counted = counted, .weight = (double)weight, .nll = nll, .y = y->data});
    cx_forget(c, mark);
    record *r = k.learns ? REC(c, loss_back, y, x, w) : NULL;
    if (r) r->saved = k.dx;
    return y;
}
