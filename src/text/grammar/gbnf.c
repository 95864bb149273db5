/* gbnf.c - read GBNF: `name ::= alternatives`, with literals, classes, groups, repetitions, comments. A line ends a
 * rule, but inside a group and behind "|" and "::=". */
#include "text/grammar/gbnf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "text/grammar/regex_class.h"
#include <stdlib.h>
#include <string.h>

enum { MOST_NESTED = 200, MOST_COUNT = 1000000000, MOST_NAME = 200 };

typedef struct {
    source r;
    syntax *s;
    json_t *names;   /* the number of each rule */
    json_t *defined; /* the names of those that have their text */
    int nested;
    code_set set; /* scratch */
} reader;

static int is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static int ahead(const reader *r, const char *text)
{
    const size_t n = strlen(text);
    return (size_t)(r->r.end - r->r.at) >= n && !memcmp(r->r.at, text, n);
}

/* Skip blanks and comments, and with `lines` the ends of lines. */
static void skip(reader *r, int lines)
{
    while (r->r.at < r->r.end) {
        const char c = *r->r.at;
        if (c == '#')
            while (r->r.at < r->r.end && *r->r.at != '\n') r->r.at++;
        else if (c == ' ' || c == '\t' || (lines && (c == '\n' || c == '\r')))
            r->r.at++;
        else
            return;
    }
}

/* ---- rules ------------------------------------------------------------------------------------------------------- */

/* The name at the place, which is consumed. */
static int read_name(reader *r, char name[MOST_NAME + 1])
{
    int n = 0;
    while (r->r.at < r->r.end && is_name(*r->r.at) && n < MOST_NAME) name[n++] = *r->r.at++;
    name[n] = 0;
    if (!n) return source_fail(&r->r, WKV_EFORMAT, "expected the name of a rule");
    return n == MOST_NAME ? source_fail(&r->r, WKV_EUNSUPPORTED, "the name of a rule has 200 bytes or more") : 0;
}

/* The rule of a name, which may get its text later. */
static int rule_of(reader *r, const char *name, int *rule)
{
    const json_t *known = json_object_get(r->names, name);
    *rule = known ? (int)json_integer_value(known) : !strcmp(name, "root") ? 0 : syntax_new_rule(r->s);
    if (known || !json_object_set_new(r->names, name, json_integer(*rule))) return 0;
    return fail(WKV_ENOMEM, "no memory for a grammar");
}

/* ---- parts ------------------------------------------------------------------------------------------------------- */

/* The character after a backslash. */
static int read_escape_character(reader *r, uint32_t *c)
{
    static const char from[] = "nrt", to[] = "\n\r\t";
    int err = source_character(&r->r, c), digits = 0;
    if (err) return err;
    if (*c == 'x') digits = 2;
    if (*c == 'u') digits = 4;
    if (*c == 'U') digits = 8;
    if (!digits) {
        const char *p = *c < 128 && *c ? strchr(from, (int)*c) : NULL;
        if (p)
            *c = (unsigned char)to[p - from];
        else if (*c >= 128 || !*c || !strchr("\"\\[]-^", (int)*c))
            return source_fail(&r->r, WKV_EFORMAT, "a backslash before a character that it says nothing about");
        return 0;
    }
    for (*c = 0; digits; digits--) {
        uint32_t x;
        if ((err = source_character(&r->r, &x))) return err;
        const uint32_t letter = x | 32;
        if (!(x >= '0' && x <= '9') && !(letter >= 'a' && letter <= 'f'))
            return source_fail(&r->r, WKV_EFORMAT, "a hexadecimal digit is missing after \\x, \\u or \\U");
        *c = *c << 4 | (x <= '9' ? x - '0' : letter - 'a' + 10);
    }
    return *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000)
               ? source_fail(&r->r, WKV_EFORMAT, "an escape that is no character")
               : 0;
}

