/* run.c - wkv_train: steps, evaluation, logs, checkpoints. begin.c opens the inputs. */
#include "train/run.h"
#include "train/adapt.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/thread.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- evaluation -------------------------------------------------------------------------------------------------- */

/* Weight of a sequence in a mean loss: 1 for text and pairs, for samples the tokens included in the loss. */
static double weight_of(const job *j, const sample *s)
{
    return s->counts && !j->source.samples.pairs ? (double)samples_counted(s, 1) : 1;
}

/* Early stopping: evaluations without a new lowest loss if the run ends now; else 0. */
static int lost_patience(const job *j)
{
    return j->o.patience && j->at.since_best >= j->o.patience ? (int)j->at.since_best : 0;
}

/* Sums over held-out sequences [from, to): weighted losses, and weights. */
static int sum_losses(job *j, int from, int to, double sums[2])
{
    int err = 0, most = j->source.of_samples ? 1 : j->o.batch;
    for (int n; !err && from < to; from += n) {
        double loss, weight = 0;
        n = to - from < most ? to - from : most;
        source_held_at(&j->source, from, j->now, n);
        for (int i = 0; i < n; i++) weight += weight_of(j, &j->now[i]);
        err = trainer_gradient(j->t, j->now, n * source_per(&j->source), 0, &loss);
        if (!err) sums[0] += loss * weight, sums[1] += weight;
    }
    return err;
}

/* Update the lowest loss and decide early stopping, equally in all processes. */
static void compare_with_best(job *j)
{
    wkv_train_report *r = &j->report;
    if (r->valid_loss < j->at.best || j->at.best == 0) {
        j->at.best = r->valid_loss;
        j->at.since_best = 0;
    } else
        j->at.since_best++;
    r->early_stopped = lost_patience(j);
}

/* Mean loss over the held-out sequences, of a text up to a limit of tokens; negative without any. Each process
 * evaluates a share of them. */
static int measure_held(job *j)
{
    enum { MOST = 1 << 18 };
    wkv_train_report *r = &j->report;
    const source *s = &j->source;
    int64_t n = source_held(s), most = s->of_samples ? n : MOST / s->context + 1;
    int all = (int)(n < most ? n : most), from = 0, to = all;
    if (j->communicator) pool_share(all, 1, j->communicator->rank, j->communicator->count, &from, &to);
    double sums[2] = {0}, begin = clock_seconds();
    int err = sum_losses(j, from, to, sums);
    if ((err = communicator_agree_on(j->communicator, err, sums, 2))) return err;
    j->idle += clock_seconds() - begin;
    if (all < 1) return 0;
    r->valid_loss = sums[0] / sums[1];
    if (j->held_bytes > 0) r->valid_bits = r->valid_loss / log(2) * (double)s->held_n / (double)j->held_bytes;
    compare_with_best(j);
    return 0;
}

/* Answer the questions of o->eval; each process answers a share of them. */
static int measure_choices(job *j)
{
    int all = j->choices.count, from = 0, to = all;
    if (!all) return 0;
    if (j->communicator) pool_share(all, 1, j->communicator->rank, j->communicator->count, &from, &to);
    double right[2] = {0}, begin = clock_seconds();
    int err = choices_answer(&j->choices, j->t, from, to, j->o.context, right);
    if ((err = communicator_agree_on(j->communicator, err, right, 2))) return err;
    j->idle += clock_seconds() - begin;
    j->report.accuracy = right[0] / all;
    j->report.accuracy_norm = right[1] / all;
    return 0;
}

/* Log an evaluation, and save the weights if it is the best. */
static int keep_measurement(job *j)
{
    int err = history_measurement(&j->history, &j->report);
    return err || j->report.valid_loss < 0 || j->at.since_best ? err : job_save(j, "best");
}

/* Text of ids; U+FFFD replaces invalid UTF-8. */
static void decode_text(const wkv_tokenizer *vocab, const int32_t *ids, int n, char *out, size_t capacity)
{
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        size_t bytes;
        const char *text = wkv_token_bytes(vocab, ids[i], &bytes);
        if (at + bytes + 1 > capacity) break;
        memcpy(out + at, text, bytes);
        at += bytes;
    }
    for (size_t i = 0; i < at;) {
        int whole = utf8_length(out + i, at - i);
        if (whole <= 0) out[i] = '?';
        i += whole > 0 ? (size_t)whole : 1;
    }
    out[at] = 0;
}

