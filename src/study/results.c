/* results.c - metrics of scored items, and McNemar's test. */
#include "base/error.h"
#include "study/items.h"
#include <math.h>
#include <string.h>

/* ---- one item ---------------------------------------------------------------------------------------------------- */

static int is_done(const wkv_item *q)
{
    for (int i = 0; i < q->n; i++)
        if (!q->requests[i].done) return 0;
    return q->n > 0;
}

static int is_right(const wkv_item *q, int per_character)
{
    int best = 0;
    double most = -INFINITY;
    if (q->n == 1) return q->requests->greedy;
    for (int i = 0; i < q->n; i++) {
        const wkv_request *r = &q->requests[i];
        const double score = per_character ? r->log_likelihood / r->characters : r->log_likelihood;
        if (score > most) most = score, best = i;
    }
    return best == q->right;
}

/* Sums of a document. */
static void sum_document(const wkv_item *q, double *nll, double *tokens)
{
    *nll = *tokens = 0;
    for (int i = 0; i < q->n; i++) {
        *nll -= q->requests[i].log_likelihood;
        *tokens += q->requests[i].n;
    }
}

double wkv_item_metric(const wkv_item *q, const char *metric)
{
    double nll, tokens;
    if (!q || !metric || !is_done(q)) return NAN;
    sum_document(q, &nll, &tokens);
    if (!strcmp(metric, "acc")) return is_right(q, 0);
    if (!strcmp(metric, "acc_norm")) return is_right(q, 1);
    if (!strcmp(metric, "greedy")) return q->requests[q->right].greedy;
    if (!strcmp(metric, "perplexity")) return q->requests[q->right].log_likelihood;
    if (!strcmp(metric, "bits_per_byte")) return q->bytes ? nll / log(2) / (double)q->bytes : NAN;
    if (!strcmp(metric, "token_perplexity")) return exp(nll / tokens);
    return NAN;
}

/* ---- all items --------------------------------------------------------------------------------------------------- */

static int next_item(const wkv_items *s, const char *group, int i)
{
    for (; i < s->count; i++)
        if (is_done(&s->list[i]) && (!group || !strcmp(s->list[i].group, group))) break;
    return i;
}

/* The mean and its standard error s / sqrt(n). */
static wkv_metric mean_of(const wkv_items *s, const char *group, const char *name)
{
    wkv_metric m = {.name = name, .error = NAN};
    double squares = 0;
    for (int i = -1; (i = next_item(s, group, i + 1)) < s->count; m.n++) m.value += wkv_item_metric(&s->list[i], name);
    m.value /= m.n;
    for (int i = -1; (i = next_item(s, group, i + 1)) < s->count;) {
        const double d = wkv_item_metric(&s->list[i], name) - m.value;
        squares += d * d;
    }
    if (m.n > 1) m.error = sqrt(squares / (m.n - 1) / m.n);
    return m;
}

/* The ratio of two sums over documents, nats to bytes or to tokens, and its standard error. */
static wkv_metric ratio_of(const wkv_items *s, const char *group, const char *name, int to_tokens)
{
    wkv_metric m = {.name = name, .error = NAN};
    double top = 0, bottom = 0, squares = 0, nll, tokens;
    for (int i = -1; (i = next_item(s, group, i + 1)) < s->count; m.n++) {
        sum_document(&s->list[i], &nll, &tokens);
        top += nll;
        bottom += to_tokens ? tokens : (double)s->list[i].bytes;
    }
    m.value = top / bottom;
    for (int i = -1; (i = next_item(s, group, i + 1)) < s->count;) {
        sum_document(&s->list[i], &nll, &tokens);
        const double d = nll - m.value * (to_tokens ? tokens : (double)s->list[i].bytes);
        squares += d * d;
    }
    if (m.n > 1) m.error = sqrt(squares * m.n / (m.n - 1)) / bottom;
    return m;
}

static wkv_metric metric_of(const wkv_items *s, const char *group, const char *name)
{
    wkv_metric m;
    if (!strcmp(name, "bits_per_byte")) {
        m = ratio_of(s, group, name, 0);
        m.value /= log(2);
        m.error /= log(2);
    } else if (!strcmp(name, "token_perplexity")) {
        m = ratio_of(s, group, name, 1);
        m.value = exp(m.value);
        m.error *= m.value;
    } else {
        m = mean_of(s, group, name);
        if (!strcmp(name, "perplexity")) m.value = exp(-m.value), m.error *= m.value;
    }
    return m;
}

int wkv_items_metrics(const wkv_items *s, const char *group, wkv_metric out[WKV_METRICS])
{
    REQUIRE(s, "the items");
    REQUIRE(out, "the list of metrics");
    int n = 0;
    if (next_item(s, group, 0) == s->count) return 0;
    for (; s->metrics[n] && n < WKV_METRICS; n++) out[n] = metric_of(s, group, s->metrics[n]);
    return n;
}

/* Twice the lower tail of a binomial distribution with p = 1/2, at most 1. */
double wkv_mcnemar(int64_t a, int64_t b)
{
    const int64_t n = a + b, low = a < b ? a : b;
    double p = 0;
    if (a < 0 || b < 0) return NAN;
    for (int64_t i = 0; i <= low; i++)
        p += exp(lgamma((double)n + 1) - lgamma((double)i + 1) - lgamma((double)(n - i) + 1) - (double)n * log(2));
    return 2 * p < 1 ? 2 * p : 1;
}
