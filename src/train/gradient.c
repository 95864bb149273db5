/* gradient.c - the gradient of samples of any length, and its cost.
 *
 * Samples are computed in groups, each sample as a span with its own state, concatenated without padding: short ones
 * fill a group up to some hundred rows. A group is processed in chunks that carry its states. Truncated BPTT runs each
 * chunk forward and backward at once. Full BPTT makes two passes: forward, storing the state before each chunk, and
 * backward from the last chunk, where the gradient of a chunk's initial state is the gradient of the previous chunk's
 * final state. Only the activations of one chunk exist at a time. */
#include "base/clock.h"
#include "rwkv/forward.h"
#include "ops/tape.h"
#include "train/trainer.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A group: samples computed at once. */
typedef struct {
    wkv_trainer *t;
    const reading *q;
    const sample *s;
    int first;             /* index of s[0] in q                                                  */
    int n, length, chunks; /* samples; rows per chunk and sample; chunks of the longest sample    */
    int64_t rows;          /* rows of the first chunk, the largest                                */
    int64_t before;        /* rows of the step before this group                                  */
    size_t len;            /* values of a state                                                   */
    int record, full;      /* compute gradients; pass them from chunk to chunk (full BPTT)        */
    int to_states;         /* ... and to the initial states                                       */
    double loss;
    real *states, *dstates, *kept; /* n states; their gradients; states before each chunk, n per chunk: one block */
    size_t n_states;               /* values of the block */
    int32_t *ids, *targets;
    real *scales; /* reading.scales per row; or the sums of spans that were read */
    span *spans;
    batch b;
} group;

static int rows_of(const sample *s) { return s->n - 1; }
static int counts(const sample *s, int i) { return !s->counts || s->counts[i]; }

int64_t samples_counted(const sample *s, int n)
{
    int64_t counted = 0;
    for (int i = 0; i < n; i++)
        for (int k = 1; k < s[i].n; k++) counted += counts(&s[i], k);
    return counted;
}

static int longest_rows(const sample *s, int n)
{
    int most = 1;
    for (int i = 0; i < n; i++) most = rows_of(&s[i]) > most ? rows_of(&s[i]) : most;
    return most;
}

/* Rows per chunk. */
static int chunk_rows(const wkv_trainer *t, const sample *s, int n)
{
    int longest = longest_rows(s, n);
    return t->chunk && t->chunk < longest ? t->chunk : longest;
}

/* Rows of the samples before token `end` of each. */
static int64_t rows_before(const sample *s, int n, int64_t end)
{
    int64_t rows = 0;
    for (int i = 0; i < n; i++) rows += rows_of(&s[i]) < end ? rows_of(&s[i]) : end;
    return rows;
}

/* Rows of the first chunk. */
static int64_t group_rows(const wkv_trainer *t, const sample *s, int n)
{
    return rows_before(s, n, chunk_rows(t, s, n));
}

int trainer_group(const wkv_trainer *t, const sample *s, int n)
{
    if (t->micro) return t->micro < n ? t->micro : n;
    int length = chunk_rows(t, s, n), k = (GROUP_ROWS + length - 1) / length;
    if (k > n) k = n;
    while (k < n && group_rows(t, s, k + 1) <= GROUP_ROWS) k++;
    return k;
}

int64_t trainer_rows(const wkv_trainer *t, const sample *s, int n)
{
    int64_t most = 0;
    for (int from = 0, k; from < n; from += k) {
        k = trainer_group(t, s + from, n - from);
        int64_t rows = group_rows(t, s + from, k);
        most = rows > most ? rows : most;
    }
    return most;
}

/* ---- chunks ------------------------------------------------------------------------------------------------------ */

/* Fill the batch with chunk k: a span per sample that is long enough. Returns the rows included in the loss. */
static int gather(group *w, int k, int with_gradients)
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
            if (w->q->scales) w->scales[w->b.rows] = (real)w->q->scales[w->first + i];
            counted += counts(s, next);
        }
    }
    return counted;
}

/* Index in the step of the first row of chunk k; the dropout mask is a function of it. */
static int first_row(const group *w, int k)
{
    return (int)(w->before + rows_before(w->s, w->n, (int64_t)k * w->length));
}

