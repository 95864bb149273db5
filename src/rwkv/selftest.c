/* selftest.c - whether this build is correct on this processor: tiny models of every version run on the reference and
 * on every instruction set here, token by token and as one sequence, and are compared with the official programs'
 * logits. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/hash.h"
#include "ops/device.h"
#include "rwkv/api.h"

/* golden.S; the last has no name */
extern const struct golden {
    const char *name;
    const uint8_t *model;
    size_t model_bytes;
    const int32_t *tokens;
    size_t token_bytes;
    const float *logits; /* T x V                                                                    */
    uint64_t bits;       /* the hash of the logits on every instruction set with fused multiply-adds */
} golden_models[] __attribute__((visibility("hidden")));

static const double LIMIT = 5e-5; /* on any logit */

typedef struct {
    void (*report)(void *user, const char *line, int passed);
    void *user;
    int failures;
    int others;     /* results with unexpected bits                         */
    char apart[64]; /* names of the instruction sets with bits of their own */
} tester;

static void say(tester *t, int passed, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void say(tester *t, int passed, const char *fmt, ...)
{
    char line[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (!passed) t->failures++;
    if (t->report) t->report(t->user, line, passed);
}

/* Largest difference of any logit, and the hash of all; `step` tokens per call. */
static int compare(double *worst, uint64_t *bits, wkv_context *c, const wkv_model *m, const struct golden *g, int step)
{
    int T = (int)(g->token_bytes / sizeof *g->tokens), V = wkv_model_about(m)->vocab, err = 0;
    wkv_state *s;
    if ((err = wkv_state_new(&s, m))) return err;
    float *logits = malloc((size_t)step * (size_t)V * sizeof *logits);
    if (!logits) err = fail(WKV_ENOMEM, "no memory for logits");
    *worst = 0;
    *bits = HASH_START;
    for (int t = 0; t < T && !err; t += step) {
        int n = T - t < step ? T - t : step;
        err = wkv_eval_batch(
            c, &(wkv_sequence){.state = s, .tokens = g->tokens + t, .n = n, .logits = logits, .all_rows = 1}, 1);
        for (int i = 0; i < n * V && !err; i++) {
            double d = fabs((double)logits[i] - (double)g->logits[t * V + i]);
            if (!(d <= *worst)) *worst = d; /* a NaN stays */
        }
        if (!err) *bits = hash_bytes(*bits, logits, (size_t)n * (size_t)V * sizeof *logits);
    }
    free(logits);
    wkv_state_free(s);
    return err;
}

static void try_model(tester *t, const wkv_model *m, const struct golden *g, const char *on, const char *isa)
{
    static const struct {
        const char *name;
        int step;
    } ways[] = {{"step", 1}, {"chunks of 3", 3}, {"sequence", 1 << 10}};
    wkv_context *c;
    if (wkv_context_new(&c, m, &(wkv_context_options){.device = on, .isa = isa, .threads = 2})) {
        say(t, 0, "version %-3s %s: %s", wkv_model_about(m)->version, on, wkv_error());
        return;
    }
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        double worst = 0;
        uint64_t bits = 0;
        int err = compare(&worst, &bits, c, m, g, ways[i].step);
        if (context_device(c)->same_bits && bits != g->bits) t->others++;
        say(t, !err && worst <= LIMIT, "version %-3s  %-9s  %-11s  %s%.1e", wkv_model_about(m)->version,
            wkv_context_isa(c), ways[i].name, err ? wkv_error() : "largest difference ", worst);
    }
    if (!context_device(c)->same_bits && !context_device(c)->separate && !strstr(t->apart, wkv_context_isa(c))) {
        size_t n = strlen(t->apart);
        snprintf(t->apart + n, sizeof t->apart - n, "%s%s", n ? ", " : "", wkv_context_isa(c));
    }
    wkv_context_free(c);
}

static int built_in(const char *name)
{
    for (int i = 0; device_name(i); i++)
        if (!strcmp(name, device_name(i))) return 1;
    return 0;
}

int wkv_selftest(void (*report)(void *user, const char *line, int passed), void *user)
{
    tester t = {.report = report, .user = user};
    int devices = 0;
    while (device_name(devices)) devices++;
    for (const struct golden *g = golden_models; g->name; g++) {
        wkv_model *m;
        if (model_open_memory(&m, g->model, g->model_bytes, g->name)) {
            say(&t, 0, "%s", wkv_error());
            continue;
        }
        for (int i = devices - 1; i >= 0; i--) /* the reference first */
            for (int j = 0; device_isa(i, j); j++) try_model(&t, m, g, device_name(i), device_isa(i, j));
        if (!built_in(device_default())) try_model(&t, m, g, device_default(), NULL);
        wkv_model_close(m);
    }
    if (t.others)
        say(&t, 0, "%d results have other bits than processors with fused multiply-adds", t.others);
    else
        say(&t, 1, "results have the bits of every processor with fused multiply-adds (except: %s)", t.apart);
    if (!t.failures) return 0;
    return fail(WKV_EFORMAT, "%d checks failed: this build computes wrong results on this processor", t.failures);
}