static int read_literal(reader *r, int *node)
{
    const char *end = r->r.at;
    while (end < r->r.end && *end != '"') end += *end == '\\' && r->r.end - end > 1 ? 2 : 1;
    char *out = malloc((size_t)(end - r->r.at) + 4); /* no escape is shorter than its character */
    size_t n = 0;
    int err = out ? 0 : fail(WKV_ENOMEM, "no memory for a grammar");
    while (!err && !ahead(r, "\"")) {
        uint32_t c;
        err = source_character(&r->r, &c);
        if (!err && c == '\\') err = read_escape_character(r, &c);
        if (!err) n += (size_t)utf8_put(out + n, c);
    }
    if (!err) r->r.at++, *node = syntax_bytes(r->s, out, n);
    free(out);
    return err;
}

static int read_member(reader *r, uint32_t *c)
{
    const int err = source_character(&r->r, c);
    return err || *c != '\\' ? err : read_escape_character(r, c);
}

static int read_set(reader *r, int *node)
{
    const int complement = ahead(r, "^");
    int err = 0;
    r->set.n = 0;
    r->r.at += complement;
    while (!err && !ahead(r, "]")) {
        uint32_t from, to;
        if ((err = read_member(r, &from))) break;
        to = from;
        if (ahead(r, "-") && r->r.end - r->r.at > 1 && r->r.at[1] != ']') {
            r->r.at++;
            if ((err = read_member(r, &to))) break;
        }
        err = to < from ? source_fail(&r->r, WKV_EFORMAT, "a range of a class goes from a character to a later one")
                        : code_set_add(&r->set, from, to);
    }
    if (err) return err;
    r->r.at++;
    if (complement) err = code_set_complement(&r->set);
    *node = syntax_class(r->s, r->set.at, r->set.n);
    return err;
}

static int read_choice(reader *r, int *node);

static int read_group(reader *r, int *node)
{
    if (r->nested++ == MOST_NESTED) return source_fail(&r->r, WKV_EUNSUPPORTED, "more than 200 groups in each other");
    skip(r, 1);
    const int err = read_choice(r, node);
    r->nested--;
    if (err) return err;
    if (!ahead(r, ")")) return source_fail(&r->r, WKV_EFORMAT, "a group has no )");
    r->r.at++;
    return 0;
}

static int read_atom(reader *r, int *node)
{
    static const code_range all = {0, 0x10ffff};
    char name[MOST_NAME + 1];
    int rule, err;
    const char c = *r->r.at;
    if (!is_name(c)) r->r.at++;
    switch (c) {
    case '"': return read_literal(r, node);
    case '[': return read_set(r, node);
    case '(': return read_group(r, node);
    case '.': *node = syntax_class(r->s, &all, 1); return 0;
    case '<':
    case '!': return source_fail(&r->r, WKV_EUNSUPPORTED, "tokens in place of text (<...>) are not supported");
    default: break;
    }
    if (!is_name(c))
        return source_fail(&r->r, WKV_EFORMAT, "expected a literal, a class, a group or the name of a rule");
    err = read_name(r, name);
    if (!err) err = rule_of(r, name, &rule);
    if (!err) *node = syntax_rule(r->s, rule);
    return err;
}

static int read_number(reader *r, int *n)
{
    const char *from = r->r.at;
    int64_t x = 0;
    for (; r->r.at < r->r.end && *r->r.at >= '0' && *r->r.at <= '9'; r->r.at++)
        if (x <= MOST_COUNT) x = 10 * x + (*r->r.at - '0');
    *n = x <= MOST_COUNT ? (int)x : MOST_COUNT;
    return r->r.at > from;
}

/* "{m}", "{m,}", "{,n}" or "{m,n}" behind its brace. */
static int read_counts(reader *r, int *min, int *max)
{
    skip(r, 0);
    const int has = read_number(r, min);
    skip(r, 0);
    *max = *min;
    if (ahead(r, ",")) {
        r->r.at++;
        skip(r, 0);
        if (!read_number(r, max)) *max = NO_LIMIT;
        skip(r, 0);
    } else if (!has)
        return source_fail(&r->r, WKV_EFORMAT, "expected the number of repetitions");
    if (!ahead(r, "}") || *max < *min)
        return source_fail(&r->r, WKV_EFORMAT, "the numbers of a repetition are not in order");
    r->r.at++;
    return 0;
}