/* Does sample i reach chunk k? */
static int reaches(const group *w, int i, int k) { return rows_of(&w->s[i]) > (int64_t)k * w->length; }

/* Run chunk k forward to its final states, without a loss. */
static void advance(group *w, int k)
{
    cx *c = &w->t->c;
    gather(w, k, 0);
    cx_reset(c);
    c->b = &w->b;
    c->recording = 0;
    c->drop_row = first_row(w, k);
    rwkv_features(c, w->q->m, w->ids, (const int[]){0}, 0);
}

/* Add the cross entropy of each span to its sample. */
static double add_sums(group *w, int k, tensor *x)
{
    cx *c = &w->t->c;
    double all = 0;
    values_read(c, op_head_sums(c, x, &w->q->m->head, w->targets), w->scales);
    for (int i = 0, at = 0; i < w->n; i++) {
        if (!reaches(w, i, k)) continue;
        w->q->sums[w->first + i] += (double)w->scales[at];
        all += (double)w->scales[at++];
    }
    return all;
}

/* Loss and gradient of chunk k. `last`: no other chunk of the group is run after it. */
static double run_chunk(group *w, int k, int with_gradients, int last)
{
    wkv_trainer *t = w->t;
    const reading *q = w->q;
    cx *c = &t->c;
    int counted = gather(w, k, with_gradients);
    cx_reset(c);
    c->b = &w->b;
    c->recording = w->record;
    c->drop_row = first_row(w, k);
    c->layer_done = last && q->adds_up && w->first + w->n == q->n ? trainer_add_up_from : NULL;
    tensor *x = rwkv_features(c, q->m, w->ids, NULL, 0);
    if (q->sums) return add_sums(w, k, x);
    tensor *l = q->scales ? op_head_scaled(c, x, &q->m->head, w->targets, w->scales)
                          : op_head_loss(c, x, &q->m->head, w->targets, (real)(counted / q->counted), t->l2wrap);
    double loss = scalar_read(c, l);
    if (w->record && isfinite(loss)) tape_backward(c, l, 1);
    return loss;
}

static double run_truncated(group *w)
{
    double loss = 0;
    for (int k = 0; k < w->chunks && isfinite(loss); k++)
        loss += run_chunk(w, k, w->to_states && k == 0, k == w->chunks - 1);
    return loss;
}

/* Copy the states of the samples in chunk k from or to the store, after the `before` states of earlier chunks. Returns
 * the number of states up to here. */
static size_t keep_states(group *w, int k, size_t before)
{
    for (int i = 0; i < w->n; i++)
        if (reaches(w, i, k))
            copy_values(&w->t->c, w->kept + before++ * w->len, w->states + (size_t)i * w->len, w->len);
    return before;
}

static size_t restore_states(group *w, int k, size_t kept)
{
    for (int i = w->n - 1; i >= 0; i--)
        if (reaches(w, i, k)) copy_values(&w->t->c, w->states + (size_t)i * w->len, w->kept + --kept * w->len, w->len);
    return kept;
}

static double run_full(group *w)
{
    size_t kept = 0;
    double loss = 0;
    for (int k = 0; w->kept && k < w->chunks; k++) {
        kept = keep_states(w, k, kept);
        if (k < w->chunks - 1) advance(w, k);
    }
    for (int k = w->chunks - 1; k >= 0 && isfinite(loss); k--) {
        if (w->kept) kept = restore_states(w, k, kept);
        loss += run_chunk(w, k, w->dstates != NULL, k == 0);
    }
    return loss;
}

static void run_chunks(void *arg)
{
    group *w = arg;
    w->loss = w->full ? run_full(w) : run_truncated(w);
}

/* ---- samples ----------------------------------------------------------------------------------------------------- */

