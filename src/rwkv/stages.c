/* stages.c - layers divided between devices: which run where, their weights, and the size of a pass. */
#include "rwkv/stages.h"
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "rwkv/forward.h"

enum {
    PASS_ROWS = 512,        /* tokens in one pass                                                     */
    PASS_LOGITS = 1 << 24,  /* logits in one pass (64 MiB), at least 16 rows                          */
    FEWEST_ROWS = 16,       /* tokens in one pass beside the most layers that fit in a device's memory */
    SMALL_WEIGHTS = 1 << 23 /* bytes beside the sum of the weights: small ones share larger buffers   */
};

/* ---- weights ----------------------------------------------------------------------------------------------------- */

typedef struct {
    const wkv_model *m;
    const stage *g;
    size_t *of; /* bytes of each layer's weights; first those outside of layers */
} weights;

static int is_in(const weights *w, int layer)
{
    return layer < 0 ? w->g->end == w->m->rwkv.L : layer >= w->g->cx.first_layer && layer < w->g->end;
}

static size_t bytes_of(const device *d, const tensor *t)
{
    if (!t->rows) return 0;
    return d->weight_bytes ? d->weight_bytes(d, t) : (size_t)dtype_bytes((dtype)t->type, (int64_t)t->rows * t->cols);
}

static int weigh(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)name;
    const weights *w = user;
    const device *d = w->g->device;
    if (s->flags & SLOT_TABLE) return 0; /* it stays in the host's memory: a pass gets rows of it */
    w->of[layer + 1] += bytes_of(d, t);
    for (const adapter *low = t->adapter; low; low = low->next)
        w->of[layer + 1] += bytes_of(d, &low->a) + bytes_of(d, &low->b);
    return 0;
}

/* The mapping's pages are no longer needed: the device has a copy. */
static int keep(const weights *w, const tensor *t)
{
    if (!t->rows) return 0;
    const int err = w->g->device->keep_weight(w->g->device, t);
    tensors_forget(w->m->file, t->data, (size_t)dtype_bytes((dtype)t->type, (int64_t)t->rows * t->cols));
    return err;
}

static int keep_weight(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)name;
    const weights *w = user;
    if (s->flags & SLOT_TABLE || !is_in(w, layer)) return 0;
    int err = keep(w, t);
    for (const adapter *low = t->adapter; low && !err; low = low->next)
        if (!(err = keep(w, &low->a))) err = keep(w, &low->b);
    return err;
}

/* ---- the size of a pass ------------------------------------------------------------------------------------------ */

size_t stage_state(const stage *g, const rwkv *m, size_t *at)
{
    const size_t layer = (size_t)rwkv_layer_state(m);
    *at = (size_t)g->cx.first_layer * layer;
    return (size_t)(g->end - g->cx.first_layer) * layer;
}

int stages_copy_states(const stages *s, const stage *g) { return g->device->separate || s->n > 1; }

/* Bytes of a pass: of one row, of the state of one text, of one row of logits, and in any case. */
typedef struct {
    size_t row, state, logits, fixed;
} pass_bytes;

static pass_bytes pass_bytes_of(const stages *s, const stage *g, const rwkv *m)
{
    size_t at;
    pass_bytes b = {.logits = (size_t)m->V * sizeof(real)};
    b.row = rwkv_row_bytes(m, &b.fixed);
    if (stages_copy_states(s, g)) b.state = stage_state(g, m, &at) * sizeof(real);
    return b;
}

static size_t least(const pass_bytes *b, size_t rows) { return b->fixed + rows * b->row + b->state + b->logits; }

/* Limit to `bytes` more than the first. */
static void limit(int *n, size_t bytes, size_t each)
{
    if (each && bytes / each < (size_t)*n - 1) *n = 1 + (int)(bytes / each);
}

/* Rows, texts, and rows of logits of a pass: fewer if they do not fit in the arenas, or if the size of a matrix exceeds
 * an int. WKV_ENOMEM: not one row fits. */
