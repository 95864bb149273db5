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
#include "rwkv/stages.h"

struct wkv_context {
    stages stages;
    const wkv_model *model;
    probes probes;
};

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
    int err = stages_open(&c->stages, m, o);
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
    stages_close(&c->stages);
    free(c);
}

const char *wkv_context_isa(const wkv_context *c) { return c ? context_device(c)->isa : NULL; }
int wkv_context_threads(const wkv_context *c) { return c ? c->stages.list[0].device->threads : 0; }

size_t wkv_context_device_bytes(const wkv_context *c, size_t *most)
{
    if (most) *most = 0;
    return c && context_device(c)->bytes ? context_device(c)->bytes(context_device(c), most) : 0;
}

int wkv_context_stage(const wkv_context *c, int i, wkv_stage *out)
{
    REQUIRE(c, "the context");
    REQUIRE(out, "out");
    *out = (wkv_stage){0};
    if (i < 0 || i >= c->stages.n) return 0;
    const stage *g = &c->stages.list[i];
    *out = (wkv_stage){.device = g->device->name,
                       .isa = g->device->isa,
                       .first = g->cx.first_layer,
                       .layers = g->end - g->cx.first_layer,
                       .weight_bytes = g->weights};
    return 1;
}

device *context_device_of(const wkv_context *c, int i) { return i < c->stages.n ? c->stages.list[i].device : NULL; }
device *context_device(const wkv_context *c) { return context_device_of(c, c->stages.n - 1); }
const wkv_model *context_model(const wkv_context *c) { return c->model; }
probes *context_probes(wkv_context *c) { return &c->probes; }

size_t context_bytes(const wkv_context *c)
{
    size_t bytes = 0;
    for (int i = 0; i < c->stages.n; i++) bytes += cx_peak(&c->stages.list[i].cx);
    return bytes;
}

/* Whether layers read the embedding and tables by id. */
static int reads_ids(const rwkv *m)
{
    int by_id = 0;
    for (int s = 0; s < m->arch->n_slots; s++) by_id |= m->arch->slots[s].flags & SLOT_TABLE;
    return by_id;
}

