/* samples.c - texts, conversations and instructions to tokens and loss masks. */
#include "train/samples.h"
#include "train/binidx.h"
#include "train/pairs.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    samples *s;
    const wkv_tokenizer *vocab;
    const document_form *form;
    int most;
} reader;

static size_t begin_of(const samples *s, int i) { return i ? s->ends[i - 1] : 0; }

static int reserve(samples *s, size_t n)
{
    if (s->n + n <= s->capacity) return 0;
    size_t capacity = s->n + n > 2 * s->capacity ? s->n + n : 2 * s->capacity;
    int32_t *ids = realloc(s->ids, capacity * sizeof *ids);
    if (ids) s->ids = ids;
    uint8_t *counts = realloc(s->counts, capacity);
    if (counts) s->counts = counts;
    if (!ids || !counts) return fail(WKV_ENOMEM, "no memory for %zu tokens", capacity);
    s->capacity = capacity;
    return 0;
}

int samples_put(samples *s, const wkv_tokenizer *vocab, const char *text, size_t bytes, int counts)
{
    enum { AT_ONCE = 1 << 28 }; /* wkv_encode takes an int */
    if (bytes > AT_ONCE) return fail(WKV_EUNSUPPORTED, "a text of %zu bytes; the limit is %d", bytes, AT_ONCE);
    int n = wkv_encode(vocab, text, bytes, NULL, 0);
    if (n < 0) return n;
    int err = reserve(s, (size_t)n + 1);
    if (err) return err;
    wkv_encode(vocab, text, bytes, s->ids + s->n, n);
    memset(s->counts + s->n, counts, (size_t)n);
    s->n += (size_t)n;
    return 0;
}

static int append(void *user, const char *text, size_t bytes, int answer)
{
    const reader *r = user;
    return samples_put(r->s, r->vocab, text, bytes, answer);
}

int samples_end(samples *s, int most)
{
    size_t from = begin_of(s, s->count), n = s->n - from;
    if (most && n > (size_t)most + 1) {
        n = (size_t)most + 1;
        s->truncated++;
    }
    int64_t counted = 0;
    for (size_t i = 1; i < n; i++) counted += s->counts[from + i];
    s->n = from + n;
    if (!counted) {
        s->n = from;
        s->left_out++;
        return 0;
    }
    if (n > INT32_MAX) return fail(WKV_EUNSUPPORTED, "a sample of %zu tokens; the limit is %d", n, INT32_MAX);
    if (s->count == s->ends_capacity) {
        int capacity = s->ends_capacity ? 2 * s->ends_capacity : 64;
        size_t *ends = realloc(s->ends, (size_t)capacity * sizeof *ends);
        if (!ends) return fail(WKV_ENOMEM, "no memory for %d samples", capacity);
        s->ends = ends;
        s->ends_capacity = capacity;
    }
    s->ends[s->count++] = s->n;
    s->counted += counted;
    if ((int)n > s->longest) s->longest = (int)n;
    return 0;
}

int samples_put_end(samples *s, const wkv_tokenizer *vocab, int counts)
{
    int32_t end = wkv_tokenizer_end(vocab);
    int err = end < 0 ? 0 : reserve(s, 1);
    if (err || end < 0) return err;
    s->ids[s->n] = end;
    s->counts[s->n++] = (uint8_t)counts;
    return 0;
}

static int add_conversation(reader *r, const json_t *object)
{
    int err = conversation_read(object, r->form, append, r);
    if (!err) err = samples_put_end(r->s, r->vocab, 1);
    return err ? err : samples_end(r->s, r->most);
}

/* Both answers of a pair, or neither. */
static int add_pair(reader *r, const json_t *object)
{
    samples *s = r->s;
    const int count = s->count, left_out = s->left_out;
    const int64_t counted = s->counted;
    const document_form *named = r->form, known = {.chat = named->chat};
    json_t *answers[2];
    int err = pair_read(answers, object, named);
    r->form = &known; /* --fields names fields of the pair, not of these */
    for (int i = 0; i < 2 && !err; i++) err = add_conversation(r, answers[i]);
    r->form = named;
    json_decref(answers[0]);
    json_decref(answers[1]);
    if (err || s->count == count + 2) return err;
    s->count = count;
    s->n = begin_of(s, count);
    s->counted = counted;
    s->left_out = left_out + 1;
    return 0;
}

static int add_object(void *user, const json_t *object)
{
    reader *r = user;
    return r->form->pairs ? add_pair(r, object) : add_conversation(r, object);
}

/* One text, split into samples that each begin with the last token of the previous one. */
static int add_document(void *user, const char *text, size_t bytes)
{
    reader *r = user;
    if (r->form->pairs) return fail(WKV_EFORMAT, "a plain text has no chosen and rejected answers; use .jsonl");
    int err = append(r, text, bytes, 1);
    samples *s = r->s;
    if (!err) err = samples_put_end(s, r->vocab, 1);
    if (err || !r->most) return err ? err : samples_end(s, 0);
    size_t from = begin_of(s, s->count), n = s->n - from;
    int32_t *all = malloc((n ? n : 1) * sizeof *all);
    if (!all) return fail(WKV_ENOMEM, "no memory for %zu tokens", n);
    memcpy(all, s->ids + from, n * sizeof *all);
    s->n = from;
    for (size_t at = 0; at + 1 < n && !err; at += (size_t)r->most) {
        size_t take = n - at < (size_t)r->most + 1 ? n - at : (size_t)r->most + 1;
        if ((err = reserve(s, take))) break;
        memcpy(s->ids + s->n, all + at, take * sizeof *all);
        memset(s->counts + s->n, 1, take);
        s->n += take;
        err = samples_end(s, r->most);
    }
    free(all);
    return err;
}

static int add_file(void *user, const char *path)
{
    if (binidx_names(path))
        return fail(WKV_EARG,
                    "%s: token files contain no samples; tune on text or .jsonl, or train on tokens with wkv train -m",
                    path);
    return documents_of_file(path, &(document_reader){add_document, add_object, user});
}

int samples_add(samples *s, const char *path, const wkv_tokenizer *t, const document_form *form, int most)
{
    reader r = {.s = s, .vocab = t, .form = form, .most = most};
    s->pairs = form->pairs;
    int before = s->count, err = documents_files(path, &s->over, add_file, &r);
    if (!err && s->count == before) err = fail(WKV_EARG, "%s: no token is included in the loss", path);
    if (err) samples_release(s);
    return err;
}

void samples_release(samples *s)
{
    free(s->ids);
    free(s->counts);
    free(s->ends);
    free(s->reference);
    *s = (samples){0};
}

int samples_expect_references(samples *s)
{
    s->reference = malloc((size_t)(s->count ? s->count : 1) * sizeof *s->reference);
    if (!s->reference) return fail(WKV_ENOMEM, "no memory for the reference of %d samples", s->count);
    for (int i = 0; i < s->count; i++) s->reference[i] = NAN;
    return 0;
}

sample samples_at(const samples *s, int i)
{
    size_t from = begin_of(s, i);
    return (sample){.ids = s->ids + from,
                    .counts = s->counts + from,
                    .n = (int)(s->ends[i] - from),
                    .reference = s->reference ? s->reference + i : NULL};
}

int samples_check(const samples *s, const wkv_tokenizer *vocab, int V)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->ids[i] >= V)
            return fail(WKV_EARG, "the vocabulary %s has token %d, but the model has only %d ids",
                        wkv_tokenizer_path(vocab), (int)s->ids[i], V);
    return 0;
}
