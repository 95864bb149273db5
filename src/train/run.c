/* run.c - wkv_train: text in, checkpoint out. */
#include "base/file.h"
#include "train/data.h"
#include "train/trainer.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

typedef struct {
    const wkv_train_options *o;
    int context, batch_size, log_every, valid_every, save_every;
    wkv_tokenizer *vocab;
    tokens text, held;
    chunks order;
    wkv_trainer *t;
    int32_t *rows; /* a batch: batch_size x (context + 1) ids      */
    FILE *log;
    double work;     /* seconds spent in steps                       */
    double loss_sum; /* since the last line of the log               */
    int loss_count;
} job;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* out/name, freed by the caller; NULL without memory */
static char *path_in(const char *out, const char *name)
{
    size_t n = strlen(out) + strlen(name) + 2;
    char *path = malloc(n);
    if (path)
        snprintf(path, n, "%s/%s", out, name);
    else
        fail(WKV_ENOMEM, "no memory for a path");
    return path;
}

/* ---- text ----------------------------------------------------------------------------------------------------------- */

static int open_vocab(job *j)
{
    const wkv_train_options *o = j->o;
    if (o->vocab) return wkv_tokenizer_open(&j->vocab, o->vocab, NULL);
    if (!o->init) return fail(WKV_EARG, "no vocabulary: give a file, or \"bytes\"");
    wkv_model *m;
    int err = wkv_model_open(&m, o->init, &(wkv_model_options){.as_stored = 1});
    if (err) return err;
    err = wkv_tokenizer_open(&j->vocab, NULL, m);
    wkv_model_close(m);
    return err;
}

static int read_text(job *j)
{
    const wkv_train_options *o = j->o;
    if (!o->data) return fail(WKV_EARG, "no text to train on");
    int err = tokens_read(&j->text, o->data, j->vocab);
    if (err) return err;
    if (o->valid)
        err = tokens_read(&j->held, o->valid, j->vocab);
    else {
        int64_t held = j->text.n / 100 > j->context ? j->text.n / 100 : j->context + 1;
        err = tokens_split(&j->text, j->text.n > 2 * held ? j->text.n - held : j->text.n, &j->held, j->vocab);
    }
    if (!err && (err = chunks_init(&j->order, &j->text, j->context, o->seed))) fail_prefix(err, "%s", o->data);
    return err;
}

/* Mean loss over the held-out text, in order and all of it but the last part of a batch; 0 tokens: left negative. */
static int measure(job *j, wkv_train_report *r)
{
    int64_t n = (j->held.n - 1) / j->context;
    double sum = 0;
    int64_t done = 0;
    for (int64_t i = 0; i < n;) {
        int b = n - i < j->batch_size ? (int)(n - i) : j->batch_size;
        for (int k = 0; k < b; k++)
            memcpy(j->rows + (size_t)k * ((size_t)j->context + 1), j->held.ids + (i + k) * j->context,
                   ((size_t)j->context + 1) * sizeof *j->rows);
        double loss;
        int err = wkv_trainer_loss(j->t, j->rows, b, j->context, &loss);
        if (err) return err;
        sum += loss * b;
        done += b;
        i += b;
    }
    if (!done) return 0;
    r->valid_loss = sum / (double)done;
    r->valid_bits = r->valid_loss / log(2) * (double)j->held.n / (double)j->held.bytes;
    return 0;
}

/* ---- results -------------------------------------------------------------------------------------------------------- */

/* The vocabulary beside the model, under the name by which the tokenizer finds it. */
static int copy_vocab(const job *j)
{
    const char *from = wkv_tokenizer_path(j->vocab);
    size_t n = from ? strlen(from) : 0;
    if (n < 4 || strcmp(from + n - 4, ".txt")) return 0; /* bytes, or one that is found by its own name */
    char *text, *path = path_in(j->o->out, "final.vocab.txt");
    if (!path) return WKV_ENOMEM;
    size_t bytes;
    int err = file_slurp(&text, &bytes, from);
    file_out f;
    if (!err) {
        if (!(err = file_create(&f, path))) {
            err = file_put(&f, text, bytes);
            if (err)
                file_abandon(&f);
            else
                err = file_commit(&f);
        }
        free(text);
    }
    free(path);
    return err;
}

static int save(const job *j)
{
    char *path = path_in(j->o->out, "final.safetensors");
    if (!path) return WKV_ENOMEM;
    int err = wkv_trainer_save(j->t, path, j->o->save_type);
    free(path);
    return err;
}