/* Rows in place of embeddings; tokens are needed only by a version whose layers read tables by id. */
static int check_embeddings(const wkv_context *c, const wkv_sequence *q, int i)
{
    const rwkv *m = &c->model->rwkv;
    if (reads_ids(m) && !q->tokens)
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
    span *spans;         /* with the caller's states */
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
    const stages *most = &c->stages;
    for (int i = 0; i < count && p->n_rows < most->rows && p->n_spans < most->spans; i++) {
        const int any = q[i].logits || q[i].hidden, room = most->logits - p->wanted;
        int n = q[i].n - done[i];
        if (n > most->rows - p->n_rows) n = most->rows - p->n_rows;
        if (any && q[i].all_rows && n > room) n = room;
        if (any && !q[i].all_rows && !room && n == q[i].n - done[i]) n--;
        if (n <= 0) continue;
        p->spans[p->n_spans++] = (span){.row = p->n_rows, .len = n, .state = q[i].state->data};
        for (int t = 0; t < n; t++) {
            const int row = p->n_rows + t, token = done[i] + t;
            p->tokens[row] = q[i].tokens ? q[i].tokens[token] : 0;
            p->of[row] = from ? (wkv_row){from[i].sequence, from[i].token + token} : (wkv_row){i, token};
            if (p->given) p->given[row] = q[i].embeddings ? q[i].embeddings + (size_t)token * (size_t)m->C : NULL;
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

/* On a device with memory of its own a stage works on copies of its layers' states, which are copied back after it. */
static const span *states_to_device(stage *g, const rwkv *m, const pass *p)
{
    size_t at, n = stage_state(g, m, &at);
    span *copies = arena_alloc(&g->cx.host, (size_t)p->n_spans * sizeof *copies);
    for (int i = 0; i < p->n_spans; i++) {
        copies[i] = p->spans[i];
        copies[i].state = arena_alloc(&g->cx.mem, n * sizeof(real));
        g->device->from_host(g->device,
                             &(transfer_args){.from = p->spans[i].state + at, .to = copies[i].state, .n = n});
    }
    return copies;
}

static void states_to_host(stage *g, const rwkv *m, const pass *p)
{
    size_t at, n = stage_state(g, m, &at);
    for (int i = 0; i < p->n_spans; i++)
        g->device->to_host(g->device,
                           &(transfer_args){.from = g->cx.b->spans[i].state, .to = p->spans[i].state + at, .n = n});
}

/* Copy row i of x to to[i], where that is not NULL. */
static void rows_to_host(stage *g, const tensor *x, float *const *to)
{
    const size_t n = (size_t)x->cols;
    for (int i = 0; i < x->rows; i++)
        if (to[i])
            g->device->to_host(g->device, &(transfer_args){.from = reals(x) + (size_t)i * n, .to = to[i], .n = n});
}

/* The logits of the rows of x for which they are wanted. */
static void logits_to_host(stage *g, const rwkv *m, tensor *x, float **to)
{
    int *rows = arena_alloc(&g->cx.host, (size_t)x->rows * sizeof *rows), n = 0;
    for (int i = 0; i < x->rows; i++)
        if (to[i]) rows[n] = i, to[n++] = to[i];
    if (!n) return;
    if (n < x->rows) x = op_rows(&g->cx, x, rows, n);
    rows_to_host(g, op_linear(&g->cx, x, (tensor *)&m->head), to);
}

/* A matrix of the first stage, which is the CPU's, in the memory of the second. */
static tensor *cross(cx *to, const tensor *x)
{
    if (!x) return NULL;
    tensor *y = tensor_new(to, x->rows, x->cols);
    const size_t n = (size_t)x->rows * (size_t)x->cols;
    to->dev->from_host(to->dev, &(transfer_args){.from = x->data, .to = y->data, .n = n});
    return y;
}

static void cross_all(cx *to, const rwkv *m, stream *s)
{
    *s = (stream){.x = cross(to, s->x),
                  .v_first = cross(to, s->v_first),
                  .embedded = reads_ids(m) ? cross(to, s->embedded) : NULL};
}

/* The end of a pass of a stage, which can fail on a device with memory of its own. */
static int finish(stage *g)
{
    g->cx.b = NULL;
    return g->device->finish ? g->device->finish(g->device) : 0;
}

/* The layers of the stages, and the rows and logits that are wanted. */
static int run_stages(wkv_context *c, const pass *p, batch b[MOST_STAGES])
{
    const rwkv *m = &c->model->rwkv;
    const probe *probed = probes_begin(&c->probes, p->of, p->given);
    stream s = {0};
    int err = 0;
    for (int i = 0; i < c->stages.n; i++) {
        stage *g = &c->stages.list[i];
        g->cx.b = &b[i];
        g->cx.probe = probed;
        if (g->device->separate) b[i].spans = states_to_device(g, m, p);
        if (i)
            cross_all(&g->cx, m, &s);
        else
            s = rwkv_embed(&g->cx, m, p->tokens);
        rwkv_layers(&g->cx, m, p->tokens, &s, g->end);
        g->cx.probe = NULL;
    }
    probes_end(&c->probes);
    stage *last = stages_last(&c->stages);
    tensor *x = rwkv_norm(&last->cx, m, &s, p->rows, p->wanted);
    if (x) {
        rows_to_host(last, x, p->hidden);
        logits_to_host(last, m, x, p->logits);
    }
    if (last->device->separate) states_to_host(last, m, p);
    for (int i = 0, failed; i < c->stages.n; i++)
        if ((failed = finish(&c->stages.list[i]))) err = failed;
    return err;
}

/* WKV_ENOMEM, WKV_EUNSUPPORTED: a device failed; the states are as before. */
static int run_pass(wkv_context *c, const pass *p)
{
    const batch whole = {.rows = p->n_rows, .n_spans = p->n_spans, .spans = p->spans};
    batch b[MOST_STAGES] = {whole, whole};
    if (c->stages.n == 1) return run_stages(c, p, b);
    stage *first = &c->stages.list[0]; /* advances the states in place, also if the second fails */
    states_args before = {.batch = &whole};
    before.len = (int)stage_state(first, &c->model->rwkv, &(size_t){0});
    before.kept = arena_alloc(&first->cx.mem, (size_t)p->n_spans * (size_t)before.len * sizeof(real));
    first->device->states_save(first->device, &before);
    const int err = run_stages(c, p, b);
    if (err) first->device->states_restore(first->device, &before);
    return err;
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
    cx *x = &c->stages.list[0].cx;
    const size_t most = (size_t)c->stages.rows;
    int err = 0;
    while (!err) {
        for (int i = 0; i < c->stages.n; i++) cx_reset(&c->stages.list[i].cx);
        pass p = {.logits = arena_alloc(&x->host, most * sizeof *p.logits),
                  .hidden = arena_alloc(&x->host, most * sizeof *p.hidden),
                  .rows = arena_alloc(&x->host, most * sizeof *p.rows),
                  .tokens = arena_alloc(&x->host, most * sizeof *p.tokens),
                  .of = arena_alloc(&x->host, most * sizeof *p.of),
                  .given = given ? arena_alloc(&x->host, most * sizeof *p.given) : NULL,
                  .spans = arena_alloc(&x->host, most * sizeof *p.spans)};
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
    stage *g = stages_last(&c->stages);
    for (int at = 0, rows, err; at < n; at += rows) {
        rows = n - at < c->stages.logits ? n - at : c->stages.logits;
        if (rows > c->stages.rows) rows = c->stages.rows;
        cx_reset(&g->cx);
        const batch b = {.rows = rows};
        g->cx.b = &b;
        tensor *x = tensor_new(&g->cx, rows, m->C);
        const size_t first = (size_t)at * (size_t)m->C, values = (size_t)rows * (size_t)m->C;
        g->device->from_host(g->device, &(transfer_args){.from = from + first, .to = reals(x), .n = values});
        if (norm) x = layer_norm(&g->cx, x, (tensor *)&m->ln_out_w, (tensor *)&m->ln_out_b);
        float **to = arena_alloc(&g->cx.host, (size_t)rows * sizeof *to);
        for (int i = 0; i < rows; i++) to[i] = logits + (size_t)(at + i) * (size_t)m->V;
        logits_to_host(g, m, x, to);
        if ((err = finish(g))) return err;
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
    stage *g = &c->stages.list[0];
    for (int at = 0, count, err; at < n; at += count) {
        count = n - at < c->stages.rows ? n - at : c->stages.rows;
        cx_reset(&g->cx);
        values_read(&g->cx, op_embed(&g->cx, (tensor *)&m->emb, ids + at, count), rows + (size_t)at * (size_t)m->C);
        if ((err = finish(g))) return err;
    }
    return 0;
}
