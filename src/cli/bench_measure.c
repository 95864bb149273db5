/* bench_measure.c - the measurements of `wkv bench`: the hardware limits, then the model in the order of use. */
#include "bench.h"
#include "wkv_train.h"
#include <stdlib.h>
#include <string.h>

enum { PASS_TOKENS = 512 }; /* tokens of one pass of the library */

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, compare);
    return n ? (x[n / 2] + x[(n - 1) / 2]) / 2 : 0;
}

/* ---- the roof around each repeat --------------------------------------------------------------------------------- */

/* The mean of the hardware limits before and after a repeat. */
static void measure_limits(bench *b, figure *f, wkv_roof *before)
{
    wkv_roof after, *r = &f->roof[f->repeats];
    wkv_meter_now(b->meter, &after);
    r->read = (before->read + after.read) / 2;
    r->fma = (before->fma + after.fma) / 2;
    r->int8 = (before->int8 + after.int8) / 2;
    if (b->moments < MOMENTS) {
        b->read[b->moments] = after.read;
        b->fma[b->moments] = after.fma;
        b->int8[b->moments++] = after.int8;
    }
    *before = after;
}

/* The median share of the roof: the minimum time by the hardware limits over the time of each repeat. */
static void compare_roof(figure *f)
{
    double share[REPEATS], dense[REPEATS], memory[REPEATS], read[REPEATS], peak[REPEATS];
    const wkv_work *w = &f->work;
    for (int i = 0; i < f->repeats; i++) {
        const wkv_roof *r = &f->roof[i];
        double t = f->seconds[i], reads = w->read / r->read / t, all = w->bytes / r->read / t,
               arithmetic = (w->int8 / r->int8 + (w->flops - w->int8) / r->fma) / t;
        memory[i] = reads - arithmetic;
        read[i] = reads;
        peak[i] = arithmetic;
        share[i] = reads > arithmetic ? reads : arithmetic;
        dense[i] = all > arithmetic ? all : arithmetic;
    }
    f->share = bench_median(share, f->repeats);
    f->dense = bench_median(dense, f->repeats);
    f->bandwidth = bench_median(read, f->repeats);
    f->peak = bench_median(peak, f->repeats);
    f->limit = bench_median(memory, f->repeats) > 0 ? "memory" : "arithmetic";
    qsort(f->seconds, (size_t)f->repeats, sizeof *f->seconds, compare);
}

/* ---- the model --------------------------------------------------------------------------------------------------- */

static int32_t next_token(bench *b, int text) { return b->ids[b->next[text]++ % b->n_ids]; }

/* `texts` texts read a token each, with logits. Counts the sparsity of the layers unless NULL. */
static int bench_pass(bench *b, int many, wkv_sparsity *layers)
{
    wkv_sequence q[TEXTS];
    int32_t ids[TEXTS];
    for (int i = 0; i < many; i++) {
        ids[i] = next_token(b, i);
        q[i] = (wkv_sequence){.state = b->states[i],
                              .tokens = &ids[i],
                              .n = 1,
                              .logits = b->logits + (size_t)i * (size_t)b->e.about->vocab};
    }
    return layers ? wkv_measure_sparsity(layers, b->e.context, q, many) : wkv_eval_batch(b->e.context, q, many);
}

/* One text reads n tokens, with the logits of the last. */
static int read_prompt(bench *b, int text, int n)
{
    int32_t ids[PASS_TOKENS];
    for (int at = 0, chunk; at < n && !interrupted; at += chunk) {
        chunk = n - at < PASS_TOKENS ? n - at : PASS_TOKENS;
        for (int i = 0; i < chunk; i++) ids[i] = next_token(b, text);
        if (wkv_eval(b->e.context, b->states[text], ids, chunk, at + chunk == n ? b->logits : NULL)) return -1;
    }
    return 0;
}

static void add_work(wkv_work *to, const wkv_work *w, double times)
{
    to->bytes += times * w->bytes;
    to->read += times * w->read;
    to->flops += times * w->flops;
    to->int8 += times * w->int8;
}