static void write_log(job *j, const wkv_train_report *r)
{
    if (r->valid_loss >= 0)
        fprintf(j->log, "{\"step\": %lld, \"valid_loss\": %.5f, \"valid_bits_per_byte\": %.5f}\n", (long long)r->step,
                r->valid_loss, r->valid_bits);
    if (r->step % j->log_every == 0 || r->step == r->steps) {
        fprintf(j->log,
                "{\"step\": %lld, \"tokens\": %lld, \"loss\": %.5f, \"lr\": %.6g, \"norm\": %.4f, "
                "\"tokens_per_second\": %.0f}\n",
                (long long)r->step, (long long)r->tokens, j->loss_sum / j->loss_count, r->lr, r->norm,
                r->tokens_per_second);
        j->loss_sum = j->loss_count = 0;
    }
    fflush(j->log);
}

/* ---- the run -------------------------------------------------------------------------------------------------------- */

static int every(int n, int64_t step) { return n > 0 && step % n == 0; }

static int one_step(job *j, wkv_train_report *r)
{
    double start = seconds();
    for (int b = 0; b < j->batch_size; b++)
        memcpy(j->rows + (size_t)b * ((size_t)j->context + 1), chunks_next(&j->order),
               ((size_t)j->context + 1) * sizeof *j->rows);
    int err = wkv_trainer_step(j->t, j->rows, j->batch_size, j->context, &r->loss);
    if (err) return err;
    j->work += seconds() - start;
    r->step = wkv_trainer_steps(j->t, &r->lr, &r->norm);
    r->tokens = r->step * j->batch_size * j->context;
    r->tokens_per_second = (double)r->tokens / j->work;
    r->valid_loss = r->valid_bits = -1;
    j->loss_sum += r->loss;
    j->loss_count++;
    return 0;
}

static int train(job *j)
{
    wkv_train_report r = {.steps = j->t->steps};
    int err = 0;
    for (int stop = 0; !stop && r.step < r.steps;) {
        if ((err = one_step(j, &r))) return err;
        int last = r.step == r.steps;
        if (last || every(j->valid_every, r.step)) err = measure(j, &r);
        if (err) return err;
        write_log(j, &r);
        stop = j->o->report && j->o->report(j->o->user, &r);
        if (last || stop || every(j->save_every, r.step)) err = save(j);
        if (err) return err;
        if (stop)
            return fail(WKV_ESTOPPED, "stopped after step %lld of %lld; the model so far is saved", (long long)r.step,
                        (long long)r.steps);
    }
    return 0;
}

static int or_default(int x, int otherwise) { return x ? x : otherwise; }

static int begin(job *j)
{
    wkv_train_options o = *j->o;
    if (o.context < 0 || o.batch < 0 || o.log_every < 0) return fail(WKV_EARG, "a context, batch or interval below 0");
    if (!o.out) return fail(WKV_EARG, "no folder for the results");
    if (o.save_type && strcmp(o.save_type, "bf16") && strcmp(o.save_type, "f32"))
        return fail(WKV_EARG, "type \"%s\": weights are saved as \"f32\" or \"bf16\"", o.save_type);
    j->context = or_default(o.context, 512);
    j->batch_size = or_default(o.batch, 8);
    j->log_every = or_default(o.log_every, 10);
    j->valid_every = or_default(o.valid_every, 500);
    j->save_every = or_default(o.save_every, 1000);
    int err = open_vocab(j);
    if (err || (err = read_text(j))) return err;
    if (!o.vocab_size) o.vocab_size = wkv_tokenizer_size(j->vocab);
    if (o.vocab_size < wkv_tokenizer_size(j->vocab))
        return fail(WKV_EARG, "vocab_size %d is less than the %d of %s", o.vocab_size, wkv_tokenizer_size(j->vocab),
                    wkv_tokenizer_path(j->vocab));
    if ((err = wkv_trainer_new(&j->t, &o))) return err;
    j->rows = malloc((size_t)j->batch_size * ((size_t)j->context + 1) * sizeof *j->rows);
    if (!j->rows) return fail(WKV_ENOMEM, "no memory for a batch");
    if (mkdir(o.out, 0777) && errno != EEXIST) return fail(WKV_EIO, "%s: %s", o.out, strerror(errno));
    char *path = path_in(o.out, "train.jsonl");
    if (!path) return WKV_ENOMEM;
    j->log = fopen(path, "w");
    if (!j->log) err = fail(WKV_EIO, "%s: %s", path, strerror(errno));
    free(path);
    return err ? err : copy_vocab(j);
}

int wkv_train(const wkv_train_options *o)
{
    job j = {.o = o};
    int err = begin(&j);
    if (!err) err = train(&j);
    if (j.log) fclose(j.log);
    free(j.rows);
    wkv_trainer_free(j.t);
    chunks_release(&j.order);
    tokens_release(&j.text);
    tokens_release(&j.held);
    wkv_tokenizer_close(j.vocab);
    return err;
}
