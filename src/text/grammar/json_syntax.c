/* json_syntax.c - strings, numbers and any value of JSON. */
#include "text/grammar/json_syntax.h"
#include "base/error.h"
#include "base/number.h"
#include "base/utf8.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int syntax_json_separator(syntax *s, const char *mark)
{
    return sequence_of(s, syntax_text(s, mark), s->compact ? EMPTY : optional_of(s, syntax_text(s, " ")));
}

/* ---- strings ----------------------------------------------------------------------------------------------------- */

static int class_of(syntax *s, const char *characters)
{
    code_range ranges[64];
    int n = 0;
    for (const char *p = characters; *p && n < 64; p += 2)
        ranges[n++] = (code_range){(unsigned char)p[0], (unsigned char)p[1]};
    return syntax_class(s, ranges, n);
}

/* \u and four digits: half of a pair of surrogates comes with the other half only. */
static int unicode_escape(syntax *s)
{
    const int hex = class_of(s, "09AFaf"), two = sequence_of(s, hex, hex);
    const int plain = sequence_of(s, class_of(s, "09ACEFacef"), hex, two),
              low = sequence_of(s, class_of(s, "DDdd"), class_of(s, "07"), two),
              high = sequence_of(s, class_of(s, "DDdd"), class_of(s, "89ABab"), two),
              half = sequence_of(s, syntax_text(s, "\\u"), class_of(s, "DDdd"), class_of(s, "CFcf"), two);
    return choice_of(s, plain, low, sequence_of(s, high, half));
}

static const code_range unescaped[] = {{0x20, 0x21}, {0x23, 0x5b}, {0x5d, 0x10ffff}};

int syntax_json_character(syntax *s)
{
    const int short_form = class_of(s, "\"\"\\\\//bbffnnrrtt"),
              escape = choice_of(s, short_form, sequence_of(s, syntax_text(s, "u"), unicode_escape(s)));
    return choice_of(s, syntax_class(s, unescaped, 3), sequence_of(s, syntax_text(s, "\\"), escape));
}

int syntax_json_string(syntax *s, int min, int max)
{
    const int quote = syntax_text(s, "\"");
    return sequence_of(s, quote, syntax_repeat(s, syntax_json_character(s), min, max), quote);
}

/* The form of a character that has to be escaped. */
static void escape_of(char out[8], uint32_t c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *p = c ? strchr(from, (int)c) : NULL;
    if (p)
        snprintf(out, 8, "\\%c", to[p - from]);
    else
        snprintf(out, 8, "\\u%04x", (unsigned)c);
}

int syntax_json_characters(syntax *s, const code_range *ranges, int n)
{
    int parts[36], count = 0, m = 0;
    code_range *plain = malloc(((size_t)n * 3 + 1) * sizeof *plain);
    if (!plain) {
        s->err = fail(WKV_ENOMEM, "no memory for a grammar");
        return EMPTY;
    }
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < 3; k++) {
            const uint32_t from = ranges[i].from > unescaped[k].from ? ranges[i].from : unescaped[k].from,
                           to = ranges[i].to < unescaped[k].to ? ranges[i].to : unescaped[k].to;
            if (from <= to) plain[m++] = (code_range){from, to};
        }
    }
    parts[count++] = syntax_class(s, plain, m);
    free(plain);
    for (uint32_t c = 0; c <= '\\'; c++) {
        int has = 0;
        char text[8];
        for (int i = 0; i < n; i++) has |= c >= ranges[i].from && c <= ranges[i].to;
        if (!has || (c >= 0x20 && c != '"' && c != '\\')) continue;
        escape_of(text, c);
        parts[count++] = syntax_text(s, text);
    }
    return syntax_list(s, SYNTAX_CHOICE, parts, count);
}

/* ---- a string that is not one of some ---------------------------------------------------------------------------- */

typedef struct {
    syntax *s;
    const char *const *texts;
    int rest, quote; /* any characters and the quote; the quote */
} others;

/* The rest of a string whose first bytes are those that texts [from, to) share, `at` bytes: behind each character that
 * none of them has there, anything may come. */
