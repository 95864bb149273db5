/* vocabulary.c - read vocabulary files: World's lines, JSON objects, the tokens of a GGUF. */
#include "text/vocabulary.h"
#include "base/error.h"
#include "base/utf8.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table --------------------------------------------------------------------------------------------------- */

static int grow_words(vocabulary *v, int size)
{
    if (size > v->word_capacity) {
        int capacity = size < 1024 ? 1024 : size + size / 2;
        word *grown = realloc(v->words, (size_t)capacity * sizeof *grown);
        if (!grown) return fail(WKV_ENOMEM, "no memory for a vocabulary of %d ids", capacity);
        v->words = grown, v->word_capacity = capacity;
    }
    if (size > v->size) {
        memset(v->words + v->size, 0, (size_t)(size - v->size) * sizeof *v->words);
        v->size = size;
    }
    return 0;
}

int vocabulary_add(vocabulary *v, int64_t id, const char *bytes, size_t n)
{
    if (id < 0 || id >= MAX_IDS) return fail(WKV_EFORMAT, "id %lld, expected 0 to %d", (long long)id, MAX_IDS - 1);
    if (n > MAX_WORD)
        return fail(WKV_EFORMAT, "id %lld has %zu bytes, expected at most %d", (long long)id, n, MAX_WORD);
    if (n >= MAX_VOCABULARY_BYTES - v->used)
        return fail(WKV_EFORMAT, "more than %d bytes of words", MAX_VOCABULARY_BYTES);
    int err = grow_words(v, (int)id + 1);
    if (err) return err;
    if (v->words[id].bytes) return fail(WKV_EFORMAT, "id %d occurs twice", (int)id);
    if (v->used + n + 1 > v->text_capacity) {
        size_t capacity = (v->used + n + 1) * 2 + 4096;
        char *grown = realloc(v->text, capacity);
        if (!grown) return fail(WKV_ENOMEM, "no memory for a vocabulary of %zu bytes", capacity);
        v->text = grown, v->text_capacity = capacity;
    }
    if (n) memcpy(v->text + v->used, bytes, n);
    v->words[id] = (word){(uint32_t)v->used, (uint32_t)n};
    v->used += n;
    if ((int)n > v->longest) v->longest = (int)n;
    return 0;
}

void vocabulary_release(vocabulary *v)
{
    free(v->words);
    free(v->text);
    *v = (vocabulary){0};
}

int vocabulary_bytes(vocabulary *v)
{
    for (int i = 0; i < 256; i++) {
        int err = vocabulary_add(v, i, (char[]){(char)i}, 1);
        if (err) {
            vocabulary_release(v);
            return err;
        }
    }
    return 0;
}

static int hex_digits(const char *p, const char *end, int n, uint32_t *out)
{
    uint32_t value = 0;
    if (end - p < n) return 0;
    for (int i = 0; i < n; i++) {
        char c = p[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0) return 0;
        value = value << 4 | (uint32_t)d;
    }
    *out = value;
    return 1;
}

/* ---- World's lines ----------------------------------------------------------------------------------------------- */

/* One escape of a Python literal, p after the backslash. In a str literal numbers are code points, written as UTF-8; in
 * a bytes literal \x is one byte and \u is not special. Returns the bytes written to out (at most 4), -1: not an
 * escape. */
static int python_escape(const char **p, const char *end, int is_bytes, char *out)
{
    static const char from[] = "ntrabfv0\\'\"", to[] = "\n\t\r\a\b\f\v\0\\'\"";
    char c = *(*p)++;
    const char *at = memchr(from, c, sizeof from - 1);
    if (at) return out[0] = to[at - from], 1;
    int digits = c == 'x' ? 2 : is_bytes ? 0 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    uint32_t value;
    if (!digits || !hex_digits(*p, end, digits, &value)) return -1;
    *p += digits;
    if (is_bytes) return out[0] = (char)value, 1;
    int n = utf8_put(out, value);
    return n ? n : -1;
}

/* Decode a Python literal into out, with a capacity of the literal's length (no escape is shorter than its bytes).
 * Returns the length, or -1 with the reason in *why. */
