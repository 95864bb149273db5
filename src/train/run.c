/* run.c - wkv_train: one step after another, measured, written down and kept. What a run is made of is opened in
 * begin.c. */
#include "train/run.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/thread.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- measuring --------------------------------------------------------------------------------------------------- */

/* Sum of the losses of pieces [from, to) of the held-out text. */
static int sum_losses(job *j, int from, int to, double *sum)
{
    int context = j->o.context, err = 0;
    for (int b; !err && from < to; from += b) {
        b = to - from < j->o.batch ? to - from : j->o.batch;
        for (int k = 0; k < b; k++)
            tokens_copy(j->held, j->held_at + (int64_t)(from + k) * context, context + 1,
                        j->rows + (size_t)k * ((size_t)context + 1));
        double loss;
        err = wkv_trainer_loss(j->t, j->rows, b, context, &loss);
        if (!err) *sum += loss * b;
    }
    return err;
}

/* Mean loss over the held-out text, in order, up to so many tokens; no text: left negative. Each process measures a
 * share of it. */
static int measure(job *j)
{
    enum { MOST = 1 << 18 };
    wkv_train_report *r = &j->report;
    int context = j->o.context, all = MOST / context + 1, from = 0, to;
    int64_t n = (j->held_n - 1) / context;
    if (n < all) all = (int)n;
    to = all;
    if (j->ranks) pool_share(all, 1, j->ranks->rank, j->ranks->count, &from, &to);
    double sum = 0, begin = clock_seconds();
    int err = sum_losses(j, from, to, &sum);
    if ((err = ranks_agree_on(j->ranks, err, &sum, 1))) return err;
    j->idle += clock_seconds() - begin;
    if (all < 1) return 0;
    r->valid_loss = sum / all;
    if (j->vocab && j->held_bytes > 0)
        r->valid_bits = r->valid_loss / log(2) * (double)j->held_n / (double)j->held_bytes;
    return 0;
}

/* Write a measurement down, and the weights when it is the best. */
static int keep_measurement(job *j)
{
    wkv_train_report *r = &j->report;
    int err = history_measurement(&j->history, r);
    if (err || !(r->valid_loss < j->at.best || j->at.best == 0)) return err;
    j->at.best = r->valid_loss;
    return job_save(j, "best");
}

