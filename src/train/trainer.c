/* trainer.c - the trainer: a model, its blocks, and one step after another over the tape. */
#include "train/trainer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "ops/device.h"
#include "rwkv/forward.h"
#include "train/settings.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- options ----------------------------------------------------------------------------------------------------- */

const char *wkv_train_version(int i)
{
    const arch *a = arch_trained(i);
    return a ? a->version : NULL;
}

static int check_model(const wkv_train_options *o, const arch *a)
{
    int width = o->width, head_size = o->head_size;
    char trained[64];
    if (!a || !a->new_sizes)
        return fail(WKV_EARG, "version \"%s\": %s can be trained", o->version, arch_list_trained(trained));
    if (o->layers < 0 || o->layers > 1024) return fail(WKV_EARG, "%d layers; 1 to 1024 make a model", o->layers);
    if (width < 2 || width > 65536) return fail(WKV_EARG, "width %d; 2 to 65536 channels make a model", width);
    if (arch_slot(a, D_H) && (head_size < 1 || width % head_size))
        return fail(WKV_EARG, "width %d is not a multiple of the head size %d", width, head_size);
    if (o->ffn < 0 || o->ffn > 1 << 20) return fail(WKV_EARG, "ffn width %d; give 1 to %d", o->ffn, 1 << 20);
    if (o->vocab_size < 2 || o->vocab_size > 1 << 24)
        return fail(WKV_EARG, "a vocabulary of %d; a model has 2 or more entries", o->vocab_size);
    return 0;
}

static int make_model(wkv_trainer *t, const wkv_train_options *o)
{
    if (o->init) {
        int err = params_load(&t->p, o->init);
        if (!err && o->vocab_size && o->vocab_size > t->p.model.V)
            err = fail(WKV_EARG, "%s has a vocabulary of %d, the text's has %d", o->init, t->p.model.V, o->vocab_size);
        return err;
    }
    const arch *a = arch_find(o->version);
    int sizes[DIMS];
    int err = check_model(o, a);
    if (err) return err;
    arch_sizes(sizes, a, o->width, o->head_size, o->ffn, o->vocab_size);
    if ((err = params_new(&t->p, a, sizes, o->layers))) return err;
    return params_init(&t->p, o->seed);
}

/* below zero: none */
static float or_none(float x) { return x < 0 ? 0 : x; }

static int find_schedule(const char *name)
{
    for (int i = 0; i < LR_KINDS; i++)
        if (!strcmp(name, lr_names[i])) return i;
    return -1;
}

static int set_schedule(wkv_trainer *t, const wkv_train_options *o)
{
    int kind = find_schedule(o->schedule);
    if (kind < 0)
        return fail(WKV_EARG, "schedule \"%s\": there are cosine, linear, exponential, constant and wsd", o->schedule);
    if (o->lr_init < 0 || o->steps < 0 || o->hold < 0 || o->exit_tokens < 0)
        return fail(WKV_EARG, "a learning rate, a number of steps or of tokens below 0");
    if (kind == LR_EXPONENTIAL && o->lr_final < 0)
        return fail(WKV_EARG,
                    "the learning rate of an exponential schedule never becomes 0; give an lr_final above it");
    if (kind == LR_COSINE && o->lr_final < 0) kind = LR_LINEAR;
    double step_tokens = (double)o->batch * o->context;
    t->steps = o->steps;
    t->plan = (schedule){.kind = (lr_kind)kind,
                         .lr_init = (double)o->lr_init,
                         .lr_final = (double)or_none(o->lr_final),
                         .warmup = o->warmup < 0 ? 0 : o->warmup,
                         .hold = o->hold,
                         .step_tokens = step_tokens,
                         .total_tokens = o->exit_tokens ? (double)o->exit_tokens : (double)o->steps * step_tokens};
    return 0;
}

