/* sampling.c - from options to a sampler. */
#include "sampling.h"
#include "say.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static wkv_sampler_options set;
static float penalty;
static char penalty_words[64];
static texts bans, biases;

static const option sampling_options[] = {
    {'T', "temperature", OPT_REAL, "X", &set.temperature, 0, 100, NULL,
     "how freely tokens are drawn: 0 takes the most probable one always, 1 draws as the model believes"},
    {'p', "top-p", OPT_REAL, "X", &set.top_p, 0, 1, NULL,
     "draw among the most probable tokens that together reach this probability; 0 or 1: among all (-T 0 is greedy)"},
    {'k', "top-k", OPT_COUNT, "N", &set.top_k, 0, 1e6, "off", "draw among the N most probable tokens"},
    {0, "min-p", OPT_REAL, "X", &set.min_p, 0, 1, "off", "draw among tokens at least X times as probable as the best"},
    {0, "typical", OPT_REAL, "X", &set.typical_p, 0, 1, "off",
     "draw among the tokens of most typical surprise, up to this probability"},
    {0, "mirostat", OPT_REAL, "TAU", &set.mirostat_tau, 0, 100, "off",
     "hold the surprise near TAU bits (mirostat 2); replaces the limits above"},
    {0, "mirostat-rate", OPT_REAL, "X", &set.mirostat_eta, 0.001, 1, "0.1", "how fast mirostat corrects itself"},
    {0, "presence", OPT_REAL, "X", &set.presence, -100, 100, penalty_words,
     "subtract X from the logit of a token that has occurred"},
    {0, "frequency", OPT_REAL, "X", &set.frequency, -100, 100, penalty_words,
     "and X more for each time it has occurred"},
    {0, "penalty-decay", OPT_REAL, "X", &set.penalty_decay, 0.01, 1, NULL,
     "occurrences count X times as much after each token"},
    {0, "ban", OPT_TEXTS, "ID", &bans, 0, 0, "", "never draw this token; may be given again"},
    {0, "bias", OPT_TEXTS, "ID=X", &biases, 0, 0, "", "add X to the logit of this token; may be given again"},
    {'s', "seed", OPT_SEED, "N", &set.seed, 0, 0, "random", "the same seed, model and prompt give the same text"},
};
const group sampling_group = GROUP("Drawing tokens", sampling_options);

void sampling_defaults(float temperature, float top_p, float penalties)
{
    set = (wkv_sampler_options){
        .temperature = temperature, .top_p = top_p, .penalty_decay = 0.996f, .seed = random_seed()};
    penalty = penalties;
    set.presence = set.frequency = NAN;
    if (penalties == 0)
        snprintf(penalty_words, sizeof penalty_words, "0");
    else
        snprintf(penalty_words, sizeof penalty_words, "%g; 0 where tokens are bytes or characters", (double)penalties);
}

uint64_t sampling_seed(void) { return set.seed; }

/* "ID" or "ID=X"; the rest of the text after the id in *rest */
static int parse_id(const command *c, const char *shown, const char *text, int vocab, int32_t *id, char **rest)
{
    long v = strtol(text, rest, 10);
    if (*rest == text) return usage(c, "%s: '%s' does not begin with a token id", shown, text);
    if (v < 0 || v >= vocab) return usage(c, "%s: this model has tokens 0 to %d, not %ld", shown, vocab - 1, v);
    *id = (int32_t)v;
    return 0;
}

int sampling_make(wkv_sampler **out, const command *c, const engine *e)
{
    *out = NULL;
    const int single =
        wkv_tokenizer_size(e->tokenizer) <= 256 || !strcmp(wkv_tokenizer_name(e->tokenizer), "characters");
    if (isnan(set.presence)) set.presence = single ? 0 : penalty;
    if (isnan(set.frequency)) set.frequency = single ? 0 : penalty;
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
    if (!status) {
        set.bans = ids, set.n_bans = bans.n;
        set.bias_ids = ids + bans.n, set.bias = by, set.n_bias = biases.n;
        if (wkv_sampler_new(out, &set, e->about->vocab, e->tokenizer)) status = complain_library();
    }
    free(ids);
    free(by);
    return status;
}
