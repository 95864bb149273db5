/* trace.c - causal tracing: answer, foil and scores of any set of restored sites. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "rwkv/api.h"
#include "study/trace.h"
#include "study/tracer.h"
#include "text/distribution.h"

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
    int err = tracer_clean(t);
    if (err) return err;
    float *clean = malloc(sizeof *clean * (size_t)t->V);
    if (!clean) return fail(WKV_ENOMEM, "no memory for the logits of the clean run");
    memcpy(clean, t->logits, (size_t)t->V * sizeof *clean);
    out->answer = t->item->answer >= 0 ? t->item->answer : distribution_of(clean, t->V).argmax;
    err = tracer_restart(t);
    if (!err) err = tracer_advance(t, t->rows, 1);
    if (!err) out->foil = most_probable(t, t->logits, t->samples, out->answer);
    if (!err && out->foil < 0) err = fail(WKV_EFORMAT, "logits are NaN, or the vocabulary has one id");
    if (!err) err = tracer_score(t, &out->clean, clean);
    for (int s = 0; s < t->samples && !err; s++)
        err = tracer_score(t, &corrupted[s], t->logits + (size_t)s * (size_t)t->V);
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
    enum { MOST_SAMPLES = 1000 };
    if (o->samples < 0 || o->samples > MOST_SAMPLES)
        return fail(WKV_EARG, "%d samples, expected 1 to %d", o->samples, MOST_SAMPLES);
    if (!isfinite(o->noise) || !isfinite(o->sigma) || o->sigma < 0)
        return fail(WKV_EARG, "a noise of %g x %g, expected finite numbers", (double)o->noise, (double)o->sigma);
    return 0;
}

static int trace_all(tracer *t, wkv_trace_score *scores, const wkv_trace_patch *patches, int count, int with_states)
{
    wkv_trace_score *corrupted = malloc(sizeof *corrupted * (size_t)t->samples);
    int err = corrupted ? tracer_allocate(t, with_states) : fail(WKV_ENOMEM, "no memory for a list of scores");
    if (!err) err = tracer_noise(t);
    if (!err) err = baselines(t, corrupted);
    for (int i = 0; i < count && !err; i++)
        if (tracer_first(t, &patches[i]) == t->item->n)
            memcpy(scores + (size_t)i * (size_t)t->samples, corrupted, (size_t)t->samples * sizeof *corrupted);
    if (!err) err = tracer_restored(t, scores, patches, count);
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
    tracer t = {.c = c,
                .item = item,
                .o = o,
                .out = out,
                .L = m->L,
                .C = m->C,
                .V = m->V,
                .rows = item->n - item->from,
                .samples = trace_samples(o)};
    int with_states = 0;
    for (int i = 0; i < count; i++) {
        with_states |= patches[i].kinds >> WKV_TRACE_STATE & 1;
        if (tracer_first(&t, &patches[i]) < item->n) t.total += t.samples;
    }
    err = trace_all(&t, scores, patches, count, with_states);
    tracer_release(&t);
    return err;
}