static int other_from(const others *o, int from, int to, size_t at)
{
    const code_range all = {0, 0x10ffff};
    const int ends = from < to && !o->texts[from][at];
    int n = 0, parts_n = 0, *parts = malloc(((size_t)(to - from) + 3) * sizeof *parts);
    code_range *taken = malloc(2 * ((size_t)(to - from) + 2) * sizeof *taken),
               *free_ones = taken ? taken + (to - from) + 1 : NULL;
    if (!parts || !taken) {
        free(parts), free(taken);
        o->s->err = fail(WKV_ENOMEM, "no memory for a grammar");
        return EMPTY;
    }
    for (int i = from + ends; i < to;) {
        const char *next = o->texts[i] + at;
        const uint32_t c = utf8_next(&next);
        const size_t length = (size_t)(next - o->texts[i]) - at;
        int last = i + 1;
        while (last < to && !strncmp(o->texts[last] + at, o->texts[i] + at, length)) last++;
        const code_range one = {c, c};
        parts[parts_n++] =
            sequence_of(o->s, syntax_json_characters(o->s, &one, 1), other_from(o, i, last, at + length));
        taken[n++] = one;
        i = last;
    }
    const int m = n ? ranges_complement(free_ones, taken, n) : 1;
    parts[parts_n++] = sequence_of(o->s, syntax_json_characters(o->s, n ? free_ones : &all, m), o->rest);
    if (!ends) parts[parts_n++] = o->quote;
    const int node = syntax_list(o->s, SYNTAX_CHOICE, parts, parts_n);
    free(parts);
    free(taken);
    return node;
}

