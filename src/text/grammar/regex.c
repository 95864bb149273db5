/* regex.c - read a regular expression into a syntax tree. */
#include "text/grammar/regex.h"
#include "base/error.h"
#include "base/utf8.h"
#include "text/grammar/regex_class.h"
#include <stdlib.h>
#include <string.h>

enum { MOST_NESTED = 200, MOST_COUNT = 1000000000 };

/* A part of the expression, and the characters of its texts. */
typedef struct {
    int node;
    int64_t min, max; /* characters; NO_LIMIT: any number */
    int one;          /* of a repetition: the node of one character, which it repeats; -1: something else */
} piece;

typedef struct {
    source r;
    syntax *s;
    const regex_use *use;
    int nested;
    code_set set; /* scratch */
} reader;

static int64_t limited(int64_t n) { return n < NO_LIMIT ? n : NO_LIMIT; }

static int read_choice(reader *r, piece *out);

/* ---- atoms ------------------------------------------------------------------------------------------------------- */

static int ahead(const reader *r, const char *text)
{
    const size_t n = strlen(text);
    return (size_t)(r->r.end - r->r.at) >= n && !memcmp(r->r.at, text, n);
}

static int read_group(reader *r, piece *out)
{
    if (ahead(r, "?=") || ahead(r, "?!") || ahead(r, "?<=") || ahead(r, "?<!"))
        return source_fail(&r->r, WKV_EUNSUPPORTED, "look-around, (?=, (?!, (?<= and (?<!, is not supported");
    if (ahead(r, "?:"))
        r->r.at += 2;
    else if (ahead(r, "?<") || ahead(r, "?P<")) {
        const char *close = memchr(r->r.at, '>', (size_t)(r->r.end - r->r.at));
        if (!close) return source_fail(&r->r, WKV_EFORMAT, "the name of a group has no >");
        r->r.at = close + 1;
    } else if (ahead(r, "?"))
        return source_fail(&r->r, WKV_EUNSUPPORTED, "flags and atomic groups, (?, are not supported");
    if (r->nested++ == MOST_NESTED) return source_fail(&r->r, WKV_EUNSUPPORTED, "more than 200 groups in each other");
    const int err = read_choice(r, out);
    r->nested--;
    if (err) return err;
    if (!ahead(r, ")")) return source_fail(&r->r, WKV_EFORMAT, "a group has no )");
    r->r.at++;
    out->one = -1;
    return 0;
}

static int read_atom(reader *r, piece *out)
{
    uint32_t c;
    int err = source_character(&r->r, &c);
    if (err) return err;
    r->set.n = 0;
    if (c == '(') return read_group(r, out);
    if (c == '[')
        err = read_class(&r->r, &r->set);
    else if (c == '\\')
        err = read_escape(&r->r, &r->set, 0);
    else if (c == '.')
        err = code_set_dot(&r->set);
    else if (c < 128 && strchr("*+?", (int)c) && c) {
        r->r.at--;
        return source_fail(&r->r, WKV_EFORMAT, "nothing to repeat before *, + or ?");
    } else if (c == '^' || c == '$') {
        r->r.at--;
        return source_fail(&r->r, WKV_EUNSUPPORTED, "^ and $ are supported at the ends of the expression only");
    } else
        err = code_set_add(&r->set, c, c);
    if (err) return err;
    *out = (piece){r->use->characters(r->s, r->set.at, r->set.n), 1, 1, -1};
    out->one = out->node;
    return 0;
}

/* ---- repetitions ------------------------------------------------------------------------------------------------- */

static int read_number(reader *r, int *n)
{
    const char *from = r->r.at;
    int64_t x = 0;
    for (; r->r.at < r->r.end && *r->r.at >= '0' && *r->r.at <= '9'; r->r.at++)
        if (x <= MOST_COUNT) x = 10 * x + (*r->r.at - '0');
    *n = x <= MOST_COUNT ? (int)x : -1;
    return r->r.at > from;
}

/* {m}, {m,} or {m,n} at the place; 0: there is none, and nothing is consumed. */
static int read_counts(reader *r, int *min, int *max)
{
    const char *from = r->r.at++;
    int found = read_number(r, min);
    *max = *min;
    if (found && ahead(r, ",")) {
        r->r.at++;
        if (!read_number(r, max)) *max = NO_LIMIT;
    }
    if (found && ahead(r, "}"))
        r->r.at++;
    else
        r->r.at = from, found = 0;
    return found;
}

static int read_repeated(reader *r, piece *out)
{
    int min, max, err = read_atom(r, out);
    if (err || r->r.at == r->r.end) return err;
    if (*r->r.at == '*')
        min = 0, max = NO_LIMIT, r->r.at++;
    else if (*r->r.at == '+')
        min = 1, max = NO_LIMIT, r->r.at++;
    else if (*r->r.at == '?')
        min = 0, max = 1, r->r.at++;
    else if (*r->r.at != '{' || !read_counts(r, &min, &max))
        return 0;
    if (min < 0 || max < 0) return source_fail(&r->r, WKV_EUNSUPPORTED, "a number of repetitions above 1000000000");
    if (max < min) return source_fail(&r->r, WKV_EFORMAT, "the numbers of a repetition are not in order");
    if (ahead(r, "?")) r->r.at++; /* lazy: the same texts */
    if (ahead(r, "+")) return source_fail(&r->r, WKV_EUNSUPPORTED, "possessive repetition is not supported");
    if (ahead(r, "*")) return source_fail(&r->r, WKV_EFORMAT, "a repetition of a repetition needs a group");
    const int one = out->one;
    *out = (piece){syntax_repeat(r->s, out->node, min, max), limited(out->min * min),
                   max == NO_LIMIT ? (out->max ? NO_LIMIT : 0) : limited(out->max * max), one};
    return 0;
}

