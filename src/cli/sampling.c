/* sampling.c - the sampler's settings from the options and the model's profile. */
#include "sampling.h"
#include "say.h"
#include "wkv_base.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The settings of the options. Profile settings without an option are NAN (top_k -1) until wkv_profile_fill sets
 * them. */
static wkv_sampler_options set;
static wkv_profile used;
static uint64_t drawn; /* the seed without --seed */

enum { WORDS = 48 };
static struct {
    char temperature[WORDS], top_p[WORDS], top_k[WORDS], min_p[WORDS], typical_p[WORDS], presence[WORDS],
        frequency[WORDS], penalty_decay[WORDS];
} initial; /* the defaults, for the help */

static texts bans, biases;

static const option sampling_options[] = {
    {'T', "temperature", OPT_REAL, "X", &set.temperature, 0, 100, initial.temperature,
     "temperature: 0 is greedy, 1 samples the model's distribution"},
    {0, "top-p", OPT_REAL, "X", &set.top_p, 0, 1, initial.top_p,
     "nucleus sampling: keep the most probable tokens up to total probability X; 0 or 1 disables (-T 0 is greedy)"},
    {'k', "top-k", OPT_COUNT, "N", &set.top_k, 0, 1e6, initial.top_k, "keep the N most probable tokens; 0 disables"},
    {0, "min-p", OPT_REAL, "X", &set.min_p, 0, 1, initial.min_p,
     "keep tokens at least X times as probable as the best; 0 disables"},
    {0, "typical", OPT_REAL, "X", &set.typical_p, 0, 1, initial.typical_p,
     "locally typical sampling: keep the tokens closest to the expected surprise, up to total probability X; 0 or 1 "
     "disables"},
    {0, "mirostat", OPT_REAL, "TAU", &set.mirostat_tau, 0, 100, "off",
     "mirostat 2: target surprise in bits; replaces top-p, top-k, min-p and typical"},
    {0, "mirostat-rate", OPT_REAL, "X", &set.mirostat_eta, 0.001, 1, "0.1", "learning rate of mirostat"},
    {0, "presence", OPT_REAL, "X", &set.presence, -100, 100, initial.presence,
     "presence penalty: subtract X from the logits of tokens that have occurred"},
    {0, "frequency", OPT_REAL, "X", &set.frequency, -100, 100, initial.frequency,
     "frequency penalty: subtract X times a token's count from its logit"},
    {0, "penalty-decay", OPT_REAL, "X", &set.penalty_decay, 0.01, 1, initial.penalty_decay,
     "multiply the counts by X after each token"},
    {0, "ban", OPT_TEXTS, "ID", &bans, 0, 0, "", "exclude this token; repeatable"},
    {0, "bias", OPT_TEXTS, "ID=X", &biases, 0, 0, "", "add X to the logit of this token; repeatable"},
    {'s', "seed", OPT_SEED, "N", &set.seed, 0, 0, "random",
     "random seed; the same seed, model and prompt give the same text"},
};
const group sampling_group = GROUP("Sampling", sampling_options);

static void number(char out[WORDS], double x, double off, const char *unknown)
{
    if (unknown)
        snprintf(out, WORDS, "%s", unknown);
    else if (x == off)
        snprintf(out, WORDS, "off");
    else
        snprintf(out, WORDS, "%g", x);
}

void sampling_defaults(const wkv_profile *p, const char *unknown)
{
    set = (wkv_sampler_options){.temperature = NAN,
                                .top_p = NAN,
                                .top_k = -1,
                                .min_p = NAN,
                                .typical_p = NAN,
                                .presence = NAN,
                                .frequency = NAN,
                                .penalty_decay = NAN,
                                .seed = drawn = wkv_random_seed()};
    const wkv_sampler_options *o = p ? &p->sampler : &set;
    number(initial.temperature, (double)o->temperature, -1, unknown);
    number(initial.top_p, (double)o->top_p, -1, unknown);
    number(initial.top_k, o->top_k, 0, unknown);
    number(initial.min_p, (double)o->min_p, 0, p ? NULL : "off");
    number(initial.typical_p, (double)o->typical_p, 0, p ? NULL : "off");
    number(initial.presence, (double)o->presence, -101, unknown);
    number(initial.frequency, (double)o->frequency, -101, unknown);
    number(initial.penalty_decay, (double)o->penalty_decay, -1, unknown);
}

