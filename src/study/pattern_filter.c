/* pattern_filter.c - the filters of a pattern. */
#include "study/pattern.h"
#include "base/error.h"
#include "base/stream.h"
#include "base/platform/system.h"
#include <stdlib.h>
#include <string.h>

/* Replace *text with a part of it. */
static int keep_part(char **text, const char *from, size_t n)
{
    memmove(*text, from, n);
    (*text)[n] = 0;
    return 0;
}

static int is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f); }

static int strip_left(char **text, const char *with)
{
    (void)with;
    const char *p = *text;
    while (is_blank(*p)) p++;
    return keep_part(text, p, strlen(p));
}

static int strip(char **text, const char *with)
{
    strip_left(text, with);
    size_t n = strlen(*text);
    while (n && is_blank((*text)[n - 1])) n--;
    return keep_part(text, *text, n);
}

static const char *find_last(const char *text, const char *with)
{
    const char *found = NULL;
    for (const char *p = text; (p = strstr(p, with)); p++) found = p;
    return found;
}

static int no_mark(const char *text, const char *with)
{
    return fail(WKV_EFORMAT, "no '%s' in the text '%.40s%s'", with, text, strlen(text) > 40 ? "..." : "");
}

static int before(char **text, const char *with)
{
    const char *at = strstr(*text, with);
    return at ? keep_part(text, *text, (size_t)(at - *text)) : no_mark(*text, with);
}

static int after(char **text, const char *with)
{
    const char *at = strstr(*text, with);
    return at ? keep_part(text, at + strlen(with), strlen(at + strlen(with))) : no_mark(*text, with);
}

static int before_last(char **text, const char *with)
{
    const char *at = find_last(*text, with);
    return at ? keep_part(text, *text, (size_t)(at - *text)) : no_mark(*text, with);
}

static int after_last(char **text, const char *with)
{
    const char *at = find_last(*text, with);
    return at ? keep_part(text, at + strlen(with), strlen(at + strlen(with))) : no_mark(*text, with);
}

static int drop_last(char **text, const char *with)
{
    (void)with;
    size_t n = strlen(*text);
    if (n) n--;
    while (n && ((unsigned char)(*text)[n] & 0xc0) == 0x80) n--;
    return keep_part(text, *text, n);
}

static int lower_first(char **text, const char *with)
{
    (void)with;
    if (**text >= 'A' && **text <= 'Z') **text += 'a' - 'A';
    return 0;
}

static int capitalize(char **text, const char *with)
{
    (void)with;
    for (char *p = *text; *p; p++)
        if (p == *text ? *p >= 'a' && *p <= 'z' : *p >= 'A' && *p <= 'Z') *p ^= 'a' - 'A';
    return 0;
}

static int replace_all(char **text, const char *from, size_t n_from, const char *to, size_t n_to)
{
    stream s = {0};
    const char *p = *text;
    if (!n_from) return fail(WKV_EFORMAT, "the filter replace() has an empty first text");
    for (const char *at; (at = strstr(p, from)); p = at + n_from) {
        stream_put(&s, p, (size_t)(at - p));
        stream_put(&s, to, n_to);
    }
    stream_put(&s, p, strlen(p));
    free(*text);
    *text = s.lost ? NULL : s.text;
    if (s.lost) free(s.text);
    return *text ? 0 : pattern_no_memory();
}

static int replace(char **text, const char *with)
{
    const char *comma = strchr(with, ',');
    if (!comma) return fail(WKV_EFORMAT, "the filter replace(%s) has no comma; expected replace(FROM,TO)", with);
    char *from = text_copy(with, (size_t)(comma - with));
    int err = from ? replace_all(text, from, strlen(from), comma + 1, strlen(comma + 1)) : pattern_no_memory();
    free(from);
    return err;
}

static int map(char **text, const char *with)
{
    const size_t n = strlen(*text);
    for (const char *p = with; *p;) {
        const size_t pair = strcspn(p, ","), key = strcspn(p, "=");
        if (key < pair && key == n && !strncmp(p, *text, n)) {
            char *to = text_copy(p + key + 1, pair - key - 1);
            if (!to) return pattern_no_memory();
            free(*text);
            *text = to;
            return 0;
        }
        p += pair + (p[pair] == ',');
    }
    return fail(WKV_EFORMAT, "'%.40s' is not one of those in map(%s)", *text, with);
}

/* Delete every shortest "[...]" within a line. */
static void drop_brackets(char *text)
{
    char *to = text;
    for (const char *p = text; *p;) {
        const size_t n = *p == '[' ? strcspn(p, "]\n") : 0;
        if (n && p[n] == ']')
            p += n + 1;
        else
            *to++ = *p++;
    }
    *to = 0;
}

static int clean(char **text, const char *with)
{
    strip(text, with);
    int err = replace_all(text, " [title]", 8, ". ", 2);
    if (err) return err;
    drop_brackets(*text);
    return replace_all(text, "  ", 2, " ", 1);
}

static const struct {
    const char *name;
    int argument;
    int (*apply)(char **text, const char *with);
} filters[] = {
    {"strip", 0, strip},
    {"strip_left", 0, strip_left},
    {"before", 1, before},
    {"after", 1, after},
    {"before_last", 1, before_last},
    {"after_last", 1, after_last},
    {"drop_last", 0, drop_last},
    {"lower_first", 0, lower_first},
    {"capitalize", 0, capitalize},
    {"map", 1, map},
    {"replace", 1, replace},
    {"clean", 0, clean},
};
enum { FILTERS = sizeof filters / sizeof *filters, WORD = 200 };

/* One filter of a list, which may end in "}" or "|": NAME or NAME(X). *index: which; *with: its argument. Returns its
 * length, or a negative code. */
static int read_filter(const char *p, int *index, char with[WORD])
{
    const size_t name = strcspn(p, "(|}");
    const char *close = p[name] == '(' ? strchr(p + name, ')') : NULL;
    const size_t inner = close ? (size_t)(close - p) - name - 1 : 0;
    for (*index = 0; *index < FILTERS; ++*index)
        if (strlen(filters[*index].name) == name && !strncmp(filters[*index].name, p, name)) break;
    if (*index == FILTERS)
        return fail(WKV_EFORMAT,
                    "no filter '%.*s'; there are strip, strip_left, before, after, before_last, after_last, drop_last, "
                    "lower_first, capitalize, map, replace and clean",
                    name > 40 ? 40 : (int)name, p);
    if (filters[*index].argument != (close != NULL) || (close && (!inner || inner >= WORD)) ||
        (!close && p[name] == '('))
        return fail(WKV_EFORMAT, "the filter %s %s", filters[*index].name,
                    filters[*index].argument ? "needs a text in parentheses" : "takes nothing in parentheses");
    memcpy(with, p + name + 1, inner);
    with[inner] = 0;
    const size_t n = name + (close ? inner + 2 : 0);
    if (p[n] && p[n] != '|' && p[n] != '}')
        return fail(WKV_EFORMAT, "unexpected '%c' after the filter %s", p[n], filters[*index].name);
    return (int)n;
}

int pattern_filter(char **text, const char *list)
{
    char with[WORD];
    for (int which, n, err; *list && *list != '}'; list += n + (list[n] == '|')) {
        if ((n = read_filter(list, &which, with)) < 0) return n;
        if ((err = filters[which].apply(text, with))) return err;
    }
    return 0;
}

int pattern_filter_length(const char *p)
{
    int index;
    char with[WORD];
    return read_filter(p, &index, with);
}