static int set_optimizer(wkv_trainer *t, const wkv_train_options *o)
{
    t->opt = (adamw){.beta1 = o->beta1,
                     .beta2 = o->beta2,
                     .eps = o->eps,
                     .weight_decay = or_none(o->weight_decay),
                     .clip = or_none(o->clip)};
    if (!(t->opt.beta1 >= 0 && t->opt.beta1 < 1 && t->opt.beta2 >= 0 && t->opt.beta2 < 1))
        return fail(WKV_EARG, "betas %g, %g; both lie in [0, 1)", (double)t->opt.beta1, (double)t->opt.beta2);
    if (!(o->dropout >= 0 && o->dropout < 1))
        return fail(WKV_EARG, "a dropout of %g; it lies in [0, 1)", (double)o->dropout);
    if (o->batch < 0 || o->context < 0) return fail(WKV_EARG, "a batch or a context below 0");
    if (o->micro_batch < 0) return fail(WKV_EARG, "--micro-batch is below 0");
    t->micro = o->micro_batch;
    t->checkpointing = o->checkpointing;
    t->dropout = o->dropout;
    t->seed = o->seed;
    return set_schedule(t, o);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

int wkv_trainer_new(wkv_trainer **out, const wkv_train_options *options)
{
    REQUIRE(out, "the place for the trainer");
    *out = NULL;
    REQUIRE(options, "the list of options");
    int given = ranks_check(options->ranks);
    if (given) return given;
    wkv_train_options set = *options, *o = &set;
    int err = settings_finite(o);
    if (err) return err;
    settings_default(o);
    wkv_trainer *t = calloc(1, sizeof *t);
    if (!t) return fail(WKV_ENOMEM, "no memory for a trainer");
    t->ranks = ranks_of(o);
    err = set_optimizer(t, o);
    if (!err) err = device_open(&t->device, o->device, ranks_threads(t->ranks, o->threads), NULL);
    if (!err) err = make_model(t, o);
    if (!err && o->scan && t->p.model.arch != &arch4)
        err = fail(WKV_EARG, "--scan: only the recurrence of version 4 has a scan; this model is RWKV-%s",
                   t->p.model.arch->version);
    if (!err && t->ranks && o->shard_optimizer) params_shard(&t->p, t->ranks);
    if (!err) err = cx_init(&t->c, t->device);
    t->c.scan = o->scan;
    if (err) {
        wkv_trainer_free(t);
        return err;
    }
    t->summing = t->p.model.L;
    *out = t;
    return 0;
}

void wkv_trainer_free(wkv_trainer *t)
{
    if (!t) return;
    if (t->c.dev) cx_release(&t->c);
    device_close(t->device);
    params_release(&t->p);
    free(t->ids);
    free(t->spans);
    free(t->states);
    free(t);
}

/* ---- several processes ------------------------------------------------------------------------------------------- */

/* Begin to add up a range of the gradients over all processes: in each, or where the moments are shared out in the one
 * that has them. */
static void add_up(const wkv_trainer *t, size_t from, size_t to)
{
    const wkv_ranks *r = t->ranks;
    if (!t->p.ranks) {
        r->reduce(r->user, t->p.grads + from, to - from, -1);
        return;
    }
    for (int k = 0; k < r->count; k++) {
        size_t a, b;
        params_share(&t->p, k, &a, &b);
        if (a < from) a = from;
        if (b > to) b = to;
        if (a < b) r->reduce(r->user, t->p.grads + a, b - a, k);
    }
}

/* Where a layer's values begin; behind the last layer, where all end; -1: where all begin. What stands before the
 * layers is complete after them on the way back, what stands behind them before. */
static size_t begin_of(const params *p, int layer)
{
    if (layer < 0) return 0;
    for (int i = 0; i < p->count; i++)
        if (p->list[i].layer == layer) return p->list[i].at;
    return p->n;
}

/* The gradients of this layer and all behind it are complete: add up those that are not being added up yet. */
static void add_up_from(void *trainer, int layer)
{
    wkv_trainer *t = trainer;
    const params *p = &t->p;
    for (; t->summing > layer; t->summing--) add_up(t, begin_of(p, t->summing - 1), begin_of(p, t->summing));
    t->ranks->advance(t->ranks->user);
}

/* The sum over all processes of gradient and loss. One that failed takes part, as nobody waits for a process that does
 * not. */
static int add_up_rest(wkv_trainer *t, int err, double *loss)
{
    if (!t->ranks) return err;
    add_up_from(t, -1);
    t->ranks->finish(t->ranks->user);
    t->summing = t->p.model.L;
    return ranks_agree_on(t->ranks, err, loss, 1);
}

/* Where the moments are shared out: the values from those that made the step, and no gradients of others' shares. */
static void collect_values(wkv_trainer *t)
{
    params *p = &t->p;
    const wkv_ranks *r = p->ranks;
    if (!r) return;
    for (int k = 0; k < r->count; k++) {
        size_t from, to;
        params_share(p, k, &from, &to);
        if (from < to) r->copy(r->user, p->values + from, (to - from) * sizeof *p->values, k);
    }
    memset(p->grads, 0, p->from * sizeof *p->grads);
    memset(p->grads + p->to, 0, (p->n - p->to) * sizeof *p->grads);
    r->finish(r->user);
}

/* ---- a batch ----------------------------------------------------------------------------------------------------- */

/* room for `batch` sequences of `length`; kept from step to step */
static int make_room(wkv_trainer *t, int batch_size, int length)
{
    size_t rows = (size_t)batch_size * (size_t)length, state = (size_t)rwkv_state_len(&t->p.model);
    if (rows > 1 << 26)
        return fail(WKV_EARG, "%d sequences of %d tokens are too many for one step", batch_size, length);
    if (rows > t->room_rows) {
        free(t->ids);
        t->ids = malloc(2 * rows * sizeof *t->ids);
        t->room_rows = t->ids ? rows : 0;
    }
    if (batch_size > t->room_spans) {
        free(t->spans);
        free(t->states);
        t->spans = malloc((size_t)batch_size * sizeof *t->spans);
        t->states = malloc((size_t)batch_size * state * sizeof *t->states);
        t->room_spans = t->spans && t->states ? batch_size : 0;
    }
    if (t->room_rows < rows || t->room_spans < batch_size)
        return fail(WKV_ENOMEM, "no memory for %d sequences of %d tokens", batch_size, length);
    return 0;
}

/* Rows of length + 1 ids become inputs and targets, spans that start from the empty state, and a batch. */
static int set_batch(wkv_trainer *t, const int32_t *tokens, int batch_size, int length)
{
    const rwkv *m = &t->p.model;
    if (batch_size < 1 || length < 1)
        return fail(WKV_EARG, "%d sequences of %d tokens; both are at least 1", batch_size, length);
    int err = make_room(t, batch_size, length);
    if (err) return err;
    int rows = batch_size * length;
    for (int b = 0; b < batch_size; b++) {
        const int32_t *from = tokens + (size_t)b * ((size_t)length + 1);
        for (int i = 0; i <= length; i++)
            if (from[i] < 0 || from[i] >= m->V)
                return fail(WKV_EARG, "token %d of sequence %d is %d; the vocabulary has %d", i, b, from[i], m->V);
        memcpy(t->ids + (size_t)b * (size_t)length, from, (size_t)length * sizeof *from);
        memcpy(t->ids + rows + (size_t)b * (size_t)length, from + 1, (size_t)length * sizeof *from);
        t->spans[b] =
            (span){.row = b * length, .len = length, .state = t->states + (size_t)b * (size_t)rwkv_state_len(m)};
        rwkv_state_init(m, t->spans[b].state);
    }
    t->batch = (batch){.rows = rows, .n_spans = batch_size, .spans = t->spans};
    return 0;
}

typedef struct {
    wkv_trainer *t;
    int learn;
    double weight, *loss;
} pass;

static void run_pass(void *arg)
{
    const pass *q = arg;
    wkv_trainer *t = q->t;
    cx *c = &t->c;
    cx_reset(c);
    c->b = &t->batch;
    c->recording = q->learn;
    tensor *x = rwkv_features(c, &t->p.model, t->ids, NULL, 0);
    tensor *l = op_head_loss(c, x, &t->p.model.head, t->ids + t->batch.rows, (real)q->weight, 1);
    *q->loss = scalar_read(c, l);
    if (q->learn && isfinite(*q->loss)) tape_backward(c, l, 1);
}

/* weight x the mean loss; when `learn`, its gradient is added to p.grads. `first`: place of the first sequence in its
 * step. */
static int run(wkv_trainer *t, const int32_t *tokens, int batch_size, int length, int learn, double weight, int first,
               double *loss)
{
    int err = set_batch(t, tokens, batch_size, length);
    if (!err) err = rwkv_reserve(&t->c, &t->p.model, t->batch.rows, batch_size, learn);
    if (err) return err;
    t->c.drop_rate = learn ? (real)t->dropout : 0;
    t->c.drop_seed = t->seed ^ ((uint64_t)t->step + 1) * 0x2545f4914f6cdd1du;
    t->c.drop_row = first * length;
    return cx_run(&t->c, run_pass, &(pass){t, learn, weight, loss});
}

int trainer_at_once(const wkv_trainer *t, int batch_size, int length)
{
    enum { ROWS = 512 }; /* products are as fast as they get, and what a layer keeps of so few stays in the caches */
    int n = t->micro ? t->micro : length > 0 ? (ROWS + length - 1) / length : 1;
    return n < batch_size ? n : batch_size;
}

/* Sequences, as many at once as the trainer is told; their losses and gradients add up to those of all. In a step those
 * are the sequences of all processes, and the last gradients are added up over all of them as layers become
 * complete. */
static int run_all(wkv_trainer *t, const int32_t *tokens, int batch_size, int length, int learn, double *loss)
{
    *loss = 0;
    int most = trainer_at_once(t, batch_size, length);
    int others = learn && t->ranks ? t->ranks->rank * batch_size : 0;
    double all = learn ? (double)batch_size * ranks_count(t->ranks) : batch_size;
    for (int from = 0; !from || from < batch_size; from += most) {
        int n = batch_size - from < most ? batch_size - from : most;
        double part;
        t->c.passed = learn && t->ranks && from + n == batch_size ? add_up_from : NULL;
        t->c.user = t;
        int err = run(t, tokens + (size_t)from * ((size_t)length + 1), n, length, learn, n / all, others + from, &part);
        t->c.passed = NULL;
        if (err) return err;
        *loss += part;
        if (!isfinite(*loss)) break;
    }
    return 0;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

int trainer_cost(wkv_trainer *t, const int32_t *tokens, int batch_size, int length, int whole, row_cost *out)
{
    double loss, rows = (double)batch_size * length, best = INFINITY;
    int err = 0;
    t->c.whole = whole;
    cx_peak_restart(&t->c);
    for (double all = clock_seconds(), i = 0; i < 3 && !err && (i == 0 || clock_seconds() - all < 1);
         i++) { /* at first pages are new */
        double begin = clock_seconds();
        err = run(t, tokens, batch_size, length, 1, 1, 0, &loss);
        best = fmin(best, clock_seconds() - begin);
    }
    *out = (row_cost){.seconds = best / rows, .bytes = fmax(0, (double)cx_peak(&t->c) / rows - 4.0 * t->p.model.V)};
    memset(t->p.grads, 0, t->p.n * sizeof *t->p.grads);
    return err;
}

size_t trainer_work_bytes(const wkv_trainer *t, const row_cost *cost, int batch_size, int length)
{
    double rows = (double)trainer_at_once(t, batch_size, length) * length, logits = rows * t->p.model.V;
    return (size_t)(rows * cost->bytes + 4 * fmin(logits, HEAD_CHUNK));
}

/* With the memory for it layers are recorded at once. Decided at the first step, and for good. */
static int choose_checkpointing(wkv_trainer *t, const int32_t *tokens, int batch_size, int length)
{
    row_cost cost;
    int err = trainer_cost(t, tokens, 1, length < 64 ? length : 64, 1, &cost);
    if (err) return err;
    double need = (double)trainer_work_bytes(t, &cost, batch_size, length);
    t->checkpointing = need > 0.7 * (double)ranks_memory(t->ranks, memory_available()) ? 1 : -1;
    return 0;
}

/* ---- a step ------------------------------------------------------------------------------------------------------ */

int trainer_gradient(wkv_trainer *t, const int32_t *tokens, int batch_size, int length, double *loss)
{
    if (!t->checkpointing && batch_size > 0 && length > 0) {
        int err = choose_checkpointing(t, tokens, batch_size, length);
        if (err) return err;
    }
    t->c.whole = t->checkpointing < 0;
    return run_all(t, tokens, batch_size, length, 1, loss);
}

int wkv_trainer_loss(wkv_trainer *t, const int32_t *tokens, int batch_size, int length, double *loss)
{
    double ignored;
    REQUIRE(t, "the trainer");
    REQUIRE(tokens, "the list of tokens");
    return run_all(t, tokens, batch_size, length, 0, loss ? loss : &ignored);
}

int wkv_trainer_step(wkv_trainer *t, const int32_t *tokens, int batch_size, int length, double *loss)
{
    enum { ENOUGH = 5 };
    double l = 0;
    REQUIRE(t, "the trainer");
    REQUIRE(tokens, "the list of tokens");
    int err = trainer_gradient(t, tokens, batch_size, length, &l);
    if ((err = add_up_rest(t, err, &l))) {
        memset(t->p.grads, 0, t->p.n * sizeof *t->p.grads); /* of the sequences before the failure */
        return err;
    }
    t->lr = schedule_lr(&t->plan, t->step);
    t->norm = isfinite(l) ? adamw_step(&t->opt, &t->p, t->lr, t->step - t->skipped + 1, t->device) : l;
    t->step++;
    t->in_row = isfinite(t->norm) ? 0 : t->in_row + 1;
    if (t->in_row) {
        t->skipped++;
        memset(t->p.grads, 0, t->p.n * sizeof *t->p.grads);
        l = t->norm;
    } else
        collect_values(t);
    if (loss) *loss = l;
    if (t->in_row < ENOUGH) return 0;
    return fail(
        WKV_ESTOPPED,
        "the loss or its gradient was no number in the last %d steps, up to step %lld; a lower learning rate, a longer "
        "warm-up or cleaner data may help",
        t->in_row, (long long)t->step);
}

int64_t wkv_trainer_steps(const wkv_trainer *t, double *lr, double *norm, int64_t *skipped)
{
    if (skipped) *skipped = t ? t->skipped : 0;
    if (lr) *lr = t ? t->lr : 0;
    if (norm) *norm = t ? t->norm : 0;
    return t ? t->step : 0;
}

int64_t wkv_trainer_parameters(const wkv_trainer *t)
{
    int64_t n = 0;
    for (int i = 0; t && i < t->p.count; i++) n += (int64_t)t->p.list[i].n;
    return n;
}

int wkv_trainer_save(const wkv_trainer *t, const char *path, const char *type)
{
    REQUIRE(t, "the trainer");
    REQUIRE(path, "the path");
    int err = params_check_type(type);
    if (err) return err;
    char steps[32];
    snprintf(steps, sizeof steps, "%lld", (long long)t->step);
    const char *meta[] = {"format",
                          "pt",
                          "rwkv.version",
                          t->p.model.arch->version,
                          "training.steps",
                          steps,
                          *t->p.family ? "general.name" : NULL,
                          t->p.family,
                          NULL};
    return params_save(&t->p, path, type && !strcmp(type, "f32") ? F32 : BF16, 0, meta);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

typedef struct {
    wkv_trainer *t;
    wkv_sampler *s;
    const int32_t *prompt;
    int n_prompt;
    int32_t *out;
    int n, err;
} writing;

static void write_sample(void *arg)
{
    writing *w = arg;
    cx *c = &w->t->c;
    c->b = &w->t->batch;
    for (int i = 0; i < w->n_prompt + w->n - 1 && !w->err; i++) {
        cx_reset(c);
        w->t->ids[0] = i < w->n_prompt ? w->prompt[i] : w->out[i - w->n_prompt];
        tensor *logits = rwkv_forward(c, &w->t->p.model, w->t->ids, NULL, 0);
        if (i < w->n_prompt - 1) continue;
        int32_t id = wkv_sample(w->s, reals(logits));
        if (id < 0) w->err = fail_prefix(id, "the sample after step %lld", (long long)w->t->step);
        w->out[i - w->n_prompt + 1] = id;
    }
}

int trainer_sample(wkv_trainer *t, const int32_t *prompt, int n_prompt, int32_t *out, int n)
{
    const rwkv *m = &t->p.model;
    wkv_sampler *s;
    wkv_sampler_options how = {.temperature = 1, .top_p = 0.9f, .seed = t->seed + (uint64_t)t->step};
    int err = make_room(t, 1, 1);
    if (!err) err = wkv_sampler_new(&s, &how, m->V, NULL);
    if (err) return err;
    rwkv_state_init(m, t->states);
    t->spans[0] = (span){.len = 1, .state = t->states};
    t->batch = (batch){.rows = 1, .n_spans = 1, .spans = t->spans};
    t->c.drop_rate = 0;
    if (!err) err = rwkv_reserve(&t->c, m, 1, 1, 0);
    writing w = {t, s, prompt, n_prompt, out, n, 0};
    if (!err) err = cx_run(&t->c, write_sample, &w);
    if (!err) err = w.err;
    wkv_sampler_free(s);
    return err;
}
