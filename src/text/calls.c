/* calls.c - calls of functions as text, read as they come and written again: {"name":"f","arguments":{...}}. */
#include "wkv_tools.h"
#include "base/error.h"
#include "base/json.h"
#include <stdlib.h>
#include <string.h>

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static const char before_name[] = "{\"name\":\"", before_arguments[] = ",\"arguments\":";

enum { NAME = 64 };

typedef struct {
    wkv_call_part_kind kind;
    int call;
    size_t from, to; /* in the text */
} part;

struct wkv_call_reader {
    enum { BEFORE_NAME, IN_NAME, BEFORE_ARGUMENTS, IN_ARGUMENTS } at;
    size_t matched; /* bytes of the text before the name or the arguments */
    char name[NAME];
    size_t n_name;
    int depth, in_string, escaped; /* in the arguments */
    int calls;                     /* begun */
    char *text;                    /* of the parts */
    size_t n, cap;
    part *parts; /* those from `taken` on wait for the caller */
    int n_parts, cap_parts, taken;
};

int wkv_call_reader_new(wkv_call_reader **out)
{
    REQUIRE(out, "the place for the reader");
    *out = calloc(1, sizeof **out);
    return *out ? 0 : fail(WKV_ENOMEM, "no memory for a reader of calls");
}

void wkv_call_reader_free(wkv_call_reader *r)
{
    if (!r) return;
    free(r->text);
    free(r->parts);
    free(r);
}

/* Memory for the parts of so many bytes: a name, of which parts may have come before, and at most a part for each. */
static int reserve(wkv_call_reader *r, size_t bytes)
{
    if (r->taken == r->n_parts) r->taken = r->n_parts = 0, r->n = 0;
    const size_t text = r->n + bytes + NAME, parts = (size_t)r->n_parts + bytes + 1;
    if (text > r->cap) {
        char *grown = realloc(r->text, 2 * text);
        if (!grown) return fail(WKV_ENOMEM, "no memory for a call of %zu bytes", text);
        r->text = grown, r->cap = 2 * text;
    }
    if (parts > (size_t)r->cap_parts) {
        part *grown = realloc(r->parts, 2 * parts * sizeof *grown);
        if (!grown) return fail(WKV_ENOMEM, "no memory for a call of %zu bytes", text);
        r->parts = grown, r->cap_parts = (int)(2 * parts);
    }
    return 0;
}

static void add(wkv_call_reader *r, wkv_call_part_kind kind, const char *text, size_t n)
{
    part *last = r->n_parts > r->taken ? &r->parts[r->n_parts - 1] : NULL;
    if (!last || last->kind != WKV_CALL_ARGUMENTS || kind != WKV_CALL_ARGUMENTS)
        *(last = &r->parts[r->n_parts++]) = (part){kind, r->calls - 1, r->n, r->n};
    if (n) memcpy(r->text + r->n, text, n);
    last->to = r->n += n;
}

/* 1: the byte completes `what`. */
static int match(wkv_call_reader *r, const char *what, char c)
{
    r->matched = c == what[r->matched] ? r->matched + 1 : c == what[0];
    if (what[r->matched]) return 0;
    r->matched = 0;
    return 1;
}

/* 1: the byte ends the name. */
static int read_name(wkv_call_reader *r, char c)
{
    if (c != '"') {
        if (r->n_name < NAME) r->name[r->n_name++] = c;
        return 0;
    }
    r->calls++;
    add(r, WKV_CALL_NAME, r->name, r->n_name);
    r->n_name = 0;
    return 1;
}

/* 1: the byte ends the arguments. */
static int read_arguments(wkv_call_reader *r, char c)
{
    add(r, WKV_CALL_ARGUMENTS, &c, 1);
    if (r->in_string) {
        r->in_string = c != '"' || r->escaped;
        r->escaped = c == '\\' && !r->escaped;
        return 0;
    }
    r->in_string = c == '"';
    r->depth += (c == '{' || c == '[') - (c == '}' || c == ']');
    if (r->depth || r->in_string) return 0;
    add(r, WKV_CALL_END, NULL, 0);
    return 1;
}

int wkv_call_reader_put(wkv_call_reader *r, const char *text, size_t bytes)
{
    REQUIRE(r, "the reader");
    const int err = reserve(r, bytes);
    for (size_t i = 0; i < bytes && !err; i++) {
        const char c = text[i];
        switch (r->at) {
        case BEFORE_NAME: r->at += match(r, before_name, c); break;
        case IN_NAME: r->at += read_name(r, c); break;
        case BEFORE_ARGUMENTS: r->at += match(r, before_arguments, c); break;
        case IN_ARGUMENTS: r->at = read_arguments(r, c) ? BEFORE_NAME : IN_ARGUMENTS; break;
        }
    }
    return err;
}

int wkv_call_reader_next(wkv_call_reader *r, wkv_call_part *out)
{
    if (!r || !out || r->taken == r->n_parts) return 0;
    const part *p = &r->parts[r->taken++];
    *out = (wkv_call_part){p->kind, p->call, r->text + p->from, p->to - p->from};
    return 1;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Copy JSON without the blanks outside its strings. */
static size_t put_compact(char *to, const char *json)
{
    size_t n = 0;
    for (int in_string = 0, escaped = 0; *json; json++) {
        if (!in_string && strchr(" \t\r\n", *json)) continue;
        if (!escaped && *json == '"') in_string = !in_string;
        escaped = in_string && !escaped && *json == '\\';
        to[n++] = *json;
    }
    return n;
}

int wkv_call_text(char **out, const char *name, const char *arguments)
{
    json_t *values;
    REQUIRE(out, "the place for the call");
    *out = NULL;
    REQUIRE(name, "the name of the function");
    REQUIRE(arguments, "the arguments");
    int err = json_read(&values, arguments, strlen(arguments), 0);
    if (err) return err;
    const int is_object = json_is_object(values);
    json_decref(values);
    if (!is_object) return fail(WKV_EFORMAT, "the arguments of a call are not a JSON object");
    const size_t room = strlen(before_name) + strlen(name) + strlen(before_arguments) + strlen(arguments) + 3;
    char *text = malloc(room);
    if (!text) return fail(WKV_ENOMEM, "no memory for a call of %zu bytes", room);
    size_t n = (size_t)sprintf(text, "%s%s\"%s", before_name, name, before_arguments);
    n += put_compact(text + n, arguments);
    strcpy(text + n, "}");
    *out = text;
    return 0;
}
