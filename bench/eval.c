/* eval.c - the speed of wkv eval: `eval LAMBADA [SHAPE [TYPE [ITEMS]]]`, by default 7:0.1B bf16 1000.
 *
 * LAMBADA is lambada_test.jsonl. Random weights of the published size. The same contexts are read twice, 64 at a time: with
 * wkv_eval_batch alone, without logits, and by wkv_items_score, which also copies states and scores the last words; the
 * two alternate. Tokens per second, and the share of the float32 peak that was measured around each. */
#include "wkv_bench.h"
#include "wkv_task.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BATCH = 64, ROUNDS = 3 };

static int failed(void) { return fprintf(stderr, "eval: %s\n", wkv_error()), 1; }

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int64_t count_tokens(wkv_items *s, int64_t *scored)
{
    int64_t n = 0;
    *scored = 0;
    for (int i = 0; i < wkv_items_count(s); i++) {
        const wkv_request *r = wkv_items_at(s, i)->requests;
        n += r->n_context - 1 + r->n;
        *scored += r->n;
    }
    return n;
}

/* All ids that the evaluation reads, 64 texts at a time, without logits. */
static double prefill(wkv_items *s, wkv_context *c, wkv_state **states)
{
    wkv_sequence q[2 * BATCH];
    const double begun = now();
    for (int from = 0; from < wkv_items_count(s); from += BATCH) {
        int n = 0;
        for (int i = from; i < wkv_items_count(s) && i < from + BATCH; i++) {
            const wkv_request *r = wkv_items_at(s, i)->requests;
            wkv_state_reset(states[n]);
            q[n] = (wkv_sequence){.state = states[n], .tokens = r->context_ids, .n = r->n_context};
            n++;
        }
        if (wkv_eval_batch(c, q, n)) exit(failed());
    }
    return now() - begun;
}

static double evaluate(wkv_items *s, wkv_context *c)
{
    const double begun = now();
    if (wkv_items_score(s, c, &(wkv_score_options){.batch = BATCH})) exit(failed());
    return now() - begun;
}

int main(int argc, char **argv)
{
    const char *shape = argc > 2 ? argv[2] : "7:0.1B", *type = argc > 3 ? argv[3] : "bf16";
    wkv_model *m;
    wkv_context *c;
    wkv_tokenizer *words;
    wkv_task *t;
    wkv_items *s;
    wkv_meter *meter;
    wkv_state *states[BATCH];
    wkv_roof roof, around;
    wkv_work context, word;
    if (argc < 2) return fprintf(stderr, "eval LAMBADA [SHAPE [TYPE [ITEMS]]]\n"), 2;
    if (wkv_meter_new(&meter, 0) || wkv_model_synthetic(&m, shape, type, BATCH + 2) || wkv_context_new(&c, m, NULL) ||
        wkv_tokenizer_open(&words, "world", NULL) || wkv_task_open(&t, "lambada", NULL) ||
        wkv_items_read(&s, t, argv[1], m, words, &(wkv_items_options){.limit = argc > 4 ? atoi(argv[4]) : 1000}))
        return failed();
    for (int i = 0; i < BATCH; i++)
        if (wkv_state_new(&states[i], m)) return failed();
    int64_t scored;
    const int64_t tokens = count_tokens(s, &scored);
    const int items = wkv_items_count(s), mean = (int)(tokens / items);
    wkv_work_of(&context, m, BATCH, mean, 0, NULL);
    wkv_work_of(&word, m, 1, 1, 1, NULL);
    wkv_work headless;
    wkv_work_of(&headless, m, 1, 1, 0, NULL);
    const double per_token = context.flops / BATCH / mean, per_word = word.flops - headless.flops;
    wkv_meter_search(meter, 2, &roof);
    printf("%s %s: %d items, %lld tokens, %lld of them scored; %.1f GFLOP/s float32, %s\n", shape, type, items,
           (long long)tokens, (long long)scored, roof.fma * 1e-9, roof.fma_how);
    for (int i = 0; i < ROUNDS; i++) {
        const double read = prefill(s, c, states);
        wkv_meter_now(meter, &around);
        const double all = evaluate(s, c), flops = (double)tokens * per_token;
        printf("prefill %7.0f tokens/s, %3.0f %% of the peak;  eval %7.0f tokens/s, %3.0f %%, %3.0f %% of the prefill's "
               "speed; peak meanwhile %.1f GFLOP/s\n",
               (double)(tokens + items - scored) / read,
               100 * (flops * (double)(tokens + items - scored) / (double)tokens) / read / roof.fma, (double)tokens / all,
               100 * (flops + (double)scored * per_word) / all / roof.fma, 100 * read / all, around.fma * 1e-9);
        fflush(stdout);
    }
    for (int i = 0; i < BATCH; i++) wkv_state_free(states[i]);
    wkv_items_free(s);
    wkv_task_close(t);
    wkv_tokenizer_close(words);
    wkv_context_free(c);
    wkv_model_close(m);
    wkv_meter_free(meter);
    return 0;
}
