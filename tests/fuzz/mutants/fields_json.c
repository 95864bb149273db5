/* fields_json.c - files in JSON: safetensors headers, vocabularies, indices of shards, lines of training data; and
 * World's lines of text. */
#include "mutation.h"
#include <ctype.h>
#include <string.h>

static const char *const dtypes_of_safetensors[] = {"F32",     "F16", "BF16", "F64",  "U8",  "I8",  "I16",
                                                    "U16",     "I32", "I64",  "BOOL", "U32", "U64", "F8_E4M3",
                                                    "F8_E5M2", "Q8",  "f32",  "",     NULL};
static const char *const values_of_json[] = {"null",  "true", "{}",         "[]",          "\"\"", "-1",
                                             "1e400", "[[]]", "{\"a\": 0}", "\"\\u0000\"", NULL};

static int is_dtype(const uint8_t *p, size_t n)
{
    for (int i = 0; dtypes_of_safetensors[i]; i++)
        if (n && n == strlen(dtypes_of_safetensors[i]) && !memcmp(p, dtypes_of_safetensors[i], n)) return 1;
    return 0;
}

/* The end of the string with its opening quote at `at`: its closing quote, or `to`. */
static size_t string_end(const uint8_t *p, size_t at, size_t to)
{
    for (at++; at < to && p[at] != '"'; at++)
        if (p[at] == '\\') at++;
    return at < to ? at : to;
}

/* The end of the value at `at`: behind its last byte. */
static size_t value_end(const uint8_t *p, size_t at, size_t to)
{
    int depth = 0;
    for (; at < to; at++) {
        if (p[at] == '"')
            at = string_end(p, at, to);
        else if (p[at] == '{' || p[at] == '[')
            depth++;
        else if (p[at] == '}' || p[at] == ']')
            depth--;
        if (depth < 0 || (!depth && p[at] == ',')) return at;
        if (!depth && (p[at] == '}' || p[at] == ']')) return at + 1;
    }
    return to;
}

void scan_json_range(sound *s, size_t from, size_t to)
{
    enum { MOST = 20000 };
    const uint8_t *p = s->file.data;
    for (size_t at = from; at < to && s->n_fields < MOST; at++) {
        if (p[at] == '-' || isdigit(p[at])) {
            size_t end = at + 1;
            while (end < to && (isalnum(p[end]) || p[end] == '.' || p[end] == '-' || p[end] == '+')) end++;
            add_field(s, DECIMAL, at, end - at, 0);
            at = end - 1;
        } else if (p[at] == '[') {
            size_t end = value_end(p, at, to); /* a shape, offsets: another value in the place of the array */
            if (end - at < 64) add_field(s, WORD, at, end - at, 0)->words = values_of_json;
        } else if (p[at] == '"') {
            size_t end = string_end(p, at, to), next = end + 1;
            while (next < to && isspace(p[next])) next++;
            int key = next < to && p[next] == ':';
            if (key) {
                size_t last = value_end(p, next + 1, to);
                int nested = memchr(p + next, '{', last - next < 3 ? last - next : 3) != NULL;
                if (last < to && p[last] == ',') add_field(s, ITEM, at, last + 1 - at, nested);
                if (!nested) add_field(s, WORD, next + 1, last - next - 1, 0)->words = values_of_json;
            }
            if (is_dtype(p + at + 1, end - at - 1))
                add_field(s, WORD, at + 1, end - at - 1, 0)->words = dtypes_of_safetensors;
            else
                add_field(s, NAME, at + 1, end - at - 1, 0);
            at = end;
        } else if (p[at] == '\n')
            s->groups++;
    }
}

int scan_json(sound *s)
{
    scan_json_range(s, 0, s->file.size);
    return s->n_fields > 0;
}

int scan_safetensors(sound *s)
{
    uint64_t n = 0;
    if (s->file.size < 10) return 0;
    memcpy(&n, s->file.data, 8);
    if (n > s->file.size - 8 || s->file.data[8] != '{') return 0;
    add_field(s, NUMBER, 0, 8, 1);
    add_length(s, 0, 8, 8, 8 + (size_t)n);
    scan_json_range(s, 8, 8 + (size_t)n);
    return 1;
}

/* ID 'literal' BYTES */
int scan_words(sound *s)
{
    enum { MOST = 4000 };
    static const char *const literals[] = {"''",        "b''",      "b'\\xff'", "'\\x00'", "'\\u00e9'", "'\\U0010ffff'",
                                           "'\\ud800'", "\"it's\"", "'\\q'",    "b'\\x'",  "'",         " ",
                                           NULL};
    const char *text = (const char *)s->file.data, *end = text + s->file.size;
    for (const char *line = text, *stop; line < end && s->n_fields < MOST; line = stop + 1) {
        stop = memchr(line, '\n', (size_t)(end - line));
        if (!stop) break;
        const char *first = memchr(line, ' ', (size_t)(stop - line)), *last = stop;
        while (last > line && last[-1] != ' ') last--;
        if (!first || last <= first + 1) continue;
        add_field(s, ITEM, (size_t)(line - text), (size_t)(stop + 1 - line), 1);
        add_field(s, DECIMAL, (size_t)(line - text), (size_t)(first - line), 0);
        add_field(s, WORD, (size_t)(first + 1 - text), (size_t)(last - first) - 2, 0)->words = literals;
        add_field(s, NAME, (size_t)(first + 2 - text), (size_t)(last - first) > 4 ? (size_t)(last - first) - 4 : 0, 0);
        add_field(s, DECIMAL, (size_t)(last - text), (size_t)(stop - last), 0);
    }
    return s->n_fields > 0;
}
