/* gradient.c - the gradient of samples of any length, and its cost.
 *
 * Samples are read side by side in chunks, and their states are carried on. With the gradient cut between chunks,
 * each is run forward and backward at once. With the gradient passed there are two sweeps: forward, keeping the
 * state with which each chunk begins, and backward, chunk by chunk from the last, where the gradient of a chunk's
 * initial state is that with which the one before starts. Either way the activations of one chunk are all that there
 * ever is. */
#include "base/clock.h"
#include "rwkv/forward.h"
#include "train/trainer.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Samples computed at once, as a part of a step. */
typedef struct {
    wkv_trainer *t;
    const sample *s;
    int n, length, chunks; /* samples; rows of a chunk; chunks of the longest sample              */
    double counted;        /* tokens of the step, in all processes, over which the loss is a mean */
    int64_t before;        /* rows of the step before these                                       */
    int adds_up;           /* they are the last of a step of several processes                    */
    size_t len;            /* of a state                                                          */
    int learn, passed;     /* gradients are taken; from a chunk to the one before                 */
    int to_states;         /* ... and reach the initial states                                    */
    double loss;
    real *states, *dstates, *kept; /* n states; their gradients; those with which chunks begin, n for each chunk */
    int32_t *ids, *targets;
    span *spans;
    batch b;
} sweep;

static int rows_of(const sample *s) { return s->n - 1; }
static int counts(const sample *s, int i) { return !s->counts || s->counts[i]; }

static int64_t count(const sample *s)
{
    int64_t n = 0;
    for (int i = 1; i < s->n; i++) n += counts(s, i);
    return n;
}

static int longest_rows(const sample *s, int n)
{
    int most = 1;
    for (int i = 0; i < n; i++) most = rows_of(&s[i]) > most ? rows_of(&s[i]) : most;
    return most;
}

/* Rows of a chunk of them. */
static int chunk_rows(const wkv_trainer *t, const sample *s, int n)
{
    int longest = longest_rows(s, n);
    return t->chunk && t->chunk < longest ? t->chunk : longest;
}

/* How many of the samples are computed at once. */
static int at_once(const wkv_trainer *t, const sample *s, int n)
{
    enum { ROWS = 512 }; /* products are as fast as they get, and the activations of so few stay in the caches */
    int length = chunk_rows(t, s, n), most = t->micro ? t->micro : (ROWS + length - 1) / length;
    return most < n ? most : n;
}

int64_t trainer_rows(const wkv_trainer *t, const sample *s, int n)
{
    return (int64_t)at_once(t, s, n) * chunk_rows(t, s, n);
}

/* ---- chunks ------------------------------------------------------------------------------------------------------ */

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
            w->targets[w->b.rows] = counts(s, next) ? s->ids[next] : -1;
            counted += counts(s, next);
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
    c->drop_row = (int)(w->before + (int64_t)k * w->n * w->length);
    rwkv_features(c, w->t->m, w->ids, (const int[]){0}, 0);
}

/* The part of the mean loss that chunk k has, and its gradient when `learn`. `last`: of the chunks that are run. */
static double run_chunk(sweep *w, int k, int with_gradients, int last)
{
    wkv_trainer *t = w->t;
    cx *c = &t->c;
    int counted = gather(w, k, with_gradients);
    cx_reset(c);
    c->b = &w->b;
    c->recording = w->learn;
    c->drop_row = (int)(w->before + (int64_t)k * w->n * w->length);
    c->passed = last && w->adds_up ? trainer_add_up_from : NULL;
    tensor *x = rwkv_features(c, t->m, w->ids, NULL, 0);
    tensor *l = op_head_loss(c, x, &t->m->head, w->targets, (real)(counted / w->counted), t->l2wrap);
    double loss = scalar_read(c, l);
    if (w->learn && isfinite(loss)) tape_backward(c, l, 1);
    return loss;
}

static double sweep_cut(sweep *w)
{
    double loss = 0;
    for (int k = 0; k < w->chunks && isfinite(loss); k++)
        loss += run_chunk(w, k, w->to_states && k == 0, k == w->chunks - 1);
    return loss;
}