static ptrdiff_t python_literal(const char *p, const char *end, char *out, const char **why)
{
    char *start = out;
    int is_bytes = end - p > 0 && *p == 'b';
    p += is_bytes;
    if (end - p < 2 || (*p != '\'' && *p != '"') || end[-1] != *p) return *why = "expected a quoted text", -1;
    char quote = *p++;
    end--;
    while (p < end) {
        if (*p == quote) return *why = "a quote inside the quoted text", -1;
        if (*p != '\\') {
            if (is_bytes && (unsigned char)*p >= 0x80) return *why = "a character above 127 in b''", -1;
            *out++ = *p++;
            continue;
        }
        int n = ++p < end ? python_escape(&p, end, is_bytes, out) : -1;
        if (n < 0) return *why = "an unknown escape", -1;
        out += n;
    }
    return out - start;
}

/* The number in digits up to `end`; -1 for other characters or more than 9 digits. */
static long decimal(const char *p, const char *end)
{
    long value = 0;
    if (p == end || end - p > 9) return -1;
    for (; p < end; p++) {
        if (*p < '0' || *p > '9') return -1;
        value = value * 10 + (*p - '0');
    }
    return value;
}

static const char *last_space(const char *p, const char *end)
{
    while (end > p && end[-1] != ' ') end--;
    return end > p ? end - 1 : NULL;
}

static int add_line(vocabulary *v, const char *p, const char *end, char *scratch)
{
    const char *first = memchr(p, ' ', (size_t)(end - p)), *last = last_space(p, end), *why = NULL;
    if (!first || first == last) return fail(WKV_EFORMAT, "expected `id 'text' bytes`");
    long id = decimal(p, first), bytes = decimal(last + 1, end);
    if (id < 0 || bytes < 0) return fail(WKV_EFORMAT, "expected `id 'text' bytes`");
    ptrdiff_t n = python_literal(first + 1, last, scratch, &why);
    if (n < 0) return fail(WKV_EFORMAT, "%s", why);
    if (n != bytes) return fail(WKV_EFORMAT, "the text has %td bytes, the line says %ld", n, bytes);
    return vocabulary_add(v, id, scratch, (size_t)n);
}

int vocabulary_lines(vocabulary *v, const char *data, size_t size, const char *name)
{
    const char *end = data + size;
    int err = 0, line = 1;
    char *scratch = malloc(size + 1);
    if (!scratch) return fail(WKV_ENOMEM, "%s: no memory", name);
    for (const char *p = data; p < end && !err; line++) {
        const char *eol = memchr(p, '\n', (size_t)(end - p)), *next = eol ? eol + 1 : end;
        if (!eol) eol = end;
        if (eol > p && eol[-1] == '\r') eol--;
        if (eol > p && (err = add_line(v, p, eol, scratch))) fail_prefix(err, "%s: line %d", name, line);
        p = next;
    }
    free(scratch);
    if (!err && !v->size) err = fail(WKV_EFORMAT, "%s: contains no line of a vocabulary", name);
    if (err) vocabulary_release(v);
    return err;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

/* Convert UTF-16, after its byte order mark, to UTF-8; NULL without memory. */
static char *utf16_to_utf8(const unsigned char *p, size_t size, size_t *length)
{
    int big = p[0] == 0xfe;
    char *out = malloc(size * 2 + 4);
    size_t n = 0;
    if (!out) return NULL;
    for (size_t i = 2; i + 1 < size; i += 2) {
        uint32_t c = (uint32_t)p[i + !big] << 8 | p[i + big];
        if (c >= 0xd800 && c < 0xdc00 && i + 3 < size) {
            uint32_t low = (uint32_t)p[i + 2 + !big] << 8 | p[i + 2 + big];
            if (low >= 0xdc00 && low < 0xe000) c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00), i += 2;
        }
        n += (size_t)utf8_put(out + n, c);
    }
    *length = n;
    return out;
}

int vocabulary_json(json_t **out, const char *data, size_t size, const char *name)
{
    const unsigned char *u = (const unsigned char *)data;
    char *converted = NULL;
    if (size >= 2 && ((u[0] == 0xff && u[1] == 0xfe) || (u[0] == 0xfe && u[1] == 0xff))) {
        if (!(converted = utf16_to_utf8(u, size, &size))) return fail(WKV_ENOMEM, "%s: no memory", name);
        data = converted;
    }
    int err = json_read(out, data, size, JSON_ALLOW_NUL);
    free(converted);
    return err ? fail_prefix(err, err == WKV_EFORMAT ? "%s: invalid JSON" : "%s", name) : 0;
}

