/* sampler.c - the time of sampling one token, for settings from greedy to all limits at once: `bench_sampler [V]`, on
 * one thread, medians of 400 with the 90th percentile. 500 different ids count for the penalties.
 *
 * zipf: logits of a Zipf distribution over the ids in random order, with noise, as of a text; flat: normal noise alone.
 * Eight arrays of each take turns. */
#include "wkv.h"
#include "base/clock.h"
#include "base/rng.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARRAYS = 8, REPEATS = 400, SEEN = 500 };

static void shuffle(int *list, int n, rng *r)
{
    for (int i = n - 1; i > 0; i--) {
        int j = (int)(rng_uniform(r) * (i + 1)), t = list[i];
        list[i] = list[j], list[j] = t;
    }
}

/* slope 0: noise alone */
static void make_logits(float *logits, int vocab, float slope, rng *r)
{
    int *rank = malloc((size_t)vocab * sizeof *rank);
    for (int i = 0; rank && i < vocab; i++) rank[i] = i + 1;
    if (rank) shuffle(rank, vocab, r);
    for (int i = 0; rank && i < vocab; i++) logits[i] = -slope * logf((float)rank[i]) + 0.7f * (float)rng_normal(r);
    free(rank);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void measure(const char *name, const wkv_sampler_options *o, int vocab, const float *zipf, const float *flat)
{
    printf("%-28s", name);
    for (int k = 0; k < 2; k++) {
        double us[REPEATS];
        wkv_sampler *s;
        if (wkv_sampler_new(&s, o, vocab, NULL)) exit(fprintf(stderr, "%s\n", wkv_error()));
        for (int i = 0; i < SEEN; i++) wkv_sampler_count(s, (int32_t)((int64_t)i * 7919 % vocab));
        for (int i = 0; i < REPEATS; i++) {
            const float *logits = (k ? flat : zipf) + (size_t)(i % ARRAYS) * (size_t)vocab;
            int64_t start = clock_ns();
            if (wkv_sample(s, logits) < 0) exit(fprintf(stderr, "%s\n", wkv_error()));
            us[i] = 1e-3 * (double)(clock_ns() - start);
        }
        qsort(us, REPEATS, sizeof *us, by_size);
        printf("  %7.1f %7.1f", us[REPEATS / 2], us[REPEATS * 9 / 10]);
        wkv_sampler_free(s);
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    enum { BANS = 8 };
    static const int32_t ids[2 * BANS] = {1, 99, 1000, 2000, 3000, 4000, 5000, 6000,
                                          7, 70, 700,  7000, 5,    50,   500,  4999};
    static const float bias[BANS] = {1, -1, 2, -2, 3, -3, 4, -4};
    const wkv_sampler_options all = {.temperature = 0.8f,
                                     .top_p = 0.9f,
                                     .top_k = 50,
                                     .min_p = 0.02f,
                                     .typical_p = 0.9f,
                                     .presence = 0.5f,
                                     .frequency = 0.3f,
                                     .bans = ids,
                                     .n_bans = BANS,
                                     .bias_ids = ids + BANS,
                                     .bias = bias,
                                     .n_bias = BANS};
    const struct {
        const char *name;
        wkv_sampler_options o;
    } cases[] = {{"greedy", {.temperature = 0}},
                 {"temperature 0.8", {.temperature = 0.8f}},
                 {"penalties", {.temperature = 1, .presence = 0.5f, .frequency = 0.3f}},
                 {"top-k 50", {.temperature = 0.8f, .top_k = 50}},
                 {"min-p 0.02", {.temperature = 0.8f, .min_p = 0.02f}},
                 {"top-p 0.5", {.temperature = 1, .top_p = 0.5f}},
                 {"top-p 0.9", {.temperature = 0.8f, .top_p = 0.9f}},
                 {"typical 0.9", {.temperature = 0.8f, .typical_p = 0.9f}},
                 {"mirostat 5", {.temperature = 1, .mirostat_tau = 5}},
                 {"all limits", all}};
    int vocab = argc > 1 ? atoi(argv[1]) : 65536;
    size_t n = ARRAYS * (size_t)(vocab < 8192 ? 8192 : vocab);
    float *zipf = malloc(n * sizeof *zipf), *flat = malloc(n * sizeof *flat);
    rng r = {1, 0};
    if (vocab < 8192 || !zipf || !flat) return fprintf(stderr, "usage: bench_sampler [V], V of 8192 or more\n"), 2;
    for (int i = 0; i < ARRAYS; i++) {
        make_logits(zipf + (size_t)i * (size_t)vocab, vocab, 1.5f, &r);
        make_logits(flat + (size_t)i * (size_t)vocab, vocab, 0, &r);
    }
    printf("us per token, V %d              zipf: median, 90 %%  flat\n", vocab);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) measure(cases[i].name, &cases[i].o, vocab, zipf, flat);
    free(zipf), free(flat);
}
