/* trace.c - causal tracing: runs with a corrupted subject in which clean values are restored.
 *
 * A run that restores its first site at token t equals the corrupted run before t, so it begins with a copy of that
 * run's state. All runs that begin at one token form batches, and a probe replaces their rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/rng.h"
#include "rwkv/api.h"
#include "study/trace.h"
#include "text/distribution.h"
#include "wkv_probe.h"

enum {
    ROWS = 512,            /* tokens of a batch, about          */
    POOL_BYTES = 256 << 20 /* of its states and logits, at most */
};

/* Kinds whose values are rows; WKV_TRACE_STATE is not. */
enum { ROW_KINDS = WKV_TRACE_STATE };
static const char probed_sites[] = "resid_post,att_out,ffn_out";

typedef struct {
    const wkv_trace_patch *patch;
    wkv_trace_score *score;
    int sample;
} run;

typedef struct {
    wkv_context *c;
    const wkv_trace_item *item;
    const wkv_trace_options *o;
    wkv_trace_result *out;
    int L, C, V;
    int rows;               /* tokens from the subject on, item->from is the first */
    int samples;
    float *noisy;           /* [samples][rows][C] embeddings of the corrupted runs  */
    float *clean;           /* [ROW_KINDS][L][rows][C]                              */
    wkv_state **after;      /* [rows] the clean state after each token, or NULLs    */
    wkv_state *before;      /* the state before the subject                         */
    wkv_state **corrupted;  /* [samples] before token `at`                          */
    int at;
    int pool;               /* runs evaluated together, at most */
    wkv_state **states;     /* [pool]                           */
    wkv_sequence *sequences;
    run *runs;
    float *logits;          /* [pool][V] */
    int in_batch, begin;    /* runs of the current batch; the first token of its evaluation */
    int64_t done, total;
} tracer;

static float *clean_row(const tracer *t, int kind, int layer, int row)
{
    return t->clean + (((size_t)kind * (size_t)t->L + (size_t)layer) * (size_t)t->rows + (size_t)row) * (size_t)t->C;
}

