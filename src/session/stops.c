/* stops.c - find stop strings in a text that grows. */
#include "session/stops.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

int stops_copy(stops *to, const char *const *from, int n)
{
    *to = (stops){0};
    if (n < 0) return fail(WKV_EARG, "%d stop strings, expected 0 or more", n);
    if (n && !from) return fail(WKV_EARG, "the list of %d stop strings is NULL", n);
    if (!(to->at = calloc((size_t)n + 1, sizeof *to->at))) return fail(WKV_ENOMEM, "no memory for %d stop strings", n);
    for (int i = 0; i < n; i++) {
        if (!from[i]) return fail(WKV_EARG, "stop string %d is NULL", i);
        if (!*from[i]) continue;
        to->at[to->n].number = i;
        if (!(to->at[to->n++].text = strdup(from[i]))) return fail(WKV_ENOMEM, "no memory for %d stop strings", n);
    }
    return 0;
}

void stops_release(stops *s)
{
    for (int i = 0; i < s->n; i++) free(s->at[i].text);
    free(s->at);
    *s = (stops){0};
}

size_t stops_find(const stops *s, const char *text, size_t n)
{
    size_t first = n;
    for (int i = 0; i < s->n; i++) {
        const size_t length = strlen(s->at[i].text);
        for (size_t at = 0; at < first && length <= n - at; at++)
            if (!memcmp(text + at, s->at[i].text, length)) first = at;
    }
    return first;
}

int stops_at(const stops *s, const char *text, size_t n)
{
    for (int i = 0; i < s->n; i++) {
        const size_t length = strlen(s->at[i].text);
        if (length <= n && !memcmp(text, s->at[i].text, length)) return s->at[i].number;
    }
    return -1;
}

size_t stops_begun(const stops *s, const char *text, size_t n)
{
    size_t most = 0;
    for (int i = 0; i < s->n; i++) {
        const size_t length = strlen(s->at[i].text);
        for (size_t k = length - 1 < n ? length - 1 : n; k > most; k--)
            if (!memcmp(text + n - k, s->at[i].text, k)) most = k;
    }
    return most;
}