/* ---- sequences --------------------------------------------------------------------------------------------------- */

typedef struct {
    piece *at;
    int n, cap;
} pieces;

static int add_piece(pieces *p, piece one)
{
    if (p->n == p->cap) {
        const int cap = 2 * p->cap + 16;
        piece *grown = realloc(p->at, (size_t)cap * sizeof *grown);
        if (!grown) return fail(WKV_ENOMEM, "no memory for a regular expression");
        p->at = grown, p->cap = cap;
    }
    p->at[p->n++] = one;
    return 0;
}

static int join(reader *r, const pieces *p, syntax_kind kind)
{
    int *nodes = malloc(((size_t)p->n + 1) * sizeof *nodes);
    if (!nodes) {
        r->s->err = fail(WKV_ENOMEM, "no memory for a regular expression");
        return EMPTY;
    }
    for (int i = 0; i < p->n; i++) nodes[i] = p->at[i].node;
    const int node = syntax_list(r->s, kind, nodes, p->n);
    free(nodes);
    return node;
}

/* Bring the characters of a sequence within those of the use: there must be one repetition of single characters whose
 * counts decide, or nothing to do. */
static int fit_length(reader *r, pieces *p, int64_t least, int64_t most)
{
    const regex_use *u = r->use;
    int varies = -1;
    if (u->min <= least && u->max >= most) return 0;
    for (int i = 0; i < p->n; i++)
        if (p->at[i].min != p->at[i].max) varies = varies < 0 && p->at[i].one >= 0 ? i : p->n;
    if (varies == p->n)
        return fail(WKV_EUNSUPPORTED, "a length beside the expression is only supported where one repetition of single "
                                      "characters decides it; put the length into the expression");
    if (varies < 0) { /* all its texts are of one length, which is not within */
        p->n = 0;
        return add_piece(p, (piece){NOTHING, 0, 0, -1});
    }
    piece *v = p->at + varies;
    const int64_t others = least - v->min;
    int64_t from = u->min - others, to = u->max == NO_LIMIT ? NO_LIMIT : u->max - others;
    if (from < v->min) from = v->min;
    if (to > v->max) to = v->max;
    v->node = to < from || to < 0 ? NOTHING : syntax_repeat(r->s, v->one, (int)from, (int)to);
    return 0;
}

static int any_text(reader *r)
{
    const code_range all[] = {{0, 0x10ffff}};
    return syntax_repeat(r->s, r->use->characters(r->s, all, 1), 0, NO_LIMIT);
}

/* The ends of an alternative of the whole expression, which ^ and $ may be at. */
static int finish_outer(reader *r, pieces *p, int begins, int ends)
{
    const code_range all[] = {{0, 0x10ffff}};
    const int one = r->use->characters(r->s, all, 1);
    int64_t least = 0, most = 0;
    int err = 0;
    if (!begins && r->use->anywhere) {
        err = add_piece(p, (piece){0});
        if (err) return err;
        memmove(p->at + 1, p->at, (size_t)(p->n - 1) * sizeof *p->at);
        p->at[0] = (piece){any_text(r), 0, NO_LIMIT, one};
    }
    if (!ends && r->use->anywhere) err = add_piece(p, (piece){any_text(r), 0, NO_LIMIT, one});
    for (int i = 0; i < p->n; i++) least += p->at[i].min, most = limited(most + p->at[i].max);
    return err ? err : fit_length(r, p, limited(least), most);
}

static int read_sequence(reader *r, piece *out)
{
    pieces p = {0};
    int err = 0, outer = !r->nested, begins = 0, ends = 0;
    while (outer && ahead(r, "^")) r->r.at++, begins = 1;
    while (!err && r->r.at < r->r.end && *r->r.at != '|' && *r->r.at != ')') {
        piece one;
        if (outer && *r->r.at == '$' && (r->r.at + 1 == r->r.end || r->r.at[1] == '|' || r->r.at[1] == '$')) {
            r->r.at++;
            ends = 1;
            continue;
        }
        err = read_repeated(r, &one);
        if (!err) err = add_piece(&p, one);
    }
    if (!err && outer) err = finish_outer(r, &p, begins, ends);
    *out = (piece){.one = p.n == 1 ? p.at[0].one : -1};
    for (int i = 0; i < p.n; i++)
        out->min = limited(out->min + p.at[i].min), out->max = limited(out->max + p.at[i].max);
    if (!err) out->node = join(r, &p, SYNTAX_SEQUENCE);
    free(p.at);
    return err;
}

static int read_choice(reader *r, piece *out)
{
    pieces p = {0};
    piece one;
    int err = read_sequence(r, &one);
    if (!err) err = add_piece(&p, one);
    *out = one;
    while (!err && ahead(r, "|")) {
        r->r.at++;
        err = read_sequence(r, &one);
        if (!err) err = add_piece(&p, one);
        if (one.min < out->min) out->min = one.min;
        if (one.max > out->max) out->max = one.max;
        out->one = -1;
    }
    if (!err) out->node = join(r, &p, SYNTAX_CHOICE);
    free(p.at);
    return err;
}

int regex_read(int *node, syntax *s, const char *text, size_t bytes, const regex_use *use)
{
    reader *r = malloc(sizeof *r);
    piece all = {0};
    if (!r) return fail(WKV_ENOMEM, "no memory for a regular expression");
    *r = (reader){.r = {text, text, text + bytes, "the regular expression"}, .s = s, .use = use};
    int err = read_choice(r, &all);
    if (!err && r->r.at < r->r.end) err = source_fail(&r->r, WKV_EFORMAT, "a ) without its group");
    free(r);
    *node = all.node;
    return err ? err : s->err;
}
