/* context.c - wkv_context: sequences divided into passes of bounded size, each one forward over a batch of spans.
 *
 * The division does not change a bit of the result (ops/device.h), so passes are as large as the memory for activations
 * allows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "ops/device.h"
#include "rwkv/api.h"
#include "rwkv/forward.h"
#include "rwkv/parts.h"

enum {
    PASS_ROWS = 512,      /* tokens in one pass                            */
    PASS_LOGITS = 1 << 24 /* logits in one pass (64 MiB), at least 16 rows */
};

struct wkv_context {
    cx cx;
    device *device;
    const wkv_model *model;
    probes probes;
    int rows, logits; /* of a pass, at most */
};

/* Rows, and rows of logits, of a pass: fewer if they do not fit in the arena, or if the size of a matrix exceeds an
 * int. A quarter of the arena is for logits. WKV_ENOMEM: not one row fits. */
static int reserve(wkv_context *c)
{
    const rwkv *m = &c->model->rwkv;
    size_t fixed, row = rwkv_row_bytes(m, &fixed), there = (size_t)(c->cx.mem.end - c->cx.mem.base);
    if (c->device->separate) row += (size_t)rwkv_state_len(m) * sizeof(real); /* each row may be a span of its own */
    size_t fit = there / 4 * 3 > fixed ? (there / 4 * 3 - fixed) / row : 0,
           fit_logits = there / 4 / ((size_t)m->V * sizeof(real));
    if (fit > INT32_MAX / (row / sizeof(real))) fit = INT32_MAX / (row / sizeof(real));
    c->rows = fit < PASS_ROWS ? (int)fit : PASS_ROWS;
    c->logits = PASS_LOGITS / m->V > 16 ? PASS_LOGITS / m->V : 16;
    if (fit_logits < (size_t)c->logits) c->logits = (int)fit_logits;
    if (c->rows >= 1 && c->logits >= 1) return rwkv_reserve(&c->cx, m, c->rows, c->rows, 0);
    return fail(WKV_ENOMEM, "no memory for one token of a model of %d channels, %d hidden units and a vocabulary of %d",
                m->C, m->F, m->V);
}

/* Copy the weights of a device with memory of its own, except tables, of which it gets rows. */
static int keep_weight(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    device *d = user;
    (void)name, (void)layer;
    if (s->flags & SLOT_TABLE || !(s->flags & (SLOT_MATRIX | SLOT_LOW_RANK))) return 0;
    return d->keep_weight(d, t);
}

/* WKV_ENOMEM, before anything is copied. */
static int keep_weights(wkv_context *c)
{
    const rwkv *m = &c->model->rwkv;
    if (!c->device->keep_weight) return 0;
    return rwkv_each((rwkv *)m, keep_weight, c->device);
}

int wkv_context_new(wkv_context **out, const wkv_model *m, const wkv_context_options *options)
{
    static const wkv_context_options defaults;
    const wkv_context_options *o = options ? options : &defaults;
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(m, "the model");
    wkv_context *c = calloc(1, sizeof *c);
    if (!c) return fail(WKV_ENOMEM, "no memory for a context");
    c->model = m;
    int err = device_open(&c->device, o->device, o->threads, o->isa);
    if (!err) err = cx_init(&c->cx, c->device);
    if (!err) err = reserve(c);
    if (!err) err = keep_weights(c);
    if (!err) err = probes_init(&c->probes, &m->rwkv);
    if (err)
        wkv_context_free(c);
    else
        *out = c;
    return err;
}

void wkv_context_free(wkv_context *c)
{
    if (!c) return;
    probes_release(&c->probes);
    cx_release(&c->cx);
    device_close(c->device);
    free(c);
}

const char *wkv_context_isa(const wkv_context *c) { return c ? c->device->isa : NULL; }
int wkv_context_threads(const wkv_context *c) { return c ? c->device->threads : 0; }

size_t wkv_context_device_bytes(const wkv_context *c, size_t *most)
{
    if (most) *most = 0;
    return c && c->device->bytes ? c->device->bytes(c->device, most) : 0;
}

device *context_device(const wkv_context *c) { return c->device; }
const wkv_model *context_model(const wkv_context *c) { return c->model; }
probes *context_probes(wkv_context *c) { return &c->probes; }
size_t context_bytes(const wkv_context *c) { return cx_peak(&c->cx); }

