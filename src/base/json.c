/* json.c - JSON text to values of jansson, and back. */
#include "base/json.h"
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/number.h"
#include "base/stream.h"
#include "base/utf8.h"

enum { DEPTH = 512, NUMBER = 400 }; /* a double has no more than 309 digits before the point and needs 17 */

typedef struct {
    const char *begin, *at, *end;
    int flags, depth;
} reader;

static int wrong(const reader *r, const char *why)
{
    int line = 1;
    for (const char *p = r->begin; p < r->at; p++) line += *p == '\n';
    return line > 1 ? fail(WKV_EFORMAT, "%s, line %d", why, line) : fail(WKV_EFORMAT, "%s", why);
}

static int no_memory(void) { return fail(WKV_ENOMEM, "no memory for the values of a JSON text"); }

/* The next character that is not white space, not consumed; 0 at the end. */
static int peek(reader *r)
{
    while (r->at < r->end && strchr(" \t\n\r", *r->at) && *r->at) r->at++;
    return r->at < r->end ? (unsigned char)*r->at : 0;
}

/* ---- strings ----------------------------------------------------------------------------------------------------- */

/* Four hexadecimal digits, or -1. */
static int hex4(const char *p, const char *end)
{
    int x = 0;
    if (end - p < 4) return -1;
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef",
                   *d = p[i] ? strchr(digits, p[i] >= 'A' && p[i] <= 'F' ? p[i] + 32 : p[i]) : NULL;
        if (!d) return -1;
        x = 16 * x + (int)(d - digits);
    }
    return x;
}

