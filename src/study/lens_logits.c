/* lens_logits.c - the logit lens: next-token distributions at every depth, and the final ones. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "study/lens.h"
#include "text/distribution.h"

enum { CHUNK = 16 }; /* tokens with logits in memory, at one depth and at the last */

/* ---- the lens ---------------------------------------------------------------------------------------------------- */

typedef struct {
    float *rows; /* [depth][CHUNK][C] */
} depths;

static void copy_depth(void *user, const wkv_probed *p)
{
    const depths *d = user;
    const int depth = p->site == WKV_SITE_RESID_PRE ? 0 : 2 * p->layer + 1 + (p->site == WKV_SITE_RESID_POST);
    memcpy(d->rows + ((size_t)depth * CHUNK + (size_t)p->of->token) * (size_t)p->cols, p->values,
           (size_t)p->rows * (size_t)p->cols * sizeof *d->rows);
}

static wkv_lens_cell cell_of(const distribution *d, const distribution *last, const int32_t *next)
{
    return (wkv_lens_cell){.top = d->argmax,
                           .probability = (float)exp(log_probability(d, d->argmax)),
                           .nll = next ? (float)-log_probability(d, *next) : NAN,
                           .kl = (float)kl_divergence(last, d),
                           .entropy = (float)entropy_of(d)};
}

/* The cells of `some` tokens from `at` on, with their rows in d. logits: of two depths. */
static int fill(wkv_lens_cell *out, wkv_context *c, const depths *d, const int32_t *tokens, int n, int at, int some,
                float *logits)
{
    const rwkv *m = &context_model(c)->rwkv;
    const int last = 2 * m->L;
    float *final = logits + (size_t)CHUNK * (size_t)m->V;
    distribution p[CHUNK];
    int err = wkv_unembed(c, d->rows + (size_t)last * CHUNK * (size_t)m->C, some, final);
    for (int t = 0; t < some && !err; t++) p[t] = distribution_of(final + (size_t)t * (size_t)m->V, m->V);
    for (int k = 0; k <= last && !err; k++) {
        err = wkv_unembed(c, d->rows + (size_t)k * CHUNK * (size_t)m->C, some, logits);
        for (int t = 0; t < some && !err; t++) {
            const distribution q = distribution_of(logits + (size_t)t * (size_t)m->V, m->V);
            if (!isfinite(p[t].log_sum + q.log_sum)) return lens_fail_logits(c, at + t);
            out[(size_t)k * (size_t)n + (size_t)(at + t)] =
                cell_of(&q, &p[t], at + t + 1 < n ? &tokens[at + t + 1] : NULL);
        }
    }
    return err;
}

int wkv_lens(wkv_lens_cell *out, wkv_context *c, wkv_state *s, const int32_t *tokens, int n)
{
    REQUIRE(out, "the list of cells");
    REQUIRE(c, "the context");
    REQUIRE(tokens, "the list of tokens");
    if (n < 1) return fail(WKV_EARG, "wkv_lens: %d tokens, expected at least 1", n);
    const rwkv *m = &context_model(c)->rwkv;
    depths d = {malloc(sizeof *d.rows * (2 * (size_t)m->L + 1) * CHUNK * (size_t)m->C)};
    float *logits = malloc(sizeof *logits * 2 * CHUNK * (size_t)m->V);
    int err = d.rows && logits ? 0 : fail(WKV_ENOMEM, "no memory for the logits of %d tokens", CHUNK);
    if (!err) err = wkv_probe_add(c, "blocks.0.resid_pre,resid_mid,resid_post", copy_depth, &d);
    for (int at = 0, some; at < n && !err; at += some) {
        some = n - at < CHUNK ? n - at : CHUNK;
        err = wkv_eval(c, s, tokens + at, some, NULL);
        if (!err) err = fill(out, c, &d, tokens, n, at, some, logits);
    }
    wkv_probe_remove(c, copy_depth, &d);
    free(logits);
    free(d.rows);
    return err;
}

/* ---- predictions ------------------------------------------------------------------------------------------------- */

int wkv_predictions(wkv_prediction *out, wkv_context *c, wkv_state *s, const int32_t *tokens, int n)
{
    REQUIRE(out, "the list of predictions");
    REQUIRE(c, "the context");
    REQUIRE(tokens, "the list of tokens");
    if (n < 2) return fail(WKV_EARG, "wkv_predictions: %d tokens, expected at least 2", n);
    const int V = context_model(c)->rwkv.V;
    if (tokens[n - 1] < 0 || tokens[n - 1] >= V)
        return fail(WKV_EARG, "token %d is %d; the model's ids are 0 to %d", n - 1, (int)tokens[n - 1], V - 1);
    float *logits = malloc(sizeof *logits * CHUNK * (size_t)V);
    int err = logits ? 0 : fail(WKV_ENOMEM, "no memory for the logits of %d tokens", CHUNK);
    for (int at = 0, some; at < n - 1 && !err; at += some) {
        some = n - 1 - at < CHUNK ? n - 1 - at : CHUNK;
        const wkv_sequence q = {.state = s, .tokens = tokens + at, .n = some, .logits = logits, .all_rows = 1};
        err = wkv_eval_batch(c, &q, 1);
        for (int t = 0; t < some && !err; t++) {
            const distribution d = distribution_of(logits + (size_t)t * (size_t)V, V);
            const int32_t next = tokens[at + t + 1];
            if (!isfinite(d.log_sum)) err = lens_fail_logits(c, at + t);
            out[at + t] = (wkv_prediction){.probability = (float)exp(log_probability(&d, d.argmax)),
                                           .correct = d.argmax == next,
                                           .nll = (float)-log_probability(&d, next),
                                           .entropy = (float)entropy_of(&d)};
        }
    }
    free(logits);
    return err;
}

double wkv_calibration(wkv_reliability *bins, int n_bins, const wkv_prediction *p, int n)
{
    double error = 0;
    if (n_bins < 1 || n < 1 || !p) return NAN;
    for (int b = 0; b < n_bins; b++) {
        double confidence = 0;
        int64_t correct = 0, all = 0;
        for (int i = 0; i < n; i++) {
            const int of = (int)(p[i].probability * (float)n_bins);
            if ((of < n_bins ? of : n_bins - 1) != b) continue;
            confidence += (double)p[i].probability;
            correct += p[i].correct;
            all++;
        }
        if (bins)
            bins[b] = (wkv_reliability){(int)all, all ? confidence / (double)all : NAN,
                                        all ? (double)correct / (double)all : NAN};
        error += fabs(confidence - (double)correct);
    }
    return error / n;
}
