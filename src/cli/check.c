/* check.c - the effect of a conversion: perplexity and KL divergence of two models on one text. */
#include "check.h"
#include "engine.h"
#include "input.h"
#include "say.h"
#include "wkv_study.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Windows of the text that begin with the initial state, and chunks of them between two updates of the progress bar. */
enum { WINDOW = 4096, CHECK_TOKENS = 256, RANGES = 4 };

/* Ends of the position ranges in a window: shows whether rounding errors accumulate in the state. */
static const int range_ends[RANGES] = {64, 256, 1024, WINDOW};

typedef struct {
    int tokens, agree;
    double nll[2], kl, squares;
} sums;

static void add_difference(sums *s, const wkv_difference *d)
{
    s->tokens++;
    s->agree += d->agree;
    for (int i = 0; i < 2; i++) s->nll[i] += (double)d->nll[i];
    s->kl += (double)d->kl;
    s->squares += (double)d->apart * (double)d->apart;
}

/* All tokens but the first of each window have a predecessor. */
typedef struct {
    sums all, range[RANGES];
    double bytes, kl_99, kl_most;
} comparison;

int check_open(check *k, const char *path, int most, const wkv_model *m)
{
    char *text;
    size_t bytes;
    *k = (check){.path = path};
    if (input_all(&text, &bytes, path)) return 1;
    int status = 0;
    if (wkv_tokenizer_open(&k->words, engine_vocab, m))
        status = complain_library();
    else if ((k->n = engine_encode(k->words, 0, text, bytes, &k->ids)) < 0)
        status = 1;
    else if (k->n < 2)
        status = complain("%s: %d tokens; at least 2 are needed, the first only as context", path, k->n);
    else if (wkv_tokenizer_size(k->words) > wkv_model_about(m)->vocab)
        status = complain("%s: the vocabulary has %d tokens, the model %d", wkv_tokenizer_path(k->words),
                          wkv_tokenizer_size(k->words), wkv_model_about(m)->vocab);
    if (k->n > most) k->n = most;
    free(text);
    if (status) check_close(k);
    return status;
}

