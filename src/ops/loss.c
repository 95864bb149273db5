/* loss.c - the head and the softmax cross entropy of its logits, with L2Wrap in the gradient (docs/models.md 6).
 *
 * Logits are the largest matrix of training (T x V, V up to 65536), so they never exist whole: the head runs in chunks
 * of rows, and the forward pass computes each chunk's gradient too, so that backward does not recompute the logits. */
#include "ops/tape.h"

/* A chunk: q.logits are in turn logits, probabilities and gradients. */
typedef struct {
    softmax_args q;
    int from, backward; /* first row; whether to compute gradients */
    real *dx, *dw;
} head_loss;

static void loss_back(cx *c, record *r)
{
    CHECK(c->seed == 1); /* forward has already added the head's gradient */
    move_grad(c, r->in[0], r->saved);
}

/* Loss of the chunk's rows, and their gradients if asked for: scale (p - onehot), plus weight 1e-4 / T max_logit at the
 * largest logit (L2Wrap). */
static void run_chunk(cx *c, const tensor *x, const tensor *w, const head_loss *k)
{
    const size_t at = (size_t)k->from * (size_t)x->cols;
    const product q = {.y = k->q.logits, .x = reals(x) + at, .w = w};
    c->dev->linear(c->dev, &(linear_args){.q = &q, .n = 1, .T = k->q.T});
    c->dev->softmax_nll(c->dev, &k->q);
    if (!k->backward) return;
    c->dev->softmax_nll_back(c->dev, &k->q);
    linear_back_args a = {.x = q.x, .dy = q.y, .w = w, .dx = k->dx + at, .dw = k->dw, .T = k->q.T};
    c->dev->linear_dx(c->dev, &a);
    if (a.dw) c->dev->linear_dw(c->dev, &a);
}

/* The losses of all rows, chunk after chunk. k->q has the rows' factors in the gradient. */
static const real *run_rows(cx *c, const tensor *x, const tensor *w, const int32_t *targets, head_loss *k)
{
    const int V = weight_out(w), T = x->rows, most = HEAD_CHUNK / V < 1 ? 1 : HEAD_CHUNK / V;
    const size_t rows = (size_t)(most < T ? most : T);
    const real *scales = k->q.scales;
    CHECK(x->cols == weight_in(w) && !w->adapter);
    for (int t = 0; t < T; t++) CHECK(targets[t] < V);
    real *nll = tape_keep(c, (size_t)T);
    k->q.V = V;
    k->q.logits = tape_keep(c, rows * (size_t)V);
    k->q.max = tape_keep(c, rows);
    k->q.argmax = arena_alloc(&c->mem, rows * sizeof *k->q.argmax);
    for (; k->from < T; k->from += k->q.T) {
        k->q.T = T - k->from < (int)rows ? T - k->from : (int)rows;
        k->q.nll = nll + k->from;
        k->q.targets = targets + k->from;
        k->q.scales = scales ? scales + k->from : NULL;
        run_chunk(c, x, w, k);
    }
    return nll;
}

/* One number for all rows: m->weight x the mean, or the sum of m->scales[t] x the loss of row t. */
static tensor *head_number(cx *c, tensor *x, tensor *w, const int32_t *targets, mean_args m, int l2wrap)
{
    const int T = m.T = x->rows;
    for (int t = 0; t < T; t++) m.counted += targets[t] >= 0;
    tensor *y = tensor_new(c, 1, 1);
    head_loss k = {.backward = c->recording && (x->requires_grad || w->requires_grad)};
    k.dx = k.backward ? tape_keep(c, (size_t)T * (size_t)x->cols) : NULL;
    k.dw = grad_or_null(c, w);
    k.q.scales = m.scales;
    k.q.scale = m.counted ? (real)m.weight / (real)m.counted : 0;
    k.q.l2wrap = l2wrap ? (real)m.weight * (real)1e-4 / (real)T : 0;
    cx_place mark = cx_mark(c);
    m.nll = run_rows(c, x, w, targets, &k);
    if (m.scales) m.counted = 1;
    m.y = y->data;
    c->dev->mean(c->dev, &m);
    cx_forget(c, mark);
    record *r = k.backward ? REC(c, loss_back, y, x, w) : NULL;
    if (r) r->saved = k.dx;
    return y;
}

tensor *op_head_loss(cx *c, tensor *x, tensor *w, const int32_t *targets, real weight, int l2wrap)
{
    return head_number(c, x, w, targets, (mean_args){.weight = (double)weight}, l2wrap);
}

tensor *op_head_scaled(cx *c, tensor *x, tensor *w, const int32_t *targets, const real *scales)
{
    return head_number(c, x, w, targets, (mean_args){.weight = 1, .scales = scales}, 0);
}

tensor *op_head_sums(cx *c, tensor *x, tensor *w, const int32_t *targets)
{
    const batch *b = c->b;
    tensor *y = tensor_new(c, b->n_spans, 1);
    head_loss k = {0};
    cx_place mark = cx_mark(c);
    const real *nll = run_rows(c, x, w, targets, &k);
    for (int i = 0; i < b->n_spans; i++) {
        const span *s = &b->spans[i];
        c->dev->mean(
            c->dev,
            &(mean_args){.T = s->len, .counted = 1, .weight = 1, .nll = nll + s->row, .y = (real *)y->data + i});
    }
    cx_forget(c, mark);
    return y;
}
