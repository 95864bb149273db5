/* items_texts.c - documents, whole or in windows, by domain. */
#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "base/utf8.h"
#include "study/items.h"
#include "train/documents.h"
#include "train/textfile.h"
#include "base/platform/entry.h"
#include <stdlib.h>
#include <string.h>

typedef struct {
    wkv_items *s;
    const wkv_model *m;
    const wkv_tokenizer *words;
    int window, stride, limit;
    const char *path; /* of the file */
    char domain[256]; /* "": none    */
    int64_t index;    /* in the file */
    int of_domain;    /* documents   */
} reader;

/* ---- one document ------------------------------------------------------------------------------------------------ */

/* Window [from, to) of the ids; ids before `scored` were scored by earlier windows. */
static void set_window(wkv_request *r, const int32_t *ids, int from, int scored, int to)
{
    *r = (wkv_request){.context_ids = ids + from, .n_context = scored - from, .ids = ids + scored, .n = to - scored};
}

static int count_windows(const reader *d, int n)
{
    return !d->window || n <= d->window ? 1 : 1 + (n - d->window + d->stride - 1) / d->stride;
}

static void set_windows(const reader *d, wkv_item *q, const int32_t *ids, int n)
{
    for (int i = 0, scored = 1; i < q->n; i++) {
        const int from = i * d->stride, to = i == q->n - 1 ? n : from + d->window;
        set_window(&q->requests[i], ids, from, scored, to);
        scored = to;
    }
}

static int describe(const reader *d, wkv_item *q, size_t bytes)
{
    if (utf8_check(d->path, strlen(d->path)) < strlen(d->path))
        return fail(WKV_EARG, "%s: the name is not UTF-8, as results need it; rename the file", d->path);
    json_t *about =
        json_pack("{s:s s:I s:I}", "path", d->path, "index", (json_int_t)d->index, "bytes", (json_int_t)bytes);
    const int err = items_set_doc(d->s, q, about);
    json_decref(about);
    return err;
}

static int add_document(reader *d, const char *text, size_t bytes)
{
    const int end = wkv_tokenizer_end(d->words), before = end >= 0;
    int32_t *ids;
    size_t first = 0;
    if (d->limit && d->of_domain >= d->limit) return 0;
    int n = items_encode(&ids, d->s, d->words, text, bytes, before);
    if (n < 0) return n;
    if (before)
        ids[0] = end;
    else if (n)
        wkv_token_bytes(d->words, ids[0], &first);
    n += before;
    if (n < 2) return 0; /* nothing to predict */
    wkv_item *q = items_add(d->s, count_windows(d, n));
    if (!q) return WKV_ENOMEM;
    q->index = d->index;
    q->bytes = (int64_t)(bytes - first);
    set_windows(d, q, ids, n);
    d->of_domain++;
    int err = describe(d, q, bytes);
    if (!err) err = items_set_group(d->s, q, d->domain);
    return err ? err : items_check_ids(q, d->m);
}

static int read_text(void *user, const char *text, size_t bytes)
{
    reader *d = user;
    const int err = add_document(d, text, bytes);
    d->index++;
    return err;
}

static int read_object(void *user, const json_t *object)
{
    const json_t *text = json_object_get(object, "text");
    if (!json_is_string(text)) return fail(WKV_EFORMAT, "no string \"text\"; a file or folder of texts is expected");
    return read_text(user, json_string_value(text), json_string_length(text));
}

/* ---- files and folders ------------------------------------------------------------------------------------------- */

static int read_file(void *user, const char *path)
{
    reader *d = user;
    if (!(d->path = chunks_text(&d->s->memory, path, strlen(path)))) return WKV_ENOMEM;
    d->index = 0;
    return documents_of_file(path, &(document_reader){read_text, read_object, d});
}

/* A file of a folder: a domain with the name of the file. */
static int read_domain_file(reader *d, const char *path)
{
    path_name(d->domain, sizeof d->domain, path);
    char *dot = strchr(d->domain, '.');
    if (dot) *dot = 0;
    d->of_domain = 0;
    return read_file(d, path);
}

static int is_visible(const char *name) { return *name != '.'; }

static int read_entry(reader *d, const char *folder, const char *name)
{
    char path[4096];
    entry_info about;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return fail(WKV_EARG, "%s/%s: the path is too long", folder, name);
    if (entry_read(&about, path)) return 0;
    if (about.kind != ENTRY_FOLDER)
        return textfile_kind(path) == TEXT_UNKNOWN || !about.bytes ? 0 : read_domain_file(d, path);
    snprintf(d->domain, sizeof d->domain, "%s", name);
    d->of_domain = 0;
    return documents_files(path, NULL, read_file, d);
}

static int read_folder(reader *d, const char *path)
{
    char **found;
    const int n = listing_sorted(&found, path, is_visible);
    if (n < 0) return fail(WKV_EIO, "%s: cannot be read", path);
    int err = 0;
    for (int i = 0; i < n; i++) {
        if (!err) err = read_entry(d, path, found[i]);
        free(found[i]);
    }
    free(found);
    return err;
}

int wkv_items_texts(wkv_items **out, const char *path, const wkv_model *m, const wkv_tokenizer *words, int window,
                    int stride, int limit)
{
    static const char *const metrics[] = {"bits_per_byte", "token_perplexity", NULL};
    REQUIRE(out, "the place for the items");
    *out = NULL;
    REQUIRE(path, "the path");
    REQUIRE(m, "the model");
    REQUIRE(words, "the tokenizer");
    if (window < 0 || window == 1 || stride < 0 || limit < 0 || (stride && stride >= window))
        return fail(WKV_EARG,
                    "windows of %d every %d ids, %d documents; a window has 2 ids or more, and a stride is less",
                    window, stride, limit);
    reader d = {.m = m, .words = words, .window = window, .stride = stride ? stride : window / 2, .limit = limit};
    if (!(d.s = items_new(metrics))) return WKV_ENOMEM;
    int err = entry_is_folder(path) ? read_folder(&d, path) : read_file(&d, path);
    if (!err && !d.s->count) err = fail(WKV_EARG, "%s: no text of two tokens or more", path);
    if (err)
        wkv_items_free(d.s);
    else
        *out = d.s;
    return err;
}
