/* eval.c - the speed of wkv eval: `eval LAMBADA [SHAPE [TYPE [ITEMS]]]`, by default 7:0.1B bf16 1000.
 *
 * LAMBADA is lambada_test.jsonl. Random weights of the published size. The same ids are read twice, 64 items at a time:
 * with wkv_eval_batch, without logits, and by wkv_items_score, which also copies states and scores the last words. The
 * two alternate, and the float32 peak is measured after each, because other programs use the machine too. */
#include "wkv_bench.h"
#include "wkv_task.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BATCH = 64 };

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

/* The contexts, without logits. */
static double prefill(wkv_items *s, wkv_context *c, wkv_state **states)
{
    wkv_sequence q[BATCH];
    const double begun = now();
    for (int i = 0; i < wkv_items_count(s); i++) {
        const wkv_request *r = wkv_items_at(s, i)->requests;
        wkv_state_reset(states[i]);
        q[i] = (wkv_sequence){.state = states[i], .tokens = r->context_ids, .n = r->n_context};
    }
    if (wkv_eval_batch(c, q, wkv_items_count(s))) exit(failed());
    return now() - begun;
}

static double evaluate(wkv_items *s, wkv_context *c)
{
    const double begun = now();
    if (wkv_items_score(s, c, &(wkv_score_options){.batch = BATCH})) exit(failed());
    return now() - begun;
}

/* Operations of the matrix products for one more token, and for its logits. */
static void find_work(double *token, double *logits, const wkv_model *m)
{
    wkv_work one, two, with;
    wkv_work_of(&one, m, 1, 1, 0, NULL);
    wkv_work_of(&two, m, 1, 2, 0, NULL);
    wkv_work_of(&with, m, 1, 1, 1, NULL);
    *token = two.flops - one.flops;
    *logits = with.flops - one.flops;
}

typedef struct {
    int64_t tokens, scored, contexts;
    double read, all, peak; /* seconds; mean of the measured peaks */
    int items, peaks;
} sums;

static void measure(sums *t, wkv_items *s, wkv_context *c, wkv_state **states, wkv_meter *meter)
{
    wkv_roof r;
    int64_t scored;
    const int64_t tokens = count_tokens(s, &scored);
    for (int i = 0; i < wkv_items_count(s); i++) t->contexts += wkv_items_at(s, i)->requests->n_context;
    t->read += prefill(s, c, states);
    wkv_meter_now(meter, &r);
    t->peak += r.fma;
    t->all += evaluate(s, c);
    wkv_meter_now(meter, &r);
    t->peak += r.fma;
    t->peaks += 2;
    t->tokens += tokens;
    t->scored += scored;
    t->items += wkv_items_count(s);
}

int main(int argc, char **argv)
{
    const char *shape = argc > 2 ? argv[2] : "7:0.1B", *type = argc > 3 ? argv[3] : "bf16";
    const int items = argc > 4 ? atoi(argv[4]) : 1000;
    wkv_model *m;
    wkv_context *c;
    wkv_tokenizer *words;
    wkv_task *task;
    wkv_meter *meter;
    wkv_state *states[BATCH];
    wkv_roof roof;
    sums t = {0};
    double token, logits;
    if (argc < 2) return fprintf(stderr, "eval LAMBADA [SHAPE [TYPE [ITEMS]]]\n"), 2;
    if (wkv_meter_new(&meter, 0) || wkv_model_synthetic(&m, shape, type, BATCH + 2) || wkv_context_new(&c, m, NULL) ||
        wkv_tokenizer_open(&words, "world", NULL) || wkv_task_open(&task, "lambada", NULL))
        return failed();
    for (int i = 0; i < BATCH; i++)
        if (wkv_state_new(&states[i], m)) return failed();
    find_work(&token, &logits, m);
    wkv_meter_search(meter, 2, &roof);
    for (int from = 0; from < items; from += BATCH) {
        wkv_items *s;
        const wkv_items_options some = {.skip = from, .limit = items - from < BATCH ? items - from : BATCH};
        if (wkv_items_read(&s, task, argv[1], m, words, &some)) return failed();
        measure(&t, s, c, states, meter);
        wkv_items_free(s);
    }
    const double peak = t.peak / t.peaks, work = (double)t.tokens * token + (double)t.scored * logits;
    printf("%s %s: %d items, %lld tokens, %lld of them scored; float32 %.0f GFLOP/s (%s), %.0f meanwhile\n", shape,
           type, t.items, (long long)t.tokens, (long long)t.scored, roof.fma * 1e-9, roof.fma_how, peak * 1e-9);
    printf("prefill  %7.0f tokens/s  %3.0f %% of the peak, %3.0f %% of that meanwhile\n", (double)t.contexts / t.read,
           100 * (double)t.contexts * token / t.read / roof.fma, 100 * (double)t.contexts * token / t.read / peak);
    printf("eval     %7.0f tokens/s  %3.0f %%                %3.0f %%\n", (double)t.tokens / t.all,
           100 * work / t.all / roof.fma, 100 * work / t.all / peak);
    for (int i = 0; i < BATCH; i++) wkv_state_free(states[i]);
    wkv_task_close(task);
    wkv_tokenizer_close(words);
    wkv_context_free(c);
    wkv_model_close(m);
    wkv_meter_free(meter);
    return 0;
}