/* The work of one step, from the sparsity of some untimed steps. */
static int count_work(bench *b, wkv_work *w, int many)
{
    int L = b->e.about->layers, steps = (b->quick ? 16 : 64) / many;
    wkv_sparsity *layers = calloc((size_t)L, sizeof *layers);
    if (!layers) return complain("out of memory");
    int status = 0;
    for (int i = 0; i <= steps && !status && !interrupted; i++)
        if (bench_pass(b, many, layers)) status = complain_library();
    int64_t zero = 0, of = 0;
    for (int l = 0; l < L; l++) zero += layers[l].zero[0], of += layers[l].of[0];
    if (of) b->sparsity = (double)zero / (double)of;
    wkv_work_of(w, b->e.model, many, 1, 1, layers);
    free(layers);
    return status;
}

/* Decoding: a repeat has as many steps as take about `seconds`, after a warm-up step. */
static int measure_decode(bench *b, figure *f, int many, double seconds)
{
    wkv_work one;
    if (count_work(b, &one, many)) return 1;
    double t = seconds_now();
    if (bench_pass(b, many, NULL)) return complain_library();
    t = seconds_now() - t;
    int most = b->quick ? 3 : REPEATS, steps = t > 0 && seconds / most / t < 128 ? (int)(seconds / most / t) : 128;
    if (steps < 2) steps = 2;
    *f = (figure){.n = many, .tokens = steps * many};
    add_work(&f->work, &one, steps);
    wkv_roof before;
    wkv_meter_now(b->meter, &before);
    for (; f->repeats < most && !interrupted; f->repeats++) {
        const unsigned barriers = wkv_context_barriers(b->e.context);
        const double traffic = wkv_context_traffic(b->e.context);
        t = seconds_now();
        for (int i = 0; i < steps && !interrupted; i++)
            if (bench_pass(b, many, NULL)) return complain_library();
        f->seconds[f->repeats] = seconds_now() - t;
        f->barriers = wkv_context_barriers(b->e.context) - barriers;
        f->traffic = wkv_context_traffic(b->e.context) - traffic;
        measure_limits(b, f, &before);
    }
    compare_roof(f);
    return 0;
}

/* Repeat a prompt of n tokens from the start of a text until the time is over. */
static int measure_prefill(bench *b, figure *f, int n, double seconds)
{
    *f = (figure){.n = n, .tokens = n};
    for (int at = 0; at < n; at += PASS_TOKENS) {
        wkv_work w;
        int chunk = n - at < PASS_TOKENS ? n - at : PASS_TOKENS;
        wkv_work_of(&w, b->e.model, 1, chunk, at + chunk == n, NULL);
        add_work(&f->work, &w, 1);
    }
    double begun = seconds_now();
    wkv_roof before;
    wkv_meter_now(b->meter, &before);
    for (int most = b->quick ? 3 : REPEATS; f->repeats < most && !interrupted; f->repeats++) {
        wkv_state_reset(b->states[0]);
        b->next[0] = 0;
        double t = seconds_now();
        if (f->repeats && t - begun > seconds) break;
        const unsigned barriers = wkv_context_barriers(b->e.context);
        const double traffic = wkv_context_traffic(b->e.context);
        if (read_prompt(b, 0, n)) return complain_library();
        f->seconds[f->repeats] = seconds_now() - t;
        f->barriers = wkv_context_barriers(b->e.context) - barriers;
        f->traffic = wkv_context_traffic(b->e.context) - traffic;
        measure_limits(b, f, &before);
    }
    compare_roof(f);
    return 0;
}

static int measure_decoding(bench *b, progress *bar, double seconds)
{
    progress_at(bar, 1, 10, "decoding");
    if (read_prompt(b, 0, 64)) return complain_library();
    return measure_decode(b, &b->decode, 1, seconds);
}

static int measure_prompts(bench *b, progress *bar, double seconds)
{
    static const int lengths[PROMPTS] = {64, 512, 2048};
    for (int i = 0, n = b->quick ? 2 : PROMPTS; i < n && !interrupted; i++) {
        progress_at(bar, 2 + i, 10, "a prompt of %d tokens", lengths[i]);
        if (measure_prefill(b, &b->prefill[i], lengths[i], seconds)) return 1;
        b->prefills++;
    }
    return 0;
}