/* Text of ids, with a mark in the place of bytes that are no character. */
static void spell(const wkv_tokenizer *vocab, const int32_t *ids, int n, char *out, size_t room)
{
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        size_t bytes;
        const char *text = wkv_token_bytes(vocab, ids[i], &bytes);
        if (at + bytes + 1 > room) break;
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

/* What the model writes behind the first words of the held-out text, or of the text when there is none. */
static int write_sample(job *j)
{
    enum { PROMPT = 8, LENGTH = 80 };
    int32_t ids[PROMPT + LENGTH];
    const tokens *d = j->held_n ? j->held : &j->text;
    int64_t at = j->held_n ? j->held_at : 0, n = j->held_n ? j->held_n : j->text.n;
    int prompt = n < PROMPT ? (int)n : PROMPT;
    double begin = clock_seconds();
    tokens_copy(d, at, prompt, ids);
    int err = trainer_sample(j->t, ids, prompt, ids + prompt, LENGTH);
    if (err) return err;
    spell(j->vocab, ids, prompt, j->sample, sizeof j->sample);
    size_t shown = strlen(j->sample);
    spell(j->vocab, ids, prompt + LENGTH, j->sample, sizeof j->sample);
    while ((j->sample[shown] & 0xc0) == 0x80) shown++; /* a character that the prompt begins and the model ends */
    j->report.sample_prompt = (int)shown;
    j->report.sample = j->sample;
    j->idle += clock_seconds() - begin;
    return history_sample(&j->history, &j->report);
}

/* ---- saving ------------------------------------------------------------------------------------------------------ */

int job_save(const job *j, const char *name)
{
    char file[32];
    snprintf(file, sizeof file, "%s.%s", name, strcmp(j->o.save_type, "pth") ? "safetensors" : "pth");
    char *path = path_in(j->o.out, file);
    if (!path) return WKV_ENOMEM;
    int err = wkv_trainer_save(j->t, path, j->o.save_type);
    free(path);
    return err;
}

/* All processes: of shared moments each gives its own. */
static int save_checkpoint(job *j)
{
    int lead = ranks_lead(j->ranks);
    int64_t bytes = lead ? history_sync(&j->history) : 0;
    int err = ranks_agree(j->ranks, bytes < 0 ? (int)bytes : 0);
    if (err) return err;
    j->at.log_bytes = bytes;
    j->at.given = j->order.given;
    if (lead)
        err = checkpoint_write(j->o.out, j->t, &j->at, &j->o, j->o.keep);
    else
        params_send(&j->t->p);
    return ranks_agree(j->ranks, err);
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

static int every(int n, int64_t step) { return n > 0 && step % n == 0; }

/* The figures that do not change in a step. */
static void describe(job *j)
{
    wkv_train_report *r = &j->report;
    r->step = wkv_trainer_steps(j->t, &r->lr, &r->norm, &r->skipped);
    r->steps = j->t->steps;
    r->tokens = r->step * j->plan.step_tokens;
    r->epoch = (double)j->order.given / (double)j->order.chunks;
    r->smooth = j->at.smooth;
    r->valid_loss = r->valid_bits = -1;
    r->sample = NULL;
}

static void measure_speed(job *j, double took)
{
    wkv_train_report *r = &j->report;
    j->work += took;
    j->worked++;
    r->tokens_per_second = (double)(j->worked * j->plan.step_tokens) / j->work;
    r->share = j->o.peak > 0 ? (double)j->worked * j->plan.step_flops / j->work / j->o.peak : -1;
    r->seconds_left = (double)(r->steps - r->step) * (j->work + j->idle) / (double)j->worked;
}

/* A later loss weighs more: a mean over some 20 steps, a hundredth of a long run, so that the curve does not lag. */
static void smooth_loss(job *j, double loss)
{
    const double window = fmax(20, (double)j->t->steps / 100), counted = (double)(j->t->step - j->t->skipped);
    j->at.smooth += (loss - j->at.smooth) * 2 / (fmin(counted, window) + 1);
}

static int one_step(job *j)
{
    wkv_train_report *r = &j->report;
    size_t row = (size_t)j->o.context + 1;
    double begin = clock_seconds();
    for (int b = 0; b < j->o.batch; b++) order_next(&j->order, j->rows + (size_t)b * row);
    int first = j->ranks ? j->ranks->rank * j->own : 0;
    int err = wkv_trainer_step(j->t, j->rows + (size_t)first * row, j->own, j->o.context, &r->loss);
    if (err && err != WKV_ESTOPPED) return err;
    if (isfinite(r->loss)) {
        smooth_loss(j, r->loss);
        j->at.loss_sum += r->loss;
        j->at.loss_count++;
    }
    describe(j);
    measure_speed(j, clock_seconds() - begin);
    return err;
}

/* The figures since the last ones: mean loss, and speed, which in the report is a mean since the start. */
static int write_figures(job *j)
{
    wkv_train_report since = j->report;
    since.tokens_per_second = (double)((j->worked - j->worked_then) * j->plan.step_tokens) / (j->work - j->work_then);
    if (since.share >= 0) since.share *= since.tokens_per_second / j->report.tokens_per_second;
    const double mean = j->at.loss_count ? j->at.loss_sum / (double)j->at.loss_count : NAN;
    j->at.loss_sum = 0;
    j->at.loss_count = 0;
    j->work_then = j->work;
    j->worked_then = j->worked;
    return history_figures(&j->history, &since, mean);
}

/* All that is written down after a step. */
static int write_down(job *j, int last)
{
    wkv_train_report *r = &j->report;
    int err = r->valid_loss < 0 ? 0 : keep_measurement(j);
    if (!err && j->vocab && (every(j->o.sample_every, r->step) || (last && j->o.sample_every > 0)))
        err = write_sample(j);
    if (!err && (last || every(j->o.log_every, r->step))) err = write_figures(j);
    return err ? err : history_page(&j->history, &j->plan, r, 0);
}

/* Every so many steps, and after some minutes: when a checkpoint is written does not change what comes out. */
static int save_is_due(const job *j)
{
    enum { SECONDS = 600 };
    return every(j->o.save_every, j->report.step) || (j->o.save_every > 0 && clock_seconds() - j->saved > SECONDS);
}

/* All that may be due after a step. The process that leads says whether the run stops; with several each step ends here
 * with what they agree on, so that none waits for one that left. */
static int after_step(job *j, int last, int *stop)
{
    wkv_train_report *r = &j->report;
    int err = last || every(j->o.valid_every, r->step) ? measure(j) : 0;
    if (err) return err;
    double due[2] = {0}; /* stop, save */
    if (ranks_lead(j->ranks)) {
        err = write_down(j, last);
        due[0] = !err && j->o.report && j->o.report(j->o.user, r);
        due[1] = last || due[0] || save_is_due(j);
    }
    if ((err = ranks_agree_on(j->ranks, err, due, 2))) return err;
    *stop = due[0] > 0;
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
    while (!err && !stop && r->step < r->steps) {
        err = one_step(j);
        if (!err) err = after_step(j, r->step == r->steps, &stop);
    }
    if (!err && ranks_lead(j->ranks)) err = job_save(j, "final");
    if (!err && ranks_lead(j->ranks)) err = history_page(&j->history, &j->plan, r, 1);
    err = ranks_agree(j->ranks, err);
    if (err || r->step == r->steps) return err;
    return fail(WKV_ESTOPPED,
                "stopped after step %lld of %lld; all of it is saved, and a resumed run goes on from there",
                (long long)r->step, (long long)r->steps);
}

/* Processes that train together begin with the same weights, text and place in it. */
static int check_alike(const job *j)
{
    uint64_t mine = params_sum(&j->t->p) ^ 3 * j->at.text_sum ^ 5 * (uint64_t)j->order.given, first = mine;
    ranks_follow(j->ranks, &first, sizeof first);
    return first == mine
               ? 0
               : fail(WKV_EARG, "its model, its text or its checkpoint is not that of process 0; each needs the same "
                                "files, and the folder of the results");
}

static int begin(job *j, const wkv_train_options *o)
{
    int err = ranks_agree(ranks_of(o), job_begin(j, o));
    if (err) return err;
    if (j->ranks && (err = ranks_agree(j->ranks, check_alike(j)))) return err;
    describe(j);
    if (ranks_lead(j->ranks) && j->o.plan && j->o.plan(j->o.user, &j->plan))
        err = fail(WKV_ESTOPPED, "stopped before the first step");
    if (!err && ranks_lead(j->ranks)) err = job_open(j);
    return ranks_agree(j->ranks, err);
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