static int allocate(group *w)
{
    size_t rows = (size_t)w->rows, all = (size_t)w->n * w->len, in_chunks = 0;
    int with_gradients = w->to_states || (w->full && w->chunks > 1), kept = w->full && w->chunks > 1;
    for (int k = 0; k < w->chunks; k++)
        for (int i = 0; i < w->n; i++) in_chunks += (size_t)reaches(w, i, k);
    w->ids = malloc(2 * rows * sizeof *w->ids);
    w->targets = w->ids + rows;
    w->scales = malloc(rows * sizeof *w->scales);
    w->spans = malloc((size_t)w->n * sizeof *w->spans);
    w->n_states = (with_gradients ? 2 : 1) * all + (kept ? in_chunks * w->len : 0);
    w->states = calloc(w->n_states, sizeof(real));
    w->dstates = with_gradients && w->states ? w->states + all : NULL;
    w->kept = kept && w->states ? w->states + (with_gradients ? 2 : 1) * all : NULL;
    if (w->ids && w->scales && w->spans && w->states) return 0;
    return fail(WKV_ENOMEM, "no memory for the states of %d sequences in %d chunks", w->n, w->chunks);
}

/* The states at the start of the samples; a device with memory of its own has a twin of the block. */
static int begin_states(group *w)
{
    device *d = w->t->c.dev;
    const transfer_args a = {.from = w->states, .to = w->states, .n = w->n_states};
    int err = w->t->methods & TRAIN_STATE ? params_to_host(&w->t->p) : 0; /* rwkv_state_init reads them */
    for (int i = 0; i < w->n; i++) rwkv_state_init(w->q->m, w->states + (size_t)i * w->len);
    if (!err && d->separate) err = d->twin_new(d, w->states, w->n_states * sizeof(real));
    if (!err && d->separate) d->from_host(d, &a);
    params_to_device(&w->t->p);
    return err;
}

/* The gradient of the initial state is the sum over the samples' first states. */
static void add_states(const group *w)
{
    const wkv_trainer *t = w->t;
    for (int i = 0; i < w->n; i++)
        for (int l = 0; l < t->m->L; l++) {
            const size_t at = (size_t)i * w->len + (size_t)l * (size_t)rwkv_layer_state(t->m) + (size_t)t->m->C;
            t->c.dev->copy(
                t->c.dev,
                &(copy_args){
                    .rows = 1, .cols = (size_t)t->S[l].cols, .from = w->dstates + at, .to = t->S[l].grad, .add = 1});
        }
}

static int run_group(group *w, double *loss)
{
    wkv_trainer *t = w->t;
    const reading *q = w->q;
    w->len = (size_t)rwkv_state_len(q->m);
    w->record = q->learn && !q->sums;
    w->full = w->record && !t->truncate;
    w->to_states = w->record && t->methods & TRAIN_STATE;
    w->length = chunk_rows(t, w->s, w->n);
    w->chunks = (longest_rows(w->s, w->n) + w->length - 1) / w->length;
    w->rows = group_rows(t, w->s, w->n);
    if (w->rows > 1 << 26)
        return fail(WKV_EARG, "%d sequences with %lld tokens are too many at once", w->n, (long long)w->rows);
    t->c.drop_rate = q->learn ? (real)t->dropout : 0;
    t->c.adapter_drop_rate = q->learn ? (real)t->lora_dropout : 0;
    t->c.drop_seed = t->seed ^ ((uint64_t)t->step + 1) * 0x2545f4914f6cdd1du;
    t->c.user = t;
    int err = allocate(w);
    if (!err) err = begin_states(w);
    if (!err) err = rwkv_reserve(&t->c, q->m, (int)w->rows, w->n, w->record);
    if (!err) err = cx_run(&t->c, run_chunks, w);
    t->c.layer_done = NULL;
    if (!err) {
        *loss += w->loss;
        if (w->to_states) add_states(w);
    }
    free(w->ids);
    free(w->scales);
    free(w->spans);
    if (t->c.dev->separate) t->c.dev->twin_free(t->c.dev, w->states);
    free(w->states);
    return err;
}

