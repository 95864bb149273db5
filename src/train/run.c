/* run.c - wkv_train: one step after another, measured, written down and kept. What a run is made of is opened in begin.c. */
#include "train/run.h"
#include "base/error.h"
#include "base/file.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- measuring ------------------------------------------------------------------------------------------------------ */

/* Mean loss over the held-out text, in order, up to so many tokens; no text: left negative. */
static int measure(job *j)
{
    enum { MOST = 1 << 18 };
    wkv_train_report *r = &j->report;
    int context = j->o.context, most = j->o.batch;
    int64_t n = (j->held_n - 1) / context, done = 0;
    if (n > MOST / context + 1) n = MOST / context + 1;
    double sum = 0, begin = seconds();
    for (int b; done < n; done += b) {
        b = n - done < most ? (int)(n - done) : most;
        for (int k = 0; k < b; k++)
            tokens_copy(j->held, j->held_at + (done + k) * context, context + 1,
                        j->rows + (size_t)k * ((size_t)context + 1));
        double loss;
        int err = wkv_trainer_loss(j->t, j->rows, b, context, &loss);
        if (err) return err;
        sum += loss * b;
    }
    j->idle += seconds() - begin;
    if (!done) return 0;
    r->valid_loss = sum / (double)done;
    if (j->vocab && j->held_bytes > 0)
        r->valid_bits = r->valid_loss / log(2) * (double)j->held_n / (double)j->held_bytes;
    int err = history_measurement(&j->history, r);
    if (err || !(r->valid_loss < j->at.best || j->at.best == 0)) return err;
    j->at.best = r->valid_loss;
    return job_save(j, "best.safetensors");
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
    double begin = seconds();
    tokens_copy(d, at, prompt, ids);
    int err = trainer_sample(j->t, ids, prompt, ids + prompt, LENGTH);
    if (err) return err;
    spell(j->vocab, ids, prompt + LENGTH, j->sample, sizeof j->sample);
    j->report.sample = j->sample;
    j->idle += seconds() - begin;
    return history_sample(&j->history, &j->report);
}

/* ---- saving --------------------------------------------------------------------------------------------------------- */

int job_save(const job *j, const char *name)
{
    char *path = path_in(j->o.out, name);
    if (!path) return WKV_ENOMEM;
    int err = wkv_trainer_save(j->t, path, j->o.save_type);
    free(path);
    return err;
}

static int save_checkpoint(job *j)
{
    int64_t bytes = history_sync(&j->history);
    if (bytes < 0) return (int)bytes;
    j->at.log_bytes = bytes;
    j->at.given = j->order.given;
    return checkpoint_write(j->o.out, j->t, &j->at, &j->o, j->o.keep);
}

/* ---- steps ---------------------------------------------------------------------------------------------------------- */

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

static int one_step(job *j)
{
    wkv_train_report *r = &j->report;
    size_t row = (size_t)j->o.context + 1;
    double begin = seconds();
    for (int b = 0; b < j->o.batch; b++) order_next(&j->order, j->rows + (size_t)b * row);
    int err = wkv_trainer_step(j->t, j->rows, j->o.batch, j->o.context, &r->loss);
    if (err && err != WKV_ESTOPPED) return err;
    if (isfinite(r->loss)) {
        int64_t counted = j->t->step - j->t->skipped;
        j->at.smooth += (r->loss - j->at.smooth) * fmax(1.0 / (double)counted, 0.02);
        j->at.loss_sum += r->loss;
        j->at.loss_count++;
    }
    describe(j);
    measure_speed(j, seconds() - begin);
    return err;
}

/* All that may be due after a step but saving. */
static int after_step(job *j, int last)
{
    wkv_train_report *r = &j->report;
    int err = 0;
    if (last || every(j->o.valid_every, r->step)) err = measure(j);
    if (!err && j->vocab && every(j->o.sample_every, r->step)) err = write_sample(j);
    if (!err && (last || every(j->o.log_every, r->step))) {
        err = history_figures(&j->history, r, j->at.loss_count ? j->at.loss_sum / (double)j->at.loss_count : NAN);
        j->at.loss_sum = 0;
        j->at.loss_count = 0;
    }
    return err ? err : history_page(&j->history, &j->plan, r, 0);
}

/* Every so many steps, and after some minutes: when a checkpoint is written does not change what comes out. */
static int save_is_due(const job *j)
{
    enum { SECONDS = 600 };
    return every(j->o.save_every, j->report.step) || (j->o.save_every > 0 && seconds() - j->saved > SECONDS);
}

static int train(job *j)
{
    j->saved = seconds();
    wkv_train_report *r = &j->report;
    int err = 0, stop = 0;
    while (!err && !stop && r->step < r->steps) {
        if ((err = one_step(j))) return err;
        int last = r->step == r->steps;
        if ((err = after_step(j, last))) return err;
        stop = j->o.report && j->o.report(j->o.user, r);
        if (last || stop || save_is_due(j)) {
            double begin = seconds();
            err = save_checkpoint(j);
            j->saved = seconds();
            j->idle += j->saved - begin;
        }
    }
    if (!err) err = job_save(j, "final.safetensors");
    if (!err) err = history_page(&j->history, &j->plan, r, 1);
    if (err || r->step == r->steps) return err;
    return fail(WKV_ESTOPPED,
                "stopped after step %lld of %lld; all of it is saved, and a resumed run goes on from there",
                (long long)r->step, (long long)r->steps);
}

int wkv_train(const wkv_train_options *o)
{
    job j;
    int err = job_begin(&j, o);
    if (!err) describe(&j);
    if (!err && j.o.plan && j.o.plan(j.o.user, &j.plan)) err = fail(WKV_ESTOPPED, "stopped before the first step");
    if (!err) err = train(&j);
    job_end(&j);
    return err;
}
