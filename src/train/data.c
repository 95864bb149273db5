/* data.c - files of text to tokens, once, at the start of a run; then chunks of them in a shuffled order. */
#include "train/data.h"
#include "base/error.h"
#include "base/file.h"
#include "base/rng.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading -------------------------------------------------------------------------------------------------------- */

typedef struct {
    tokens *d;
    int64_t room;
    const wkv_tokenizer *t;
} reader;

/* room for n more ids */
static int make_room(reader *r, size_t n)
{
    int64_t need = r->d->n + (int64_t)n;
    if (need <= r->room) return 0;
    int64_t room = r->room + r->room / 2;
    if (room < need) room = need;
    int32_t *ids = realloc(r->d->ids, (size_t)room * sizeof *ids);
    if (!ids) return fail(WKV_ENOMEM, "no memory for %lld tokens", (long long)room);
    r->d->ids = ids;
    r->room = room;
    return 0;
}

static int add_document(reader *r, const char *text, size_t bytes)
{
    enum { AT_ONCE = 1 << 28 }; /* wkv_encode counts in int */
    if (bytes > AT_ONCE)
        return fail(WKV_EUNSUPPORTED, "a document of %zu bytes; at most %d are read as one", bytes, AT_ONCE);
    int n = wkv_encode(r->t, text, bytes, NULL, 0);
    if (n < 0) return n;
    int err = make_room(r, (size_t)n + 1);
    if (err) return err;
    wkv_encode(r->t, text, bytes, r->d->ids + r->d->n, n);
    r->d->n += n;
    r->d->bytes += bytes;
    if (wkv_tokenizer_end(r->t) >= 0) r->d->ids[r->d->n++] = wkv_tokenizer_end(r->t);
    return 0;
}

static int add_json_line(reader *r, const char *line, size_t bytes)
{
    json_error_t why;
    json_t *doc = json_loadb(line, bytes, JSON_REJECT_DUPLICATES, &why);
    if (!doc) return fail(WKV_EFORMAT, "not JSON: %s", why.text);
    const json_t *text = json_object_get(doc, "text");
    int err = json_is_string(text) ? add_document(r, json_string_value(text), json_string_length(text))
                                   : fail(WKV_EFORMAT, "no string called \"text\"");
    json_decref(doc);
    return err;
}

static int add_json_lines(reader *r, const char *s, size_t bytes)
{
    const char *end = s + bytes;
    for (int64_t line = 1; s < end; line++) {
        const char *stop = memchr(s, '\n', (size_t)(end - s));
        if (!stop) stop = end;
        size_t n = (size_t)(stop - s);
        int err = strspn(s, " \t\r") < n ? add_json_line(r, s, n) : 0;
        if (err) return fail_prefix(err, "line %lld", (long long)line);
        s = stop + 1;
    }
    return 0;
}

static int ends_in(const char *path, const char *ending)
{
    size_t n = strlen(path), k = strlen(ending);
    return n >= k && !strcmp(path + n - k, ending);
}

int tokens_read(tokens *out, const char *path, const wkv_tokenizer *t)
{
    *out = (tokens){0};
    char *text;
    size_t bytes;
    int err = file_slurp(&text, &bytes, path);
    if (err) return err;
    reader r = {.d = out, .t = t};
    err = ends_in(path, ".jsonl") ? add_json_lines(&r, text, bytes) : add_document(&r, text, bytes);
    free(text);
    if (!err) return 0;
    tokens_release(out);
    return fail_prefix(err, "%s", path);
}

void tokens_release(tokens *d)
{
    free(d->ids);
    *d = (tokens){0};
}

int tokens_split(tokens *d, int64_t n, tokens *rest, const wkv_tokenizer *t)
{
    CHECK(n >= 0 && n <= d->n);
    *rest = (tokens){.n = d->n - n};
    rest->ids = malloc((size_t)(rest->n ? rest->n : 1) * sizeof *rest->ids);
    if (!rest->ids) return fail(WKV_ENOMEM, "no memory for %lld tokens", (long long)rest->n);
    memcpy(rest->ids, d->ids + n, (size_t)rest->n * sizeof *rest->ids);
    for (int64_t i = 0; i < rest->n; i++) {
        size_t bytes = 0;
        wkv_token_bytes(t, rest->ids[i], &bytes);
        rest->bytes += bytes;
    }
    d->n = n;
    d->bytes -= rest->bytes;
    return 0;
}

/* ---- chunks --------------------------------------------------------------------------------------------------------- */

/* Fisher-Yates from a stream of its own for every epoch. The shift, below one context, needs a chunk's room at the end. */
static void shuffle(chunks *c)
{
    rng r = {.seed = c->seed + 0x9e3779b97f4a7c15u * (uint64_t)(c->epoch + 1)};
    int64_t spare = c->data->n - 1 - c->chunks * c->context; /* tokens behind the last chunk */
    c->shift = (int64_t)(rng_u64(&r) % (uint64_t)(spare + 1));
    for (int64_t i = 0; i < c->chunks; i++) c->order[i] = (uint32_t)i;
    for (int64_t i = c->chunks - 1; i > 0; i--) {
        int64_t j = (int64_t)(rng_u64(&r) % (uint64_t)(i + 1));
        uint32_t was = c->order[i];
        c->order[i] = c->order[j];
        c->order[j] = was;
    }
}

int chunks_init(chunks *c, const tokens *data, int context, uint64_t seed)
{
    *c = (chunks){.data = data, .context = context, .seed = seed};
    int64_t n = (data->n - 1) / context;
    if (n < 1)
        return fail(WKV_EARG, "%lld tokens of text are too few for a context of %d", (long long)data->n, context);
    if (n > UINT32_MAX)
        return fail(WKV_EUNSUPPORTED, "%lld chunks of text; at most %u can be shuffled", (long long)n, UINT32_MAX);
    c->chunks = n > 1 ? n - 1 : 1; /* one is left for the shift */
    c->order = malloc((size_t)c->chunks * sizeof *c->order);
    if (!c->order) return fail(WKV_ENOMEM, "no memory to shuffle %lld chunks of text", (long long)n);
    shuffle(c);
    return 0;
}

void chunks_release(chunks *c)
{
    free(c->order);
    *c = (chunks){0};
}

const int32_t *chunks_next(chunks *c)
{
    int64_t epoch = c->given / c->chunks;
    if (epoch != c->epoch) {
        c->epoch = epoch;
        shuffle(c);
    }
    int64_t i = c->order[c->given++ % c->chunks];
    return c->data->ids + c->shift + i * c->context;
}