/* Prompt from the data, at most `most` ids, and the number of tokens to generate, at most *length: the first words of
 * the held-out text, else of the training text; for samples the first question and the length of its answer. */
static int sample_prompt(const job *j, int32_t *ids, int most, int *length)
{
    enum { WORDS = 8 };
    const source *s = &j->source;
    if (s->of_samples) {
        sample first = samples_at(s->held_samples.count ? &s->held_samples : &s->samples, 0);
        int n = 1, end;
        while (n < first.n - 1 && n < most && !first.counts[n]) n++;
        if (n == 1) n = first.n < WORDS ? first.n : WORDS; /* all included in the loss: a text */
        for (end = n; end < first.n && first.counts[end]; end++) {}
        if (end > n && end - n < *length) *length = end - n;
        memcpy(ids, first.ids, (size_t)n * sizeof *ids);
        return n;
    }
    const tokens *d = s->held_n ? s->held : &s->text;
    int64_t at = s->held_n ? s->held_at : 0, n = s->held_n ? s->held_n : s->text.n;
    int prompt = n < WORDS ? (int)n : WORDS;
    tokens_copy(d, at, prompt, ids);
    return prompt;
}

/* Generate text after a prompt from the data. */
static int write_sample(job *j)
{
    enum { PROMPT = 256, LENGTH = 80 };
    int32_t ids[PROMPT + LENGTH];
    double begin = clock_seconds();
    int length = LENGTH, prompt = sample_prompt(j, ids, PROMPT, &length), end = wkv_tokenizer_end(j->vocab), n = 0;
    int err = trainer_sample(j->t, ids, prompt, ids + prompt, length);
    if (err) return err;
    while (n < length && !(j->source.of_samples && ids[prompt + n] == end)) n++;
    decode_text(j->vocab, ids, prompt, j->sample, sizeof j->sample);
    size_t shown = strlen(j->sample);
    decode_text(j->vocab, ids, prompt + n, j->sample, sizeof j->sample);
    while ((j->sample[shown] & 0xc0) == 0x80) shown++; /* a character that starts in the prompt */
    j->report.sample_prompt = (int)shown;
    j->report.sample = j->sample;
    j->idle += clock_seconds() - begin;
    return history_sample(&j->history, &j->report);
}

/* ---- saving ------------------------------------------------------------------------------------------------------ */

static int save_frozen(const job *j, const char *name, train_method method, dtype type)
{
    char *path = path_in(j->o.out, name);
    if (!path) return WKV_ENOMEM;
    int err = adapt_save(j->t, path, method, type);
    free(path);
    return err;
}

/* Save adapters or states. */
static int save_adapted(const job *j, int best)
{
    int err = 0, named = j->t->methods & (TRAIN_LORA | TRAIN_NAMED);
    if (named)
        err = save_frozen(j, best ? "best-lora.safetensors" : "lora.safetensors", TRAIN_LORA, F32);
    if (!err && named && !best) err = save_frozen(j, "lora.pth", TRAIN_LORA, BF16);
    if (!err && j->t->methods & TRAIN_STATE)
        err = save_frozen(j, best ? "best-state.pth" : "state.pth", TRAIN_STATE, F32);
    return err;
}

int job_save(const job *j, const char *name)
{
    if (j->t->base) return save_adapted(j, !strcmp(name, "best"));
    char file[32];
    snprintf(file, sizeof file, "%s.%s", name, strcmp(j->o.save_type, "pth") ? "safetensors" : "pth");
    char *path = path_in(j->o.out, file);
    if (!path) return WKV_ENOMEM;
    int err = wkv_trainer_save(j->t, path, j->o.save_type);
    free(path);
    return err;
}

