/* pattern.c - fill the fields of an item into a pattern. */
#include "study/pattern.h"
#include "base/error.h"
#include "base/stream.h"
#include <stdlib.h>
#include <string.h>

enum { NAME = 200 }; /* bytes of the name of a field, with its end */

int pattern_no_memory(void) { return fail(WKV_ENOMEM, "no memory for a text of an item"); }

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
    return *out ? 0 : pattern_no_memory();
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
    if (!n) return json_array_append(list, (json_t *)(uintptr_t)value) ? pattern_no_memory() : 0;
    const char *dot = memchr(path, '.', n);
    const size_t name = dot ? (size_t)(dot - path) : n;
    char key[NAME];
    if (name >= sizeof key) return fail(WKV_EFORMAT, "a field's name has %zu bytes; at most %d", name, NAME - 1);
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
    if (!(*values = json_array())) return pattern_no_memory();
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
    if (!err && stream_put(s, text, strlen(text))) err = pattern_no_memory();
    free(text);
    json_decref(values);
    return err;
}

int pattern_fill(char **out, const char *pattern, const json_t *item)
{
    stream s = {0};
    int err = stream_put(&s, "", 0) ? pattern_no_memory() : 0;
    *out = NULL;
    while (*pattern && !err) {
        size_t n = strcspn(pattern, "{}");
        if (n) {
            if (stream_put(&s, pattern, n)) err = pattern_no_memory();
        } else if (pattern[1] == *pattern) {
            n = 2;
            if (stream_put(&s, pattern, 1)) err = pattern_no_memory();
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
    if (!err && !(*out = calloc(json_array_size(values) + 1, sizeof **out))) err = pattern_no_memory();
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
            const int length = pattern_filter_length(pattern + 1);
            if (length < 0) return length;
            pattern += 1 + length;
        }
        if (*pattern != '}') return fail(WKV_EFORMAT, "no } after the filters in the pattern");
        pattern++;
    }
    return 0;
}
