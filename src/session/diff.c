/* diff.c - two states compared: values by layer and head, and the effect of each part on the next token.
 *
 * The effect of a part is measured, not derived: the state is a's with that part of b, the probe is read after it, and
 * its distribution is compared with a's. All parts are independent sequences, which are read in batches. */
#include "base/error.h"
#include "session/state_file.h"
#include "text/distribution.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH = 64,             /* sequences, at most    */
    BATCH_BYTES = 256 << 20 /* of their states       */
};

static const double LEAST_PROBABILITY = 1e-3; /* of a token that is listed */
enum { CANDIDATES = 2 * 1000 };               /* so many tokens at most have it in one of two distributions */

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* Sums of squares of the values of a part in a and in b, and of their differences. */
typedef struct {
    double of[2], apart;
} squares;

static void add(squares *s, double a, double b)
{
    s->of[0] += a * a;
    s->of[1] += b * b;
    s->apart += (a - b) * (a - b);
}

static double relative(const squares *s)
{
    double larger = fmax(s->of[0], s->of[1]);
    return larger > 0 ? sqrt(s->apart / larger) : 0;
}

static void set_part(wkv_state_part *p, const squares *s)
{
    p->norm[0] = sqrt(s->of[0]);
    p->norm[1] = sqrt(s->of[1]);
    p->difference = relative(s);
}

static size_t exponents_of(const state_view *v)
{
    size_t at = 0;
    for (const state_tensor *t = v->tensors; t->name; at += (size_t)rwkv_state_values(t, v->dim), t++)
        if (t->kind == STATE_EXPONENT) return at;
    return 0;
}

/* a, b: the layer in both states */
static void measure_layer(wkv_state_part *p, const state_view *v, const real *a, const real *b)
{
    squares heads = {.apart = 0}, shifts = heads;
    size_t at = 0, exponents = exponents_of(v);
    for (const state_tensor *t = v->tensors; t->name; t++) {
        size_t end = at + (size_t)rwkv_state_values(t, v->dim);
        for (size_t pp = exponents; at < end; at++, pp++) {
            if (t->kind == STATE_SCALED) { /* both relative to the larger exponent */
                double up = (double)a[pp] - (double)b[pp];
                add(&heads, (double)a[at] * exp(fmin(up, 0)), (double)b[at] * exp(fmin(-up, 0)));
            } else if (t->kind != STATE_EXPONENT)
                add(t->kind == STATE_SHIFT ? &shifts : &heads, (double)a[at], (double)b[at]);
        }
    }
    set_part(p, &heads);
    p->shifts = relative(&shifts);
}

static void measure_head(wkv_state_part *p, const real *a, const real *b, size_t n)
{
    squares s = {.apart = 0};
    for (size_t i = 0; i < n; i++) add(&s, (double)a[i], (double)b[i]);
    set_part(p, &s);
}

/* ---- parts ------------------------------------------------------------------------------------------------------- */

typedef struct {
    state_view a, b;
    size_t layer, heads, head; /* values of a layer; place of its matrices; values of one */
    wkv_context *c;
    const wkv_state_diff_options *o;
    wkv_state_difference *out;
    wkv_state_part *parts;
    wkv_state *states[BATCH];
    int batch;            /* sequences in a batch       */
    float *logits, *both; /* batch x V; of a and b: 2 x V */
} comparison;

static size_t place(const comparison *x, const wkv_state_part *p)
{
    size_t at = (size_t)p->layer * x->layer;
    return p->head < 0 ? at : at + x->heads + (size_t)p->head * x->head;
}

static size_t length(const comparison *x, const wkv_state_part *p) { return p->head < 0 ? x->layer : x->head; }

static void list_parts(comparison *x, int H)
{
    wkv_state_part *p = x->parts;
    for (int l = 0; l < x->a.L; l++)
        for (int h = -1; h < H; h++, p++) {
            *p = (wkv_state_part){.layer = l, .head = h};
            const real *a = x->a.values + place(x, p), *b = x->b.values + place(x, p);
            if (h < 0)
                measure_layer(p, &x->a, a, b);
            else
                measure_head(p, a, b, x->head);
        }
}

/* ---- the next token ---------------------------------------------------------------------------------------------- */

/* Read the probe after n states of the batch. */
static int read_probe(comparison *x, float *logits, int n)
{
    wkv_sequence q[BATCH];
    size_t V = (size_t)context_model(x->c)->rwkv.V;
    for (int i = 0; i < n; i++)
        q[i] = (wkv_sequence){
            .state = x->states[i], .tokens = x->o->tokens, .n = x->o->n, .logits = logits + (size_t)i * V};
    int err = wkv_eval_batch(x->c, q, n);
    for (int i = 0; !err && i < n; i++)
        if (!isfinite(distribution_of(q[i].logits, (int)V).log_sum))
            err = fail(WKV_EFORMAT, "%s: its logits after the probe are NaN or infinite; probably weights in it are",
                       context_model(x->c)->about.path);
    return err;
}

static int compare_more(const void *a, const void *b)
{
    const wkv_state_mover *x = a, *y = b;
    double dx = fabs(x->log_probability[1] - x->log_probability[0]),
           dy = fabs(y->log_probability[1] - y->log_probability[0]);
    if (dx != dy) return dx < dy ? 1 : -1;
    return (x->id > y->id) - (x->id < y->id);
}