/* Rows in place of embeddings; tokens are needed only by a version whose layers read tables by id. */
static int check_embeddings(const wkv_context *c, const wkv_sequence *q, int i)
{
    const rwkv *m = &c->model->rwkv;
    int by_id = 0;
    for (int s = 0; s < m->arch->n_slots; s++) by_id |= m->arch->slots[s].flags & SLOT_TABLE;
    if (by_id && !q->tokens)
        return fail(WKV_EARG,
                    "the tokens of sequence %d are NULL; version %s reads tables of its layers by id, also where "
                    "embeddings are given",
                    i, m->arch->version);
    for (int t = 0; t < q->n; t++)
        for (int k = 0; k < m->C; k++)
            if (!isfinite(q->embeddings[(size_t)t * (size_t)m->C + (size_t)k]))
                return fail(WKV_EARG, "value %d of row %d of the embeddings of sequence %d is NaN or infinite", k, t,
                            i);
    return 0;
}

static int check_sequence(const wkv_context *c, const wkv_sequence *q, int i)
{
    const rwkv *m = &c->model->rwkv;
    if (q->n < 1) return fail(WKV_EARG, "sequence %d has %d tokens, expected at least 1", i, q->n);
    if (!q->state) return fail(WKV_EARG, "sequence %d has no state", i);
    if (!q->tokens && !q->embeddings) return fail(WKV_EARG, "the tokens of sequence %d are NULL", i);
    if (q->state->fingerprint != c->model->fingerprint)
        return fail(WKV_EARG, "the state of sequence %d belongs to another model", i);
    if (q->embeddings && check_embeddings(c, q, i)) return WKV_EARG;
    for (int t = 0; q->tokens && t < q->n; t++)
        if (q->tokens[t] < 0 || q->tokens[t] >= m->V)
            return fail(WKV_EARG, "token %d of sequence %d is %d; the model's ids are 0 to %d", t, i, (int)q->tokens[t],
                        m->V - 1);
    return 0;
}

typedef struct {
    float **logits, **hidden; /* where the caller wants them, for each wanted row; NULL: not wanted */
    int *rows;
    int32_t *tokens;
    wkv_row *of;         /* the origin of each row                                            */
    const float **given; /* the row in place of each embedding, or NULL; NULL: ids everywhere */
    span *spans;
    real **home; /* the caller's states, if the spans' are copies */
    int n_rows, n_spans, wanted;
} pass;

/* Whether the caller wants anything of token t of the sequence. */
static int is_wanted(const wkv_sequence *q, int t)
{
    return (q->logits || q->hidden) && (q->all_rows || t == q->n - 1);
}

static float *row_of(float *rows, const wkv_sequence *q, int t, int cols)
{
    return rows ? rows + (q->all_rows ? (size_t)t * (size_t)cols : 0) : NULL;
}

/* Add to the pass as many tokens of each sequence as fit; done[i] tokens were read before. */
static void gather(const wkv_context *c, pass *p, const wkv_sequence *q, int count, const wkv_row *from, int *done)
{
    const rwkv *m = &c->model->rwkv;
    for (int i = 0; i < count && p->n_rows < c->rows; i++) {
        const int any = q[i].logits || q[i].hidden, room = c->logits - p->wanted;
        int n = q[i].n - done[i];
        if (n > c->rows - p->n_rows) n = c->rows - p->n_rows;
        if (any && q[i].all_rows && n > room) n = room;
        if (any && !q[i].all_rows && !room && n == q[i].n - done[i]) n--;
        if (n <= 0) continue;
        p->spans[p->n_spans++] = (span){.row = p->n_rows, .len = n, .state = q[i].state->data};
        for (int t = 0; t < n; t++) {
            const int row = p->n_rows + t, token = done[i] + t;
            p->tokens[row] = q[i].tokens ? q[i].tokens[token] : 0;
            p->of[row] = from ? (wkv_row){from[i].sequence, from[i].token + token} : (wkv_row){i, token};
            if (p->given)
                p->given[row] = q[i].embeddings ? q[i].embeddings + (size_t)token * (size_t)m->C : NULL;
        }
        for (int t = 0; t < n; t++) {
            if (!is_wanted(&q[i], done[i] + t)) continue;
            p->rows[p->wanted] = p->n_rows + t;
            p->logits[p->wanted] = row_of(q[i].logits, &q[i], done[i] + t, m->V);
            p->hidden[p->wanted++] = row_of(q[i].hidden, &q[i], done[i] + t, m->C);
        }
        p->n_rows += n;
        done[i] += n;
    }
}

