/* cache.c - a prompt read with the prefix cache: `cache [SHAPE [TYPE]]`, by default 7:0.1B f16.
 *
 * A prompt of segments of 64 tokens: the seconds until it is read without a cache, the first time with one (its states
 * are kept and written), again, and after a restart. Random weights of the published size; the folder is removed. */
#include "wkv_bench.h"
#include "wkv_cache.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SEGMENT = 64, LENGTHS = 3, REPEATS = 3 };
static const int lengths[LENGTHS] = {1024, 2048, 4096};
static const char folder[] = "bench-cache";

static wkv_model *model;
static wkv_context *context;
static wkv_tokenizer *tokenizer;
static wkv_batcher *batcher;

static int failed(void) { return fprintf(stderr, "cache: %s\n", wkv_error()), 1; }

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds to read n tokens of a seed. */
static double seconds_to_read(wkv_cache *k, int n, unsigned seed)
{
    wkv_session *s;
    wkv_event e;
    const double begun = now();
    if (wkv_session_new(&s, model, tokenizer)) exit(failed());
    for (int i = 0; i < n; i += SEGMENT) {
        int32_t ids[SEGMENT];
        for (int j = 0; j < SEGMENT; j++)
            ids[j] = 1 + (int32_t)((((unsigned)(i + j) * 2654435761u + seed * 40503u) >> 8) % 60000);
        if (wkv_session_append_ids(s, ids, SEGMENT)) exit(failed());
    }
    if (k && wkv_cache_resume(k, s) < 0) exit(failed());
    if (wkv_batcher_add(batcher, s, NULL)) exit(failed());
    while (wkv_batcher_pending(batcher)) {
        if (wkv_batcher_step(batcher)) exit(failed());
        if (k && wkv_cache_keep(k, s)) exit(failed());
    }
    if (k && wkv_cache_save(k)) exit(failed());
    const double seconds = now() - begun;
    while (wkv_session_next_event(s, &e)) continue;
    wkv_session_free(s);
    return seconds;
}

static wkv_cache *opened(void)
{
    wkv_cache *k;
    if (wkv_cache_new(&k, context, tokenizer, &(wkv_cache_options){.folder = folder})) exit(failed());
    return k;
}

static void measure(int n)
{
    const unsigned first = (unsigned)n; /* the prompts of two lengths have nothing in common */
    double best[4] = {1e9, 1e9, 1e9, 1e9};
    for (unsigned i = first; i < first + REPEATS; i++) {
        double seconds[4];
        wkv_cache *k = opened();
        seconds[0] = seconds_to_read(NULL, n, i);
        seconds[1] = seconds_to_read(k, n, i);
        seconds[2] = seconds_to_read(k, n, i);
        wkv_cache_free(k);
        const double begun = now();
        k = opened();
        seconds[3] = now() - begun + seconds_to_read(k, n, i);
        wkv_cache_free(k);
        for (int j = 0; j < 4; j++)
            if (seconds[j] < best[j]) best[j] = seconds[j];
    }
    printf("%7d  %9.3f  %9.3f  %9.5f  %9.5f\n", n, best[0], best[1], best[2], best[3]);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (wkv_model_synthetic(&model, argc > 1 ? argv[1] : "7:0.1B", argc > 2 ? argv[2] : "f16", 1) ||
        wkv_tokenizer_open(&tokenizer, "world", NULL) || wkv_context_new(&context, model, NULL) ||
        wkv_batcher_new(&batcher, context, NULL))
        return failed();
    printf("seconds: tokens, without a cache, the first time, again, after a restart\n");
    seconds_to_read(NULL, 1024, 99);
    for (int i = 0; i < LENGTHS; i++) measure(lengths[i]);
    if (system("rm -r bench-cache")) fprintf(stderr, "cache: %s is left behind\n", folder);
    wkv_batcher_free(batcher);
    wkv_context_free(context);
    wkv_tokenizer_close(tokenizer);
    wkv_model_close(model);
    return 0;
}