int syntax_json_other_string(syntax *s, const char *const *texts, int n)
{
    const code_range all = {0, 0x10ffff};
    const int quote = syntax_text(s, "\"");
    const others o = {s, texts,
                      sequence_of(s, syntax_repeat(s, syntax_json_characters(s, &all, 1), 0, NO_LIMIT), quote), quote};
    return sequence_of(s, quote, other_from(&o, 0, n, 0));
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

static int digits(syntax *s, int min, int max) { return syntax_repeat(s, class_of(s, "09"), min, max); }

static int natural(syntax *s) { return sequence_of(s, class_of(s, "19"), digits(s, 0, JSON_DIGITS - 1)); }

int syntax_json_integer(syntax *s)
{
    const int n = natural(s);
    return choice_of(s, syntax_text(s, "0"), n, sequence_of(s, syntax_text(s, "-"), n));
}

int syntax_json_number(syntax *s)
{
    const int sign = optional_of(s, syntax_text(s, "-")), whole = choice_of(s, syntax_text(s, "0"), natural(s)),
              fraction = sequence_of(s, syntax_text(s, "."), digits(s, 1, JSON_FRACTION)),
              exponent =
                  sequence_of(s, class_of(s, "EEee"), optional_of(s, class_of(s, "++--")), digits(s, 1, JSON_EXPONENT));
    return sequence_of(s, sign, whole, optional_of(s, fraction), optional_of(s, exponent));
}

static int digit_between(syntax *s, char from, char to) { return class_of(s, (const char[]){from, to, 0}); }

static int is_all(const char *text, char c, int n)
{
    for (int i = 0; i < n; i++)
        if (text[i] != c) return 0;
    return 1;
}

/* Texts of n digits from `least` to `most`. */
static int between(syntax *s, const char *least, const char *most, int n)
{
    static const char zeros[] = "0000000000000000000", nines[] = "9999999999999999999";
    if (!n) return EMPTY;
    if (is_all(least, '0', n) && is_all(most, '9', n)) return digits(s, n, n);
    if (*least == *most)
        return sequence_of(s, digit_between(s, *least, *least), between(s, least + 1, most + 1, n - 1));
    int parts[3], count = 0;
    parts[count++] = sequence_of(s, digit_between(s, *least, *least), between(s, least + 1, nines, n - 1));
    parts[count++] = sequence_of(s, digit_between(s, *most, *most), between(s, zeros, most + 1, n - 1));
    if (*most - *least > 1)
        parts[count++] =
            sequence_of(s, digit_between(s, (char)(*least + 1), (char)(*most - 1)), digits(s, n - 1, n - 1));
    return syntax_list(s, SYNTAX_CHOICE, parts, count);
}

/* Decimal texts of natural numbers. */
static int naturals_between(syntax *s, uint64_t least, uint64_t most)
{
    int parts[20], n = 0;
    char from[24], to[24];
    for (uint64_t begin = least; begin <= most;) {
        const int length = snprintf(from, sizeof from, "%llu", (unsigned long long)begin);
        uint64_t last = 1;
        for (int i = 0; i < length && last <= UINT64_MAX / 10; i++) last *= 10;
        last = last - 1 < most && length < 19 ? last - 1 : most;
        snprintf(to, sizeof to, "%llu", (unsigned long long)last);
        parts[n++] = between(s, from, to, length);
        begin = last + 1;
    }
    return syntax_list(s, SYNTAX_CHOICE, parts, n);
}

int syntax_json_integer_between(syntax *s, int64_t least, int64_t most)
{
    int parts[2], n = 0;
    if (most >= 0 && most >= least) parts[n++] = naturals_between(s, (uint64_t)(least > 0 ? least : 0), (uint64_t)most);
    if (least < 0 && most >= least)
        parts[n++] =
            sequence_of(s, syntax_text(s, "-"), naturals_between(s, most < 0 ? (uint64_t)-most : 1, (uint64_t)-least));
    return syntax_list(s, SYNTAX_CHOICE, parts, n);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static int given_string(syntax *s, const char *text, size_t bytes)
{
    char *out = malloc(6 * bytes + 3), *to = out;
    if (!out) {
        s->err = fail(WKV_ENOMEM, "no memory for a grammar");
        return EMPTY;
    }
    *to++ = '"';
    for (size_t i = 0; i < bytes; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == '"' || c == '\\') {
            escape_of(to, c);
            to += strlen(to);
        } else
            *to++ = text[i];
    }
    *to++ = '"';
    const int node = syntax_bytes(s, out, (size_t)(to - out));
    free(out);
    return node;
}

static int given_real(syntax *s, double x)
{
    char text[40];
    for (int digits_kept = 15; digits_kept <= 17; digits_kept++) {
        number_print(text, sizeof text, "%.*g", digits_kept, x);
        if (number_read(text, NULL) == x) break;
    }
    return syntax_text(s, text);
}

static int given_list(syntax *s, const json_t *value)
{
    const size_t n = json_is_array(value) ? json_array_size(value) : json_object_size(value);
    int *parts = malloc((5 * n + 2) * sizeof *parts), m = 0;
    if (!parts) {
        s->err = fail(WKV_ENOMEM, "no memory for a grammar");
        return EMPTY;
    }
    parts[m++] = syntax_text(s, json_is_array(value) ? "[" : "{");
    const char *key;
    json_t *one;
    size_t i;
    json_array_foreach(value, i, one)
    {
        if (i) parts[m++] = syntax_json_separator(s, ",");
        parts[m++] = syntax_json_given(s, one);
    }
    json_object_foreach((json_t *)value, key, one)
    {
        if (m > 1) parts[m++] = syntax_json_separator(s, ",");
        parts[m++] = given_string(s, key, strlen(key));
        parts[m++] = syntax_json_separator(s, ":");
        parts[m++] = syntax_json_given(s, one);
    }
    parts[m++] = syntax_text(s, json_is_array(value) ? "]" : "}");
    const int node = syntax_list(s, SYNTAX_SEQUENCE, parts, m);
    free(parts);
    return node;
}

int syntax_json_given(syntax *s, const json_t *value)
{
    char text[32];
    switch (json_typeof(value)) {
    case JSON_STRING: return given_string(s, json_string_value(value), json_string_length(value));
    case JSON_INTEGER:
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
        return syntax_text(s, text);
    case JSON_REAL: return given_real(s, json_real_value(value));
    case JSON_TRUE: return syntax_text(s, "true");
    case JSON_FALSE: return syntax_text(s, "false");
    case JSON_NULL: return syntax_text(s, "null");
    default: return given_list(s, value);
    }
}

int syntax_json_any(syntax *s)
{
    const int rule = syntax_new_rule(s), value = syntax_rule(s, rule), text = syntax_json_string(s, 0, NO_LIMIT),
              comma = syntax_json_separator(s, ","),
              member = sequence_of(s, text, syntax_json_separator(s, ":"), value);
    const int members = sequence_of(s, member, syntax_repeat(s, sequence_of(s, comma, member), 0, NO_LIMIT)),
              items = sequence_of(s, value, syntax_repeat(s, sequence_of(s, comma, value), 0, NO_LIMIT));
    const int object = sequence_of(s, syntax_text(s, "{"), optional_of(s, members), syntax_text(s, "}")),
              array = sequence_of(s, syntax_text(s, "["), optional_of(s, items), syntax_text(s, "]"));
    syntax_set_rule(s, rule,
                    choice_of(s, object, array, text, syntax_json_number(s), syntax_text(s, "true"),
                              syntax_text(s, "false"), syntax_text(s, "null")));
    return value;
}