static double sweep_passed(sweep *w)
{
    size_t all = (size_t)w->n * w->len;
    double loss = 0;
    for (int k = 0; w->kept && k < w->chunks; k++) {
        memcpy(w->kept + (size_t)k * all, w->states, all * sizeof(real));
        if (k < w->chunks - 1) advance(w, k);
    }
    for (int k = w->chunks - 1; k >= 0 && isfinite(loss); k--) {
        if (w->kept) memcpy(w->states, w->kept + (size_t)k * all, all * sizeof(real));
        loss += run_chunk(w, k, w->dstates != NULL, k == 0);
    }
    return loss;
}

static void run_sweep(void *arg)
{
    sweep *w = arg;
    w->loss = w->passed ? sweep_passed(w) : sweep_cut(w);
}

/* ---- samples ----------------------------------------------------------------------------------------------------- */

static int make_room(sweep *w)
{
    size_t rows = (size_t)w->n * (size_t)w->length, all = (size_t)w->n * w->len;
    int with_gradients = w->to_states || (w->passed && w->chunks > 1), kept = w->passed && w->chunks > 1;
    w->ids = malloc(2 * rows * sizeof *w->ids);
    w->targets = w->ids + rows;
    w->spans = malloc((size_t)w->n * sizeof *w->spans);
    w->states = malloc(all * sizeof(real));
    w->dstates = with_gradients ? calloc(all, sizeof(real)) : NULL;
    w->kept = kept ? malloc((size_t)w->chunks * all * sizeof(real)) : NULL;
    if (w->ids && w->spans && w->states && (w->dstates || !with_gradients) && (w->kept || !kept)) return 0;
    return fail(WKV_ENOMEM, "no memory for the states of %d sequences in %d chunks", w->n, w->chunks);
}

/* Gradients of the samples' first states add up to that of the initial state. */
static void add_states(const sweep *w)
{
    const wkv_trainer *t = w->t;
    for (int i = 0; i < w->n; i++)
        for (int l = 0; l < t->m->L; l++) {
            const real *from = w->dstates + (size_t)i * w->len + (size_t)l * (size_t)rwkv_layer_state(t->m) + t->m->C;
            for (int j = 0; j < t->S[l].cols; j++) t->S[l].grad[j] += from[j];
        }
}

static int run_group(sweep *w, double *loss)
{
    wkv_trainer *t = w->t;
    w->len = (size_t)rwkv_state_len(t->m);
    w->passed = w->learn && !t->cut;
    w->to_states = w->learn && t->what & LEARN_STATE;
    w->length = chunk_rows(t, w->s, w->n);
    w->chunks = (longest_rows(w->s, w->n) + w->length - 1) / w->length;
    if ((int64_t)w->n * w->length > 1 << 26)
        return fail(WKV_EARG, "%d sequences of %d tokens are too many at once", w->n, w->length);
    t->c.drop_rate = w->learn ? (real)t->dropout : 0;
    t->c.adapter_drop_rate = w->learn ? (real)t->lora_dropout : 0;
    t->c.drop_seed = t->seed ^ ((uint64_t)t->step + 1) * 0x2545f4914f6cdd1du;
    t->c.user = t;
    int err = make_room(w);
    for (int i = 0; i < w->n && !err; i++) rwkv_state_init(t->m, w->states + (size_t)i * w->len);
    if (!err) err = rwkv_reserve(&t->c, t->m, w->n * w->length, w->n, w->learn);
    if (!err) err = cx_run(&t->c, run_sweep, w);
    t->c.passed = NULL;
    if (!err) {
        *loss += w->loss;
        if (w->to_states) add_states(w);
    }
    free(w->ids);
    free(w->spans);
    free(w->states);
    free(w->dstates);
    free(w->kept);
    return err;
}

/* Groups of samples, one after another: their losses and gradients add up to those of all. `summed`: the gradients of
 * the last one are added up over all processes as layers become complete. */
static int run_groups(wkv_trainer *t, const sample *s, int n, int learn, double counted, int summed, double *loss)
{
    int most = at_once(t, s, n);
    int64_t rows = 0;
    for (int i = 0; i < n; i++) rows += rows_of(&s[i]);
    int64_t before = summed ? t->ranks->rank * rows : 0;
    *loss = 0;
    for (int from = 0; from < n && isfinite(*loss); from += most) {
        sweep w = {.t = t,
                   .s = s + from,
                   .n = n - from < most ? n - from : most,
                   .counted = counted,
                   .before = before,
                   .adds_up = summed && from + most >= n,
                   .learn = learn};
        int err = run_group(&w, loss);
        if (err) return err;
        for (int i = 0; i < w.n; i++) before += rows_of(&w.s[i]);
    }
    return 0;
}

