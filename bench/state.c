/* state.c - a prompt read again, and the file of its state: `state [SHAPE [TYPE]]`, by default 7:0.1B f16.
 *
 * For each length of a prompt: the seconds until the first token of an answer when the prompt is read, and when its
 * state is loaded from a file (opened, checked whole, compared with the model). Random weights of the published
 * size. */
#include "wkv_bench.h"
#include "wkv_session.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char file[] = "bench-state.safetensors";
static const int lengths[] = {250, 1000, 2500, 5000, 10000, 15000, 20000, 25000};
enum { LENGTHS = sizeof lengths / sizeof *lengths, REPEATS = 5 };

static wkv_model *model;
static wkv_context *context;
static wkv_tokenizer *tokenizer;
static wkv_batcher *batcher;

static int failed(void) { return fprintf(stderr, "state: %s\n", wkv_error()), 1; }

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void finish(wkv_session *s, const wkv_generation *g)
{
    wkv_event e;
    if (wkv_batcher_add(batcher, s, g)) exit(failed());
    while (wkv_batcher_pending(batcher))
        if (wkv_batcher_step(batcher)) exit(failed());
    while (wkv_session_next_event(s, &e)) continue;
}

/* Seconds to read n tokens and sample one; the session before the sample is saved. */
static double read_prompt(int n)
{
    int32_t *ids = malloc(sizeof *ids * (size_t)n);
    for (int i = 0; i < n; i++) ids[i] = 1 + (int32_t)((i * 2654435761u >> 8) % 65000);
    wkv_session *s;
    const double begun = now();
    if (wkv_session_new(&s, model, tokenizer) || wkv_session_append_ids(s, ids, n)) exit(failed());
    finish(s, NULL);
    const double read = now() - begun;
    if (wkv_session_save(s, context, NULL, file)) exit(failed());
    const double saved = now();
    finish(s, &(wkv_generation){.max_tokens = 1});
    const double seconds = read + now() - saved;
    wkv_session_free(s);
    free(ids);
    return seconds;
}

/* Seconds to load the file and sample one token. */
static double load(void)
{
    wkv_state_file *f;
    wkv_session *s;
    const double begun = now();
    if (wkv_state_file_open(&f, file) || wkv_session_load(&s, f, context, tokenizer)) exit(failed());
    finish(s, &(wkv_generation){.max_tokens = 1});
    const double seconds = now() - begun;
    wkv_session_free(s);
    wkv_state_file_close(f);
    return seconds;
}

int main(int argc, char **argv)
{
    const char *shape = argc > 1 ? argv[1] : "7:0.1B", *type = argc > 2 ? argv[2] : "f16";
    if (wkv_model_synthetic(&model, shape, type, 2) || wkv_context_new(&context, model, NULL) ||
        wkv_tokenizer_open(&tokenizer, "world", NULL) || wkv_batcher_new(&batcher, context, NULL))
        return failed();
    printf("| tokens | read, s | state file, ms | file, MB |\n|--:|--:|--:|--:|\n");
    for (int i = 0; i < LENGTHS; i++) {
        const double read = read_prompt(lengths[i]);
        double best = 1e9;
        for (int k = 0; k < REPEATS; k++) {
            const double seconds = load();
            if (seconds < best) best = seconds;
        }
        FILE *f = fopen(file, "rb");
        if (!f || fseek(f, 0, SEEK_END)) return 1;
        printf("| %d | %.2f | %.1f | %.1f |\n", lengths[i], read, 1e3 * best, (double)ftell(f) / 1e6);
        fflush(stdout);
        fclose(f);
    }
    remove(file);
    wkv_batcher_free(batcher);
    wkv_tokenizer_close(tokenizer);
    wkv_context_free(context);
    wkv_model_close(model);
    return 0;
}
