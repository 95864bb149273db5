/* sweep.c - the gradient of samples of any length.
 *
 * Samples are read side by side in chunks, whose states are carried on. With the gradient cut between chunks, each is
 * run forward and backward at once. With the gradient passed there are two sweeps: forward, keeping the state with
 * which each chunk begins, and backward, chunk by chunk from the last, where what a chunk's backward says of its
 * initial state is what the one before starts from. Either way the activations of one chunk are all that there ever
 * is. */
#include "base/clock.h"
#include "train/tuner.h"
#include "rwkv/forward.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    tuner *t;
    const sample *s;
    int n, length, chunks; /* samples; rows of a chunk; chunks of the longest sample */
    int64_t counted;       /* tokens whose loss is meant                             */
    size_t len;            /* of a state                                             */
    int learn, passed;     /* gradients are taken; from a chunk to the one before    */
    double loss;
    real *states, *dstates, *kept; /* n states; their gradients; those with which chunks begin, n for each chunk */
    int32_t *ids, *targets;
    span *spans;
    batch b;
} sweep;

static int rows_of(const sample *s) { return s->n - 1; }

static int64_t count(const sample *s)
{
    int64_t n = 0;
    for (int i = 1; i < s->n; i++) n += s->counts[i] != 0;
    return n;
}

/* Rows of chunk k: of every sample that is long enough a span. Returns how many of them count. */
static int gather(sweep *w, int k, int with_gradients)
{
    int counted = 0;
    w->b = (batch){.spans = w->spans};
    for (int i = 0; i < w->n; i++) {
        const sample *s = &w->s[i];
        int from = k * w->length, left = rows_of(s) - from, take = left < w->length ? left : w->length;
        if (take < 1) continue;
        w->spans[w->b.n_spans++] = (span){.row = w->b.rows,
                                          .len = take,
                                          .state = w->states + (size_t)i * w->len,
                                          .dstate = with_gradients ? w->dstates + (size_t)i * w->len : NULL};
        for (int j = 0; j < take; j++, w->b.rows++) {
            int next = from + j + 1;
            w->ids[w->b.rows] = s->ids[next - 1];
            w->targets[w->b.rows] = s->counts[next] ? s->ids[next] : -1;
            counted += s->counts[next] != 0;
        }
    }
    return counted;
}

/* Read chunk k and go on to its states; no loss. */
static void advance(sweep *w, int k)
{
    cx *c = &w->t->c;
    gather(w, k, 0);
    cx_reset(c);
    c->b = &w->b;
    c->recording = 0;
    rwkv_features(c, w->t->m, w->ids, (const int[]){0}, 0);
}

/* The part of the mean loss that chunk k has, and its gradient when `learn`. */
static double run_chunk(sweep *w, int k, int learn, int with_gradients)
{
    cx *c = &w->t->c;
    int counted = gather(w, k, with_gradients);
    cx_reset(c);
    c->b = &w->b;
    c->recording = learn;
    tensor *x = rwkv_features(c, w->t->m, w->ids, NULL, 0);
    tensor *l = op_head_loss(c, x, &w->t->m->head, w->targets, (real)counted / (real)w->counted, 0);
    double loss = scalar_read(c, l);
    if (learn && isfinite(loss)) tape_backward(c, l, 1);
    return loss;
}

static double sweep_cut(sweep *w)
{
    double loss = 0;
    for (int k = 0; k < w->chunks && isfinite(loss); k++)
        loss += run_chunk(w, k, w->learn, w->learn && k == 0 && w->t->o.what & LEARN_STATE);
    return loss;
}

static double sweep_passed(sweep *w)
{
    size_t all = (size_t)w->n * w->len;
    double loss = 0;
    for (int k = 0; k < w->chunks; k++) {
        memcpy(w->kept + (size_t)k * all, w->states, all * sizeof(real));
        if (k < w->chunks - 1) advance(w, k);
    }
    for (int k = w->chunks - 1; k >= 0 && isfinite(loss); k--) {
        memcpy(w->states, w->kept + (size_t)k * all, all * sizeof(real));
        loss += run_chunk(w, k, 1, w->chunks > 1 || w->t->o.what & LEARN_STATE);
    }
    return loss;
}

static void run_sweep(void *arg)
{
    sweep *w = arg;
    w->loss = w->passed ? sweep_passed(w) : sweep_cut(w);
}

static int make_room(sweep *w)
{
    size_t rows = (size_t)w->n * (size_t)w->length, all = (size_t)w->n * w->len;
    w->ids = malloc(2 * rows * sizeof *w->ids);
    w->targets = w->ids + rows;
    w->spans = malloc((size_t)w->n * sizeof *w->spans);
    w->states = malloc(all * sizeof(real));
    w->dstates = calloc(all, sizeof(real));
    w->kept = w->passed ? malloc((size_t)w->chunks * all * sizeof(real)) : NULL;
    if (w->ids && w->spans && w->states && w->dstates && (w->kept || !w->passed)) return 0;
    return fail(WKV_ENOMEM, "no memory for the states of %d samples in %d chunks", w->n, w->chunks);
}

/* What came back to the initial states is their gradient. */
static void add_states(const sweep *w)
{
    const tuner *t = w->t;
    for (int i = 0; i < w->n; i++)
        for (int l = 0; l < t->m->L; l++) {
            const real *from = w->dstates + (size_t)i * w->len + (size_t)l * (size_t)rwkv_layer_state(t->m) + t->m->C;
            for (int j = 0; j < t->S[l].cols; j++) t->S[l].grad[j] += from[j];
        }
}

