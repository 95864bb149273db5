/* visible.c - the sections of an answer, each in one form. */
#include "session/visible.h"
#include "base/error.h"
#include "base/json.h"
#include "session/sections.h"
#include "text/template.h"
#include <stdlib.h>
#include <string.h>

static const char call_end[] = "\n```"; /* of every template with tools */

typedef struct {
    char *at;
    size_t n, cap;
} page;

static int no_memory(size_t bytes) { return fail(WKV_ENOMEM, "no memory for %zu bytes of an answer", bytes); }

/* Append a byte for the kind of a section and its text. */
static int put(page *p, char kind, const char *text, size_t n)
{
    if (p->cap - p->n < n + 1) {
        const size_t cap = 2 * p->cap + n + 1;
        char *at = realloc(p->at, cap);
        if (!at) return no_memory(cap);
        p->at = at, p->cap = cap;
    }
    p->at[p->n++] = kind;
    if (n) memcpy(p->at + p->n, text, n);
    p->n += n;
    return 0;
}

static int put_words(page *p, const char *text, size_t bytes)
{
    const stretch all = {text, bytes};
    const size_t n = template_clean(all, NULL, 0);
    char *clean = malloc(n + 1);
    if (!clean) return no_memory(n);
    template_clean(all, clean, n + 1);
    const int err = n ? put(p, 'T', clean, n) : 0;
    free(clean);
    return err;
}

static int put_call(page *p, const char *text, size_t bytes)
{
    json_t *call;
    int err = json_read(&call, text, bytes, JSON_REJECT_DUPLICATES);
    if (err) return err == WKV_ENOMEM ? err : put_words(p, text, bytes);
    char *form = json_text(call, JSON_COMPACT | JSON_SORT_KEYS);
    err = form ? put(p, 'C', form, strlen(form)) : no_memory(bytes);
    free(form);
    json_decref(call);
    return err;
}

static int put_events(page *p, events *e)
{
    wkv_event event;
    int err = 0;
    while (!err && events_next(e, &event))
        if (event.kind == WKV_EVENT_TOOL_CALL)
            err = put_call(p, event.text, event.bytes);
        else if (event.kind == WKV_EVENT_TEXT)
            err = put_words(p, event.text, event.bytes);
    return err;
}

int visible_text(char **out, size_t *n, const char *prompt, const char *text, size_t bytes)
{
    sections s;
    events e = {0};
    page p = {0};
    size_t used;
    sections_begin(&s, prompt, call_end);
    int err = sections_put(&s, &e, text, bytes, &used);
    if (!err) err = sections_end(&s, &e);
    if (!err) err = put_events(&p, &e);
    if (!err) err = put_words(&p, text + used, bytes - used);
    if (!err && !p.n) err = put(&p, 'T', "", 0);
    sections_release(&s);
    events_release(&e);
    if (err) free(p.at), p = (page){0};
    *out = p.at;
    *n = p.n;
    return err;
}