/* Each sequence starts at another position of the same text. */
static int measure_batches(bench *b, progress *bar, double seconds)
{
    static const int many[BATCHES] = {1, 4, 16, TEXTS};
    for (int i = 0; i < TEXTS && !interrupted; i++) {
        if (!i)
            wkv_state_reset(b->states[0]);
        else if (wkv_state_new(&b->states[i], b->e.model))
            return complain_library();
        b->next[i] = i * b->n_ids / TEXTS;
        if (read_prompt(b, i, 8)) return complain_library();
    }
    for (int i = 0; i < BATCHES && !interrupted; i++) {
        progress_at(bar, 5 + i, 10, "%d texts at once", many[i]);
        if (measure_decode(b, &b->batch[i], many[i], seconds)) return 1;
        b->batches++;
    }
    return 0;
}

/* Training steps of a new model of the same sizes, at 16 bytes per parameter and 6 operations per parameter and token,
 * excluding the embedding. Omitted if that exceeds half of the free memory, or the version cannot be trained. */
static int measure_training(bench *b, progress *bar, double seconds)
{
    enum { LENGTH = 512, ROWS = 2 };
    const wkv_model_info *m = b->e.about;
    figure *f = &b->train;
    double used = (double)(m->parameters - (int64_t)m->vocab * m->width);
    if (16.0 * (double)m->parameters > 0.5 * (double)wkv_memory_available()) {
        note("training omitted: it needs 16 bytes per parameter");
        return 0;
    }
    const wkv_train_options o = {.version = m->version,
                                 .layers = m->layers,
                                 .width = m->width,
                                 .head_size = m->head_size,
                                 .ffn = m->ffn,
                                 .vocab_size = m->vocab,
                                 .threads = b->roof.threads};
    int32_t ids[ROWS * (LENGTH + 1)];
    wkv_trainer *t;
    wkv_roof before;
    progress_at(bar, 9, 10, "training");
    if (wkv_trainer_new(&t, &o)) {
        note("training omitted: %s", wkv_error());
        return 0;
    }
    for (int i = 0; i < ROWS * (LENGTH + 1); i++) ids[i] = next_token(b, 0);
    *f = (figure){.n = LENGTH, .tokens = ROWS * LENGTH, .work = {.flops = 6 * used * ROWS * LENGTH}};
    int err = wkv_trainer_step(t, ids, ROWS, LENGTH, NULL); /* its memory is new */
    wkv_meter_now(b->meter, &before);
    for (double begun = seconds_now(); !err && f->repeats < REPEATS && !interrupted; f->repeats++) {
        double at = seconds_now();
        if (f->repeats > 2 && at - begun > seconds) break;
        if ((err = wkv_trainer_step(t, ids, ROWS, LENGTH, NULL))) break;
        f->seconds[f->repeats] = seconds_now() - at;
        measure_limits(b, f, &before);
    }
    wkv_trainer_free(t);
    if (err) return complain_library();
    compare_roof(f);
    return 0;
}

int bench_measure(bench *b)
{
    progress bar;
    progress_begin(&bar, "measuring");
    double t = seconds_now(), work = b->quick ? 0.1 : 3, roof = b->quick ? 0.5 : 3;
    int status = bench_pass(b, 1, NULL) ? complain_library() : 0;
    b->first = seconds_now() - t;
    progress_at(&bar, 0, 10, "the hardware limits");
    if (!status) wkv_meter_search(b->meter, roof, &b->roof);
    if (!status && (b->only == ALL || b->only == DECODE)) status = measure_decoding(b, &bar, 2 * work);
    b->resident = wkv_memory_resident(); /* before the batch is created */
    b->needed = wkv_memory_needed(b->e.context, 1);
    if (!status && (b->only == ALL || b->only == PREFILL)) status = measure_prompts(b, &bar, 2 * work);
    if (!status && (b->only == ALL || b->only == BATCH)) status = measure_batches(b, &bar, work);
    if (!status && (b->only == TRAIN || (b->only == ALL && !b->quick))) status = measure_training(b, &bar, 2 * work);
    wkv_meter_search(b->meter, 0, &b->roof); /* a later measurement may exceed the search */
    b->usual = (wkv_roof){.read = bench_median(b->read, b->moments),
                          .fma = bench_median(b->fma, b->moments),
                          .int8 = bench_median(b->int8, b->moments)};
    progress_end(&bar);
    return status ? status : interrupted ? 130 : 0;
}
