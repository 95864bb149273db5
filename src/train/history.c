/* history.c - writing the log, and reading it when a run resumes. */
#include "train/history.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/platform/descriptor.h"
#include <errno.h>
#include "base/json.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading the log --------------------------------------------------------------------------------------------- */

/* capacity for one more of n */
static int reserve(void **at, int n, int *have, size_t size)
{
    if (n < *have) return 0;
    int more = *have ? 2 * *have : 64;
    void *p = realloc(*at, (size_t)more * size);
    if (!p) return fail(WKV_ENOMEM, "no memory for the metrics of the run");
    *at = p;
    *have = more;
    return 0;
}

static int add_figures(history *h, figures f)
{
    int err = reserve((void **)&h->f, h->n_f, &h->capacity_f, sizeof f);
    if (!err) h->f[h->n_f++] = f;
    return err;
}

static int add_measurement(history *h, measurement m)
{
    int err = reserve((void **)&h->m, h->n_m, &h->capacity_m, sizeof m);
    if (!err) h->m[h->n_m++] = m;
    return err;
}

static int set_sample(history *h, int64_t step, const char *text, int prompt)
{
    char *copy = strdup(text);
    if (!copy) return fail(WKV_ENOMEM, "no memory for a sample");
    free(h->sample);
    h->sample = copy;
    h->sample_step = step;
    h->sample_prompt = prompt < 0 || (size_t)prompt > strlen(copy) ? 0 : prompt;
    return 0;
}

static double number(const json_t *o, const char *key, double otherwise)
{
    const json_t *x = json_object_get(o, key);
    return json_is_number(x) ? json_number_value(x) : otherwise;
}

static int read_line(history *h, const char *text, size_t n)
{
    json_t *o;
    int err = json_read(&o, text, n, 0);
    if (err) return fail_prefix(err, "a line");
    double step = number(o, "step", 0);
    const char *sample = json_string_value(json_object_get(o, "sample"));
    if (sample)
        err = set_sample(h, (int64_t)step, sample, (int)number(o, "prompt_bytes", 0));
    else if (json_object_get(o, "valid_loss") || json_object_get(o, "accuracy"))
        err = add_measurement(h, (measurement){step, number(o, "valid_loss", -1), number(o, "valid_bits_per_byte", -1),
                                               number(o, "accuracy", -1), number(o, "accuracy_norm", -1)});
    else
        err = add_figures(h, (figures){step, number(o, "loss", NAN), number(o, "smooth", NAN), number(o, "lr", 0),
                                       number(o, "norm", NAN), number(o, "tokens_per_second", 0)});
    json_decref(o);
    return err;
}

static int read_lines(history *h, const char *path, int64_t keep)
{
    char *text;
    size_t n;
    int err = file_slurp(&text, &n, path);
    if (err) return err;
    if (n < (size_t)keep)
        err = fail(WKV_EFORMAT, "has %zu bytes, but had %lld at the last checkpoint", n, (long long)keep);
    for (char *s = text, *end = text + keep; !err && s < end;) {
        char *stop = memchr(s, '\n', (size_t)(end - s));
        if (!stop) stop = end;
        err = read_line(h, s, (size_t)(stop - s));
        s = stop + 1;
    }
    free(text);
    return err ? fail_prefix(err, "%s", path) : 0;
}

/* ---- open and close ---------------------------------------------------------------------------------------------- */

static int begin_log(history *h, const char *path, int64_t keep)
{
    int err = keep ? read_lines(h, path, keep) : 0;
    if (err) return err;
    if (descriptor_truncate(fileno(h->log), keep) || fseek(h->log, 0, SEEK_END))
        return fail(WKV_EIO, "%s: %s", path, strerror(errno));
    return 0;
}

int history_open(history *h, const char *folder, int64_t keep, int64_t step)
{
    size_t n = strlen(folder) + 16;
    char *path = malloc(n);
    h->page = malloc(n);
    int err = path && h->page ? 0 : fail(WKV_ENOMEM, "no memory for a path");
    if (!err) {
        snprintf(path, n, "%s/train.jsonl", folder);
        snprintf(h->page, n, "%s/train.html", folder);
        err = begin_log(h, path, keep);
    }
    free(path);
    if (!err && !(h->events = events_open(folder, step))) err = WKV_EIO;
    return err;
}