/* Layers are run once, not twice, where all that they keep for their gradients takes no more than half of the free
 * memory. Per row and layer of version 7 with adapters that is some 30 activations of width C and eight of width F; the
 * bits are the same. */
static int fits_whole(const tuner *t, int64_t rows)
{
    const rwkv *m = t->m;
    double bytes = 4.0 * (double)rows * m->L * (30.0 * m->C + 8.0 * m->F);
    return t->o.checkpointing ? t->o.checkpointing < 0 : bytes < 0.5 * (double)wkv_memory_available();
}

/* Samples computed at once, as a part of a step in which `counted` tokens count. */
static int run_group(tuner *t, const sample *s, int n, int64_t counted, int learn, double *loss)
{
    sweep w = {.t = t,
               .s = s,
               .n = n,
               .counted = counted,
               .len = (size_t)rwkv_state_len(t->m),
               .learn = learn,
               .passed = learn && !t->o.cut};
    int longest = 0;
    for (int i = 0; i < n; i++) longest = rows_of(&s[i]) > longest ? rows_of(&s[i]) : longest;
    w.length = t->o.chunk && t->o.chunk < longest ? t->o.chunk : longest;
    w.chunks = (longest + w.length - 1) / w.length;
    t->c.whole = fits_whole(t, (int64_t)w.n * w.length);
    int err = make_room(&w);
    for (int i = 0; i < n && !err; i++) rwkv_state_init(t->m, w.states + (size_t)i * w.len);
    if (!err) err = rwkv_reserve(&t->c, t->m, n * w.length, n, learn);
    if (!err) err = cx_run(&t->c, run_sweep, &w);
    if (!err) {
        *loss += w.loss;
        if (learn && t->o.what & LEARN_STATE) add_states(&w);
    }
    free(w.ids);
    free(w.spans);
    free(w.states);
    free(w.dstates);
    free(w.kept);
    return err;
}

/* How many of the samples: a few hundred rows are computed as fast as more, and need less memory. */
static int at_once(const tuner *t, const sample *s, int n)
{
    enum { ROWS = 512 };
    int length = 1;
    for (int i = 0; i < n; i++) length = rows_of(&s[i]) > length ? rows_of(&s[i]) : length;
    if (t->o.chunk && t->o.chunk < length) length = t->o.chunk;
    int most = t->o.micro ? t->o.micro : (ROWS + length - 1) / length;
    return most < n ? most : n;
}

int tuner_gradient(tuner *t, const sample *s, int n, int learn, double *loss)
{
    int64_t counted = 0;
    *loss = 0;
    for (int i = 0; i < n; i++) counted += count(&s[i]);
    if (!counted) return fail(WKV_EARG, "%d samples without a token that counts", n);
    int most = at_once(t, s, n);
    for (int from = 0; from < n && isfinite(*loss); from += most) {
        int err = run_group(t, s + from, n - from < most ? n - from : most, counted, learn, loss);
        if (err) return err;
    }
    return 0;
}

/* ---- cost -------------------------------------------------------------------------------------------------------- */

/* The gradient of n samples, up to three times within a second; the quickest counts. */
static int measure_gradient(tuner *t, const sample *s, int n, tuner_cost *out)
{
    double best = INFINITY, begin = clock_seconds(), loss;
    int64_t rows = 0;
    int err = 0;
    for (int i = 0; i < n; i++) rows += rows_of(&s[i]);
    cx_peak_restart(&t->c);
    for (int i = 0; i < 3 && !err && (!i || clock_seconds() - begin < 1); i++) {
        double from = clock_seconds();
        err = tuner_gradient(t, s, n, 1, &loss);
        best = fmin(best, clock_seconds() - from);
    }
    memset(t->p.grads, 0, t->p.n * sizeof *t->p.grads);
    *out = (tuner_cost){.token_seconds = best / (double)rows, .work_bytes = cx_peak(&t->c)};
    return err;
}

int tuner_measure(tuner *t, const sample *s, int n, tuner_cost *out)
{
    enum { SHORT = 64 };
    uint8_t counts[SHORT + 1];
    sample begin = s[0];
    tuner_options was = t->o;
    int most = at_once(t, s, n), length = 0;
    for (int i = 0; i < most; i++) {
        int rows = rows_of(&s[i]);
        if (rows > length) length = rows, begin = s[i];
    }
    if (t->o.chunk && t->o.chunk < length) length = t->o.chunk;
    memset(counts, 1, sizeof counts);
    begin.counts = counts;
    begin.n = begin.n < SHORT + 1 ? begin.n : SHORT + 1;
    t->o.checkpointing = fits_whole(t, (int64_t)most * length) ? -1 : 1;
    t->o.chunk = 0;
    int err = measure_gradient(t, &begin, 1, out);
    t->o = was;
    double logits = 4.0 * t->m->V, rows = (double)most * length,
           row = fmax(0, (double)out->work_bytes / rows_of(&begin) - logits);
    if (err) return err;
    if (out->token_seconds * rows <= 3 && (!t->o.chunk || t->o.chunk >= length)) /* as quick as it gets */
        return measure_gradient(t, s, most, out);
    out->work_bytes = (size_t)(rows * (row + logits));
    return 0;
}
