/* jsonl.c - lines and lists of JSON objects. */
#include "train/jsonl.h"
#include "base/error.h"
#include "base/json.h"
#include "wkv_train.h"
#include <stdlib.h>
#include <string.h>

static int parse(json_t **out, const char *text, size_t bytes)
{
    int err = json_read(out, text, bytes, JSON_ALLOW_NUL | JSON_ANY_NUMBER);
    return err == WKV_EFORMAT ? fail_prefix(err, "not JSON") : err;
}

/* ---- lines and lists --------------------------------------------------------------------------------------------- */

/* Length of the leading byte order mark and blanks. */
static size_t lead(const char *p, size_t n)
{
    size_t i = n >= 3 && !memcmp(p, "\xef\xbb\xbf", 3) ? 3 : 0;
    while (i < n && (p[i] == ' ' || p[i] == '\t' || p[i] == '\r' || p[i] == '\n')) i++;
    return i;
}

int jsonl_line(json_t **out, const char *line, size_t bytes)
{
    size_t skip = lead(line, bytes);
    *out = NULL;
    return skip < bytes ? parse(out, line + skip, bytes - skip) : 0;
}

int jsonl_each(const char *text, size_t bytes, object_fn *fn, void *user)
{
    const char *end = text + bytes;
    for (int64_t line = 1; text < end; line++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        if (!stop) stop = end;
        json_t *object;
        int err = jsonl_line(&object, text, (size_t)(stop - text));
        if (!err && object) err = fn(user, object);
        json_decref(object);
        if (err) return fail_prefix(err, "line %lld", (long long)line);
        text = stop + 1;
    }
    return 0;
}

static int each_element(const char *text, size_t bytes, object_fn *fn, void *user)
{
    json_t *list, *object;
    size_t i;
    int err = parse(&list, text, bytes);
    if (err) return err;
    json_array_foreach(list, i, object)
    {
        err = fn(user, object);
        if (err) {
            fail_prefix(err, "element %zu", i + 1);
            break;
        }
    }
    json_decref(list);
    return err;
}

/* Is the first line not a complete object? Then the object spans several lines. */
static int goes_on(const char *text, size_t bytes)
{
    const char *stop = memchr(text, '\n', bytes);
    json_t *line = NULL;
    int err = stop ? json_read(&line, text, (size_t)(stop - text), JSON_ALLOW_NUL | JSON_ANY_NUMBER) : 0;
    json_decref(line);
    return err == WKV_EFORMAT;
}

int json_each(const char *text, size_t bytes, object_fn *fn, void *user)
{
    size_t skip = lead(text, bytes);
    json_t *object;
    if (skip < bytes && text[skip] == '[') return each_element(text + skip, bytes - skip, fn, user);
    if (skip == bytes || text[skip] != '{' || !goes_on(text + skip, bytes - skip) ||
        parse(&object, text + skip, bytes - skip))
        return jsonl_each(text, bytes, fn, user);
    int err = fn(user, object);
    json_decref(object);
    return err;
}

int wkv_jsonl_text(char **text, size_t *bytes, const char *line, size_t length)
{
    json_t *object;
    REQUIRE(text, "the place for the text");
    *text = NULL;
    REQUIRE(bytes, "the place for its length");
    *bytes = 0;
    REQUIRE(line, "the line");
    int err = jsonl_line(&object, line, length);
    if (err || !object) return err;
    const json_t *field = json_object_get(object, "text");
    if (!json_is_string(field))
        err = fail(WKV_EFORMAT, "no string \"text\"");
    else if (!(*text = malloc(json_string_length(field) + 1)))
        err = fail(WKV_ENOMEM, "no memory for a text of %zu bytes", json_string_length(field));
    else
        memcpy(*text, json_string_value(field), (*bytes = json_string_length(field)) + 1);
    json_decref(object);
    return err;
}