/* On a device with memory of its own a pass works on copies of the states, which are copied back after it. */
static void states_to_device(wkv_context *c, const pass *p)
{
    const size_t n = (size_t)rwkv_state_len(&c->model->rwkv);
    for (int i = 0; i < p->n_spans; i++) {
        real *copy = arena_alloc(&c->cx.mem, n * sizeof *copy);
        p->home[i] = p->spans[i].state;
        p->spans[i].state = copy;
        c->device->from_host(c->device, &(transfer_args){.from = p->home[i], .to = copy, .n = n});
    }
}

static void states_to_host(wkv_context *c, const pass *p)
{
    const size_t n = (size_t)rwkv_state_len(&c->model->rwkv);
    for (int i = 0; i < p->n_spans; i++)
        c->device->to_host(c->device, &(transfer_args){.from = p->spans[i].state, .to = p->home[i], .n = n});
}

/* Copy row i of x to to[i], where that is not NULL. */
static void rows_to_host(wkv_context *c, const tensor *x, float *const *to)
{
    const size_t n = (size_t)x->cols;
    for (int i = 0; i < x->rows; i++)
        if (to[i])
            c->device->to_host(c->device, &(transfer_args){.from = reals(x) + (size_t)i * n, .to = to[i], .n = n});
}

/* The logits of the rows of x for which they are wanted. */
static void logits_to_host(wkv_context *c, tensor *x, float **to)
{
    int *rows = arena_alloc(&c->cx.host, (size_t)x->rows * sizeof *rows), n = 0;
    for (int i = 0; i < x->rows; i++)
        if (to[i]) rows[n] = i, to[n++] = to[i];
    if (!n) return;
    if (n < x->rows) x = op_rows(&c->cx, x, rows, n);
    rows_to_host(c, op_linear(&c->cx, x, (tensor *)&c->model->rwkv.head), to);
}

/* The end of a pass, which can fail on a device with memory of its own. */
static int finish(wkv_context *c)
{
    c->cx.b = NULL;
    return c->device->finish ? c->device->finish(c->device) : 0;
}

/* WKV_ENOMEM, WKV_EUNSUPPORTED: the device failed; the states are as before. */
static int run_pass(wkv_context *c, const pass *p)
{
    const batch b = {.rows = p->n_rows, .n_spans = p->n_spans, .spans = p->spans};
    c->cx.b = &b;
    if (c->device->separate) states_to_device(c, p);
    probes_begin(&c->probes, &c->cx, p->of, p->given);
    tensor *x = rwkv_features(&c->cx, &c->model->rwkv, p->tokens, p->rows, p->wanted);
    probes_end(&c->probes, &c->cx);
    if (x) {
        rows_to_host(c, x, p->hidden);
        logits_to_host(c, x, p->logits);
    }
    if (c->device->separate) states_to_host(c, p);
    return finish(c);
}

int wkv_eval_batch(wkv_context *c, const wkv_sequence *q, int count) { return context_eval(c, q, count, NULL); }

int context_eval(wkv_context *c, const wkv_sequence *q, int count, const wkv_row *from)
{
    REQUIRE(c, "the context");
    if (count < 1 || !q) return fail(WKV_EARG, "a batch of %d sequences", count);
    int given = 0;
    for (int i = 0, err; i < count; i++) {
        given |= q[i].embeddings != NULL;
        if ((err = check_sequence(c, &q[i], i))) return err;
        for (int j = 0; j < i; j++)
            if (q[j].state == q[i].state) return fail(WKV_EARG, "sequences %d and %d share one state", j, i);
    }
    int *done = calloc((size_t)count, sizeof *done);
    if (!done) return fail(WKV_ENOMEM, "no memory for a batch of %d", count);
    cx *x = &c->cx;
    int err = 0;
    while (!err) {
        cx_reset(x);
        pass p = {.logits = arena_alloc(&x->host, (size_t)c->rows * sizeof *p.logits),
                  .hidden = arena_alloc(&x->host, (size_t)c->rows * sizeof *p.hidden),
                  .rows = arena_alloc(&x->host, (size_t)c->rows * sizeof *p.rows),
                  .tokens = arena_alloc(&x->host, (size_t)c->rows * sizeof *p.tokens),
                  .of = arena_alloc(&x->host, (size_t)c->rows * sizeof *p.of),
                  .given = given ? arena_alloc(&x->host, (size_t)c->rows * sizeof *p.given) : NULL,
                  .spans = arena_alloc(&x->host, (size_t)c->rows * sizeof *p.spans),
                  .home = arena_alloc(&x->host, (size_t)c->rows * sizeof *p.home)};
        gather(c, &p, q, count, from, done);
        if (!p.n_rows) break;
        err = run_pass(c, &p);
    }
    free(done);
    return err;
}

