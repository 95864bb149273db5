/* knock.c - parts of a model knocked out: the reach of the rest, and the loss without them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "study/lens.h"

/* ---- cuts of the past -------------------------------------------------------------------------------------------- */

const char *wkv_cut_name(wkv_cut cut)
{
    static const char *const names[WKV_CUTS] = {"nothing", "past", "read_out", "time_mix"};
    return (unsigned)cut < WKV_CUTS ? names[cut] : NULL;
}

int wkv_cut_reach(const wkv_model *m, wkv_cut cut)
{
    if (!m || cut == WKV_CUT_NOTHING || (unsigned)cut >= WKV_CUTS) return -1;
    const int gated = !(m->rwkv.arch->lacks >> WKV_SITE_G & 1); /* the gate reads the time mix's shift */
    return cut == WKV_CUT_PAST || (cut == WKV_CUT_READ_OUT && gated) ? 2 * m->rwkv.L : m->rwkv.L;
}

static int add_cut(wkv_context *c, wkv_cut cut, void *key)
{
    switch (cut) {
    case WKV_CUT_PAST: return wkv_probe_add(c, "state", lens_forget, key);
    case WKV_CUT_READ_OUT: return wkv_probe_add(c, "wkv", lens_zero, key);
    case WKV_CUT_TIME_MIX: return wkv_probe_add(c, "att_out", lens_zero, key);
    default: return 0;
    }
}

/* The rows after ln_out of a text that begins with an empty state. */
static int read_rows(float *rows, wkv_context *c, wkv_state *s, const int32_t *tokens, int n)
{
    const rwkv *m = &context_model(c)->rwkv;
    wkv_state_reset(s);
    for (int l = 0; l < m->L; l++) lens_empty(m, lens_wkv(m, s, l));
    return wkv_eval_batch(c, &(wkv_sequence){.state = s, .tokens = tokens, .n = n, .hidden = rows, .all_rows = 1}, 1);
}

static float distance(const float *x, const float *y, int n)
{
    double squares = 0, all = 0;
    for (int i = 0; i < n; i++) {
        squares += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
        all += (double)x[i] * (double)x[i];
    }
    return (float)sqrt(squares / all);
}

int wkv_influence(float *change, int *reach, wkv_context *c, wkv_cut cut, const int32_t *tokens, int n, int at,
                  int32_t other)
{
    REQUIRE(change, "the list of changes");
    REQUIRE(reach, "reach");
    REQUIRE(c, "the context");
    REQUIRE(tokens, "the list of tokens");
    if (n < 1 || at < 0 || at >= n || (unsigned)cut >= WKV_CUTS)
        return fail(WKV_EARG, "wkv_influence: token %d of %d, cut %d", at, n, (int)cut);
    const rwkv *m = &context_model(c)->rwkv;
    const size_t values = (size_t)n * (size_t)m->C;
    wkv_state *s = NULL;
    float *rows = malloc(sizeof *rows * 2 * values);
    int32_t *ids = malloc(sizeof *ids * (size_t)n);
    int err = rows && ids ? wkv_state_new(&s, context_model(c)) : fail(WKV_ENOMEM, "no memory for %d rows", 2 * n);
    void *key = (void *)(uintptr_t)m; /* lens_forget reads it */
    if (!err) err = add_cut(c, cut, key);
    if (!err) {
        memcpy(ids, tokens, sizeof *ids * (size_t)n);
        ids[at] = other;
        err = read_rows(rows, c, s, tokens, n);
        if (!err) err = read_rows(rows + values, c, s, ids, n);
        wkv_probe_remove(c, lens_forget, key);
        wkv_probe_remove(c, lens_zero, key);
    }
    *reach = -1;
    for (int d = 0; d < n - at && !err; d++) {
        const float *x = rows + (size_t)(at + d) * (size_t)m->C, *y = x + values;
        const int same = !memcmp(x, y, (size_t)m->C * sizeof *x);
        change[d] = same ? 0 : distance(x, y, m->C);
        if (!same) *reach = d;
    }
    wkv_state_free(s);
    free(ids);
    free(rows);
    return err;
}

/* ---- one layer --------------------------------------------------------------------------------------------------- */

const char *wkv_knock_name(wkv_knock k)
{
    static const char *const names[WKV_KNOCKS] = {"state", "state_mean", "att", "att_mean", "ffn", "ffn_mean"};
    return (unsigned)k < WKV_KNOCKS ? names[k] : NULL;
}