static int kind_of(wkv_site site)
{
    return site == WKV_SITE_RESID_POST ? WKV_TRACE_RESID : site == WKV_SITE_ATT_OUT ? WKV_TRACE_ATT : WKV_TRACE_FFN;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static void release_states(wkv_state **s, int n)
{
    for (int i = 0; s && i < n; i++) wkv_state_free(s[i]);
    free(s);
}

static void release(tracer *t)
{
    wkv_state_free(t->before);
    release_states(t->after, t->rows);
    release_states(t->corrupted, t->samples);
    release_states(t->states, t->pool);
    free(t->noisy);
    free(t->clean);
    free(t->sequences);
    free(t->runs);
    free(t->logits);
}

static int make_states(wkv_state ***out, const tracer *t, int n)
{
    int err = 0;
    *out = calloc((size_t)n, sizeof **out);
    if (!*out) return fail(WKV_ENOMEM, "no memory for a list of %d states", n);
    for (int i = 0; i < n && !err; i++) err = wkv_state_new(&(*out)[i], context_model(t->c));
    return err;
}

static int allocate(tracer *t, int with_states)
{
    const wkv_model *m = context_model(t->c);
    const size_t each = wkv_model_about(m)->state_bytes + (size_t)t->V * sizeof(float);
    const size_t values = (size_t)t->rows * (size_t)t->C;
    t->pool = each < POOL_BYTES / ROWS ? ROWS : (int)(POOL_BYTES / each);
    if (t->pool < t->samples) t->pool = t->samples;
    t->noisy = malloc(sizeof *t->noisy * (size_t)t->samples * values);
    t->clean = malloc(sizeof *t->clean * ROW_KINDS * (size_t)t->L * values);
    t->sequences = malloc(sizeof *t->sequences * (size_t)t->pool);
    t->runs = malloc(sizeof *t->runs * (size_t)t->pool);
    t->logits = malloc(sizeof *t->logits * (size_t)t->pool * (size_t)t->V);
    if (!t->noisy || !t->clean || !t->sequences || !t->runs || !t->logits)
        return fail(WKV_ENOMEM, "no memory to trace %d tokens in %d layers", t->rows, t->L);
    int err = wkv_state_new(&t->before, m);
    if (!err) err = make_states(&t->corrupted, t, t->samples);
    if (!err) err = make_states(&t->states, t, t->pool);
    if (!err && with_states) err = make_states(&t->after, t, t->rows);
    return err;
}

/* ---- the noise --------------------------------------------------------------------------------------------------- */

/* The k-th sample is the same for every item, as in the published program, and does not depend on other samples. */
static int make_noise(tracer *t)
{
    const wkv_trace_item *q = t->item;
    const size_t values = (size_t)t->rows * (size_t)t->C, subject = (size_t)(q->to - q->from) * (size_t)t->C;
    int err = wkv_embed(t->c, q->tokens + q->from, t->rows, t->noisy);
    const double deviation = (double)(t->o->noise < 0 ? 0 : t->o->noise > 0 ? t->o->noise : 3) * (double)t->out->sigma;
    for (int s = t->samples - 1; s >= 0 && !err; s--) {
        float *row = t->noisy + (size_t)s * values;
        rng r = {t->o->seed, (uint64_t)s << 32};
        if (s) memcpy(row, t->noisy, values * sizeof *row);
        for (size_t i = 0; i < subject; i++) row[i] = (float)(row[i] + deviation * rng_normal(&r));
    }
    return err;
}

/* ---- the clean run ----------------------------------------------------------------------------------------------- */

static void keep(void *user, const wkv_probed *p)
{
    tracer *t = user;
    for (int i = 0; i < p->rows; i++) {
        const int row = t->begin + p->of[i].token - t->item->from;
        memcpy(clean_row(t, kind_of(p->site), p->layer, row), p->values + (size_t)i * (size_t)t->C,
               (size_t)t->C * sizeof(float));
    }
}

static int clean_run(tracer *t)
{
    const wkv_trace_item *q = t->item;
    wkv_state *s = t->states[0];
    int err = q->from ? wkv_eval(t->c, t->before, q->tokens, q->from, NULL) : 0;
    if (!err) err = wkv_state_copy(s, t->before);
    if (!err) err = wkv_probe_add(t->c, probed_sites, keep, t);
    const int step = t->after ? 1 : t->rows;
    for (t->begin = q->from; t->begin < q->n && !err; t->begin += step) {
        err = wkv_eval(t->c, s, q->tokens + t->begin, step, t->begin + step == q->n ? t->logits : NULL);
        if (!err && t->after) err = wkv_state_copy(t->after[t->begin - q->from], s);
    }
    wkv_probe_remove(t->c, keep, t);
    return err;
}

/* ---- corrupted and restored runs --------------------------------------------------------------------------------- */

static int is_restored(const run *u, int kind, int layer, int token)
{
    const wkv_trace_patch *p = u->patch;
    return p && p->kinds >> kind & 1 && layer >= p->layer && layer < p->layer_end && token >= p->token &&
           token < p->token_end;
}

static void restore_rows(void *user, const wkv_probed *p)
{
    const tracer *t = user;
    const int kind = kind_of(p->site);
    for (int i = 0; i < p->rows; i++) {
        const int token = t->begin + p->of[i].token;
        if (is_restored(&t->runs[p->of[i].sequence], kind, p->layer, token))
            memcpy(p->values + (size_t)i * (size_t)t->C, clean_row(t, kind, p->layer, token - t->item->from),
                   (size_t)t->C * sizeof(float));
    }
}

/* The wkv state is between the rows of the two token shifts. */
static void restore_states(const tracer *t, int token)
{
    const int layer = rwkv_layer_state(&context_model(t->c)->rwkv), from = t->C, n = layer - 2 * t->C;
    for (int i = 0; i < t->in_batch; i++)
        for (int l = 0; l < t->L; l++) {
            const size_t at = (size_t)l * (size_t)layer + (size_t)from;
            if (is_restored(&t->runs[i], WKV_TRACE_STATE, l, token))
                memcpy(wkv_state_data(t->states[i]) + at, wkv_state_data(t->after[token - t->item->from]) + at,
                       (size_t)n * sizeof(float));
        }
}

/* Evaluate n tokens of the sequences [0, t->in_batch), whose samples are those of the runs. */
static int advance(tracer *t, wkv_state **states, int n, int with_logits)
{
    const wkv_trace_item *q = t->item;
    for (int i = 0; i < t->in_batch; i++) {
        const size_t row = (size_t)t->runs[i].sample * (size_t)t->rows + (size_t)(t->begin - q->from);
        t->sequences[i] = (wkv_sequence){.state = states[i],
                                         .tokens = q->tokens + t->begin,
                                         .embeddings = t->noisy + row * (size_t)t->C,
                                         .n = n,
                                         .logits = with_logits ? t->logits + (size_t)i * (size_t)t->V : NULL};
    }
    const int err = wkv_eval_batch(t->c, t->sequences, t->in_batch);
    t->begin += n;
    return err;
}

static int score(const tracer *t, wkv_trace_score *out, const float *logits)
{
    const distribution d = distribution_of(logits, t->V);
    *out = (wkv_trace_score){.probability = exp(log_probability(&d, t->out->answer)),
                             .difference = (double)logits[t->out->answer] - (double)logits[t->out->foil]};
    if (isfinite(d.log_sum)) return 0;
    return fail(WKV_EFORMAT, "%s: logits are NaN or infinite; probably weights in it are",
                wkv_model_about(context_model(t->c))->path);
}

static int report(tracer *t, int runs)
{
    t->done += runs;
    if (!t->o->progress || !t->o->progress(t->o->user, t->done, t->total)) return 0;
    return fail(WKV_ESTOPPED, "stopped after %lld of %lld runs", (long long)t->done, (long long)t->total);
}

/* The runs of a batch from token t->at to the end; tokens before `stepped` one by one, to restore states after them. */
static int run_batch(tracer *t, int stepped)
{
    int err = 0;
    for (int i = 0; i < t->in_batch && !err; i++)
        err = wkv_state_copy(t->states[i], t->corrupted[t->runs[i].sample]);
    for (t->begin = t->at; t->begin < stepped && !err;) {
        err = advance(t, t->states, 1, t->begin == t->item->n - 1);
        restore_states(t, t->begin - 1);
    }
    if (!err && t->begin < t->item->n) err = advance(t, t->states, t->item->n - t->begin, 1);
    for (int i = 0; i < t->in_batch && !err; i++)
        err = score(t, t->runs[i].score, t->logits + (size_t)i * (size_t)t->V);
    return err ? err : report(t, t->in_batch);
}

/* The first token at which a patch restores a value that differs; item->n: none. */
static int first_token(const tracer *t, const wkv_trace_patch *p)
{
    const int first = p->token > t->item->from ? p->token : t->item->from;
    return p->kinds && p->layer < p->layer_end && first < p->token_end ? first : t->item->n;
}

/* All runs that begin at token t->at, those with states (which are stepped) apart from the others. */
static int run_token(tracer *t, wkv_trace_score *scores, const wkv_trace_patch *patches, int count, int with_states)
{
    const int length = t->item->n - t->at;
    const int most = t->pool * length <= ROWS ? t->pool : ROWS / length > 1 ? ROWS / length : 1;
    int stepped = 0, err = 0;
    t->in_batch = 0;
    for (int i = 0; i < count && !err; i++) {
        const wkv_trace_patch *p = &patches[i];
        if (first_token(t, p) != t->at || (p->kinds >> WKV_TRACE_STATE & 1) != (unsigned)with_states) continue;
        if (with_states && p->token_end > stepped) stepped = p->token_end;
        for (int s = 0; s < t->samples && !err; s++) {
            t->runs[t->in_batch++] = (run){p, scores + (size_t)i * (size_t)t->samples + s, s};
            if (t->in_batch < most) continue;
            err = run_batch(t, stepped);
            t->in_batch = 0;
        }
    }
    if (!err && t->in_batch) err = run_batch(t, stepped);
    return err;
}

/* The runs without a patch, one for each sample, from t->at on. */
static int advance_corrupted(tracer *t, int n, int with_logits)
{
    t->in_batch = t->samples;
    t->begin = t->at;
    for (int s = 0; s < t->samples; s++) t->runs[s] = (run){.sample = s};
    const int err = advance(t, t->corrupted, n, with_logits);
    t->at += n;
    return err;
}

static int restart_corrupted(tracer *t)
{
    int err = 0;
    t->at = t->item->from;
    for (int s = 0; s < t->samples && !err; s++) err = wkv_state_copy(t->corrupted[s], t->before);
    return err;
}

static int restored_runs(tracer *t, wkv_trace_score *scores, const wkv_trace_patch *patches, int count)
{
    int err = restart_corrupted(t);
    if (!err) err = wkv_probe_add(t->c, probed_sites, restore_rows, t);
    while (!err && t->at < t->item->n) {
        err = run_token(t, scores, patches, count, 0);
        if (!err) err = run_token(t, scores, patches, count, 1);
        if (!err) err = advance_corrupted(t, 1, 0);
    }
    wkv_probe_remove(t->c, restore_rows, t);
    return err;
}

/* ---- answer, foil and scores ------------------------------------------------------------------------------------- */

/* The id with the largest mean probability, except `except`. */
static int32_t most_probable(const tracer *t, const float *logits, int rows, int32_t except)
{
    int32_t best = -1;
    double most = -1;
    distribution *d = malloc(sizeof *d * (size_t)rows);
    for (int i = 0; d && i < rows; i++) d[i] = distribution_of(logits + (size_t)i * (size_t)t->V, t->V);
    for (int32_t id = 0; d && id < t->V; id++) {
        double sum = 0;
        for (int i = 0; i < rows; i++) sum += exp(log_probability(&d[i], id));
        if (id != except && sum > most) most = sum, best = id;
    }
    free(d);
    return best;
}

wkv_trace_effect trace_effect(const wkv_trace_score *runs, const wkv_trace_score *from, int n)
{
    static const wkv_trace_score zero;
    wkv_trace_effect e = {0};
    for (int pass = 0; pass < 2; pass++)
        for (int s = 0; s < n; s++) {
            const wkv_trace_score *f = from ? &from[s] : &zero;
            const double p = runs[s].probability - f->probability, d = runs[s].difference - f->difference;
            if (!pass) {
                e.mean.probability += p / n;
                e.mean.difference += d / n;
            } else if (n > 1) {
                e.error.probability += (p - e.mean.probability) * (p - e.mean.probability) / (n - 1) / n;
                e.error.difference += (d - e.mean.difference) * (d - e.mean.difference) / (n - 1) / n;
            }
        }
    e.error.probability = sqrt(e.error.probability);
    e.error.difference = sqrt(e.error.difference);
    return e;
}

/* The clean and the corrupted runs: answer, foil, and scores without any restored value. */
static int baselines(tracer *t, wkv_trace_score *corrupted)
{
    wkv_trace_result *out = t->out;
    int err = clean_run(t);
    if (err) return err;
    float *clean = malloc(sizeof *clean * (size_t)t->V);
    if (!clean) return fail(WKV_ENOMEM, "no memory for the logits of the clean run");
    memcpy(clean, t->logits, (size_t)t->V * sizeof *clean);
    out->answer = t->item->answer >= 0 ? t->item->answer : distribution_of(clean, t->V).argmax;
    err = restart_corrupted(t);
    if (!err) err = advance_corrupted(t, t->rows, 1);
    if (!err) out->foil = most_probable(t, t->logits, t->samples, out->answer);
    if (!err && out->foil < 0) err = fail(WKV_EFORMAT, "logits are NaN, or the vocabulary has one id");
    if (!err) err = score(t, &out->clean, clean);
    for (int s = 0; s < t->samples && !err; s++) err = score(t, &corrupted[s], t->logits + (size_t)s * (size_t)t->V);
    free(clean);
    return err;
}

static int check_item(const wkv_context *c, const wkv_trace_item *q)
{
    const int V = context_model(c)->rwkv.V;
    if (!q->tokens || q->n < 1) return fail(WKV_EARG, "a prompt of %d tokens, expected at least 1", q->n);
    if (q->from < 0 || q->to <= q->from || q->to > q->n)
        return fail(WKV_EARG, "a subject of tokens %d to %d in a prompt of %d", q->from, q->to - 1, q->n);
    if (q->answer < -1 || q->answer >= V)
        return fail(WKV_EARG, "the answer is token %d; the model's ids are 0 to %d", (int)q->answer, V - 1);
    for (int i = 0; i < q->n; i++)
        if (q->tokens[i] < 0 || q->tokens[i] >= V)
            return fail(WKV_EARG, "token %d is %d; the model's ids are 0 to %d", i, (int)q->tokens[i], V - 1);
    return 0;
}

static int check_patches(const wkv_context *c, const wkv_trace_item *q, const wkv_trace_patch *p, int count)
{
    const int L = context_model(c)->rwkv.L;
    for (int i = 0; i < count; i++, p++)
        if (p->kinds >> WKV_TRACE_KINDS || p->layer < 0 || p->layer_end > L || p->token < 0 || p->token_end > q->n)
            return fail(WKV_EARG, "patch %d: kinds %#x, layers %d to %d of %d, tokens %d to %d of %d", i, p->kinds,
                        p->layer, p->layer_end, L, p->token, p->token_end, q->n);
    return 0;
}

static int check_options(const wkv_trace_options *o)
{
    enum { MOST_SAMPLES = 10000 };
    if (o->samples < 0 || o->samples > MOST_SAMPLES)
        return fail(WKV_EARG, "%d samples, expected 1 to %d", o->samples, MOST_SAMPLES);
    if (!isfinite(o->noise) || !isfinite(o->sigma) || o->sigma < 0)
        return fail(WKV_EARG, "a noise of %g x %g, expected finite numbers", (double)o->noise, (double)o->sigma);
    return 0;
}

static int trace_all(tracer *t, wkv_trace_score *scores, const wkv_trace_patch *patches, int count, int with_states)
{
    wkv_trace_score *corrupted = malloc(sizeof *corrupted * (size_t)t->samples);
    int err = corrupted ? allocate(t, with_states) : fail(WKV_ENOMEM, "no memory for a list of scores");
    if (!err) err = make_noise(t);
    if (!err) err = baselines(t, corrupted);
    for (int i = 0; i < count && !err; i++)
        if (first_token(t, &patches[i]) == t->item->n)
            memcpy(scores + (size_t)i * (size_t)t->samples, corrupted, (size_t)t->samples * sizeof *corrupted);
    if (!err) err = restored_runs(t, scores, patches, count);
    const wkv_trace_effect mean = err ? (wkv_trace_effect){0} : trace_effect(corrupted, NULL, t->samples);
    t->out->corrupted = mean.mean;
    t->out->corrupted_error = mean.error;
    free(corrupted);
    return err;
}

int wkv_trace_patches(wkv_trace_result *out, wkv_trace_score *scores, wkv_context *c, const wkv_trace_item *item,
                      const wkv_trace_patch *patches, int count, const wkv_trace_options *options)
{
    static const wkv_trace_options defaults;
    REQUIRE(out, "the result");
    REQUIRE(scores, "the list of scores");
    REQUIRE(c, "the context");
    REQUIRE(item, "the item");
    REQUIRE(patches, "the list of patches");
    if (count < 1) return fail(WKV_EARG, "%d patches, expected at least 1", count);
    const wkv_trace_options *o = options ? options : &defaults;
    int err = check_item(c, item);
    if (!err) err = check_patches(c, item, patches, count);
    if (!err) err = check_options(o);
    *out = (wkv_trace_result){.sigma = o->sigma};
    if (!err && !(o->sigma > 0)) err = wkv_trace_sigma(&out->sigma, c, item, 1);
    if (err) return err;
    const rwkv *m = &context_model(c)->rwkv;
    tracer t = {.c = c, .item = item, .o = o, .out = out, .L = m->L, .C = m->C, .V = m->V, .rows = item->n - item->from,
                .samples = o->samples ? o->samples : 10};
    int with_states = 0;
    for (int i = 0; i < count; i++) {
        with_states |= patches[i].kinds >> WKV_TRACE_STATE & 1;
        if (first_token(&t, &patches[i]) < item->n) t.total += t.samples;
    }
    err = trace_all(&t, scores, patches, count, with_states);
    release(&t);
    return err;
}