void history_close(history *h)
{
    if (h->log) fclose(h->log);
    if (h->events) fclose(h->events);
    free(h->page);
    free(h->f);
    free(h->m);
    free(h->sample);
    *h = (history){0};
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

json_t *real_or_null(double x) { return isfinite(x) ? json_real(x) : json_null(); }

/* Add a value to the object, taking its reference; NULL: out of memory. */
static json_t *with(json_t *line, const char *key, json_t *value)
{
    if (!json_object_set_new(line, key, value)) return line;
    json_decref(line);
    return NULL;
}

int history_line(FILE *log, json_t *line, const char *name)
{
    if (!line) return fail(WKV_ENOMEM, "no memory for a line of %s", name);
    int bad = json_dumpf(line, log, JSON_REAL_PRECISION(7) | JSON_PRESERVE_ORDER) || fputc('\n', log) == EOF ||
              fflush(log) || ferror(log);
    json_decref(line);
    return bad ? fail(WKV_EIO, "%s cannot be written: %s", name, strerror(errno)) : 0;
}

static int write_line(history *h, json_t *line) { return history_line(h->log, line, "train.jsonl"); }

static int write_scalars(history *h, int64_t step, int n, const char *const *tags, const double *values)
{
    int err = 0;
    for (int i = 0; !err && i < n; i++)
        if (isfinite(values[i])) err = events_scalar(h->events, step, tags[i], values[i]);
    return !err && fflush(h->events) ? fail(WKV_EIO, "the event file cannot be written: %s", strerror(errno)) : err;
}

int history_figures(history *h, const wkv_train_report *r, double mean)
{
    static const char *const tags[] = {"train/loss", "train/loss_smooth", "train/lr", "train/gradient_norm",
                                       "train/tokens_per_second"};
    static const char *const tags_of_pairs[] = {"train/margin", "train/preferred"};
    const double values[] = {mean, r->smooth, r->lr, r->norm, r->tokens_per_second};
    const double of_pairs[] = {r->margin, r->preferred};
    json_t *line = json_pack("{sI sI sf so so sf so sI sf}", "step", (json_int_t)r->step, "tokens",
                             (json_int_t)r->tokens, "epoch", r->epoch, "loss", real_or_null(mean), "smooth",
                             real_or_null(r->smooth), "lr", r->lr, "norm", real_or_null(r->norm), "skipped",
                             (json_int_t)r->skipped, "tokens_per_second", rint(r->tokens_per_second));
    if (r->share >= 0) line = with(line, "share_of_peak", json_real(r->share));
    if (r->preferred >= 0)
        line = with(with(line, "margin", json_real(r->margin)), "preferred", json_real(r->preferred));
    int err = write_line(h, line);
    if (!err) err = write_scalars(h, r->step, 5, tags, values);
    if (!err && r->preferred >= 0) err = write_scalars(h, r->step, 2, tags_of_pairs, of_pairs);
    if (!err) err = add_figures(h, (figures){(double)r->step, mean, r->smooth, r->lr, r->norm, r->tokens_per_second});
    return err;
}

int history_measurement(history *h, const wkv_train_report *r)
{
    static const struct {
        const char *key, *tag;
    } names[] = {{"valid_loss", "valid/loss"},
                 {"valid_perplexity", "valid/perplexity"},
                 {"valid_bits_per_byte", "valid/bits_per_byte"},
                 {"accuracy", "eval/accuracy"},
                 {"accuracy_norm", "eval/accuracy_norm"}};
    const double loss = r->valid_loss;
    const double values[] = {loss, loss < 0 ? -1 : exp(loss), r->valid_bits, r->accuracy, r->accuracy_norm};
    json_t *line = json_pack("{sI}", "step", (json_int_t)r->step);
    int err = 0;
    for (int i = 0; i < 5 && !err; i++) {
        if (values[i] < 0) continue; /* not evaluated */
        line = with(line, names[i].key, real_or_null(values[i]));
        err = write_scalars(h, r->step, 1, &names[i].tag, &values[i]);
    }
    if (r->early_stopped) line = with(line, "ended", json_true());
    int written = write_line(h, line);
    if (!err) err = written;
    return err ? err
               : add_measurement(h, (measurement){(double)r->step, loss, r->valid_bits, r->accuracy, r->accuracy_norm});
}

int history_sample(history *h, const wkv_train_report *r)
{
    int err = write_line(
        h, json_pack("{sI ss si}", "step", (json_int_t)r->step, "sample", r->sample, "prompt_bytes", r->sample_prompt));
    return err ? err : set_sample(h, r->step, r->sample, r->sample_prompt);
}

int64_t history_sync(history *h)
{
    if (fflush(h->log) || descriptor_flush(fileno(h->log)))
        return fail(WKV_EIO, "train.jsonl cannot be written: %s", strerror(errno));
    return ftello(h->log);
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

int history_page(history *h, const wkv_train_plan *p, const wkv_train_report *r, int over)
{
    enum { SECONDS = 5 };
    const double now = clock_seconds();
    if (!over && h->page_time > 0 && now - h->page_time < SECONDS) return 0;
    h->page_time = now;
    file_out out;
    int err = file_create(&out, h->page, FILE_ANY);
    if (err) return err;
    page_write(out.f, h, p, r, over);
    return file_commit(&out);
}
