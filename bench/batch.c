/* batch.c - many streams on one model: `batch [SHAPE [TYPE [STREAMS [PROMPT]]]]`, by default 7:0.1B f16 32 4000.
 *
 * One stream; STREAMS streams; and STREAMS streams while a prompt of PROMPT tokens arrives: the time of a step is the
 * gap between two tokens of every stream. Random weights of the published size; sampling as for World models. */
#include "wkv_bench.h"
#include "wkv_session.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { STEPS = 60, MOST = 100000 };

static wkv_model *model;
static wkv_context *context;
static wkv_tokenizer *tokenizer;
static wkv_batcher *batcher;

static int failed(void) { return fprintf(stderr, "batch: %s\n", wkv_error()), 1; }

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A session of `n` pseudo-random tokens in the batcher, which generates without end or, with `reads`, only reads. */
static wkv_session *add(int n, int reads, uint64_t seed)
{
    static const int32_t end[] = {0};
    const wkv_sampler_options sampler = {.temperature = 1,
                                         .top_p = 0.3f,
                                         .presence = 0.5f,
                                         .frequency = 0.5f,
                                         .penalty_decay = 0.996f,
                                         .bans = end,
                                         .n_bans = 1,
                                         .seed = seed};
    const int vocab = wkv_model_about(model)->vocab;
    int32_t *ids = malloc(sizeof *ids * (size_t)n);
    uint32_t x = (uint32_t)seed + 1;
    for (int i = 0; i < n; i++) {
        x = x * 1664525u + 1013904223u;
        ids[i] = 1 + (int32_t)((uint64_t)x * (uint64_t)(vocab - 1) >> 32);
    }
    wkv_session *s;
    if (wkv_session_new(&s, model, tokenizer) || wkv_session_append_ids(s, ids, n) ||
        wkv_batcher_add(batcher, s, reads ? NULL : &(wkv_generation){.sampler = &sampler}))
        exit(failed());
    free(ids);
    return s;
}

static double step(wkv_session *const *s, int n)
{
    const double begun = now();
    wkv_event e;
    if (wkv_batcher_step(batcher)) exit(failed());
    for (int i = 0; i < n; i++)
        while (wkv_session_next_event(s[i], &e)) continue;
    return now() - begun;
}

static int ascending(const void *a, const void *b)
{
    const double d = *(const double *)a - *(const double *)b;
    return (d > 0) - (d < 0);
}

/* The median of STEPS steps, after the prompts are read. */
static double median_step(wkv_session *const *s, int n)
{
    static double t[STEPS];
    for (int i = 0; i < n; i++)
        while (!wkv_session_about(s[i]).sampled) step(s, n);
    for (int i = 0; i < STEPS; i++) t[i] = step(s, n);
    qsort(t, STEPS, sizeof *t, ascending);
    return t[STEPS / 2];
}

/* Milliseconds that the machine needs at least for one step of `streams` streams. */
static double roof(const wkv_roof *r, int streams)
{
    wkv_work w;
    wkv_work_of(&w, model, streams, 1, 1, NULL);
    const double memory = w.read / r->read, arithmetic = (w.flops - w.int8) / r->fma + w.int8 / r->int8;
    return 1e3 * (memory > arithmetic ? memory : arithmetic);
}

int main(int argc, char **argv)
{
    const char *shape = argc > 1 ? argv[1] : "7:0.1B", *type = argc > 2 ? argv[2] : "f16";
    const int streams = argc > 3 ? atoi(argv[3]) : 32, prompt = argc > 4 ? atoi(argv[4]) : 4000;
    wkv_meter *meter;
    wkv_roof limits;
    if (wkv_meter_new(&meter, 0)) return failed();
    wkv_meter_search(meter, 1, &limits);
    if (wkv_model_synthetic(&model, shape, type, streams + 1) || wkv_context_new(&context, model, NULL) ||
        wkv_tokenizer_open(&tokenizer, "world", NULL) ||
        wkv_batcher_new(&batcher, context, &(wkv_batcher_options){.slots = streams + 1}))
        return failed();

    wkv_session **s = malloc(sizeof *s * (size_t)(streams + 1));
    s[0] = add(16, 0, 0);
    const double one = median_step(s, 1);
    for (int i = 1; i < streams; i++) s[i] = add(16, 0, (uint64_t)i);
    const double many = median_step(s, streams);
    wkv_meter_now(meter, &limits);
    printf("%s %s, %d threads, %s\n", shape, type, wkv_context_threads(context), wkv_context_isa(context));
    printf("1 stream: %.1f ms a step (the machine's limit %.1f), %.1f tokens/s\n", 1e3 * one, roof(&limits, 1),
           1 / one);
    printf("%d streams: %.1f ms a step (limit %.1f), %.1f tokens/s, %.2f times one stream\n", streams, 1e3 * many,
           roof(&limits, streams), streams / many, streams * one / many);

    s[streams] = add(prompt, 1, 99);
    const double begun = now();
    double longest = 0;
    int steps = 0;
    for (; wkv_batcher_pending(batcher) > streams; steps++) {
        const double t = step(s, streams + 1);
        if (t > longest) longest = t;
    }
    printf("a prompt of %d tokens arrives: read in %.1f s, %d steps; longest gap %.0f ms, 3 median steps + 250 ms are "
           "%.0f ms\n",
           prompt, now() - begun, steps, 1e3 * longest, 3e3 * many + 250);
    for (int i = 0; i <= streams; i++) wkv_session_free(s[i]);
    free(s);
    wkv_batcher_free(batcher);
    wkv_tokenizer_close(tokenizer);
    wkv_context_free(context);
    wkv_model_close(model);
    wkv_meter_free(meter);
    return 0;
}