typedef struct {
    double *sum;
    float *mean;
    int values, tokens;
} mean_of_site;

static void add_rows(void *user, const wkv_probed *p)
{
    mean_of_site *of = user;
    for (int t = 0; t < p->rows; t++)
        for (int i = 0; i < of->values; i++)
            of->sum[i] += (double)p->values[(size_t)t * (size_t)of->values + (size_t)i];
    of->tokens += p->rows;
}

static void put_mean(void *user, const wkv_probed *p)
{
    const mean_of_site *of = user;
    for (int t = 0; t < p->rows; t++)
        memcpy(p->values + (size_t)t * (size_t)of->values, of->mean, (size_t)of->values * sizeof *of->mean);
}

/* The negative log-likelihoods, without a change of the context's probes. */
static int read_losses(float *nll, wkv_context *c, const int32_t *tokens, int n)
{
    wkv_state *s = NULL;
    wkv_prediction *p = malloc(sizeof *p * (size_t)n);
    int err = p ? wkv_state_new(&s, context_model(c)) : fail(WKV_ENOMEM, "no memory for %d predictions", n);
    if (!err) err = wkv_predictions(p, c, s, tokens, n);
    for (int i = 0; i < n - 1 && !err; i++) nll[i] = p[i].nll;
    wkv_state_free(s);
    free(p);
    return err;
}

static int read_with_mean(float *nll, wkv_context *c, const char *site, int values, const int32_t *tokens, int n)
{
    mean_of_site of = {.values = values,
                       .sum = calloc((size_t)values, sizeof *of.sum),
                       .mean = malloc(sizeof *of.mean * (size_t)values)};
    wkv_state *s = NULL;
    int err = of.sum && of.mean ? wkv_state_new(&s, context_model(c)) : fail(WKV_ENOMEM, "no memory for a mean");
    if (!err) err = wkv_probe_add(c, site, add_rows, &of);
    if (!err) err = wkv_eval(c, s, tokens, n, NULL);
    wkv_probe_remove(c, add_rows, &of);
    for (int i = 0; i < values && !err; i++) of.mean[i] = (float)(of.sum[i] / of.tokens);
    if (!err) err = wkv_probe_add(c, site, put_mean, &of);
    if (!err) err = read_losses(nll, c, tokens, n);
    wkv_probe_remove(c, put_mean, &of);
    wkv_state_free(s);
    free(of.sum);
    free(of.mean);
    return err;
}

int wkv_knock_out(float *nll, wkv_context *c, wkv_knock what, int layer, const int32_t *tokens, int n)
{
    static const char *const sites[WKV_KNOCKS] = {"state", "state", "att_out", "att_out", "ffn_out", "ffn_out"};
    REQUIRE(nll, "the list of losses");
    REQUIRE(c, "the context");
    REQUIRE(tokens, "the list of tokens");
    const rwkv *m = &context_model(c)->rwkv;
    if (n < 2 || layer < -1 || layer >= m->L || (unsigned)what >= WKV_KNOCKS)
        return fail(WKV_EARG, "wkv_knock_out: %d tokens, layer %d of %d, part %d", n, layer, m->L, (int)what);
    if (what == WKV_KNOCK_STATE_MEAN && !m->H)
        return fail(WKV_EUNSUPPORTED, "the state of version %s, two sums and their exponent, has no mean",
                    m->arch->version);
    if (layer < 0) return read_losses(nll, c, tokens, n);
    char site[48];
    snprintf(site, sizeof site, "blocks.%d.%s", layer, sites[what]);
    const int of_state = what == WKV_KNOCK_STATE || what == WKV_KNOCK_STATE_MEAN;
    if (what == WKV_KNOCK_STATE_MEAN || what == WKV_KNOCK_ATT_MEAN || what == WKV_KNOCK_FFN_MEAN)
        return read_with_mean(nll, c, site, of_state ? lens_wkv_values(m) : m->C, tokens, n);
    void *key = (void *)(uintptr_t)m;
    wkv_probe_fn *fn = of_state ? lens_forget : lens_zero;
    int err = wkv_probe_add(c, site, fn, key);
    if (!err) err = read_losses(nll, c, tokens, n);
    wkv_probe_remove(c, fn, key);
    return err;
}
