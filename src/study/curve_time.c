/* curve_time.c - milliseconds and memory of one token after another. */
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "rwkv/api.h"
#include "wkv_curve.h"
#include <stdlib.h>

enum { REPORT_EACH = 64 }; /* tokens */

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, int64_t n, double share)
{
    return sorted[(int64_t)(share * (double)(n - 1) + 0.5)];
}

/* The tokens of one bin; ms has their times. */
static int read_bin(wkv_position_time *b, double *ms, float *logits, wkv_context *c, wkv_state *s,
                    const wkv_time_options *o)
{
    for (int64_t at = b->from; at < b->to; at++) {
        const double begun = clock_seconds();
        const int err = wkv_eval(c, s, &o->ids[at % o->n_ids], 1, logits);
        const double taken = clock_seconds() - begun;
        if (err) return err;
        b->seconds += taken;
        ms[at - b->from] = 1e3 * taken;
        if (o->report && at % REPORT_EACH == 0 && o->report(o->user, at, o->tokens))
            return fail(WKV_ESTOPPED, "stopped by the caller");
    }
    const int64_t n = b->to - b->from;
    qsort(ms, (size_t)n, sizeof *ms, compare);
    b->ms = quantile(ms, n, 0.5);
    b->low = quantile(ms, n, 0.25);
    b->high = quantile(ms, n, 0.75);
    b->fast = quantile(ms, n, 0.1);
    b->resident = (double)memory_resident();
    return 0;
}

int wkv_curve_time(wkv_position_time *out, int *n, wkv_context *c, wkv_state *s, const wkv_time_options *o)
{
    REQUIRE(out, "out");
    REQUIRE(n, "n");
    *n = 0;
    REQUIRE(c, "context");
    REQUIRE(s, "state");
    REQUIRE(o, "options");
    REQUIRE(o->ids, "ids");
    if (o->bins < 1 || o->tokens < o->bins || o->n_ids < 1)
        return fail(WKV_EARG, "wkv_curve_time: %lld tokens in %d bins from %d ids; expected at least one token a bin",
                    (long long)o->tokens, o->bins, o->n_ids);
    const size_t most = (size_t)(o->tokens / o->bins + 1);
    double *ms = malloc(sizeof *ms * most);
    float *logits = malloc(sizeof *logits * (size_t)context_model(c)->about.vocab);
    int err = ms && logits ? 0 : fail(WKV_ENOMEM, "no memory for the times of %zu tokens", most);
    if (!err)
        for (size_t i = 0; i < most; i++) ms[i] = 0; /* touched now, so that it is no growth later */
    for (int i = 0; i < o->bins && !err; i++) {
        out[i] =
            (wkv_position_time){.from = o->tokens / o->bins * i + (o->tokens % o->bins < i ? o->tokens % o->bins : i),
                                .seconds = i ? out[i - 1].seconds : 0};
        out[i].to = out[i].from + o->tokens / o->bins + (i < o->tokens % o->bins);
        err = read_bin(&out[i], ms, logits, c, s, o);
        if (!err) *n = i + 1;
    }
    free(logits);
    free(ms);
    return err;
}
