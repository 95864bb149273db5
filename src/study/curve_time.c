/* curve_time.c - milliseconds and memory of one token after another. */
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "rwkv/api.h"
#include "wkv_curve.h"
#include <math.h>
#include <stdlib.h>

enum { REPORT_EACH = 64, CONTROL_EACH = 4, CONTROL_LENGTH = 64 }; /* tokens */
static const double COARSE = 1e-4; /* seconds; a token of a small model takes several times as long */

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, int64_t n, double share)
{
    return sorted[(int64_t)(share * (double)(n - 1) + 0.5)];
}

typedef struct {
    wkv_context *c;
    float *logits;
    double *ms, *control; /* of the tokens of a bin */
    const wkv_time_options *o;
} clocked;

/* Evaluate the token of a position; adds to *seconds. */
static int read_token(double *ms, const clocked *k, wkv_state *s, int64_t at)
{
    double (*const now)(void) = k->o->processor ? clock_processor : clock_seconds;
    const double begun = now();
    const int err = wkv_eval(k->c, s, &k->o->ids[at % k->o->n_ids], 1, k->logits);
    *ms = 1e3 * (now() - begun);
    return err;
}

static int read_bin(wkv_position_time *b, const clocked *k, wkv_state *s)
{
    const wkv_time_options *o = k->o;
    int64_t controls = 0;
    for (int64_t at = b->from; at < b->to; at++) {
        int err = read_token(&k->ms[at - b->from], k, s, at);
        if (err) return err;
        b->seconds += k->ms[at - b->from] / 1e3;
        if (o->control && at % CONTROL_EACH == CONTROL_EACH - 1) {
            if (at / CONTROL_EACH % CONTROL_LENGTH == 0) wkv_state_reset(o->control);
            if ((err = read_token(&k->control[controls++], k, o->control, at))) return err;
        }
        if (o->report && at % REPORT_EACH == 0 && o->report(o->user, at, o->tokens))
            return fail(WKV_ESTOPPED, "stopped by the caller");
    }
    const int64_t n = b->to - b->from;
    qsort(k->ms, (size_t)n, sizeof *k->ms, compare);
    qsort(k->control, (size_t)controls, sizeof *k->control, compare);
    b->ms = quantile(k->ms, n, 0.5);
    b->low = quantile(k->ms, n, 0.25);
    b->high = quantile(k->ms, n, 0.75);
    b->fast = quantile(k->ms, n, 0.1);
    b->control = controls ? quantile(k->control, controls, 0.1) : NAN;
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
    if (o->processor && clock_processor_step() > COARSE)
        return fail(
            WKV_EUNSUPPORTED,
            "the system counts processor time in steps of %.0f ms, too coarse for a token; measure by the clock",
            1e3 * clock_processor_step());
    if (o->control == s) return fail(WKV_EARG, "wkv_curve_time: the control is the state itself, expected another one");
    const size_t most = (size_t)(o->tokens / o->bins + 1);
    clocked k = {.c = c, .o = o, .ms = calloc(2 * most, sizeof *k.ms)};
    k.logits = malloc(sizeof *k.logits * (size_t)context_model(c)->about.vocab);
    int err = k.ms && k.logits ? 0 : fail(WKV_ENOMEM, "no memory for the times of %zu tokens", most);
    for (size_t i = 0; i < 2 * most && !err; i++) k.ms[i] = 1; /* touched now, so that memory does not grow later */
    k.control = err ? NULL : k.ms + most;
    for (int i = 0; i < o->bins && !err; i++) {
        const int64_t each = o->tokens / o->bins, rest = o->tokens % o->bins;
        out[i] = (wkv_position_time){.from = each * i + (rest < i ? rest : i), .seconds = i ? out[i - 1].seconds : 0};
        out[i].to = out[i].from + each + (i < rest);
        err = read_bin(&out[i], &k, s);
        if (!err) *n = i + 1;
    }
    free(k.logits);
    free(k.ms);
    return err;
}
