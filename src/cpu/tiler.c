/* tiler.c - the per-head part of a time mix in tiles: some tokens of one head, so that all intermediate values stay in
 * a thread's cache, with the bits of the separate operations (tests/test_fused.c).
 *
 * Only the state before each tile is kept for backward, which recomputes the tiles from the last to the first, recorded
 * in the thread's own context, and passes the gradient of the state from tile to tile. */
#include "cpu/tiler.h"
#include <stdlib.h>
#include <string.h>
#include "ops/tape.h"

enum { TILE_TOKENS = 32 };     /* their values of a head fit in the L2 cache */
enum { HOST_BYTES = 1 << 18 }; /* tensors and records of a tile              */

/* kept: states before each tile, [span][head][tile][N x N] */
typedef struct {
    const tiler *t;
    const heads_args *a;
    int N;
} heads_job;

/* Heads [head, head + heads) of `rows` rows of a span from `row`. */
typedef struct {
    int head, heads, row, rows;
} tile;

/* ---- memory ------------------------------------------------------------------------------------------------------ */

int host_arena_new(device *d, arena *a, size_t bytes)
{
    (void)d;
    return arena_init(a, bytes);
}

void host_arena_free(device *d, arena *a)
{
    (void)d;
    arena_release(a);
}

int tiler_init(tiler *t, device *alone, pool *p)
{
    *t = (tiler){.alone = alone, .pool = p, .part = calloc((size_t)pool_threads(p), sizeof *t->part)};
    return t->part ? 0 : fail(WKV_ENOMEM, "no memory for the work of %d threads", pool_threads(p));
}

/* Bytes of a tile: some 30 tensors of 32 rows of a head or one row of all, their gradients, and states. */
static size_t tile_bytes(const pass_size *s)
{
    size_t N = (size_t)s->head, values = 32 * N > (size_t)s->width ? 32 * N : (size_t)s->width;
    return N ? (128 * values + 8 * N * N) * sizeof(real) + (1 << 16) : 1 << 16;
}

int tiler_reserve(tiler *t, const pass_size *s)
{
    size_t bytes = tile_bytes(s);
    int err = 0;
    for (int i = 0; i < pool_threads(t->pool) && !err; i++) {
        cx *c = &t->part[i];
        if ((size_t)(c->mem.end - c->mem.base) >= bytes) continue;
        arena_release(&c->mem);
        if (!(err = arena_init(&c->mem, bytes)) && !c->host.base) err = arena_init(&c->host, HOST_BYTES);
    }
    return err;
}

