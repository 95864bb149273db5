/* documents.c - files and folders of training data in all formats. */
#include "train/documents.h"
#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "train/binidx.h"
#include "train/csv.h"
#include "train/textfile.h"
#include "base/platform/entry.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- folders ----------------------------------------------------------------------------------------------------- */

static int is_data(const char *name) { return textfile_kind(name) != TEXT_UNKNOWN || path_has_extension(name, ".idx"); }

/* A .bin next to its .idx is read with it. */
static int is_part_of_data(const char *folder, const char *name)
{
    char path[4096];
    return path_has_extension(name, ".bin") && snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path &&
           binidx_names(path);
}

static int is_empty(const char *folder, const char *name)
{
    char path[4096];
    entry_info about;
    return snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path && !entry_read(&about, path) &&
           about.kind == ENTRY_FILE && !about.bytes;
}

static int is_visible(const char *name) { return *name != '.'; }

static void pass_over(skipped_entries *over, const char *name)
{
    if (over && !over->n++) snprintf(over->first, sizeof over->first, "%.60s", name);
}

static int each_entry(const char *folder, char **found, int n, skipped_entries *over, file_fn *fn, void *user)
{
    int err = 0, read = 0;
    for (int i = 0; i < n && !err; i++) {
        const char *name = found[i];
        char file[4096];
        if (!is_data(name) || is_empty(folder, name)) {
            if (!is_part_of_data(folder, name)) pass_over(over, name);
            continue;
        }
        if (snprintf(file, sizeof file, "%s/%s", folder, name) >= (int)sizeof file)
            err = fail(WKV_EARG, "%s/%s: the path is too long", folder, name);
        else
            err = fn(user, file);
        read++;
    }
    if (err || read) return err;
    return fail(WKV_EARG,
                "%s: the folder has no file with the extension .txt, .jsonl, .json, .csv, .tsv (also with .gz or "
                ".zst) or .idx",
                folder);
}

int documents_files(const char *path, skipped_entries *over, file_fn *fn, void *user)
{
    char **found;
    if (!entry_is_folder(path)) return fn(user, path);
    int n = listing_sorted(&found, path, is_visible);
    if (n < 0) return fail(WKV_EIO, "%s: cannot be read", path);
    int err = each_entry(path, found, n, over, fn, user);
    for (int i = 0; i < n; i++) free(found[i]);
    free(found);
    return err;
}

static int refuse_one(void *user, const char *path) { return file_refuse_input(user, path, "the text"); }

int documents_refuse_output(const char *path, const char *out)
{
    return documents_files(path, NULL, refuse_one, (void *)(uintptr_t)out);
}

/* ---- one file ---------------------------------------------------------------------------------------------------- */

typedef struct {
    const document_reader *r;
    int64_t count;
} counter;

static int count_object(void *user, const json_t *object)
{
    counter *c = user;
    c->count++;
    return c->r->object(c->r->user, object);
}

int documents_of_file(const char *path, const document_reader *r)
{
    counter c = {.r = r};
    char *text;
    size_t n;
    int err = textfile_read(&text, &n, path);
    if (err) return err;
    switch (textfile_kind(path)) {
    case TEXT_JSON_LINES: err = jsonl_each(text, n, count_object, &c); break;
    case TEXT_JSON: err = json_each(text, n, count_object, &c); break;
    case TEXT_CSV: err = csv_each(text, n, csv_separator(text, n), count_object, &c); break;
    case TEXT_TSV: err = csv_each(text, n, '\t', count_object, &c); break;
    default: c.count++; err = r->text(r->user, text, n);
    }
    free(text);
    if (!err && !c.count) err = fail(WKV_EFORMAT, "contains no document");
    return err ? fail_prefix(err, "%s", path) : 0;
}

/* ---- as text ----------------------------------------------------------------------------------------------------- */

/* Concatenate the segments of a document. */
typedef struct {
    char *text;
    size_t n, capacity;
} buffer;

static int append(void *user, const char *text, size_t bytes, int answer)
{
    buffer *p = user;
    (void)answer;         /* answers and questions alike */
    if (!bytes) return 0; /* p->text may still be NULL */
    if (p->n + bytes > p->capacity) {
        size_t capacity = 2 * p->n + bytes;
        char *more = realloc(p->text, capacity);
        if (!more) return fail(WKV_ENOMEM, "no memory for a document of %zu bytes", capacity);
        p->text = more;
        p->capacity = capacity;
    }
    memcpy(p->text + p->n, text, bytes);
    p->n += bytes;
    return 0;
}

typedef struct {
    const document_form *form;
    document_fn *fn;
    void *user;
} text_reader;

static int read_text(void *user, const char *text, size_t bytes)
{
    const text_reader *t = user;
    return t->fn(t->user, text, bytes);
}

static int read_object(void *user, const json_t *object)
{
    const text_reader *t = user;
    buffer p = {0};
    int err = conversation_read(object, t->form, append, &p);
    if (!err) err = t->fn(t->user, p.text ? p.text : "", p.n);
    free(p.text);
    return err;
}

static int read_file(void *user, const char *path)
{
    return binidx_names(path) ? 0 : documents_of_file(path, &(document_reader){read_text, read_object, user});
}

int documents_read(const char *path, const document_form *form, skipped_entries *over, document_fn *fn, void *user)
{
    return documents_files(path, over, read_file, &(text_reader){form, fn, user});
}