/* The tokens that differ most; returns their number. */
static int find_movers(wkv_state_mover *out, int capacity, const distribution *a, const distribution *b)
{
    wkv_state_mover found[CANDIDATES];
    int n = 0;
    for (int i = 0; i < a->n && n < CANDIDATES; i++) {
        double p = log_probability(a, i), q = log_probability(b, i);
        if (fmax(p, q) >= log(LEAST_PROBABILITY)) found[n++] = (wkv_state_mover){.id = i, .log_probability = {p, q}};
    }
    qsort(found, (size_t)n, sizeof *found, compare_more);
    if (n > capacity) n = capacity;
    memcpy(out, found, (size_t)n * sizeof *out);
    return n;
}

static int compare_both(comparison *x, const wkv_state *a, const wkv_state *b, wkv_state_mover *movers, int capacity)
{
    int V = context_model(x->c)->rwkv.V, err = wkv_state_copy(x->states[0], a);
    if (!err) err = wkv_state_copy(x->states[1], b);
    if (!err) err = read_probe(x, x->both, 2);
    if (err) return err;
    distribution p = distribution_of(x->both, V), q = distribution_of(x->both + V, V);
    x->out->kl = kl_divergence(&p, &q);
    x->out->n_movers = find_movers(movers, capacity, &p, &q);
    return 0;
}

static int measure_effects(comparison *x, const wkv_state *a)
{
    int V = context_model(x->c)->rwkv.V, n = x->out->n_parts, err = 0;
    distribution p = distribution_of(x->both, V);
    for (int at = 0, some; !err && at < n; at += some) {
        some = n - at < x->batch ? n - at : x->batch;
        if (x->o->report && x->o->report(x->o->user, at, n)) return fail(WKV_ESTOPPED, "stopped");
        for (int i = 0; !err && i < some; i++) {
            const wkv_state_part *part = &x->parts[at + i];
            err = wkv_state_copy(x->states[i], a);
            memcpy(x->states[i]->data + place(x, part), x->b.values + place(x, part), length(x, part) * sizeof(real));
        }
        if (!err) err = read_probe(x, x->logits, some);
        for (int i = 0; !err && i < some; i++) {
            distribution q = distribution_of(x->logits + (size_t)i * (size_t)V, V);
            x->parts[at + i].kl = kl_divergence(&p, &q);
        }
    }
    return err;
}

/* ---- the comparison ---------------------------------------------------------------------------------------------- */

/* The result with its lists in one block. */
static int new_result(comparison *x, int parts, int movers, wkv_state_mover **list)
{
    size_t bytes = sizeof *x->out + (size_t)parts * sizeof *x->parts + (size_t)movers * sizeof **list;
    if (!(x->out = calloc(1, bytes))) return fail(WKV_ENOMEM, "no memory for a comparison of %d parts", parts);
    x->parts = (wkv_state_part *)(x->out + 1);
    *list = (wkv_state_mover *)(x->parts + parts);
    *x->out = (wkv_state_difference){.parts = x->parts, .n_parts = parts, .movers = *list};
    return 0;
}

static int new_batch(comparison *x, const wkv_model *m)
{
    size_t V = (size_t)m->rwkv.V, fit = BATCH_BYTES / m->about.state_bytes;
    int err = 0;
    x->batch = fit < 2 ? 2 : fit < BATCH ? (int)fit : BATCH;
    x->logits = malloc(sizeof *x->logits * (size_t)x->batch * V);
    x->both = malloc(sizeof *x->both * 2 * V);
    if (!x->logits || !x->both) err = fail(WKV_ENOMEM, "no memory for the logits of %d sequences", x->batch);
    for (int i = 0; !err && i < x->batch; i++) err = wkv_state_new(&x->states[i], m);
    return err;
}

static int check(const wkv_context *c, const wkv_state *a, const wkv_state *b, const wkv_state_diff_options *o)
{
    uint64_t own = context_model(c)->fingerprint;
    if (a->fingerprint != own || b->fingerprint != own)
        return fail(WKV_EARG, "the %s state of the comparison belongs to another model",
                    a->fingerprint != own ? "first" : "second");
    if (o->n < 1 || !o->tokens) return fail(WKV_EARG, "a probe of %d tokens, expected at least 1", o->n);
    if (o->movers < 0 || o->movers > CANDIDATES)
        return fail(WKV_EARG, "%d tokens to list, expected at most %d", o->movers, CANDIDATES);
    return 0;
}

int wkv_state_diff(wkv_state_difference **out, wkv_context *c, const wkv_state *a, const wkv_state *b,
                   const wkv_state_diff_options *o)
{
    enum { MOVERS = 10 };
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(c, "the context");
    REQUIRE(a, "the first state");
    REQUIRE(b, "the second state");
    REQUIRE(o, "the options");
    int err = check(c, a, b, o);
    if (err) return err;
    const wkv_model *m = context_model(c);
    const int H = o->heads ? m->rwkv.H : 0, movers = o->movers ? o->movers : MOVERS;
    comparison x = {.a = state_view_of(a), .b = state_view_of(b), .c = c, .o = o};
    wkv_state_mover *list = NULL;
    x.layer = (size_t)rwkv_layer_state(&m->rwkv);
    x.heads = H ? (size_t)state_heads(&x.a) : 0;
    x.head = (size_t)m->rwkv.N * (size_t)m->rwkv.N;
    err = new_result(&x, m->rwkv.L * (1 + H), movers, &list);
    if (!err) err = new_batch(&x, m);
    if (!err) {
        list_parts(&x, H);
        err = compare_both(&x, a, b, list, movers);
    }
    if (!err) err = measure_effects(&x, a);
    for (int i = 0; i < x.batch; i++) wkv_state_free(x.states[i]);
    free(x.logits);
    free(x.both);
    if (err)
        free(x.out);
    else
        *out = x.out;
    return err;
}

void wkv_state_difference_free(wkv_state_difference *d) { free(d); }