void tiler_release(tiler *t)
{
    for (int i = 0; t->part && i < pool_threads(t->pool); i++) {
        arena_release(&t->part[i].mem);
        arena_release(&t->part[i].host);
    }
    free(t->part);
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* A tile of a tensor: contiguous rows in place, others copied. */
static tensor *cut(cx *c, const tensor *x, const tile *k, int N)
{
    if (!x) return NULL;
    size_t from = (size_t)k->head * (size_t)N, cols = (size_t)k->heads * (size_t)N, C = (size_t)x->cols;
    if (x->rows == 1 || k->rows == 1) {
        tensor *y = arena_alloc(&c->host, sizeof *y);
        *y = (tensor){.rows = 1, .cols = (int)cols, .type = REAL};
        y->data = reals(x) + (x->rows == 1 ? 0 : (size_t)k->row * C) + from;
        return y;
    }
    tensor *y = tensor_new(c, k->rows, (int)cols);
    for (int t = 0; t < k->rows; t++)
        memcpy(reals(y) + (size_t)t * cols, reals(x) + (size_t)(k->row + t) * C + from, cols * sizeof(real));
    return y;
}

static void run_tile(const heads_job *q, cx *c, const span *sp, tile k)
{
    cx_place mark = cx_mark(c);
    size_t cols = (size_t)k.heads * (size_t)q->N, C = (size_t)q->a->out->cols;
    span s = {.row = 0, .len = k.rows, .state = sp->state + (size_t)k.head * (size_t)(q->N * q->N)};
    batch b = {.rows = k.rows, .n_spans = 1, .spans = &s};
    tensor *in[MOST_HEADS_IN];
    for (int i = 0; i < q->a->n; i++) in[i] = cut(c, q->a->in[i], &k, q->N);
    c->b = &b;
    tensor *y = q->a->fn(c, q->a->p, in, k.heads, q->a->at);
    c->b = NULL;
    CHECK(y->rows == k.rows && (size_t)y->cols == cols);
    for (int t = 0; t < k.rows; t++)
        memcpy(reals(q->a->out) + (size_t)(k.row + t) * C + (size_t)k.head * (size_t)q->N, reals(y) + (size_t)t * cols,
               cols * sizeof(real));
    cx_forget(c, mark);
}

static int tiles_of(const span *sp) { return (sp->len + TILE_TOKENS - 1) / TILE_TOKENS; }
static size_t state_size(const heads_job *q) { return (size_t)q->N * (size_t)q->N; }

/* The kept state before tile i of a head; `before`: tiles of a head in the spans before. */
static real *kept_state(const heads_job *q, const span *sp, int before, int head, int i)
{
    return q->a->kept +
           ((size_t)before * (size_t)q->a->heads + (size_t)head * (size_t)tiles_of(sp) + (size_t)i) * state_size(q);
}

static tile tile_at(const span *sp, int head, int i)
{
    int t = i * TILE_TOKENS;
    return (tile){head, 1, sp->row + t, sp->len - t < TILE_TOKENS ? sp->len - t : TILE_TOKENS};
}

/* Tokens times heads, span after span, are divided into equal shares. A single token is one tile of all its heads; more
 * tokens are run head by head, in tiles of some tokens. */
static void heads_part(void *arg, int part, int parts)
{
    const heads_job *q = arg;
    const batch *b = q->a->c->b;
    cx *c = &q->t->part[part];
    c->dev = q->t->alone;
    int64_t line = (int64_t)b->rows * q->a->heads, from = line * part / parts, to = line * (part + 1) / parts,
            before = 0;
    int tiles = 0;
    for (int i = 0; i < b->n_spans; i++) {
        const span *sp = &b->spans[i];
        int64_t first = (from - before + sp->len - 1) / sp->len, end = (to - before + sp->len - 1) / sp->len;
        int head = first < 0 ? 0 : first > q->a->heads ? q->a->heads : (int)first;
        int last = end < 0 ? 0 : end > q->a->heads ? q->a->heads : (int)end;
        before += (int64_t)sp->len * q->a->heads;
        if (sp->len == 1 && !q->a->kept && head < last) {
            run_tile(q, c, sp, (tile){head, last - head, sp->row, 1});
            head = last;
        }
        for (; head < last; head++)
            for (int k = 0; k < tiles_of(sp); k++) {
                const real *state = sp->state + q->a->at + (size_t)head * state_size(q);
                if (q->a->kept) memcpy(kept_state(q, sp, tiles, head, k), state, state_size(q) * sizeof *state);
                run_tile(q, c, sp, tile_at(sp, head, k));
            }
        tiles += tiles_of(sp);
    }
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

/* Rows of a tile between a T x C matrix and one of its own. */
static void tile_read(real *to, const real *from, const tile *k, size_t N, size_t C)
{
    from += (size_t)k->row * C + (size_t)k->head * N;
    for (int t = 0; t < k->rows; t++, to += N, from += C) memcpy(to, from, N * sizeof *to);
}

static void tile_write(real *to, const real *from, const tile *k, size_t N, size_t C, int first)
{
    to += (size_t)k->row * C + (size_t)k->head * N;
    for (int t = 0; t < k->rows; t++, to += C, from += N)
        if (first)
            memcpy(to, from, N * sizeof *to);
        else
            for (size_t i = 0; i < N; i++) to[i] += from[i];
}

/* dstate: of this head, after the tile; then before it. */
static void tile_back(const heads_job *q, cx *c, tile k, const real *state0, real *dstate)
{
    cx_place mark = cx_mark(c);
    size_t N = (size_t)q->N, C = (size_t)q->a->out->cols;
    span s = {0, k.rows, arena_alloc(&c->mem, N * N * sizeof(real)), dstate};
    batch b = {.rows = k.rows, .n_spans = 1, .spans = &s};
    tensor *in[MOST_HEADS_IN];
    memcpy(s.state, state0, N * N * sizeof(real));
    for (int i = 0; i < q->a->n; i++) {
        in[i] = cut(c, q->a->in[i], &k, q->N);
        if (!in[i]) continue;
        in[i]->requires_grad = q->a->grad[i] != NULL;
        if (in[i]->requires_grad && q->a->in[i]->rows == 1)
            in[i]->grad = q->a->grad[i] + (size_t)k.head * N; /* no other thread writes these columns */
    }
    c->b = &b;
    c->recording = 1;
    tensor *y = q->a->fn(c, q->a->p, in, 1, 0);
    c->recording = 0;
    y->grad = arena_alloc(&c->mem, (size_t)k.rows * N * sizeof(real));
    tile_read(y->grad, q->a->out->grad, &k, N, C);
    tape_unwind(c, NULL);
    c->b = NULL;
    for (int i = 0; i < q->a->n; i++)
        if (in[i] && in[i]->requires_grad && q->a->in[i]->rows > 1)
            tile_write(q->a->grad[i], tensor_grad(c, in[i]), &k, N, C, q->a->first[i]);
    cx_forget(c, mark);
}

/* Heads are divided among threads, and each thread runs spans in order, so that shared gradients are summed in the
 * order of spans. */
static void back_part(void *arg, int part, int parts)
{
    const heads_job *q = arg;
    const batch *b = q->a->c->b;
    cx *c = &q->t->part[part];
    c->dev = q->t->alone;
    int head, last;
    size_t bytes = state_size(q) * sizeof(real);
    real *dstate = arena_zero(&c->mem, bytes);
    pool_share(q->a->heads, 1, part, parts, &head, &last);
    for (; head < last; head++)
        for (int i = 0, before = 0; i < b->n_spans; before += tiles_of(&b->spans[i++])) {
            const span *sp = &b->spans[i];
            real *given = sp->dstate ? sp->dstate + q->a->at + (size_t)head * state_size(q) : NULL;
            if (given)
                memcpy(dstate, given, bytes);
            else
                memset(dstate, 0, bytes);
            for (int k = tiles_of(sp) - 1; k >= 0; k--)
                tile_back(q, c, tile_at(sp, head, k), kept_state(q, sp, before, head, k), dstate);
            if (given) memcpy(given, dstate, bytes);
        }
    arena_reset(&c->mem, (char *)dstate);
}

/* ---- the entries ------------------------------------------------------------------------------------------------- */

size_t tiler_kept(device *d, const heads_args *a)
{
    (void)d;
    const batch *b = a->c->b;
    const int C = a->in[0]->cols, N = C / a->heads;
    size_t tiles = 0;
    if (!a->c->recording && (double)b->rows * C * N < 20000) return 0;
    for (int i = 0; i < b->n_spans; i++) tiles += (size_t)tiles_of(&b->spans[i]);
    return tiles * (size_t)a->heads * (size_t)N * (size_t)N;
}

static heads_job job_of(const tiler *t, const heads_args *a)
{
    return (heads_job){.t = t, .a = a, .N = a->out->cols / a->heads};
}

void tiler_heads(const tiler *t, const heads_args *a)
{
    heads_job q = job_of(t, a);
    pool_run(t->pool, heads_part, &q);
}

void tiler_heads_back(const tiler *t, const heads_args *a)
{
    heads_job q = job_of(t, a);
    pool_run(t->pool, back_part, &q);
}
