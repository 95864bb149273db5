/* data.c - tokenizing files of text, once, at the start of a run. */
#include "train/data.h"
#include "base/error.h"
#include "train/binidx.h"
#include <stdlib.h>
#include <string.h>

/* ---- one file ---------------------------------------------------------------------------------------------------- */

typedef struct {
    token_part p;
    int64_t capacity;
    const text_form *form;
} reader;

/* capacity for n more ids */
static int reserve(reader *r, int64_t n)
{
    int64_t need = r->p.n + n;
    if (need <= r->capacity) return 0;
    int64_t capacity = r->capacity + r->capacity / 2;
    if (capacity < need) capacity = need;
    void *ids = realloc(r->p.ids, (size_t)capacity * (size_t)r->p.width);
    if (!ids) return fail(WKV_ENOMEM, "no memory for %lld tokens", (long long)capacity);
    r->p.ids = ids;
    r->capacity = capacity;
    return 0;
}

/* capacity reserved */
static void add_ids(reader *r, const int32_t *ids, int n)
{
    if (r->p.width == 4)
        memcpy((int32_t *)r->p.ids + r->p.n, ids, (size_t)n * sizeof *ids);
    else
        for (int i = 0; i < n; i++) ((uint16_t *)r->p.ids)[r->p.n + i] = (uint16_t)ids[i];
    r->p.n += n;
}

static int add_document(void *user, const char *text, size_t bytes)
{
    enum { AT_ONCE = 1 << 28 }; /* wkv_encode takes an int */
    reader *r = user;
    const wkv_tokenizer *vocab = r->form->vocab;
    if (bytes > AT_ONCE) return fail(WKV_EUNSUPPORTED, "a document of %zu bytes; the limit is %d", bytes, AT_ONCE);
    int n = wkv_encode(vocab, text, bytes, NULL, 0);
    if (n < 0) return n;
    int32_t *ids = malloc(((size_t)n + 1) * sizeof *ids), end = wkv_tokenizer_end(vocab);
    if (!ids) return fail(WKV_ENOMEM, "no memory for the %d tokens of a document", n);
    wkv_encode(vocab, text, bytes, ids, n);
    if (end >= 0) ids[n++] = end;
    int err = reserve(r, n);
    if (!err) add_ids(r, ids, n);
    free(ids);
    return err;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static int read_text(token_part *out, const char *path, const text_form *form)
{
    if (!form->vocab) return fail(WKV_EARG, "%s is text, and no vocabulary is given; --vocab names one", path);
    reader r = {.p = {.width = wkv_tokenizer_size(form->vocab) <= 65536 ? 2 : 4}, .form = form};
    int err = documents_read(path, &form->documents, NULL, add_document, &r);
    if (!err && !(r.p.path = strdup(path))) err = fail(WKV_ENOMEM, "no memory");
    if (err)
        free(r.p.ids);
    else
        *out = r.p;
    return err;
}

static int add_file(tokens *d, const char *path, const text_form *form)
{
    token_part *parts = realloc(d->parts, (size_t)(d->n_parts + 1) * sizeof *parts);
    if (!parts) return fail(WKV_ENOMEM, "no memory for %s", path);
    d->parts = parts;
    char *idx = binidx_index(path);
    int err = idx ? binidx_open(&parts[d->n_parts], idx) : read_text(&parts[d->n_parts], path, form);
    free(idx);
    if (err) return err;
    parts[d->n_parts].at = d->n;
    d->n += parts[d->n_parts++].n;
    return 0;
}

typedef struct {
    tokens *d;
    const text_form *form;
} adding;

static int add_one(void *user, const char *path)
{
    adding *a = user;
    return add_file(a->d, path, a->form);
}

int tokens_add(tokens *d, const char *path, const text_form *form)
{
    return documents_files(path, &d->over, add_one, &(adding){d, form});
}

static int find_text(void *user, const char *path)
{
    if (!binidx_names(path)) *(int *)user = 1;
    return 0;
}

int data_has_text(const char *path)
{
    int text = 0;
    return documents_files(path, NULL, find_text, &text) || text;
}

void tokens_release(tokens *d)
{
    for (int i = 0; i < d->n_parts; i++) {
        token_part *p = &d->parts[i];
        if (p->map.data)
            file_close(&p->map);
        else
            free(p->ids);
        free((char *)(uintptr_t)p->path);
    }
    free(d->parts);
    *d = (tokens){0};
}

/* ---- reading them ------------------------------------------------------------------------------------------------ */

static void part_copy(const token_part *p, int64_t at, int64_t n, int32_t *out)
{
    if (p->width == 4)
        memcpy(out, (const int32_t *)p->ids + at, (size_t)n * sizeof *out);
    else
        for (int64_t i = 0; i < n; i++) out[i] = ((const uint16_t *)p->ids)[at + i];
}

void tokens_copy(const tokens *d, int64_t at, int64_t n, int32_t *out)
{
    CHECK(at >= 0 && n >= 0 && n <= d->n - at);
    for (int i = 0; n; i++) {
        const token_part *p = &d->parts[i];
        int64_t skip = at - p->at;
        if (skip >= p->n) continue;
        int64_t take = p->n - skip < n ? p->n - skip : n;
        part_copy(p, skip, take, out);
        at += take;
        out += take;
        n -= take;
    }
}

/* Index of the first id of V or more; n: none. */
static int64_t find_beyond(const token_part *p, int V)
{
    int64_t i = 0;
    if (p->width == 2)
        while (i < p->n && ((const uint16_t *)p->ids)[i] < V) i++;
    else
        while (i < p->n && ((const uint32_t *)p->ids)[i] < (uint32_t)V) i++;
    return i;
}

int tokens_check(const tokens *d, int V)
{
    for (int i = 0; i < d->n_parts; i++) {
        const token_part *p = &d->parts[i];
        int64_t at = find_beyond(p, V);
        int32_t id;
        if (at == p->n) continue;
        part_copy(p, at, 1, &id);
        return fail(WKV_EFORMAT, "%s: token %lld of %lld is %d; the model's ids are 0 to %d", p->path, (long long)at,
                    (long long)p->n, (int)id, V - 1);
    }
    return 0;
}

uint64_t tokens_sum(const tokens *d)
{
    enum { AT_ONCE = 256, MOST = 1 << 16 };
    int32_t ids[AT_ONCE];
    int64_t blocks = (d->n + AT_ONCE - 1) / AT_ONCE, step = blocks / MOST + 1;
    uint64_t sum = 0xcbf29ce484222325u ^ (uint64_t)d->n;
    for (int64_t b = 0; b < blocks; b += step) {
        int64_t at = b * AT_ONCE;
        int n = d->n - at < AT_ONCE ? (int)(d->n - at) : AT_ONCE;
        tokens_copy(d, at, n, ids);
        for (int i = 0; i < n; i++) sum = (sum ^ (uint32_t)ids[i]) * 0x100000001b3u;
    }
    return sum;
}
