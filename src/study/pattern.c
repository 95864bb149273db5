/* pattern.c - fill the fields of an item into a pattern, and the filters. */
#include "study/pattern.h"
#include "base/error.h"
#include "base/stream.h"
#include "base/utf8.h"
#include <stdlib.h>
#include <string.h>

static int no_memory(void) { return fail(WKV_ENOMEM, "no memory for a text of an item"); }

/* Replace *text with a part of it. */
static int keep_part(char **text, const char *from, size_t n)
{
    memmove(*text, from, n);
    (*text)[n] = 0;
    return 0;
}

/* ---- filters ----------------------------------------------------------------------------------------------------- */

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
    return *text ? 0 : no_memory();
}

static int replace(char **text, const char *with)
{
    const char *comma = strchr(with, ',');
    if (!comma) return fail(WKV_EFORMAT, "the filter replace(%s) has no comma; expected replace(FROM,TO)", with);
    char *from = strndup(with, (size_t)(comma - with));
    int err = from ? replace_all(text, from, strlen(from), comma + 1, strlen(comma + 1)) : no_memory();
    free(from);
    return err;
}

static int map(char **text, const char *with)
{
    const size_t n = strlen(*text);
    for (const char *p = with; *p;) {
        const size_t pair = strcspn(p, ","), key = strcspn(p, "=");
        if (key < pair && key == n && !strncmp(p, *text, n)) {
            char *to = strndup(p + key + 1, pair - key - 1);
            if (!to) return no_memory();
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

/* ---- fields ------------------------------------------------------------------------------------------------------ */

/* Text of a string, a whole number or a truth value. */
static int text_of(char **out, const json_t *value, const char *field, size_t n)
{
    char number[32] = "";
    const char *text = json_string_value(value);
    if (text && strlen(text) != json_string_length(value))
        return fail(WKV_EFORMAT, "\"%.*s\" has a NUL character", (int)n, field);
    if (json_is_integer(value)) snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
    if (json_is_boolean(value)) strcpy(number, json_is_true(value) ? "1" : "0");
    if (!text && !*number)
        return fail(WKV_EFORMAT, "\"%.*s\" is %s, expected a string or a whole number", (int)n, field,
                    json_is_array(value)    ? "a list"
                    : json_is_object(value) ? "an object"
                    : json_is_null(value)   ? "null"
                                            : "a number with a fraction");
    *out = strdup(text ? text : number);
    return *out ? 0 : no_memory();
}

static int no_field(const json_t *item, const char *name, size_t n)
{
    char have[200] = "";
    size_t used = 0;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)item, key, value)
    {
        const int more = snprintf(have + used, sizeof have - used, "%s%.40s", used ? ", " : "", key);
        if (used + (size_t)more >= sizeof have) break;
        used += (size_t)more;
    }
    have[used] = 0;
    return fail(WKV_EFORMAT, "no field \"%.*s\"; the item has %s", n > 60 ? 60 : (int)n, name, used ? have : "none");
}

/* The number that a path begins with, "2" or "2.x"; -1: none. */
static int leading_number(const char *path, size_t n)
{
    size_t digits = 0;
    while (digits < n && path[digits] >= '0' && path[digits] <= '9') digits++;
    return digits && digits < 6 && (digits == n || path[digits] == '.') ? (int)strtol(path, NULL, 10) : -1;
}

/* The values of a.b.c: one, or those of each element of a list; a number selects an element. They are appended to
 * `list`. *plural: a list is among them. */
static int collect(json_t *list, const json_t *value, const char *path, size_t n, int *plural)
{
    const int at = json_is_array(value) ? leading_number(path, n) : -1;
    const json_t *chosen = at < 0 ? NULL : json_array_get(value, (size_t)at);
    if (at >= 0 && !chosen)
        return fail(WKV_EFORMAT, "no element %d in a list of %zu, \"%.*s\"", at, json_array_size(value), (int)n, path);
    if (json_is_array(value) && !chosen) {
        size_t i;
        json_t *element;
        *plural = 1;
        json_array_foreach((json_t *)(uintptr_t)value, i, element)
        {
            const int err = collect(list, element, path, n, plural);
            if (err) return err;
        }
        return 0;
    }
    if (!n) return json_array_append(list, (json_t *)(uintptr_t)value) ? no_memory() : 0;
    const char *dot = memchr(path, '.', n);
    const size_t name = dot ? (size_t)(dot - path) : n;
    char key[WORD];
    if (name >= sizeof key) return fail(WKV_EFORMAT, "a field's name has %zu bytes; at most %d", name, WORD - 1);
    memcpy(key, path, name);
    key[name] = 0;
    const json_t *inner = chosen ? chosen : json_object_get(value, key);
    if (!inner) return no_field(value, path, name);
    return collect(list, inner, path + name + (dot != NULL), n - name - (dot != NULL), plural);
}

/* The field at "{NAME|FILTERS}": its values, and the length of the whole. */
static int read_field(json_t **values, int *plural, const char **filter_list, size_t *length, const char *p,
                      const json_t *item)
{
    const char *close = strchr(p, '}');
    const size_t n = strcspn(p + 1, "|}");
    if (!close) return fail(WKV_EFORMAT, "no } after the { in the pattern");
    *length = (size_t)(close - p) + 1;
    *filter_list = p[1 + n] == '|' ? p + 2 + n : "";
    *plural = 0;
    if (!(*values = json_array())) return no_memory();
    return collect(*values, item, p + 1, n, plural);
}

static int put_field(stream *s, const char *p, const json_t *item, size_t *length)
{
    json_t *values = NULL;
    int plural;
    const char *list;
    char *text = NULL;
    int err = read_field(&values, &plural, &list, length, p, item);
    if (!err && plural)
        err = fail(WKV_EFORMAT, "\"%.*s\" is a list, expected one text", (int)strcspn(p + 1, "|}"), p + 1);
    if (!err) err = text_of(&text, json_array_get(values, 0), p + 1, strcspn(p + 1, "|}"));
    if (!err) err = pattern_filter(&text, list);
    if (!err && stream_put(s, text, strlen(text))) err = no_memory();
    free(text);
    json_decref(values);
    return err;
}

int pattern_fill(char **out, const char *pattern, const json_t *item)
{
    stream s = {0};
    int err = stream_put(&s, "", 0) ? no_memory() : 0;
    *out = NULL;
    while (*pattern && !err) {
        size_t n = strcspn(pattern, "{}");
        if (n) {
            if (stream_put(&s, pattern, n)) err = no_memory();
        } else if (pattern[1] == *pattern) {
            n = 2;
            if (stream_put(&s, pattern, 1)) err = no_memory();
        } else
            err = put_field(&s, pattern, item, &n);
        pattern += n;
    }
    if (err)
        free(s.text);
    else
        *out = s.text;
    return err;
}

void pattern_free_list(char **list, int n)
{
    for (int i = 0; list && i < n; i++) free(list[i]);
    free(list);
}

int pattern_list(char ***out, int *n, const char *pattern, const json_t *item)
{
    json_t *values = NULL, *value;
    int plural = 0;
    const char *list = "";
    size_t length, i;
    *out = NULL;
    *n = 0;
    if (*pattern != '{' || strcspn(pattern, "}") + 1 != strlen(pattern))
        return fail(WKV_EFORMAT, "'%.60s' is not one field with a list, such as {choices}", pattern);
    int err = read_field(&values, &plural, &list, &length, pattern, item);
    if (!err && !plural)
        err = fail(WKV_EFORMAT, "\"%.*s\" is not a list", (int)strcspn(pattern + 1, "|}"), pattern + 1);
    if (!err && !(*out = calloc(json_array_size(values) + 1, sizeof **out))) err = no_memory();
    if (!err) json_array_foreach(values, i, value)
        {
            err = text_of(&(*out)[i], value, pattern + 1, strcspn(pattern + 1, "|}"));
            if (!err) ++*n, err = pattern_filter(&(*out)[i], list);
            if (err) break;
        }
    json_decref(values);
    if (err) {
        pattern_free_list(*out, *n);
        *out = NULL;
    }
    return err;
}

int pattern_check(const char *pattern)
{
    char with[WORD];
    while (*pattern) {
        const size_t n = strcspn(pattern, "{}");
        if (n || pattern[1] == *pattern) {
            pattern += n ? n : 2;
            continue;
        }
        if (*pattern == '}') return fail(WKV_EFORMAT, "a } without a {; }} is a brace");
        const size_t name = strcspn(pattern + 1, "|}");
        if (!name || !strchr(pattern, '}'))
            return fail(WKV_EFORMAT, name ? "no } after the { in the pattern" : "{} without the name of a field");
        pattern += 1 + name;
        while (*pattern == '|') {
            int which, length = read_filter(pattern + 1, &which, with);
            if (length < 0) return length;
            pattern += 1 + length;
        }
        if (*pattern != '}') return fail(WKV_EFORMAT, "no } after the filters in the pattern");
        pattern++;
    }
    return 0;
}