void check_close(check *k)
{
    wkv_tokenizer_close(k->words);
    free(k->ids);
    *k = (check){0};
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

/* Both models read all windows; d[i] belongs to token i, and is undefined for the first of a window. */
static int read_text(wkv_difference *d, const check *k, wkv_context *const c[2], wkv_state *const s[2])
{
    progress bar;
    progress_begin(&bar, "checking");
    int status = 0;
    for (int window = 0; window < k->n && !status; window += WINDOW) {
        int last = k->n - window < WINDOW ? k->n - 1 : window + WINDOW - 1;
        for (int i = 0; i < 2; i++) wkv_state_reset(s[i]);
        for (int at = window, chunk; at < last && !status; at += chunk) {
            chunk = last - at < CHECK_TOKENS ? last - at : CHECK_TOKENS;
            progress_at(&bar, at, k->n, "%d of %d tokens", at, k->n);
            if (interrupted)
                status = 130;
            else if (wkv_compare(d + at + 1, c, s, k->ids + at, chunk))
                status = complain_library();
        }
    }
    progress_end(&bar);
    return status;
}

static int ascending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The 99th percentile of the KL divergence, and the maximum. */
static int find_high(comparison *out, const wkv_difference *d, int n)
{
    float *kl = malloc(sizeof *kl * (size_t)n);
    if (!kl) return complain("out of memory");
    int count = 0;
    for (int i = 0; i < n; i++)
        if (i % WINDOW) kl[count++] = d[i].kl;
    qsort(kl, (size_t)count, sizeof *kl, ascending);
    out->kl_99 = (double)kl[count - 1 - count / 100];
    out->kl_most = (double)kl[count - 1];
    free(kl);
    return 0;
}

static int sum_up(comparison *out, const check *k, const wkv_difference *d)
{
    *out = (comparison){0};
    for (int i = 0; i < k->n; i++) {
        int range = 0;
        size_t bytes;
        if (i % WINDOW == 0) continue;
        while (i % WINDOW >= range_ends[range]) range++;
        add_difference(&out->all, &d[i]);
        add_difference(&out->range[range], &d[i]);
        wkv_token_bytes(k->words, k->ids[i], &bytes);
        out->bytes += (double)bytes;
    }
    return find_high(out, d, k->n);
}

static int compare(comparison *out, const check *k, const wkv_model *const m[2])
{
    wkv_context *c[2] = {0};
    wkv_state *s[2] = {0};
    wkv_difference *d = calloc((size_t)k->n, sizeof *d);
    int status = d ? 0 : complain("out of memory");
    for (int i = 0; i < 2 && !status; i++)
        if (wkv_context_new(&c[i], m[i], NULL) || wkv_state_new(&s[i], m[i])) status = complain_library();
    if (!status) status = read_text(d, k, c, s);
    if (!status) status = sum_up(out, k, d);
    for (int i = 0; i < 2; i++) {
        wkv_state_free(s[i]);
        wkv_context_free(c[i]);
    }
    free(d);
    return status;
}

/* ---- the report -------------------------------------------------------------------------------------------------- */

static double perplexity(const sums *s, int i) { return exp(s->nll[i] / s->tokens); }
static double change(const sums *s) { return 100 * (perplexity(s, 1) / perplexity(s, 0) - 1); }

static void print_ranges(const comparison *c)
{
    put_text("%s  %-14s %8s %12s %14s %12s%s\n", bold(1), "position", "tokens", "mean KL", "logit error", "perplexity",
             plain(1));
    for (int i = 0, from = 0; i < RANGES && c->range[i].tokens; from = range_ends[i++]) {
        const sums *s = &c->range[i];
        put_text("  %4d - %-7d %8d %12.3g %14.3g %+10.3f %%\n", from, range_ends[i] - 1, s->tokens, s->kl / s->tokens,
                 sqrt(s->squares / s->tokens), change(s));
    }
}

static void print(const check *k, const comparison *c)
{
    const sums *s = &c->all;
    char tokens[32], bytes[32];
    put_text("\n%sRead %s tokens of %s (%s bytes), in windows of %d%s\n", bold(1), as_count(tokens, s->tokens), k->path,
             as_count(bytes, (int64_t)c->bytes), WINDOW, plain(1));
    put_text("  %-16s %10s %10s %10s\n", "", "before", "after", "change");
    put_text("  %-16s %10.4f %10.4f %+8.3f %%\n", "perplexity", perplexity(s, 0), perplexity(s, 1), change(s));
    put_text("  %-16s %10.4f %10.4f\n", "bits per byte", s->nll[0] / log(2) / c->bytes, s->nll[1] / log(2) / c->bytes);
    put_text("  top-1 agreement  %.2f %%\n", 100.0 * s->agree / s->tokens);
    put_text("  KL divergence    %.3g on average, %.3g in 99 %%, %.3g at most (nats)\n\n", s->kl / s->tokens, c->kl_99,
             c->kl_most);
    print_ranges(c);
}

/* The effect of the kernels' rounding: inputs to 8 bits for block-quantized weights, sums elsewhere. */
static int print_exact(const check *k, const wkv_model *after)
{
    wkv_model *exact;
    comparison c = {0};
    if (wkv_model_open(&exact, wkv_model_about(after)->path, &(wkv_model_options){.type = "f32"})) {
        note("omitted the same weights in float32: %s", wkv_error());
        return 0;
    }
    int status = compare(&c, k, (const wkv_model *const[2]){exact, after});
    if (!status)
        put_text("\n  Part of this is rounding of inputs to 8 bits: perplexity %+.3f %%, mean KL %.3g, top-1 agreement "
                 "%.2f %%\n",
                 change(&c.all), c.all.kl / c.all.tokens, 100.0 * c.all.agree / c.all.tokens);
    wkv_model_close(exact);
    return status;
}

int check_models(const check *k, const wkv_model *before, const char *after)
{
    wkv_model *m;
    comparison c = {0};
    if (wkv_model_open(&m, after, NULL)) return complain_library();
    int status = compare(&c, k, (const wkv_model *const[2]){before, m});
    if (!status) print(k, &c);
    if (!status && strstr(wkv_model_about(m)->types, "q")) status = print_exact(k, m);
    wkv_model_close(m);
    return status;
}