static int check_samples(const wkv_trainer *t, const sample *s, int n)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < s[i].n; k++)
            if (s[i].ids[k] < 0 || s[i].ids[k] >= t->m->V)
                return fail(WKV_EARG, "token %d of sequence %d is %d; the vocabulary has %d", k, i, s[i].ids[k],
                            t->m->V);
    return 0;
}

/* Tokens that count in the samples; of a step in those of all processes, which must all ask. */
static double count_all(const wkv_trainer *t, const sample *s, int n, int learn)
{
    double counted = 0;
    for (int i = 0; i < n; i++) counted += (double)count(&s[i]);
    if (learn) ranks_add(t->ranks, &counted, 1);
    return counted;
}

static int choose_checkpointing(wkv_trainer *t, const sample *s, int n);

int trainer_gradient(wkv_trainer *t, const sample *s, int n, int learn, double *loss)
{
    double counted = count_all(t, s, n, learn);
    int err = counted ? check_samples(t, s, n) : fail(WKV_EARG, "%d samples without a token that counts", n);
    if (!err && learn) err = choose_checkpointing(t, s, n);
    if (err) return err;
    t->c.whole = t->checkpointing < 0;
    return run_groups(t, s, n, learn, counted, learn && t->ranks && !t->base, loss);
}

/* ---- cost -------------------------------------------------------------------------------------------------------- */

int trainer_cost(wkv_trainer *t, const sample *s, int n, int whole, row_cost *out)
{
    double loss, rows = 0, best = INFINITY, all = clock_seconds();
    int err = check_samples(t, s, n);
    for (int i = 0; i < n; i++) rows += rows_of(&s[i]);
    t->c.whole = whole;
    cx_peak_restart(&t->c);
    for (int i = 0; i < 3 && !err && (!i || clock_seconds() - all < 1); i++) { /* at first pages are new */
        double begin = clock_seconds();
        err = run_groups(t, s, n, 1, rows, 0, &loss);
        best = fmin(best, clock_seconds() - begin);
    }
    double at_a_time = fmin(rows, (double)trainer_rows(t, s, n));
    *out = (row_cost){.seconds = best / rows, .bytes = fmax(0, (double)cx_peak(&t->c) / at_a_time - 4.0 * t->m->V)};
    memset(t->p.grads, 0, t->p.n * sizeof *t->p.grads);
    return err;
}

size_t trainer_work_bytes(const wkv_trainer *t, const row_cost *cost, int64_t rows)
{
    return (size_t)((double)rows * cost->bytes + 4 * fmin((double)rows * t->m->V, HEAD_CHUNK));
}

/* The first tokens of the longest of the samples that are computed at once, all of which count. */
static sample short_sample(const wkv_trainer *t, const sample *s, int n)
{
    enum { SHORT = 64 };
    int most = at_once(t, s, n), longest = longest_rows(s, most), i = 0;
    while (rows_of(&s[i]) < longest && i < most - 1) i++;
    return (sample){.ids = s[i].ids, .n = s[i].n < SHORT + 1 ? s[i].n : SHORT + 1};
}

/* With the memory for it layers are recorded at once. Decided once, and for good; the bits are the same. */
static int choose_checkpointing(wkv_trainer *t, const sample *s, int n)
{
    row_cost cost;
    if (t->checkpointing) return 0;
    sample some = short_sample(t, s, n);
    int err = trainer_cost(t, &some, 1, 1, &cost);
    if (err) return err;
    const params *p = &t->p;
    double blocks = 2.0 * (double)(p->n + p->to - p->from) * sizeof *p->values;
    double need = blocks + (double)trainer_work_bytes(t, &cost, trainer_rows(t, s, n));
    t->checkpointing = need > 0.8 * (double)ranks_memory(t->ranks, t->available) ? 1 : -1;
    return 0;
}

int trainer_measure(wkv_trainer *t, const sample *s, int n, row_cost *out)
{
    enum { QUICK = 3 }; /* seconds */
    int err = choose_checkpointing(t, s, n), most = at_once(t, s, n);
    sample some = short_sample(t, s, n);
    if (!err) err = trainer_cost(t, &some, 1, t->checkpointing < 0, out);
    if (err || out->seconds * longest_rows(s, most) * most > QUICK) return err;
    return trainer_cost(t, s, most, t->checkpointing < 0, out); /* as quick as it gets */
}