static int reserve(stages *s, const rwkv *m)
{
    s->rows = PASS_ROWS;
    s->spans = PASS_ROWS;
    s->logits = PASS_LOGITS / m->V > 16 ? PASS_LOGITS / m->V : 16;
    for (int i = 0; i < s->n; i++) {
        const stage *g = &s->list[i];
        const pass_bytes b = pass_bytes_of(s, g, m);
        size_t there = (size_t)(g->cx.mem.end - g->cx.mem.base),
               left = g->device->left ? g->device->left(g->device) : 0;
        left = left > g->weights + SMALL_WEIGHTS ? (left - g->weights - SMALL_WEIGHTS) / 2
                                                 : 0; /* an arena that grows is copied */
        if (g->device->left && left < there) there = left;
        if (there < least(&b, 1) || b.row / sizeof(real) > INT32_MAX)
            return fail(WKV_ENOMEM,
                        "no memory for one token of a model of %d channels, %d hidden units and a vocabulary of %d",
                        m->C, m->F, m->V);
        there -= least(&b, 1);
        limit(&s->rows, there / 2, b.row);
        limit(&s->rows, (size_t)INT32_MAX * sizeof(real) - b.row, b.row);
        limit(&s->spans, there / 4, b.state);
        limit(&s->logits, there / 4, b.logits);
    }
    if (s->spans > s->rows) s->spans = s->rows;
    int err = 0;
    for (int i = 0; i < s->n && !err; i++) err = rwkv_reserve(&s->list[i].cx, m, s->rows, s->spans, 0);
    return err;
}

/* ---- layers on a device with memory of its own ------------------------------------------------------------------- */

/* The bytes of a stage's weights; WKV_ENOMEM if its device has not that much memory. */
static int measure(const stages *s, stage *g, const wkv_model *model)
{
    const rwkv *m = &model->rwkv;
    size_t *of = calloc((size_t)m->L + 1, sizeof *of);
    if (!of) return fail(WKV_ENOMEM, "no memory for the sizes of %d layers", m->L);
    rwkv_each((rwkv *)m, weigh, &(weights){.m = model, .g = g, .of = of});
    const pass_bytes b = pass_bytes_of(s, g, m);
    const size_t left = g->device->left ? g->device->left(g->device) : SIZE_MAX,
                 pass = 2 * least(&b, FEWEST_ROWS) + SMALL_WEIGHTS;
    int fit = -1; /* layers that fit; -1: not even the head */
    g->weights = g->end == m->L ? of[0] : 0;
    for (int l = g->end; l >= g->cx.first_layer; l--) {
        if (l < g->end) g->weights += of[l + 1];
        if (g->weights < left && pass < left - g->weights) fit = g->end - l;
    }
    free(of);
    if (fit >= g->end - g->cx.first_layer) return 0;
    char way[64] = "none would fit: --device cpu";
    if (fit > 0) snprintf(way, sizeof way, "--gpu-layers %d would fit", fit);
    return fail(WKV_ENOMEM, "%s: %d layer%s of the model need %.1f MB and a pass %.1f MB, and %.1f MB are left; %s",
                g->device->isa, g->end - g->cx.first_layer, g->end - g->cx.first_layer == 1 ? "" : "s",
                (double)g->weights * 1e-6, (double)pass * 1e-6, (double)left * 1e-6, way);
}

static int copy_weights(const stage *g, const wkv_model *model)
{
    if (!g->device->keep_weight) return 0;
    const int err = rwkv_each((rwkv *)&model->rwkv, keep_weight, &(weights){.m = model, .g = g});
    return err ? err : g->device->finish(g->device);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static int add_stage(stages *s, device *d, int first, int end)
{
    stage *g = &s->list[s->n++];
    *g = (stage){.device = d, .end = end};
    const int err = cx_init(&g->cx, d);
    g->cx.first_layer = first;
    return err;
}

/* The first `before` layers on the CPU, the others on d, which is closed if there are none. */
static int divide(stages *s, device *d, int before, int L, const wkv_context_options *o)
{
    device *cpu;
    int err = before ? device_open(&cpu, "cpu", o->threads, o->isa) : 0;
    if (!err && before) err = add_stage(s, cpu, 0, before);
    if (!err && before < L) return add_stage(s, d, before, L);
    device_close(d);
    return err;
}

int stages_open(stages *s, const wkv_model *m, const wkv_context_options *o)
{
    const int L = m->rwkv.L, n = o->device_layers;
    device *d;
    *s = (stages){.n = 0};
    if (n < -1) return fail(WKV_EARG, "%d layers on the device, expected at least 1; 0: all, -1: none", n);
    int err = device_open(&d, o->device, o->threads, o->isa);
    if (err) return err;
    err = divide(s, d, !strcmp(d->name, "cpu") ? 0 : n < 0 ? L : n && n < L ? L - n : 0, L, o);
    for (int i = 0; i < s->n && !err; i++) err = measure(s, &s->list[i], m);
    if (!err) err = reserve(s, &m->rwkv);
    for (int i = 0; i < s->n && !err; i++) err = copy_weights(&s->list[i], m);
    if (err) stages_close(s);
    return err;
}

void stages_close(stages *s)
{
    for (int i = 0; i < s->n; i++) {
        cx_release(&s->list[i].cx);
        device_close(s->list[i].device);
    }
    *s = (stages){.n = 0};
}
