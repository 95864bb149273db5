/* jsonl.c - lines and lists of JSON objects. */
#include "train/jsonl.h"
#include "base/error.h"
#include "base/path.h"
#include "wkv_train.h"
#include <stdlib.h>
#include <string.h>

int jsonl_is(const char *path) { return path_has_extension(path, ".jsonl") || path_has_extension(path, ".json"); }

/* ---- numbers that jansson refuses --------------------------------------------------------------------------------------- */

static size_t digits(const char *p, const char *end)
{
    const char *from = p;
    while (p < end && *p >= '0' && *p <= '9') p++;
    return (size_t)(p - from);
}

/* Bytes of the number or of the NaN, Infinity or -Infinity at p; 0: there is none that Python would take. */
static size_t number_at(const char *p, const char *end)
{
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
    const char *from = p;
    for (int i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(end - p) >= n && !memcmp(p, words[i], n)) return n;
    }
    if (p < end && *p == '-') p++;
    size_t n = digits(p, end);
    if (!n || (n > 1 && *p == '0')) return 0;
    p += n;
    if (p < end && *p == '.') {
        if (!(n = digits(p + 1, end))) return 0;
        p += 1 + n;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        const char *at = p + 1;
        if (at < end && (*at == '+' || *at == '-')) at++;
        if (!(n = digits(at, end))) return 0;
        p = at + n;
    }
    return (size_t)(p - from);
}

/* Every number outside strings becomes 0, with blanks to its length. */
static void zero_numbers(char *text, size_t bytes)
{
    char *p = text, *end = text + bytes;
    for (int quoted = 0; p < end;) {
        if (quoted) {
            quoted = *p != '"';
            p += *p == '\\' && p + 1 < end ? 2 : 1;
            continue;
        }
        size_t n = *p == '-' || *p == 'N' || *p == 'I' || (*p >= '0' && *p <= '9') ? number_at(p, end) : 0;
        if (n) {
            memset(p, ' ', n);
            *p = '0';
        }
        quoted = *p == '"';
        p += n ? n : 1;
    }
}

static int not_json(const json_error_t *why)
{
    if (json_error_code(why) == json_error_out_of_memory) return fail(WKV_ENOMEM, "no memory for an object of JSON");
    return fail(WKV_EFORMAT, "not JSON: %s", why->text);
}

static int parse(json_t **out, const char *text, size_t bytes)
{
    json_error_t why, again;
    *out = json_loadb(text, bytes, JSON_ALLOW_NUL, &why);
    if (*out) return 0;
    char *copy = malloc(bytes + 1);
    if (!copy) return fail(WKV_ENOMEM, "no memory for a line of %zu bytes", bytes);
    memcpy(copy, text, bytes);
    zero_numbers(copy, bytes);
    *out = json_loadb(copy, bytes, JSON_ALLOW_NUL, &again);
    free(copy);
    return *out ? 0 : not_json(&why);
}

/* ---- lines and lists ------------------------------------------------------------------------------------------------------ */

/* Bytes of the byte order mark and the blanks that a text begins with. */
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

static int each_line(const char *text, size_t bytes, object_fn *fn, void *user)
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

int jsonl_each(const char *path, const char *text, size_t bytes, object_fn *fn, void *user)
{
    size_t skip = lead(text, bytes);
    int list = path_has_extension(path, ".json") && skip < bytes && text[skip] == '[';
    return list ? each_element(text + skip, bytes - skip, fn, user) : each_line(text, bytes, fn, user);
}

int wkv_jsonl_text(char **text, size_t *bytes, const char *line, size_t length)
{
    json_t *object;
    *text = NULL;
    *bytes = 0;
    int err = jsonl_line(&object, line, length);
    if (err || !object) return err;
    const json_t *field = json_object_get(object, "text");
    if (!json_is_string(field))
        err = fail(WKV_EFORMAT, "there is no string called \"text\"");
    else if (!(*text = malloc(json_string_length(field) + 1)))
        err = fail(WKV_ENOMEM, "no memory for a text of %zu bytes", json_string_length(field));
    else
        memcpy(*text, json_string_value(field), (*bytes = json_string_length(field)) + 1);
    json_decref(object);
    return err;
}