/* Process the groups in turn; losses and gradients accumulate. */
int trainer_read(wkv_trainer *t, reading *q)
{
    int64_t rows = 0;
    for (int i = 0; i < q->n; i++) rows += rows_of(&q->s[i]);
    int64_t before = q->adds_up ? t->communicator->rank * rows : 0;
    q->loss = 0;
    if (q->sums) memset(q->sums, 0, (size_t)q->n * sizeof *q->sums);
    for (int from = 0, k; from < q->n && isfinite(q->loss); from += k) {
        k = trainer_group(t, q->s + from, q->n - from);
        group w = {.t = t, .q = q, .s = q->s + from, .first = from, .n = k, .before = before};
        int err = run_group(&w, &q->loss);
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
                return fail(WKV_EARG, "token %d of sequence %d is %d; the vocabulary has %d ids", k, i, s[i].ids[k],
                            t->m->V);
    return 0;
}

static int choose_checkpointing(wkv_trainer *t, const sample *s, int n);

int trainer_gradient(wkv_trainer *t, const sample *s, int n, int learn, double *loss)
{
    double counted = (double)samples_counted(s, n);
    if (learn) communicator_add(t->communicator, &counted, 1);
    int err = counted ? check_samples(t, s, n) : fail(WKV_EARG, "%d samples without a token included in the loss", n);
    if (!err && learn) err = choose_checkpointing(t, s, n);
    if (err) return err;
    t->c.keep_activations = t->checkpointing < 0;
    if (t->objective) return preference_gradient(t, s, n, learn, loss);
    reading q = {t->m, s, n, learn, .counted = counted, .adds_up = learn && t->communicator && !t->base};
    err = trainer_read(t, &q);
    *loss = q.loss;
    return err;
}

/* ---- cost -------------------------------------------------------------------------------------------------------- */

int trainer_cost(wkv_trainer *t, const sample *s, int n, int keep_activations, row_cost *out)
{
    double rows = 0, best = INFINITY, all = clock_seconds();
    double *sums = t->objective ? malloc((size_t)n * sizeof *sums) : NULL;
    int err = t->objective && !sums ? fail(WKV_ENOMEM, "no memory for %d samples", n) : check_samples(t, s, n);
    for (int i = 0; i < n; i++) rows += rows_of(&s[i]);
    reading q = {t->m, s, n, 1, .counted = rows}, first = {t->m, s, n, 1, .sums = sums};
    t->c.keep_activations = keep_activations;
    cx_peak_restart(&t->c);
    for (int i = 0; i < 3 && !err && (!i || clock_seconds() - all < 1); i++) { /* the first pass faults in new pages */
        double begin = clock_seconds();
        if (sums) err = trainer_read(t, &first); /* a pair is read twice */
        if (!err) err = trainer_read(t, &q);
        best = fmin(best, clock_seconds() - begin);
    }
    double at_a_time = fmin(rows, (double)trainer_rows(t, s, n));
    const double logits = 4 * fmin(at_a_time * t->m->V, HEAD_CHUNK);
    *out = (row_cost){.seconds = best / rows, .bytes = fmax(0, ((double)cx_peak(&t->c) - logits) / at_a_time)};
    params_clear_grads(&t->p, t->c.dev);
    free(sums);
    return err;
}

size_t trainer_work_bytes(const wkv_trainer *t, const row_cost *cost, int64_t rows)
{
    return (size_t)((double)rows * cost->bytes + 4 * fmin((double)rows * t->m->V, HEAD_CHUNK));
}

/* The first tokens of the longest samples of a group, all included in the loss. */
static sample short_sample(const wkv_trainer *t, const sample *s, int n)
{
    enum { SHORT = 64 };
    int most = trainer_group(t, s, n), longest = longest_rows(s, most), i = 0;
    while (rows_of(&s[i]) < longest && i < most - 1) i++;
    return (sample){.ids = s[i].ids, .n = s[i].n < SHORT + 1 ? s[i].n : SHORT + 1};
}

/* Recompute activations unless memory suffices to keep them. Decided once; the bits are the same. */
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
    t->checkpointing = need > 0.8 * (double)communicator_memory(t->communicator, t->available) ? 1 : -1;
    return 0;
}

int trainer_measure(wkv_trainer *t, const sample *s, int n, row_cost *out)
{
    enum { QUICK = 3 }; /* seconds */
    int err = choose_checkpointing(t, s, n), most = trainer_group(t, s, n);
    sample some = short_sample(t, s, n);
    if (!err) err = trainer_cost(t, &some, 1, t->checkpointing < 0, out);
    if (err || out->seconds * (double)rows_before(s, most, INT64_MAX) > QUICK) return err;
    return trainer_cost(t, s, most, t->checkpointing < 0, out); /* the fastest run */
}