/* A word in the form of an array of byte values. */
static int add_byte_array(vocabulary *v, int64_t id, const json_t *array)
{
    char bytes[MAX_WORD];
    size_t n = json_array_size(array);
    if (n > sizeof bytes)
        return fail(WKV_EFORMAT, "id %lld has %zu bytes, expected at most %d", (long long)id, n, MAX_WORD);
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(array, i);
        if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > 255)
            return fail(WKV_EFORMAT, "id %lld: expected byte values from 0 to 255", (long long)id);
        bytes[i] = (char)json_integer_value(value);
    }
    return vocabulary_add(v, id, bytes, n);
}

static int characters_in(const char *p, size_t n)
{
    int count = 0;
    for (size_t i = 0; i < n; i++) count += (p[i] & 0xc0) != 0x80;
    return count;
}

int vocabulary_object(vocabulary *v, const json_t *root, int *characters, const char *name)
{
    const char *key;
    json_t *value;
    int err = 0;
    *characters = 1;
    json_object_foreach((json_t *)root, key, value)
    {
        long id = decimal(key, key + strlen(key));
        if (id < 0)
            err = fail(WKV_EFORMAT, "key \"%.40s\", expected an id: {\"0\": \"a\", ...}", key);
        else if (json_is_string(value)) {
            *characters &= characters_in(json_string_value(value), json_string_length(value)) == 1;
            err = vocabulary_add(v, id, json_string_value(value), json_string_length(value));
        } else if (json_is_array(value)) {
            *characters = 0;
            err = add_byte_array(v, id, value);
        } else
            err = fail(WKV_EFORMAT, "id %ld: expected a string or an array of bytes", id);
        if (err) break;
    }
    if (!err && !v->size) err = fail(WKV_EFORMAT, "an empty vocabulary");
    if (err) {
        fail_prefix(err, "%s", name);
        vocabulary_release(v);
    }
    return err;
}

/* ---- GGUF -------------------------------------------------------------------------------------------------------- */

/* llama.cpp's escapes: \t, \n, \r and \x with two digits; any other character after a backslash is itself. */
static size_t unescape(const char *p, size_t n, char *out)
{
    const char *end = p + n;
    char *start = out;
    while (p < end) {
        uint32_t value;
        if (*p != '\\' || p + 1 == end) {
            *out++ = *p++;
            continue;
        }
        char c = p[1];
        p += 2;
        if (c == 'x' && hex_digits(p, end, 2, &value))
            *out++ = (char)value, p += 2;
        else
            *out++ = (char)(c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c);
    }
    return (size_t)(out - start);
}

/* Entries without text: token 0 "<s>" and the padding "[PAD65530]". They look like words; if they were matched, a
 * user's own "<s>" would end the text. */
static int is_filler(int id, const char *p, size_t n)
{
    char pad[32];
    int length = snprintf(pad, sizeof pad, "[PAD%d]", id);
    return (id == 0 && n == 3 && !memcmp(p, "<s>", 3)) || (n == (size_t)length && !memcmp(p, pad, n));
}

int vocabulary_gguf(vocabulary *v, const tensors *file)
{
    const char *name = tensors_path(file), *kind = tensors_meta(file, "tokenizer.ggml.model");
    int count = tensors_token_count(file), err = 0;
    if (!count) return fail(WKV_EFORMAT, "%s: contains no vocabulary", name);
    if (kind && strcmp(kind, "rwkv"))
        return fail(WKV_EUNSUPPORTED, "%s: its vocabulary is of kind \"%.40s\", expected \"rwkv\"", name, kind);
    for (int i = 0; i < count && !err; i++) {
        size_t n;
        const char *escaped = tensors_token(file, i, &n);
        if (!escaped || is_filler(i, escaped, n)) continue;
        char small[512], *bytes = n <= sizeof small ? small : malloc(n);
        if (!bytes)
            err = fail(WKV_ENOMEM, "no memory");
        else
            err = vocabulary_add(v, i, bytes, unescape(escaped, n, bytes));
        if (bytes != small) free(bytes);
    }
    if (!err && !v->size) err = fail(WKV_EFORMAT, "a vocabulary without words");
    if (err) {
        fail_prefix(err, "%s", name);
        vocabulary_release(v);
    }
    return err;
}
