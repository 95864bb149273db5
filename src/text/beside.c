/* beside.c - the vocabulary file beside an output model. */
#include "text/beside.h"
#include "base/error.h"
#include "base/file.h"
#include "rwkv/api.h"
#include "text/builtin.h"
#include "base/platform/entry.h"
#include <stdlib.h>
#include <string.h>

static int same(const wkv_tokenizer *a, const wkv_tokenizer *b)
{
    if (a->v.size != b->v.size || a->end != b->end || strcmp(a->name, b->name)) return 0;
    for (int i = 0; i < a->v.size; i++) {
        const word *p = &a->v.words[i], *q = &b->v.words[i];
        if (p->bytes != q->bytes || memcmp(a->v.text + p->at, b->v.text + q->at, p->bytes)) return 0;
    }
    return 1;
}

/* 1: a model at `out` gets these words without a file; 0: it does not; WKV_ENOMEM. */
static int found(const char *out, int vocab, const wkv_tokenizer *words)
{
    const wkv_model written = {.about = {.path = out, .vocab = vocab}};
    wkv_tokenizer *t;
    int err = wkv_tokenizer_open(&t, NULL, &written);
    if (err) return err == WKV_ENOMEM ? err : 0;
    int is = same(t, words);
    wkv_tokenizer_close(t);
    return is;
}

/* Merges and rules for unknown characters need the original JSON; lines contain just words. */
static int is_json(const wkv_tokenizer *t) { return t->bpe || !strcmp(t->name, "characters"); }

static int read_words(beside *b, const wkv_tokenizer *t)
{
    if (!is_json(t)) return tokenizer_lines(&b->data, &b->bytes, t);
    if (builtin_has(t->path)) return builtin_text(&b->data, &b->bytes, t->path);
    file_map f;
    int err = file_open(&f, t->path);
    if (err) return err;
    if ((b->data = malloc(f.size + 1))) memcpy(b->data, f.data, b->bytes = f.size);
    file_close(&f);
    return b->data ? 0 : fail(WKV_ENOMEM, "%s: no memory for %zu bytes", t->path, (size_t)f.size);
}

int beside_plan(beside *b, const char *out, int vocab, const wkv_tokenizer *words)
{
    static const char *const extensions[] = {".vocab.txt", ".vocab.json"}; /* in the order of the lookup */
    *b = (beside){0};
    int there = words ? found(out, vocab, words) : 1;
    if (there) return there < 0 ? there : 0;
    if (words->v.size > vocab)
        return fail(WKV_EARG, "%s: its largest id is %d, but the model has %d logits", words->path, words->v.size - 1,
                    vocab);
    const size_t n = strlen(out) + sizeof ".vocab.json";
    if (!(b->path = malloc(n))) return fail(WKV_ENOMEM, "%s: no memory for its vocabulary", out);
    int err = 0;
    for (int i = 0; i < 2 && !err; i++) {
        tokenizer_own_path(b->path, n, out, extensions[i]);
        if (entry_exists(b->path))
            err =
                fail(WKV_EARG,
                     "%s: differs from the model's vocabulary and would be used instead of it; remove it, or write the "
                     "model under another name",
                     b->path);
    }
    tokenizer_own_path(b->path, n, out, extensions[is_json(words)]);
    if (!err) err = read_words(b, words);
    if (err) beside_release(b);
    return err;
}

int beside_write(const beside *b) { return b->path ? file_write(b->path, b->data, b->bytes) : 0; }

void beside_release(beside *b)
{
    free(b->path);
    free(b->data);
    *b = (beside){0};
}

int beside_put(const char *out, int vocab, const wkv_tokenizer *words)
{
    beside b;
    int err = beside_plan(&b, out, vocab, words);
    if (!err) err = beside_write(&b);
    beside_release(&b);
    return err;
}
