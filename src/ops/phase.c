/* phase.c - operations that do the work of several in one go, and keep numbers where they are used next; the bits are those of the
 * operations they stand for (tests/test_phases.c). While recording op_heads is those operations, whose backward is known. */
#include "ops/tape.h"
#include <string.h>

/* ---- norm, shift and mixtures ----------------------------------------------------------------------------------------- */

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

/* ---- heads ------------------------------------------------------------------------------------------------------------ */

enum { MOST_IN = 16, PIECE = 32 }; /* tokens of a piece: all that a head has of them stays in the second cache */

typedef struct {
    cx *c;
    heads_fn *fn;
    const void *p;
    tensor *const *in;
    tensor *out;
    int n, heads, N, at;
} heads_job;

/* Heads [head, head + heads) of `rows` rows of a span from `row`. */
typedef struct {
    int head, heads, row, rows;
} piece;

/* A tensor's part of a piece: rows that follow one another where they lie, others copied together. */
static tensor *cut(cx *c, const tensor *x, const piece *k, int N)
{
    if (!x) return NULL;
    size_t from = (size_t)k->head * (size_t)N, cols = (size_t)k->heads * (size_t)N, C = (size_t)x->cols;
    if (x->rows == 1 || k->rows == 1) {
        tensor *y = arena_alloc(&c->mem, sizeof *y);
        *y = (tensor){.rows = 1, .cols = (int)cols, .type = REAL};
        y->data = reals(x) + (x->rows == 1 ? 0 : (size_t)k->row * C) + from;
        return y;
    }
    tensor *y = tensor_new(c, k->rows, (int)cols);
    for (int t = 0; t < k->rows; t++)
        memcpy(reals(y) + (size_t)t * cols, reals(x) + (size_t)(k->row + t) * C + from, cols * sizeof(real));
    return y;
}

static void run_piece(const heads_job *q, cx *c, const span *sp, piece k)
{
    char *mark = arena_mark(&c->mem);
    size_t cols = (size_t)k.heads * (size_t)q->N, C = (size_t)q->out->cols;
    span s = {.row = 0, .len = k.rows, .state = sp->state + (size_t)k.head * (size_t)(q->N * q->N)};
    batch b = {.rows = k.rows, .n_spans = 1, .spans = &s};
    tensor *in[MOST_IN];
    for (int i = 0; i < q->n; i++) in[i] = cut(c, q->in[i], &k, q->N);
    c->b = &b;
    tensor *y = q->fn(c, q->p, in, k.heads, q->at);
    c->b = NULL;
    CHECK(y->rows == k.rows && (size_t)y->cols == cols);
    for (int t = 0; t < k.rows; t++)
        memcpy(reals(q->out) + (size_t)(k.row + t) * C + (size_t)k.head * (size_t)q->N, reals(y) + (size_t)t * cols,
               cols * sizeof(real));
    arena_reset(&c->mem, mark);
}

/* Tokens times heads, span after span, are cut into equal parts. A token alone is one piece whatever its heads; more tokens
 * are taken head by head, some at a time. */
static void heads_part(void *arg, int part, int parts)
{
    const heads_job *q = arg;
    const batch *b = q->c->b;
    cx *c = &q->c->part[part];
    c->dev = q->c->dev;
    int64_t line = (int64_t)b->rows * q->heads, from = line * part / parts, to = line * (part + 1) / parts, before = 0;
    for (int i = 0; i < b->n_spans; i++) {
        const span *sp = &b->spans[i];
        int64_t first = (from - before + sp->len - 1) / sp->len, end = (to - before + sp->len - 1) / sp->len;
        int head = first < 0 ? 0 : first > q->heads ? q->heads : (int)first;
        int last = end < 0 ? 0 : end > q->heads ? q->heads : (int)end;
        before += (int64_t)sp->len * q->heads;
        if (sp->len == 1 && head < last) run_piece(q, c, sp, (piece){head, last - head, sp->row, 1});
        for (; sp->len > 1 && head < last; head++)
            for (int t = 0; t < sp->len; t += PIECE)
                run_piece(q, c, sp, (piece){head, 1, sp->row + t, sp->len - t < PIECE ? sp->len - t : PIECE});
    }
}

tensor *op_heads(cx *c, heads_fn *fn, const void *p, int heads, int at, tensor *const *in, int n)
{
    int T = c->b->rows, C = in[0]->cols;
    if (c->recording || (double)T * C * (C / heads) < 20000) return fn(c, p, in, heads, at);
    CHECK(n <= MOST_IN && C % heads == 0);
    for (int i = 0; i < n; i++) CHECK(!in[i] || (in[i]->cols == C && (in[i]->rows == 1 || in[i]->rows == T)));
    heads_job q = {c, fn, p, in, tensor_new(c, T, C), n, heads, C / heads, at};
    pool_run(c->pool, heads_part, &q);
    return q.out;
}
