/* source.c - sections of a text and samples as one kind of sequence. */
#include "train/source.h"
#include "base/error.h"
#include "base/hash.h"
#include <stdlib.h>

int source_add(source *s, const char *path)
{
    if (!s->of_samples) return tokens_add(&s->text, path, &s->form);
    return samples_add(&s->samples, path, s->form.vocab, &s->form.documents, s->context);
}

int source_add_held(source *s, const char *path)
{
    if (!s->of_samples) return tokens_add(&s->other_held, path, &s->form);
    return samples_add(&s->held_samples, path, s->form.vocab, &s->form.documents, s->context);
}

int source_begin(source *s, int64_t held_n, int capacity, uint64_t seed, int magic)
{
    s->capacity = capacity;
    if (s->of_samples) {
        int err = s->form.documents.pairs ? samples_expect_references(&s->samples) : 0;
        if (!err && s->form.documents.pairs) err = samples_expect_references(&s->held_samples);
        return err ? err : order_init_samples(&s->order, (int)source_count(s), seed);
    }
    s->held = s->other_held.n ? &s->other_held : &s->text;
    s->held_n = s->other_held.n ? s->other_held.n : held_n;
    s->held_at = s->other_held.n ? 0 : s->text.n - held_n;
    s->rows = malloc((size_t)capacity * ((size_t)s->context + 1) * sizeof *s->rows);
    if (!s->rows) return fail(WKV_ENOMEM, "no memory for a batch");
    return order_init(&s->order, source_tokens(s), s->context, seed, magic);
}

int source_check(const source *s, int V)
{
    int err = s->of_samples ? samples_check(&s->samples, s->form.vocab, V) : tokens_check(&s->text, V);
    if (err) return err;
    return s->of_samples ? samples_check(&s->held_samples, s->form.vocab, V) : tokens_check(&s->other_held, V);
}

void source_release(source *s)
{
    order_release(&s->order);
    tokens_release(&s->text);
    tokens_release(&s->other_held);
    samples_release(&s->samples);
    samples_release(&s->held_samples);
    free(s->rows);
}

/* context + 1 tokens of a text as sequence i of rows. */
static sample piece(source *s, const tokens *of, int64_t at, int i)
{
    CHECK(i < s->capacity);
    int32_t *row = s->rows + (size_t)i * ((size_t)s->context + 1);
    tokens_copy(of, at, s->context + 1, row);
    return (sample){.ids = row, .n = s->context + 1};
}

int source_per(const source *s) { return s->form.documents.pairs ? 2 : 1; }

/* The samples of sequence i. */
static void take(const source *s, const samples *of, int64_t i, sample *out)
{
    const int per = source_per(s);
    for (int k = 0; k < per; k++) out[k] = samples_at(of, (int)i * per + k);
}

void source_next(source *s, sample *out, int n)
{
    for (int i = 0; i < n; i++) {
        int64_t at = order_next(&s->order);
        if (s->of_samples)
            take(s, &s->samples, at, out + i * source_per(s));
        else
            out[i] = piece(s, &s->text, at, i);
    }
}

int64_t source_count(const source *s) { return s->of_samples ? s->samples.count / source_per(s) : s->order.chunks; }

int64_t source_tokens(const source *s)
{
    if (s->of_samples) return (int64_t)s->samples.n;
    return s->held == &s->text ? s->held_at : s->text.n;
}

static uint64_t sum_of_samples(const samples *s)
{
    uint64_t sum = hash_bytes(HASH_START, s->ids, s->n * sizeof *s->ids);
    sum = hash_bytes(sum, s->counts, s->n);
    return hash_bytes(sum, s->ends, (size_t)s->count * sizeof *s->ends);
}

uint64_t source_sum(const source *s)
{
    if (s->of_samples) return sum_of_samples(&s->samples) ^ 3 * sum_of_samples(&s->held_samples);
    return tokens_sum(&s->text) ^ (s->other_held.n ? 3 * tokens_sum(&s->other_held) : 0);
}

int64_t source_held(const source *s)
{
    if (s->of_samples) return s->held_samples.count / source_per(s);
    return s->held_n > 0 ? (s->held_n - 1) / s->context : 0;
}

void source_held_at(source *s, int64_t i, sample *out, int n)
{
    for (int k = 0; k < n; k++) {
        if (s->of_samples)
            take(s, &s->held_samples, i + k, out + k * source_per(s));
        else
            out[k] = piece(s, s->held, s->held_at + (i + k) * s->context, k);
    }
}