/* Append ", name value" to out, unless the value is `off`. */
static void say(char *out, size_t capacity, const char *name, double value, double off)
{
    size_t n = strlen(out);
    if (value != off) snprintf(out + n, capacity - n, ", %s %g", name, value);
}

void sampling_words(char out[SAMPLING_WORDS], const wkv_sampler_options *o)
{
    const int draws = o->temperature > 0, penalties = o->presence != 0 || o->frequency != 0;
    snprintf(out, SAMPLING_WORDS, "temperature %g", (double)o->temperature);
    if (draws && o->mirostat_tau > 0) {
        say(out, SAMPLING_WORDS, "mirostat", (double)o->mirostat_tau, 0);
    } else if (draws) {
        say(out, SAMPLING_WORDS, "top-p", (double)o->top_p, 0);
        say(out, SAMPLING_WORDS, "top-k", o->top_k, 0);
        say(out, SAMPLING_WORDS, "min-p", (double)o->min_p, 0);
        say(out, SAMPLING_WORDS, "typical", (double)o->typical_p, 0);
    }
    if (penalties) {
        say(out, SAMPLING_WORDS, "presence", (double)o->presence, NAN);
        say(out, SAMPLING_WORDS, "frequency", (double)o->frequency, NAN);
        say(out, SAMPLING_WORDS, "decay", (double)o->penalty_decay, NAN);
    } else
        snprintf(out + strlen(out), SAMPLING_WORDS - strlen(out), ", no penalties");
}

void sampling_note(void)
{
    char words[SAMPLING_WORDS];
    sampling_words(words, &set);
    note("sampling %s: %s", used.name, words);
}

uint64_t sampling_seed(void) { return set.seed; }

int sampling_resume(uint64_t seed)
{
    if (set.seed == drawn) set.seed = seed;
    return set.seed != seed;
}

static struct {
    wkv_sampler_options set;
    int bans, biases;
} kept;

void sampling_keep(void)
{
    kept.set = set;
    kept.bans = bans.n, kept.biases = biases.n;
}

void sampling_restore(void)
{
    set = kept.set;
    bans.n = kept.bans, biases.n = kept.biases;
}

/* "ID" or "ID=X"; the rest of the text after the id in *rest */
static int parse_id(const command *c, const char *shown, const char *text, int vocab, int32_t *id, char **rest)
{
    long v = strtol(text, rest, 10);
    if (*rest == text) return usage(c, "%s: '%s' does not begin with a token id", shown, text);
    if (v < 0 || v >= vocab) return usage(c, "%s: this model has tokens 0 to %d, not %ld", shown, vocab - 1, v);
    *id = (int32_t)v;
    return 0;
}

int sampling_find(const wkv_sampler_options **out, const command *c, const engine *e, const wkv_profile *p)
{
    static int32_t *used_ids;
    static float *used_biases;
    *out = &set;
    used = *p;
    wkv_profile_fill(&set, p, e->tokenizer);
    int32_t *ids = malloc(sizeof *ids * (size_t)(bans.n + biases.n + 1));
    float *by = malloc(sizeof *by * (size_t)(biases.n + 1));
    int status = ids && by ? 0 : complain("out of memory");
    for (int i = 0; i < bans.n && !status; i++) {
        char *rest;
        status = parse_id(c, "--ban", bans.at[i], e->about->vocab, &ids[i], &rest);
        if (!status && *rest) status = usage(c, "--ban: '%s' is not a token id", bans.at[i]);
    }
    for (int i = 0; i < biases.n && !status; i++) {
        char *rest, *end;
        status = parse_id(c, "--bias", biases.at[i], e->about->vocab, &ids[bans.n + i], &rest);
        if (status) break;
        double x = *rest == '=' ? strtod(rest + 1, &end) : NAN;
        if (*rest != '=' || end == rest + 1 || *end || !isfinite((float)x))
            status = usage(c, "--bias: '%s' is not a token id, = and a number", biases.at[i]);
        by[i] = (float)x;
    }
    if (status) {
        free(ids);
        free(by);
        return status;
    }
    free(used_ids);
    free(used_biases);
    set.bans = used_ids = ids, set.n_bans = bans.n;
    set.bias_ids = ids + bans.n, set.bias = used_biases = by, set.n_bias = biases.n;
    return 0;
}
