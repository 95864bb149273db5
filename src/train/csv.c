/* csv.c - rows of a table as JSON objects. */
#include "train/csv.h"
#include "base/error.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *at, *end;
    char separator;
    int64_t line; /* line of `at`, from 1 */
    char *field;  /* the last field: field_n bytes */
    size_t field_n;
    char *names; /* keys from the first row, zero-terminated */
    const char **name;
    int n_names;
} table_reader;

char csv_separator(const char *text, size_t bytes)
{
    const char *stop = memchr(text, '\n', bytes);
    size_t n = stop ? (size_t)(stop - text) : bytes;
    return !memchr(text, ',', n) && memchr(text, ';', n) ? ';' : ',';
}

/* Length of the line break at p; 0: none. */
static int line_break(const table_reader *r, const char *p)
{
    if (*p == '\n') return 1;
    return *p == '\r' && (p + 1 == r->end || p[1] == '\n') ? 1 + (p + 1 < r->end) : 0;
}

static int read_quoted(table_reader *r)
{
    const char *p = r->at + 1;
    for (;; p++) {
        if (p == r->end) return fail(WKV_EFORMAT, "a quote is not closed");
        if (*p == '"' && (p + 1 == r->end || p[1] != '"')) break;
        if (*p == '"') p++;
        r->line += *p == '\n';
        r->field[r->field_n++] = *p;
    }
    r->at = p + 1;
    if (r->at == r->end || *r->at == r->separator || line_break(r, r->at)) return 0;
    return fail(WKV_EFORMAT, "text after a closing quote; a quote inside a quoted field must be doubled");
}

/* Read one field, up to the separator or the end of line or text. */
static int read_field(table_reader *r)
{
    r->field_n = 0;
    if (r->at < r->end && *r->at == '"') return read_quoted(r);
    while (r->at < r->end && *r->at != r->separator && !line_break(r, r->at)) r->field[r->field_n++] = *r->at++;
    return 0;
}

/* After a field: 1 if the row has another one. */
static int pass_separator(table_reader *r)
{
    if (r->at == r->end) return 0;
    if (*r->at == r->separator) {
        r->at++;
        return 1;
    }
    r->at += line_break(r, r->at);
    r->line++;
    return 0;
}

static int pass_empty_lines(table_reader *r)
{
    for (int n; r->at < r->end && (n = line_break(r, r->at)); r->line++) r->at += n;
    return r->at < r->end;
}

static int read_names(table_reader *r)
{
    size_t at = 0;
    do {
        int err = read_field(r);
        const char **more = err ? NULL : realloc(r->name, (size_t)(r->n_names + 1) * sizeof *more);
        if (!more) return err ? err : fail(WKV_ENOMEM, "no memory for the names of fields");
        r->name = more;
        more[r->n_names++] = r->names + at;
        memcpy(r->names + at, r->field, r->field_n);
        at += r->field_n;
        r->names[at++] = 0;
    } while (pass_separator(r));
    return 0;
}

static int read_row(table_reader *r, json_t *row)
{
    int n = 0, more;
    do {
        int err = read_field(r);
        if (err) return err;
        if (n < r->n_names) {
            json_t *value = json_stringn(r->field, r->field_n);
            if (!value) return fail(WKV_EFORMAT, "the field \"%s\" is not UTF-8", r->name[n]);
            if (json_object_set_new(row, r->name[n], value))
                return fail(WKV_EFORMAT, "the name of field %d is not UTF-8", n + 1);
        }
        n++;
        more = pass_separator(r);
    } while (more);
    if (n == r->n_names) return 0;
    return fail(WKV_EFORMAT,
                "%d fields, the first line has %d; a field with a separator, a quote or a line break must be "
                "quoted",
                n, r->n_names);
}

static int each_row(table_reader *r, object_fn *fn, void *user)
{
    while (pass_empty_lines(r)) {
        int64_t line = r->line;
        json_t *row = json_object();
        int err = row ? read_row(r, row) : fail(WKV_ENOMEM, "no memory for a row");
        if (!err) err = fn(user, row);
        json_decref(row);
        if (err) return fail_prefix(err, "line %lld", (long long)line);
    }
    return 0;
}

int csv_each(const char *text, size_t bytes, char separator, object_fn *fn, void *user)
{
    table_reader r = {.at = text, .end = text + bytes, .separator = separator, .line = 1};
    r.field = malloc(bytes + 1);
    r.names = malloc(bytes + 1);
    int err = r.field && r.names ? 0 : fail(WKV_ENOMEM, "no memory for a table of %zu bytes", bytes);
    if (!err && pass_empty_lines(&r) && (err = read_names(&r))) fail_prefix(err, "line 1");
    if (!err) err = each_row(&r, fn, user);
    free(r.field);
    free(r.names);
    free(r.name);
    return err;
}