static int read_repeated(reader *r, int *node)
{
    int min = 0, max = NO_LIMIT, err = read_atom(r, node);
    while (!err) {
        skip(r, r->nested > 0);
        if (ahead(r, "*"))
            min = 0, max = NO_LIMIT;
        else if (ahead(r, "+"))
            min = 1, max = NO_LIMIT;
        else if (ahead(r, "?"))
            min = 0, max = 1;
        else if (!ahead(r, "{"))
            break;
        if (*r->r.at++ == '{') err = read_counts(r, &min, &max);
        if (!err) *node = syntax_repeat(r->s, *node, min, max);
    }
    return err;
}

/* ---- alternatives ------------------------------------------------------------------------------------------------ */

/* Make a list of nodes out of those that `one` reads, until it reads none: *more is 0. */
typedef struct {
    int *at, n, cap;
} nodes;

static int add(nodes *l, int node)
{
    if (l->n == l->cap) {
        const int cap = 2 * l->cap + 16;
        int *grown = realloc(l->at, (size_t)cap * sizeof *grown);
        if (!grown) return fail(WKV_ENOMEM, "no memory for a grammar");
        l->at = grown, l->cap = cap;
    }
    l->at[l->n++] = node;
    return 0;
}

static int read_sequence(reader *r, int *node)
{
    nodes parts = {0};
    int err = 0;
    for (skip(r, r->nested > 0); !err && r->r.at < r->r.end && !strchr("|)\r\n", *r->r.at); skip(r, r->nested > 0)) {
        int one = EMPTY;
        err = read_repeated(r, &one);
        if (!err) err = add(&parts, one);
    }
    if (!err) *node = syntax_list(r->s, SYNTAX_SEQUENCE, parts.at, parts.n);
    free(parts.at);
    return err;
}

static int read_choice(reader *r, int *node)
{
    nodes parts = {0};
    int one = EMPTY, err = read_sequence(r, &one);
    if (!err) err = add(&parts, one);
    while (!err && ahead(r, "|")) {
        r->r.at++;
        skip(r, 1);
        err = read_sequence(r, &one);
        if (!err) err = add(&parts, one);
    }
    if (!err) *node = syntax_list(r->s, SYNTAX_CHOICE, parts.at, parts.n);
    free(parts.at);
    return err;
}

static int read_rule(reader *r)
{
    char name[MOST_NAME + 1];
    int rule, node = EMPTY, err = read_name(r, name);
    if (!err) err = rule_of(r, name, &rule);
    if (err) return err;
    skip(r, 0);
    if (!ahead(r, "::=")) return source_fail(&r->r, WKV_EFORMAT, "expected ::= behind the name of a rule");
    if (json_object_get(r->defined, name)) return source_fail(&r->r, WKV_EFORMAT, "a second text of a rule");
    if (json_object_set_new(r->defined, name, json_true())) return fail(WKV_ENOMEM, "no memory for a grammar");
    r->r.at += 3;
    skip(r, 1);
    err = read_choice(r, &node);
    if (err) return err;
    if (r->r.at < r->r.end && *r->r.at != '\n' && *r->r.at != '\r')
        return source_fail(&r->r, WKV_EFORMAT, "a ) without its group");
    syntax_set_rule(r->s, rule, node);
    return r->s->err;
}

static int check_names(const reader *r)
{
    const char *name;
    json_t *rule;
    if (!json_object_get(r->defined, "root")) return fail(WKV_EFORMAT, "the grammar has no rule root");
    json_object_foreach(r->names, name, rule) if (!json_object_get(r->defined, name)) return fail(
        WKV_EFORMAT, "the grammar has no rule %s, which others use", name);
    return 0;
}

int gbnf_read(syntax *s, const char *text, size_t bytes)
{
    reader *r = malloc(sizeof *r);
    if (!r) return fail(WKV_ENOMEM, "no memory for a grammar");
    *r = (reader){
        .r = {text, text, text + bytes, "the grammar"}, .s = s, .names = json_object(), .defined = json_object()};
    int err = r->names && r->defined ? 0 : fail(WKV_ENOMEM, "no memory for a grammar");
    for (skip(r, 1); !err && r->r.at < r->r.end; skip(r, 1)) err = read_rule(r);
    if (!err) err = check_names(r);
    json_decref(r->names);
    json_decref(r->defined);
    free(r);
    return err;
}
