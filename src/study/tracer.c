/* tracer.c - causal tracing: runs with a corrupted subject in which clean values are restored.
 *
 * A run that restores its first site at token t equals the corrupted run before t, so it begins with a copy of that
 * run's state. All runs that begin at one token form batches, and a probe replaces their rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/rng.h"
#include "study/lens.h"
#include "study/tracer.h"
#include "text/distribution.h"

enum {
    ROWS = 512,            /* tokens of a batch, about          */
    POOL_BYTES = 256 << 20 /* of its states and logits, at most */
};

/* Kinds with rows as values; WKV_TRACE_STATE has none. */
enum { ROW_KINDS = WKV_TRACE_STATE };
static const char probed_sites[] = "resid_post,att_out,ffn_out";

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

void tracer_release(tracer *t)
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

int tracer_allocate(tracer *t, int with_states)
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
int tracer_noise(tracer *t)
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

int tracer_clean(tracer *t)
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

static int is_restored(const trace_run *u, int kind, int layer, int token)
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

static void restore_states(const tracer *t, int token)
{
    const rwkv *m = &context_model(t->c)->rwkv;
    for (int i = 0; i < t->in_batch; i++)
        for (int l = 0; l < t->L; l++)
            if (is_restored(&t->runs[i], WKV_TRACE_STATE, l, token))
                memcpy(lens_wkv(m, t->states[i], l), lens_wkv(m, t->after[token - t->item->from], l),
                       (size_t)lens_wkv_values(m) * sizeof(float));
}

/* Evaluate n tokens of the sequences [0, t->in_batch), with the samples of the runs. */
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

int tracer_score(const tracer *t, wkv_trace_score *out, const float *logits)
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
    for (int i = 0; i < t->in_batch && !err; i++) err = wkv_state_copy(t->states[i], t->corrupted[t->runs[i].sample]);
    for (t->begin = t->at; t->begin < stepped && !err;) {
        err = advance(t, t->states, 1, t->begin == t->item->n - 1);
        restore_states(t, t->begin - 1);
    }
    if (!err && t->begin < t->item->n) err = advance(t, t->states, t->item->n - t->begin, 1);
    for (int i = 0; i < t->in_batch && !err; i++)
        err = tracer_score(t, t->runs[i].score, t->logits + (size_t)i * (size_t)t->V);
    return err ? err : report(t, t->in_batch);
}

int tracer_first(const tracer *t, const wkv_trace_patch *p)
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
        if (tracer_first(t, p) != t->at || (p->kinds >> WKV_TRACE_STATE & 1) != (unsigned)with_states) continue;
        if (with_states && p->token_end > stepped) stepped = p->token_end;
        for (int s = 0; s < t->samples && !err; s++) {
            t->runs[t->in_batch++] = (trace_run){p, scores + (size_t)i * (size_t)t->samples + s, s};
            if (t->in_batch < most) continue;
            err = run_batch(t, stepped);
            t->in_batch = 0;
        }
    }
    if (!err && t->in_batch) err = run_batch(t, stepped);
    return err;
}

/* The runs without a patch, one for each sample, from t->at on. */
int tracer_advance(tracer *t, int n, int with_logits)
{
    t->in_batch = t->samples;
    t->begin = t->at;
    for (int s = 0; s < t->samples; s++) t->runs[s] = (trace_run){.sample = s};
    const int err = advance(t, t->corrupted, n, with_logits);
    t->at += n;
    return err;
}

int tracer_restart(tracer *t)
{
    int err = 0;
    t->at = t->item->from;
    for (int s = 0; s < t->samples && !err; s++) err = wkv_state_copy(t->corrupted[s], t->before);
    return err;
}

int tracer_restored(tracer *t, wkv_trace_score *scores, const wkv_trace_patch *patches, int count)
{
    int err = tracer_restart(t);
    if (!err) err = wkv_probe_add(t->c, probed_sites, restore_rows, t);
    while (!err && t->at < t->item->n) {
        err = run_token(t, scores, patches, count, 0);
        if (!err) err = run_token(t, scores, patches, count, 1);
        if (!err) err = tracer_advance(t, 1, 0);
    }
    wkv_probe_remove(t->c, restore_rows, t);
    return err;
}
