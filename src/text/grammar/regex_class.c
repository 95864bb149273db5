/* regex_class.c - read classes and escapes of a regular expression. */
#include "text/grammar/regex_class.h"
#include "base/error.h"
#include "base/utf8.h"
#include <string.h>

int source_fail(const source *r, int code, const char *why)
{
    return fail(code, "%s, byte %d: %s", r->what, (int)(r->at - r->begin) + 1, why);
}

int source_character(source *r, uint32_t *c)
{
    *c = 0;
    const int n = r->at < r->end ? utf8_length(r->at, (size_t)(r->end - r->at)) : 0;
    char one[5] = {0};
    const char *p = one;
    if (r->at == r->end) return source_fail(r, WKV_EFORMAT, "it ends too early");
    if (n <= 0) return source_fail(r, WKV_EFORMAT, "it is not UTF-8");
    memcpy(one, r->at, (size_t)n);
    r->at += n;
    *c = n == 1 ? (unsigned char)one[0] : utf8_next(&p);
    return 0;
}

int code_set_add(code_set *s, uint32_t from, uint32_t to)
{
    if (s->n == MOST_RANGES) s->n = ranges_sort(s->at, s->n);
    if (s->n == MOST_RANGES)
        return fail(WKV_EUNSUPPORTED, "a class has more than %d ranges of characters", MOST_RANGES);
    s->at[s->n++] = (code_range){from, to};
    return 0;
}

int code_set_complement(code_set *s)
{
    static _Thread_local code_range out[MOST_RANGES + 1];
    const int n = ranges_complement(out, s->at, s->n);
    if (n > MOST_RANGES) return fail(WKV_EUNSUPPORTED, "a class has more than %d ranges of characters", MOST_RANGES);
    memcpy(s->at, out, (size_t)n * sizeof *out);
    s->n = n;
    return 0;
}

static int add_all(code_set *s, const code_range *ranges, int n)
{
    int err = 0;
    for (int i = 0; i < n && !err; i++) err = code_set_add(s, ranges[i].from, ranges[i].to);
    return err;
}

int code_set_dot(code_set *s)
{
    static const code_range dot[] = {{0, 9}, {0xb, 0xc}, {0xe, 0x2027}, {0x202a, 0x10ffff}};
    return add_all(s, dot, 4);
}

/* \d, \w, \s, and their complements, of ECMA 262. Returns 0 for another letter, else 1. */
static int add_named(code_set *s, uint32_t letter, int *err)
{
    static const code_range digits[] = {{'0', '9'}}, word[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}},
                            blank[] = {{9, 13},          {32, 32},         {0xa0, 0xa0},     {0x1680, 0x1680},
                                       {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f},
                                       {0x3000, 0x3000}, {0xfeff, 0xfeff}};
    const code_range *from;
    code_range out[16], copy[16];
    int n;
    switch (letter | 32) {
    case 'd': from = digits, n = 1; break;
    case 'w': from = word, n = 4; break;
    case 's': from = blank, n = 10; break;
    default: return 0;
    }
    memcpy(copy, from, (size_t)n * sizeof *from);
    if (letter < 'a') n = ranges_complement(out, copy, n), from = out;
    *err = add_all(s, from, n);
    return 1;
}

static int read_hex(source *r, int digits, uint32_t *c)
{
    *c = 0;
    for (int i = 0; i < digits; i++, r->at++) {
        const int x = r->at < r->end ? (unsigned char)*r->at : 0, letter = x | 32;
        if (!(x >= '0' && x <= '9') && !(letter >= 'a' && letter <= 'f'))
            return source_fail(r, WKV_EFORMAT, "a hexadecimal digit is missing after \\x or \\u");
        *c = *c << 4 | (uint32_t)(x <= '9' ? x - '0' : letter - 'a' + 10);
    }
    return 0;
}

/* The code point after \u; two surrogates are one. */
static int read_unicode(source *r, uint32_t *c)
{
    uint32_t low;
    if (r->at < r->end && *r->at == '{') {
        const char *close = memchr(r->at, '}', (size_t)(r->end - r->at));
        const int digits = close ? (int)(close - r->at) - 1 : 0;
        if (digits < 1 || digits > 6) return source_fail(r, WKV_EFORMAT, "\\u{ needs 1 to 6 hexadecimal digits and }");
        r->at++;
        const int err = read_hex(r, digits, c);
        r->at++;
        return err ? err : *c > 0x10ffff ? source_fail(r, WKV_EFORMAT, "a character above U+10FFFF") : 0;
    }
    int err = read_hex(r, 4, c);
    if (err || *c < 0xd800 || *c > 0xdbff || r->end - r->at < 6 || r->at[0] != '\\' || r->at[1] != 'u') return err;
    r->at += 2;
    err = read_hex(r, 4, &low);
    if (!err && low >= 0xdc00 && low <= 0xdfff) *c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
    return err;
}

int read_escape(source *r, code_set *s, int in_class)
{
    static const char from[] = "tnrfv0", to[] = "\t\n\r\f\v\0";
    uint32_t c;
    int err = source_character(r, &c);
    if (err) return err;
    if (add_named(s, c, &err)) return err;
    if (in_class && c == 'b') return code_set_add(s, 8, 8);
    if (c == 'b' || c == 'B') return source_fail(r, WKV_EUNSUPPORTED, "word boundaries (\\b, \\B) are not supported");
    if (c == 'p' || c == 'P')
        return source_fail(r, WKV_EUNSUPPORTED, "Unicode properties (\\p) are not supported; a class with ranges is");
    if ((c >= '1' && c <= '9') || c == 'k')
        return source_fail(r, WKV_EUNSUPPORTED,
                           "back-references (\\1, \\k) are not supported: no automaton decides them");
    if (c == 'x')
        err = read_hex(r, 2, &c);
    else if (c == 'u')
        err = read_unicode(r, &c);
    else if (c < 128 && c && strchr(from, (int)c))
        c = (unsigned char)to[strchr(from, (int)c) - from];
    else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return source_fail(r, WKV_EUNSUPPORTED, "a backslash before this letter is not supported");
    return err ? err : code_set_add(s, c, c);
}

/* One character or one escape of a class: *single, if it is one character, else NOT_SINGLE, and it is in the set. */
#define NOT_SINGLE UINT32_MAX
static int read_member(source *r, code_set *s, uint32_t *single)
{
    int err = source_character(r, single);
    if (err || *single != '\\') return err;
    const int before = s->n;
    err = read_escape(r, s, 1);
    *single = NOT_SINGLE;
    if (!err && s->n == before + 1 && s->at[before].from == s->at[before].to) *single = s->at[--s->n].from;
    return err;
}

int read_class(source *r, code_set *s)
{
    int err = 0;
    const int not = r->at < r->end && *r->at == '^';
    r->at += not ;
    s->n = 0;
    while (!err && !(r->at < r->end && *r->at == ']')) {
        uint32_t from, to;
        if ((err = read_member(r, s, &from))) break;
        if (r->end - r->at < 2 || r->at[0] != '-' || r->at[1] == ']') {
            if (from != NOT_SINGLE) err = code_set_add(s, from, from);
            continue;
        }
        r->at++;
        if ((err = read_member(r, s, &to))) break;
        if (from == NOT_SINGLE || to == NOT_SINGLE || from > to)
            err = source_fail(r, WKV_EFORMAT, "a range of a class goes from a character to a later one");
        else
            err = code_set_add(s, from, to);
    }
    if (err) return err;
    r->at++;
    return not ? code_set_complement(s) : 0;
}