/* The digits after \u; a pair of surrogates is one character. */
static int read_unicode(reader *r, uint32_t *c)
{
    int high = hex4(r->at, r->end), low;
    if (high < 0) return wrong(r, "an escape \\u without four hexadecimal digits");
    r->at += 4;
    *c = (uint32_t)high;
    if (high < 0xd800 || high > 0xdfff) return 0;
    low = high < 0xdc00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u' ? hex4(r->at + 2, r->end) : -1;
    if (low < 0xdc00 || low > 0xdfff) return wrong(r, "half a surrogate pair");
    r->at += 6;
    *c = 0x10000 + ((*c - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
    return 0;
}

static int read_escape(reader *r, char *to, size_t *n)
{
    static const char from[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    uint32_t c = 0;
    int err;
    if (r->at == r->end) return wrong(r, "the text ends within a string");
    char kind = *r->at++;
    const char *at = kind ? strchr(from, kind) : NULL;
    if (at) return to[(*n)++] = means[at - from], 0;
    if (kind != 'u') return wrong(r, "an unknown escape");
    if ((err = read_unicode(r, &c))) return err;
    if (!c && !(r->flags & JSON_ALLOW_NUL)) return wrong(r, "an escaped NUL");
    *n += (size_t)utf8_put(to + *n, c);
    return 0;
}

/* A string after its opening quote. The caller frees *out, which is zero-terminated. No escape is shorter than its
 * character. */
static int read_string(reader *r, char **out, size_t *bytes)
{
    const char *quote = r->at;
    while (quote < r->end && *quote != '"') quote += *quote == '\\' ? 2 : 1;
    if (quote >= r->end) return wrong(r, "the text ends within a string");
    char *to = malloc((size_t)(quote - r->at) + 1);
    int err = to ? 0 : no_memory();
    size_t n = 0;
    while (!err && *r->at != '"') {
        int length = utf8_length(r->at, (size_t)(r->end - r->at));
        if (length < 1) err = wrong(r, "a byte that is not UTF-8");
        else if ((unsigned char)*r->at < 0x20) err = wrong(r, "a control character within a string");
        else if (*r->at == '\\') {
            r->at++;
            err = read_escape(r, to, &n);
        } else
            for (; length; length--) to[n++] = *r->at++;
    }
    if (err) {
        free(to);
        return err;
    }
    r->at++;
    to[n] = 0;
    *out = to;
    *bytes = n;
    return 0;
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

static const char *digits_end(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9') p++;
    return p;
}

static int read_number(reader *r, json_t **out)
{
    const char *p = r->at + (*r->at == '-'), *whole = digits_end(p, r->end), *end = whole;
    if (whole == p || (*p == '0' && whole > p + 1)) return wrong(r, "invalid token");
    if (end < r->end && *end == '.' && (end = digits_end(end + 1, r->end)) == whole + 1)
        return wrong(r, "invalid token");
    if (end < r->end && (*end == 'e' || *end == 'E')) {
        const char *power = end + 1 + (r->end - end > 1 && strchr("+-", end[1]) && end[1]);
        if ((end = digits_end(power, r->end)) == power) return wrong(r, "invalid token");
    }
    int any = r->flags & JSON_ANY_NUMBER, large = end - r->at >= NUMBER;
    char text[NUMBER] = "0";
    if (large && !any) return wrong(r, "a number with too many digits");
    if (!large) memcpy(text, r->at, (size_t)(end - r->at));
    errno = 0;
    if (end == whole) {
        long long x = strtoll(text, NULL, 10);
        if (errno && !any) return wrong(r, "too big integer");
        *out = json_integer(errno ? 0 : x);
    } else {
        double x = number_read(text, NULL);
        if (isinf(x) && !any) return wrong(r, "real number overflow");
        *out = json_real(isinf(x) ? 0 : x);
    }
    r->at = end;
    return *out ? 0 : no_memory();
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static int read_value(reader *r, json_t **out);

static int read_member(reader *r, json_t *object)
{
    char *key;
    size_t bytes;
    json_t *value = NULL;
    if (peek(r) != '"') return wrong(r, "string or '}' expected");
    r->at++;
    int err = read_string(r, &key, &bytes);
    if (err) return err;
    if (strlen(key) < bytes) err = wrong(r, "a key with a NUL");
    else if (r->flags & JSON_REJECT_DUPLICATES && json_object_get(object, key)) err = wrong(r, "duplicate object key");
    else if (peek(r) != ':') err = wrong(r, "':' expected");
    else r->at++;
    if (!err) err = read_value(r, &value);
    if (!err && json_object_set_new_nocheck(object, key, value)) err = no_memory();
    free(key);
    return err;
}

static int read_element(reader *r, json_t *array)
{
    json_t *value = NULL;
    int err = read_value(r, &value);
    return err ? err : json_array_append_new(array, value) ? no_memory() : 0;
}

/* Members or elements after the opening bracket, up to the closing one. */
static int read_list(reader *r, json_t *list, char close, int (*one)(reader *r, json_t *list))
{
    int err = 0;
    if (peek(r) == close) return r->at++, 0;
    while (!(err = one(r, list)) && peek(r) == ',') r->at++;
    if (err) return err;
    if (peek(r) != close) return wrong(r, close == '}' ? "'}' expected" : "']' expected");
    r->at++;
    return 0;
}

static int read_brackets(reader *r, json_t **out)
{
    int object = *r->at++ == '{', e;
    if (++r->depth > DEPTH) return wrong(r, "maximum parsing depth reached");
    json_t *list = object ? json_object() : json_array();
    e = list ? read_list(r, list, object ? '}' : ']', object ? read_member : read_element) : no_memory();
    r->depth--;
    if (e) json_decref(list);
    else *out = list;
    return e;
}

static int read_text(reader *r, json_t **out)
{
    char *text;
    size_t bytes;
    r->at++;
    int err = read_string(r, &text, &bytes);
    if (err) return err;
    *out = json_stringn_nocheck(text, bytes);
    free(text);
    return *out ? 0 : no_memory();
}

static int read_word(reader *r, json_t **out)
{
    static const char *const words[] = {"true", "false", "null", "NaN", "Infinity", "-Infinity"};
    for (int i = 0; i < (r->flags & JSON_ANY_NUMBER ? 6 : 3); i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(r->end - r->at) < n || memcmp(r->at, words[i], n)) continue;
        r->at += n;
        *out = i == 0 ? json_true() : i == 1 ? json_false() : i == 2 ? json_null() : json_integer(0);
        return *out ? 0 : no_memory();
    }
    return wrong(r, r->at < r->end ? "invalid token" : "premature end of input");
}

static int read_value(reader *r, json_t **out)
{
    int c = peek(r);
    if (c == '{' || c == '[') return read_brackets(r, out);
    if (c == '"') return read_text(r, out);
    int digit = c == '-' && r->end - r->at > 1 ? r->at[1] : c;
    if (digit >= '0' && digit <= '9') return read_number(r, out);
    return read_word(r, out);
}

int json_read(json_t **out, const char *text, size_t bytes, int flags)
{
    reader r = {.begin = text, .at = text, .end = text + bytes, .flags = flags};
    *out = NULL;
    int c = peek(&r), err = c == '{' || c == '[' ? read_value(&r, out) : wrong(&r, "'[' or '{' expected");
    if (!err && peek(&r)) err = wrong(&r, "end of file expected");
    if (!err && r.at < r.end) err = wrong(&r, "end of file expected");
    if (err) {
        json_decref(*out);
        *out = NULL;
    }
    return err;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static int put(const char *from, size_t n, void *user) { return stream_put(user, from, n); }

char *json_text(const json_t *value, size_t flags)
{
    stream s = {0};
    if (!json_dump_callback(value, put, &s, flags) && !s.lost) return s.text; /* jansson ignores some of put's errors */
    free(s.text);
    return NULL;
}