/* Called by all processes, because each holds a shard of the moments. */
static int save_checkpoint(job *j)
{
    int lead = communicator_lead(j->communicator);
    int64_t bytes = lead ? history_sync(&j->history) : 0;
    int err = communicator_agree(j->communicator, bytes < 0 ? (int)bytes : 0);
    if (err) return err;
    j->at.log_bytes = bytes;
    j->at.given = j->source.order.given;
    if (lead)
        err = checkpoint_write(j->o.out, j->t, &j->at, &j->o, j->o.keep);
    else
        params_send(&j->t->p);
    return communicator_agree(j->communicator, err);
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

static int every(int n, int64_t step) { return n > 0 && step % n == 0; }

/* The fields of a report that do not depend on the step. */
static void describe(job *j)
{
    wkv_train_report *r = &j->report;
    r->step = wkv_trainer_steps(j->t, &r->lr, &r->norm, &r->skipped);
    r->steps = j->t->steps;
    r->tokens = j->at.tokens;
    r->epoch = (double)j->source.order.given / (double)source_count(&j->source);
    r->smooth = j->at.smooth;
    r->margin = j->t->margin;
    r->preferred = j->plan.pairs ? j->t->preferred : -1;
    r->valid_loss = r->valid_bits = r->accuracy = r->accuracy_norm = -1;
    r->early_stopped = lost_patience(j); /* a resumed run may be finished */
    r->sample = NULL;
}

static void measure_speed(job *j, int64_t rows, double took)
{
    wkv_train_report *r = &j->report;
    const wkv_train_plan *p = &j->plan;
    j->work += took;
    j->worked += rows;
    r->tokens_per_second = (double)j->worked / j->work;
    r->share = j->o.peak > 0 ? p->step_flops / (double)p->step_tokens * r->tokens_per_second / j->o.peak : -1;
    r->seconds_left = (double)(r->steps - r->step) * (j->work + j->idle) / (double)(r->step - p->done);
}

/* Exponential moving average over about 20 steps, or a hundredth of a long run, so that the curve does not lag. */
static void smooth_loss(job *j, double loss)
{
    const double window = fmax(20, (double)j->t->steps / 100), counted = (double)(j->t->step - j->t->skipped);
    j->at.smooth += (loss - j->at.smooth) * 2 / (fmin(counted, window) + 1);
}

static int one_step(job *j)
{
    wkv_train_report *r = &j->report;
    double begin = clock_seconds();
    int64_t rows = 0;
    const int per = source_per(&j->source), first = j->communicator ? j->communicator->rank * j->own * per : 0;
    source_next(&j->source, j->now, j->o.batch);
    for (int i = 0; i < j->o.batch * per; i++) rows += j->now[i].n - 1;
    int err = trainer_step(j->t, j->now + first, j->own * per, &r->loss);
    if (err && err != WKV_ESTOPPED) return err;
    if (isfinite(r->loss)) {
        smooth_loss(j, r->loss);
        j->at.loss_sum += r->loss;
        j->at.loss_count++;
    }
    j->at.tokens += rows;
    describe(j);
    measure_speed(j, rows, clock_seconds() - begin);
    return err;
}

/* Log line: mean loss and speed since the last one (the report has the mean speed since the start). */
static int write_figures(job *j)
{
    wkv_train_report since = j->report;
    since.tokens_per_second = (double)(j->worked - j->worked_then) / (j->work - j->work_then);
    if (since.share >= 0) since.share *= since.tokens_per_second / j->report.tokens_per_second;
    const double mean = j->at.loss_count ? j->at.loss_sum / (double)j->at.loss_count : NAN;
    j->at.loss_sum = 0;
    j->at.loss_count = 0;
    j->work_then = j->work;
    j->worked_then = j->worked;
    return history_figures(&j->history, &since, mean);
}

/* All logging after a step. */
static int write_down(job *j, int last)
{
    wkv_train_report *r = &j->report;
    int err = r->valid_loss < 0 && r->accuracy < 0 ? 0 : keep_measurement(j);
    if (!err && j->vocab && (every(j->o.sample_every, r->step) || (last && j->o.sample_every > 0)))
        err = write_sample(j);
    if (!err && (last || every(j->o.log_every, r->step))) err = write_figures(j);
    return err ? err : history_page(&j->history, &j->plan, r, 0);
}

/* Is a checkpoint due, by steps or minutes? Its time does not change the result. */
static int save_is_due(const job *j)
{
    enum { SECONDS = 600 };
    return every(j->o.save_every, j->report.step) || (j->o.save_every > 0 && clock_seconds() - j->saved > SECONDS);
}

/* Everything due after a step. Process 0 decides whether the run stops; all processes agree here after each step, so
 * that none waits for one that left. */
static int after_step(job *j, int last, int *stop)
{
    wkv_train_report *r = &j->report;
    int now = last || every(j->o.valid_every, r->step), err = now ? measure_held(j) : 0;
    if (!err && now) err = measure_choices(j);
    if (err) return err;
    last = last || r->early_stopped;
    double due[2] = {0}; /* stop, save */
    if (communicator_lead(j->communicator)) {
        err = write_down(j, last);
        due[0] = !err && j->o.report && j->o.report(j->o.user, r);
        due[1] = last || due[0] || save_is_due(j);
    }
    if ((err = communicator_agree_on(j->communicator, err, due, 2))) return err;
    *stop = due[0] > 0;
    if (last) j->at.finished = r->step;
    if (due[1] <= 0) return 0;
    double begin = clock_seconds();
    err = save_checkpoint(j);
    j->saved = clock_seconds();
    j->idle += j->saved - begin;
    return err;
}

static int train(job *j)
{
    j->saved = clock_seconds();
    wkv_train_report *r = &j->report;
    int err = 0, stop = 0;
    while (!err && !stop && !r->early_stopped && r->step < r->steps) {
        err = one_step(j);
        if (!err) err = after_step(j, r->step == r->steps, &stop);
    }
    int over = r->early_stopped || r->step == r->steps,
        results = over || !j->at.finished; /* keep the results of the shorter run until the longer one ends */
    if (!err && communicator_lead(j->communicator) && results) err = job_save(j, "final");
    if (!err && communicator_lead(j->communicator)) err = history_page(&j->history, &j->plan, r, 1);
    err = communicator_agree(j->communicator, err);
    if (err || over) return err;
    return fail(WKV_ESTOPPED,
                "stopped after step %lld of %lld; saved, and can be resumed",
                (long long)r->step, (long long)r->steps);
}

/* Check that all processes start with the same weights, text and position. */
static int check_alike(const job *j)
{
    uint64_t mine = params_sum(&j->t->p) ^ 3 * j->at.text_sum ^ 5 * (uint64_t)j->source.order.given, first = mine;
    communicator_follow(j->communicator, &first, sizeof first);
    return first == mine
               ? 0
               : fail(WKV_EARG, "its model, text or checkpoint differs from that of process 0; all need the same "
                                "files and output folder");
}

/* Show the first three samples, or two pairs, of a new run. */
static int show_samples(const job *j)
{
    const samples *s = &j->source.samples;
    for (int i = 0; i < (s->pairs ? 4 : 3) && i < s->count && j->o.show && !j->plan.done; i++) {
        sample one = samples_at(s, i);
        wkv_train_sample shown = {.ids = one.ids,
                                  .counts = one.counts,
                                  .n = one.n,
                                  .pair = !s->pairs ? 0
                                          : i % 2   ? -1
                                                    : 1,
                                  .tokenizer = j->vocab};
        if (j->o.show(j->o.user, &shown)) return fail(WKV_ESTOPPED, "stopped before the first step");
    }
    return 0;
}

static int begin(job *j, const wkv_train_options *o)
{
    int err = communicator_agree(communicator_of(o), job_begin(j, o));
    if (err) return err;
    if (j->communicator && (err = communicator_agree(j->communicator, check_alike(j)))) return err;
    describe(j);
    if (communicator_lead(j->communicator) && j->o.plan && j->o.plan(j->o.user, &j->plan))
        err = fail(WKV_ESTOPPED, "stopped before the first step");
    if (!err && communicator_lead(j->communicator)) err = show_samples(j);
    if (!err && communicator_lead(j->communicator)) err = job_open(j);
    return communicator_agree(j->communicator, err);
}

int wkv_train(const wkv_train_options *o)
{
    REQUIRE(o, "the list of options");
    job j;
    int err = begin(&j, o);
    if (!err) err = train(&j);
    job_end(&j);
    return err;
}
