/* segments.c - a list of ends, and its text in a state file. */
#include "session/segments.h"
#include "base/error.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { END_TEXT = 13 /* bytes of an end: a blank, 10 digits, an a, the zero byte */ };

int segments_reserve(segments *s, int n)
{
    if (s->cap - s->n >= n) return 0;
    const int cap = 2 * s->cap + n;
    segment *at = realloc(s->at, sizeof *at * (size_t)cap);
    if (!at) return fail(WKV_ENOMEM, "no memory for %d segments of a session", cap);
    s->at = at, s->cap = cap;
    return 0;
}

void segments_add(segments *s, int end, segment_kind kind)
{
    if (end == (s->n ? s->at[s->n - 1].end : 0)) return;
    s->at[s->n++] = (segment){end, kind};
}

int segments_copy(segments *to, const segments *from)
{
    to->n = 0;
    const int err = segments_reserve(to, from->n);
    if (err || !from->n) return err;
    memcpy(to->at, from->at, sizeof *to->at * (size_t)from->n);
    to->n = from->n;
    return 0;
}

void segments_release(segments *s)
{
    free(s->at);
    *s = (segments){0};
}

int segments_print(char **out, const segments *s, int n)
{
    char *text = *out = malloc((size_t)(s->n + 1) * END_TEXT);
    if (!text) return fail(WKV_ENOMEM, "no memory for the text of %d segments", s->n);
    *text = 0;
    int end = 0;
    for (int i = 0; i < s->n && s->at[i].end <= n; i++) {
        const char *mark = s->at[i].kind == SEGMENT_SAMPLED ? "a" : "";
        text += snprintf(text, END_TEXT, "%s%d%s", i ? " " : "", end = s->at[i].end, mark);
    }
    if (end < n) snprintf(text, END_TEXT, "%s%d", end ? " " : "", n);
    return 0;
}

/* The number at *at, above `before`; -1: none. */
static int read_end(const char **at, int before)
{
    char *end;
    if (**at < '1' || **at > '9') return -1;
    const long x = strtol(*at, &end, 10);
    *at = end;
    return x > before && x <= INT_MAX ? (int)x : -1;
}

static int wrong(const char *text, int n)
{
    return fail(WKV_EFORMAT, "segments are \"%.40s\", expected ascending ends up to %d", text, n);
}

int segments_parse(segments *out, const char *text, int n)
{
    int end = 0, err = segments_reserve(out, 1);
    out->n = 0;
    for (const char *at = text; *at && !err;) {
        if ((end = read_end(&at, end)) < 0 || end > n) return wrong(text, n);
        const int sampled = *at == 'a';
        segments_add(out, end, sampled ? SEGMENT_SAMPLED : SEGMENT_TEXT);
        at += sampled;
        if (*at && (*at++ != ' ' || !*at)) return wrong(text, n);
        err = segments_reserve(out, 1);
    }
    if (!err) segments_add(out, n, SEGMENT_TEXT);
    return err;
}

int segments_check(const char *text, int n)
{
    segments s = {0};
    const int err = segments_parse(&s, text, n);
    segments_release(&s);
    return err;
}