/* Logits of host rows: those after ln_out, or with `norm` those of the residual stream. */
static int head_of_rows(wkv_context *c, const float *from, int n, float *logits, int norm)
{
    const rwkv *m = &c->model->rwkv;
    for (int at = 0, rows, err; at < n; at += rows) {
        rows = n - at < c->logits ? n - at : c->logits;
        if (rows > c->rows) rows = c->rows;
        cx_reset(&c->cx);
        const batch b = {.rows = rows};
        c->cx.b = &b;
        tensor *x = tensor_new(&c->cx, rows, m->C);
        const size_t first = (size_t)at * (size_t)m->C, values = (size_t)rows * (size_t)m->C;
        c->device->from_host(c->device, &(transfer_args){.from = from + first, .to = reals(x), .n = values});
        if (norm) x = layer_norm(&c->cx, x, (tensor *)&m->ln_out_w, (tensor *)&m->ln_out_b);
        float **to = arena_alloc(&c->cx.host, (size_t)rows * sizeof *to);
        for (int i = 0; i < rows; i++) to[i] = logits + (size_t)(at + i) * (size_t)m->V;
        logits_to_host(c, x, to);
        if ((err = finish(c))) return err;
    }
    return 0;
}

int wkv_head(wkv_context *c, const float *hidden, int n, float *logits)
{
    REQUIRE(c, "the context");
    REQUIRE(hidden, "the list of hidden rows");
    REQUIRE(logits, "the list of logits");
    if (n < 1) return fail(WKV_EARG, "%d hidden rows, expected at least 1", n);
    return head_of_rows(c, hidden, n, logits, 0);
}

int wkv_unembed(wkv_context *c, const float *rows, int n, float *logits)
{
    REQUIRE(c, "the context");
    REQUIRE(rows, "the list of rows");
    REQUIRE(logits, "the list of logits");
    if (n < 1) return fail(WKV_EARG, "%d rows, expected at least 1", n);
    return head_of_rows(c, rows, n, logits, 1);
}

int wkv_eval(wkv_context *c, wkv_state *s, const int32_t *tokens, int n, float *logits)
{
    wkv_sequence q = {.state = s, .tokens = tokens, .n = n, .logits = logits};
    return wkv_eval_batch(c, &q, 1);
}

int wkv_eval_embeddings(wkv_context *c, wkv_state *s, const float *rows, int n, float *logits)
{
    REQUIRE(rows, "the list of rows");
    wkv_sequence q = {.state = s, .embeddings = rows, .n = n, .logits = logits};
    return wkv_eval_batch(c, &q, 1);
}

int wkv_embed(wkv_context *c, const int32_t *ids, int n, float *rows)
{
    REQUIRE(c, "the context");
    REQUIRE(ids, "the list of ids");
    REQUIRE(rows, "the list of rows");
    if (n < 1) return fail(WKV_EARG, "%d ids, expected at least 1", n);
    const rwkv *m = &c->model->rwkv;
    for (int i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] >= m->V)
            return fail(WKV_EARG, "id %d is %d; the model's ids are 0 to %d", i, (int)ids[i], m->V - 1);
    for (int at = 0, count, err; at < n; at += count) {
        count = n - at < c->rows ? n - at : c->rows;
        cx_reset(&c->cx);
        values_read(&c->cx, op_embed(&c->cx, (tensor *)&m->emb, ids + at, count), rows + (size_t)at * (size_t)m->C);
        if ((err = finish(c))) return err;
    }
    return 0;
}
