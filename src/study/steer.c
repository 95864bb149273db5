/* steer.c - the effect of an early line on later predictions, and the layers with the states that carry it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "study/lens.h"
#include "text/distribution.h"

enum { LOGITS = 1 << 23, CHUNK = 32 }; /* values in memory at once, and tokens at most */

/* Sequences: the model that read the line, the one that did not, and that one with the state of each layer patched. */
typedef struct {
    const rwkv *m;
    int n, chunk;
    wkv_state **states;
    float *logits; /* [n][chunk][V] */
    wkv_sequence *q;
} runs;

static int allocate(runs *r, const wkv_model *model)
{
    const rwkv *m = &model->rwkv;
    const int n = m->L + 2, fit = LOGITS / m->V / n;
    *r = (runs){.m = m, .n = n, .chunk = fit < 1 ? 1 : fit < CHUNK ? fit : CHUNK};
    r->states = calloc((size_t)n, sizeof *r->states);
    r->q = calloc((size_t)n, sizeof *r->q);
    r->logits = malloc(sizeof *r->logits * (size_t)n * (size_t)r->chunk * (size_t)m->V);
    int err = r->states && r->q && r->logits ? 0 : fail(WKV_ENOMEM, "no memory for the logits of %d runs", n);
    for (int i = 0; i < n && !err; i++) err = wkv_state_new(&r->states[i], model);
    return err;
}

static void release(runs *r)
{
    for (int i = 0; r->states && i < r->n; i++) wkv_state_free(r->states[i]);
    free(r->states);
    free(r->q);
    free(r->logits);
}

/* The states before the text. */
static int begin(runs *r, wkv_context *c, const wkv_steering *what)
{
    wkv_state *with = r->states[0], *without = r->states[1];
    int err = what->n_before ? wkv_eval(c, without, what->before, what->n_before, NULL) : 0;
    if (!err) err = wkv_state_copy(with, without);
    if (!err) err = wkv_eval(c, with, what->line, what->n_line, NULL);
    const size_t layer = (size_t)rwkv_layer_state(r->m);
    for (int l = 0; l < r->m->L && !err; l++) {
        err = wkv_state_copy(r->states[2 + l], without);
        memcpy(r->states[2 + l]->data + (size_t)l * layer, with->data + (size_t)l * layer, layer * sizeof(float));
    }
    return err;
}

static int read_chunk(float *kl, runs *r, wkv_context *c, const wkv_steering *what, int at)
{
    const int some = what->n_text - at < r->chunk ? what->n_text - at : r->chunk, V = r->m->V;
    const size_t values = (size_t)r->chunk * (size_t)V;
    for (int i = 0; i < r->n; i++)
        r->q[i] = (wkv_sequence){.state = r->states[i],
                                 .tokens = what->text + at,
                                 .n = some,
                                 .logits = r->logits + (size_t)i * values,
                                 .all_rows = 1};
    const int err = wkv_eval_batch(c, r->q, r->n);
    for (int t = 0; t < some && !err; t++) {
        const float *first = r->logits + (size_t)t * (size_t)V;
        const distribution p = distribution_of(first, V);
        for (int i = 1; i < r->n; i++) {
            const distribution q = distribution_of(first + (size_t)i * values, V);
            if (!isfinite(p.log_sum + q.log_sum)) return lens_fail_logits(c, at + t);
            kl[(size_t)(i - 1) * (size_t)what->n_text + (size_t)(at + t)] = (float)kl_divergence(&p, &q);
        }
    }
    return err;
}

int wkv_steer(float *kl, wkv_context *c, const wkv_steering *what)
{
    REQUIRE(kl, "the list of divergences");
    REQUIRE(c, "the context");
    REQUIRE(what, "the texts");
    if (!what->line || !what->text || what->n_line < 1 || what->n_text < 1 || what->n_before < 0 ||
        (what->n_before && !what->before))
        return fail(WKV_EARG, "wkv_steer: texts of %d, %d and %d tokens; the line and the text need at least 1",
                    what->n_before, what->n_line, what->n_text);
    runs r;
    int err = allocate(&r, context_model(c));
    if (!err) err = begin(&r, c, what);
    for (int at = 0; at < what->n_text && !err; at += r.chunk) err = read_chunk(kl, &r, c, what, at);
    release(&r);
    return err;
}
