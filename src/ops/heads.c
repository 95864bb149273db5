/* heads.c - what keeps to a head, piece by piece: some tokens of one head, with all that is made of them, stay in a thread's cache.
 * The bits are those of the operations it stands for (tests/test_phases.c).
 *
 * When a gradient will be wanted, only the states before each piece are kept. On the way back pieces are taken from the last to the
 * first, each is run once more, recorded in its thread's own context, and the gradient of the state goes from one to the next. */
#include "ops/tape.h"
#include <string.h>

enum { MOST_IN = 16, PIECE = 32 }; /* tokens of a piece: all that a head has of them stays in the second cache */

typedef struct {
    cx *c;
    heads_fn *fn;
    const void *p;
    tensor *const *in;
    tensor *out;
    int n, heads, N, at;
    real *kept;             /* states before each piece, [span][head][piece][N x N], or NULL */
    real *grad[MOST_IN];    /* backward: of in[], or NULL                                    */
    int first[MOST_IN];     /* backward: nothing is there to be added to                     */
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

static int pieces_of(const span *sp) { return (sp->len + PIECE - 1) / PIECE; }
static size_t state_size(const heads_job *q) { return (size_t)q->N * (size_t)q->N; }

/* The kept state before piece i of a head; `before`: pieces of a head in the spans before. */
static real *kept_state(const heads_job *q, const span *sp, int before, int head, int i)
{
    return q->kept + ((size_t)before * (size_t)q->heads + (size_t)head * (size_t)pieces_of(sp) + (size_t)i) * state_size(q);
}

static piece piece_at(const span *sp, int head, int i)
{
    int t = i * PIECE;
    return (piece){head, 1, sp->row + t, sp->len - t < PIECE ? sp->len - t : PIECE};
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
    int pieces = 0;
    for (int i = 0; i < b->n_spans; i++) {
        const span *sp = &b->spans[i];
        int64_t first = (from - before + sp->len - 1) / sp->len, end = (to - before + sp->len - 1) / sp->len;
        int head = first < 0 ? 0 : first > q->heads ? q->heads : (int)first;
        int last = end < 0 ? 0 : end > q->heads ? q->heads : (int)end;
        before += (int64_t)sp->len * q->heads;
        if (sp->len == 1 && !q->kept && head < last) {
            run_piece(q, c, sp, (piece){head, last - head, sp->row, 1});
            head = last;
        }
        for (; head < last; head++)
            for (int k = 0; k < pieces_of(sp); k++) {
                const real *state = sp->state + q->at + (size_t)head * state_size(q);
                if (q->kept) memcpy(kept_state(q, sp, pieces, head, k), state, state_size(q) * sizeof *state);
                run_piece(q, c, sp, piece_at(sp, head, k));
            }
        pieces += pieces_of(sp);
    }
}

/* ---- backward ---------------------------------------------------------------------------------------------------------- */

/* Rows of a piece between a T x C matrix and one of its own. */
static void take(real *to, const real *from, const piece *k, size_t N, size_t C)
{
    from += (size_t)k->row * C + (size_t)k->head * N;
    for (int t = 0; t < k->rows; t++, to += N, from += C) memcpy(to, from, N * sizeof *to);
}

static void put(real *to, const real *from, const piece *k, size_t N, size_t C, int first)
{
    to += (size_t)k->row * C + (size_t)k->head * N;
    for (int t = 0; t < k->rows; t++, to += C, from += N)
        if (first) memcpy(to, from, N * sizeof *to);
        else
            for (size_t i = 0; i < N; i++) to[i] += from[i];
}

/* dstate: of this head, after the piece; then before it. */
static void piece_back(const heads_job *q, cx *c, piece k, const real *state0, real *dstate)
{
    char *mark = arena_mark(&c->mem);
    size_t N = (size_t)q->N, C = (size_t)q->out->cols;
    span s = {0, k.rows, arena_alloc(&c->mem, N * N * sizeof(real)), dstate};
    batch b = {.rows = k.rows, .n_spans = 1, .spans = &s};
    tensor *in[MOST_IN];
    memcpy(s.state, state0, N * N * sizeof(real));
    for (int i = 0; i < q->n; i++) {
        in[i] = cut(c, q->in[i], &k, q->N);
        if (!in[i]) continue;
        in[i]->wants = q->grad[i] != NULL;
        if (in[i]->wants && q->in[i]->rows == 1) in[i]->grad = q->grad[i] + (size_t)k.head * N; /* nobody else's columns */
    }
    c->b = &b;
    c->recording = 1;
    tensor *y = q->fn(c, q->p, in, 1, 0);
    c->recording = 0;
    y->grad = arena_alloc(&c->mem, (size_t)k.rows * N * sizeof(real));
    take(y->grad, q->out->grad, &k, N, C);
    tape_unwind(c, NULL);
    c->b = NULL;
    for (int i = 0; i < q->n; i++)
        if (in[i] && in[i]->wants && q->in[i]->rows > 1) put(q->grad[i], tensor_grad(c, in[i]), &k, N, C, q->first[i]);
    arena_reset(&c->mem, mark);
}

/* Heads are divided among threads: spans follow one another, so that what they share is summed in their order. */
static void back_part(void *arg, int part, int parts)
{
    const heads_job *q = arg;
    const batch *b = q->c->b;
    cx *c = &q->c->part[part];
    int head, last;
    size_t bytes = state_size(q) * sizeof(real);
    real *dstate = arena_zero(&c->mem, bytes);
    pool_share(q->heads, 1, part, parts, &head, &last);
    for (; head < last; head++)
        for (int i = 0, before = 0; i < b->n_spans; before += pieces_of(&b->spans[i++])) {
            const span *sp = &b->spans[i];
            real *given = sp->dstate ? sp->dstate + q->at + (size_t)head * state_size(q) : NULL;
            if (given) memcpy(dstate, given, bytes);
            else memset(dstate, 0, bytes);
            for (int k = pieces_of(sp) - 1; k >= 0; k--)
                piece_back(q, c, piece_at(sp, head, k), kept_state(q, sp, before, head, k), dstate);
            if (given) memcpy(given, dstate, bytes);
        }
    arena_reset(&c->mem, (char *)dstate);
}

static void heads_back(cx *c, record *r)
{
    heads_job q = *(const heads_job *)r->p;
    q.c = c;
    q.in = r->in;
    tensor_grad(c, q.out);
    for (int i = 0; i < q.n; i++) {
        tensor *x = r->in[i];
        if (!x || !x->wants) continue;
        q.first[i] = x->rows > 1 && !x->grad;
        q.grad[i] = q.first[i] ? tensor_grad_unset(c, x) : tensor_grad(c, x);
    }
    pool_run(c->pool, back_part, &q);
}

tensor *op_heads(cx *c, heads_fn *fn, const void *p, int heads, int at, tensor *const *in, int n)
{
    int T = c->b->rows, C = in[0]->cols;
    if (!c->recording && (double)T * C * (C / heads) < 20000) return fn(c, p, in, heads, at);
    CHECK(n <= MOST_IN && C % heads == 0);
    for (int i = 0; i < n; i++) CHECK(!in[i] || (in[i]->cols == C && (in[i]->rows == 1 || in[i]->rows == T)));
    heads_job q = {.c = c, .fn = fn, .p = p, .in = in, .out = tensor_new(c, T, C), .n = n, .heads = heads, .N = C / heads, .at = at};
    record *r = tape_record(c, heads_back, q.out, n, in);
    if (r) {
        size_t pieces = 0;
        for (int i = 0; i < c->b->n_spans; i++) pieces += (size_t)pieces_of(&c->b->spans[i]);
        r->saved = q.kept = tape_keep(c, pieces * (size_t)heads * state_size(&q));
        r->p = memcpy(arena_alloc(&c->mem, sizeof q), &q, sizeof q);
    }
    pool_run(c->pool, heads_part, &q);
    return q.out;
}
