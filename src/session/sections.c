/* sections.c - a small automaton over the bytes of an answer. */
#include "session/sections.h"
#include "base/error.h"
#include "text/template.h"
#include <stdlib.h>
#include <string.h>

static int ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

static void enter(sections *s, wkv_event_kind kind)
{
    s->kind = kind;
    s->begun = 0;
    s->line = 1;
    s->n_blanks = 0;
}

void sections_begin(sections *s, const char *prompt, const char *tool_stop)
{
    *s = (sections){.tool_stop = tool_stop, .bracket = ends_with(prompt, "<think") || ends_with(prompt, "</think")};
    enter(s, ends_with(prompt, "<think")                  ? WKV_EVENT_REASONING
             : tool_stop && ends_with(prompt, CALL_FENCE) ? WKV_EVENT_TOOL_CALL
                                                          : WKV_EVENT_TEXT);
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

static int put_blank(sections *s, char c)
{
    if (!s->begun) return 0;
    if (s->n_blanks == s->cap_blanks) {
        const size_t cap = 2 * s->cap_blanks + 16;
        char *blanks = realloc(s->blanks, cap);
        if (!blanks) return fail(WKV_ENOMEM, "no memory for %zu blanks of an answer", cap);
        s->blanks = blanks, s->cap_blanks = cap;
    }
    s->blanks[s->n_blanks++] = c;
    return 0;
}

static int put_text(sections *s, events *e, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const int blank = text[i] && strchr(" \t\n\r", text[i]);
        int err = blank ? put_blank(s, text[i]) : events_put(e, s->kind, s->blanks, s->n_blanks);
        if (!err && !blank) err = events_put(e, s->kind, text + i, 1);
        if (err) return err;
        s->line = text[i] == '\n' || (blank && !s->begun);
        if (blank) continue;
        s->begun = 1;
        s->n_blanks = 0;
    }
    return 0;
}

/* ---- marks ------------------------------------------------------------------------------------------------------- */

/* The marks that may come next, and the section that each begins. A call ends the answer: it begins none. */
static int marks(const sections *s, const char *mark[2], wkv_event_kind next[2])
{
    int n = 0;
    if (s->kind == WKV_EVENT_REASONING) mark[n] = "</think>", next[n++] = WKV_EVENT_TEXT;
    if (s->kind == WKV_EVENT_TEXT && !s->begun) mark[n] = "<think>", next[n++] = WKV_EVENT_REASONING;
    if (s->kind == WKV_EVENT_TEXT && s->tool_stop && s->line) mark[n] = CALL_FENCE, next[n++] = WKV_EVENT_TOOL_CALL;
    if (s->kind == WKV_EVENT_TOOL_CALL) mark[n] = s->tool_stop, next[n++] = WKV_EVENT_DONE;
    return n;
}

/* The mark that the held bytes complete; -1: they begin one; -2: they begin none. */
static int match(const sections *s, wkv_event_kind *next)
{
    const char *mark[2];
    wkv_event_kind to[2];
    const int n = marks(s, mark, to);
    int begun = -2;
    for (int i = 0; i < n; i++) {
        if (strncmp(mark[i], s->held, s->n_held)) continue;
        if (!mark[i][s->n_held]) {
            *next = to[i];
            return i;
        }
        begun = -1;
    }
    return begun;
}

/* The held bytes begin no mark: the first is text, and the rest may begin one. */
static int release_first(sections *s, events *e)
{
    const char first = s->held[0];
    memmove(s->held, s->held + 1, --s->n_held);
    return put_text(s, e, &first, 1);
}

int sections_put(sections *s, events *e, const char *text, size_t n, size_t *used)
{
    *used = n;
    for (size_t i = 0; i < n; i++) {
        const int completes = s->bracket && text[i] == '>';
        s->bracket = 0;
        if (completes) continue;
        s->held[s->n_held++] = text[i];
        for (int found = -2; s->n_held && found == -2;) {
            wkv_event_kind next;
            found = match(s, &next);
            int err = found == -2 ? release_first(s, e) : 0;
            if (err) return err;
            if (found < 0) continue;
            s->n_held = 0;
            enter(s, next);
        }
        if (s->kind == WKV_EVENT_DONE) {
            *used = i + 1;
            break;
        }
    }
    return 0;
}

int sections_end(sections *s, events *e)
{
    const size_t n = s->n_held;
    s->n_held = 0;
    return put_text(s, e, s->held, n);
}

void sections_release(sections *s)
{
    free(s->blanks);
    s->blanks = NULL;
}
