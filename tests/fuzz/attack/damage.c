/* damage.c - edits of a JSON text by its values, of plain bytes, of paths. */
#include "attack.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bytes_splice(bytes *b, size_t at, size_t removed, const char *insert, size_t n)
{
    const size_t size = b->n - removed + n;
    if (size + 1 > b->capacity) {
        b->capacity = size + size / 2 + 64;
        if (!(b->at = realloc(b->at, b->capacity))) abort();
    }
    memmove(b->at + at + n, b->at + at + removed, b->n - at - removed);
    if (n) memcpy(b->at + at, insert, n);
    b->n = size;
    b->at[size] = 0;
}

void bytes_add(bytes *b, const char *text) { bytes_splice(b, b->n, 0, text, strlen(text)); }
void bytes_clear(bytes *b) { bytes_splice(b, 0, b->n, NULL, 0); }
size_t below(rng *r, size_t n) { return (size_t)(rng_u64(r) % n); }

const char *pick(const char *list, rng *r)
{
    static char words[4][128];
    static int turn;
    size_t n = 1;
    for (const char *at = list; (at = strchr(at, '\t')); at++) n++;
    for (n = below(r, n); n; n--) list = strchr(list, '\t') + 1;
    char *word = words[turn++ % 4];
    snprintf(word, sizeof words[0], "%.*s", (int)strcspn(list, "\t"), list);
    return word;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

typedef struct {
    size_t key, at, end; /* a value, and where its member begins: its key, or itself */
} span;

enum { SPANS = 512 };

typedef struct {
    const bytes *b;
    size_t at;
    span list[SPANS];
    int n, depth;
} scanner;

static char here(const scanner *s) { return s->at < s->b->n ? s->b->at[s->at] : 0; }

static void skip_space(scanner *s)
{
    while (s->at < s->b->n && strchr(" \n\t\r,:", here(s))) s->at++;
}

static void skip_string(scanner *s)
{
    for (s->at++; s->at < s->b->n && here(s) != '"'; s->at++)
        if (here(s) == '\\') s->at++;
    if (s->at < s->b->n) s->at++;
    if (s->at > s->b->n) s->at = s->b->n;
}

static void scan_value(scanner *s, size_t key);

static void scan_inside(scanner *s, char close)
{
    for (s->at++, skip_space(s); s->at < s->b->n && here(s) != close && s->n < SPANS; skip_space(s)) {
        const size_t begun = s->at;
        if (close == '}' && here(s) == '"') {
            skip_string(s);
            skip_space(s);
        }
        scan_value(s, begun);
        if (s->at == begun) s->at++; /* damaged before */
    }
    if (s->at < s->b->n) s->at++;
}

static void scan_value(scanner *s, size_t key)
{
    if (s->n == SPANS || s->depth > 50) return;
    const int index = s->n++;
    s->list[index] = (span){.key = key, .at = s->at};
    s->depth++;
    if (here(s) == '{' || here(s) == '[')
        scan_inside(s, here(s) == '{' ? '}' : ']');
    else if (here(s) == '"')
        skip_string(s);
    else
        while (s->at < s->b->n && !strchr(",:]}", here(s))) s->at++;
    s->depth--;
    s->list[index].end = s->at;
}

static const char values[] =
    "null\ttrue\tfalse\t{}\t[]\t\"\"\t0\t-0\t-1\t1\t2\t16\t17\t128\t65535\t65536\t16.0\t0.5\t1.5\t-1e-9\t1e-400\t"
    "1e308\t-1e308\t1e400\t1E5\t01\t+1\t.5\tNaN\tInfinity\t100000\t2147483647\t2147483648\t-2147483648\t"
    "4294967295\t4294967296\t9007199254740993\t9223372036854775807\t-9223372036854775808\t9223372036854775808\t"
    "18446744073709551616\t99999999999999999999999999999999999999\t\"\\u0000\"\t\"\\ud800\"\t\"\\ud83d\\ude00\"\t"
    "\"\xff\"\t\"\xc3\"\t\"\xed\xa0\x80\"\t\"\xf0\x9f\x98\x80\"\t\"\\\"\"\t\"\n\"\t\"<|endoftext|>\"\t"
    "\"User: a\\n\\nAssistant:\"\t\"%s%n\"\t\"../../x\"\t\"'; --\"\t\"msg_aaaaaaaaaaaaaaaaaaaaaaaaaa\"\t"
    "\"built-in\"\t\"tool\"\t\"developer\"\t\"base64\"\t\"high\"\t[[]]\t[{}]\t{\"a\": 0}\t[\"a\", 1]\t[null]\t"
    "[0, -1]\t[1, \"a\"]\t{\"type\": \"json_object\"}\t{\"0\": 100}\t{\"-1\": 1}\t{\"99999999999999999999\": 1}\t"
    "[{\"type\": \"image_url\"}]\t[{\"role\": \"assistant\", \"content\": \"a\"}]\t"
    "[{\"role\": \"user\", \"content\": \"\"}]";

static const char keys[] =
    "messages\trole\tcontent\ttype\ttext\trefusal\ttool_calls\tmodel\tmax_tokens\tmax_completion_tokens\t"
    "temperature\ttop_p\ttop_k\tmin_p\ttypical_p\tpresence_penalty\tfrequency_penalty\tpenalty_decay\t"
    "mirostat_tau\tmirostat_eta\tlogit_bias\tseed\tn\tstop\tstream\tstream_options\tinclude_usage\tlogprobs\t"
    "top_logprobs\treasoning_effort\tsession\tparent\tedit\tbranch\tstate\treturn_state\tprompt\techo\tsuffix\t"
    "best_of\tinput\tencoding_format\tdimensions\tname\tmessage\thead\tweights\ttokens\twith_pieces\ttools\t"
    "functions\ttool_choice\tresponse_format\tmodalities\ta\t";

#define SOME(list, r) (list)[below(r, sizeof(list) / sizeof *(list))]

/* Brackets in brackets, a long text, a long list. */
static void put_large(bytes *b, size_t at, size_t removed, rng *r)
{
    static const size_t sizes[] = {3, 30, 300, 2047, 2049, 30000, 100000};
    static const struct {
        const char *begins, *repeats, *ends;
    } forms[] = {{"", "[", ""},     {"", "{\"a\":", ""},       {"\"", "word ", "\""}, {"\"", "\\ud83d\\ude00", "\""},
                 {"[", "1,", "1]"}, {"[", "\"a\",", "\"a\"]"}, {"[", "{},", "{}]"},   {"", "9", ""},
                 {"0.", "0", "1"}};
    const size_t kind = below(r, sizeof forms / sizeof *forms), n = SOME(sizes, r);
    bytes large = {0};
    bytes_add(&large, forms[kind].begins);
    for (size_t i = 0; i < n; i++) bytes_add(&large, forms[kind].repeats);
    if (!kind)
        for (size_t i = 0; i < n; i++) bytes_add(&large, "]");
    bytes_add(&large, forms[kind].ends);
    bytes_splice(b, at, removed, large.at, large.n);
    free(large.at);
}

static void edit(bytes *b, rng *r)
{
    static scanner s;
    s = (scanner){.b = b};
    skip_space(&s);
    scan_value(&s, s.at);
    const span v = s.list[below(r, (size_t)s.n)];
    char text[128];
    switch (below(r, 16)) {
    case 0: /* gone, with its key and the comma behind it */
        bytes_splice(b, v.key, v.end - v.key + (v.end < b->n && b->at[v.end] == ','), NULL, 0);
        return;
    case 1: { /* twice */
        bytes copy = {0};
        bytes_splice(&copy, 0, 0, b->at + v.key, v.end - v.key);
        bytes_add(&copy, ", ");
        bytes_splice(b, v.key, 0, copy.at, copy.n);
        free(copy.at);
        return;
    }
    case 2:
    case 3: { /* the value of another place */
        const span other = s.list[below(r, (size_t)s.n)];
        bytes copy = {0};
        bytes_splice(&copy, 0, 0, b->at + other.at, other.end - other.at);
        bytes_splice(b, v.at, v.end - v.at, copy.at, copy.n);
        free(copy.at);
        return;
    }
    case 4: /* another key */
        if (v.at > v.key) {
            const int n = snprintf(text, sizeof text, "\"%s\": ", pick(keys, r));
            bytes_splice(b, v.key, v.at - v.key, text, (size_t)n);
        }
        return;
    case 5:
    case 6:
    case 7: /* one more member */
        if (v.at < b->n && b->at[v.at] == '{') {
            const int empty = v.end - v.at < 4;
            const int n =
                snprintf(text, sizeof text, "\"%s\": %s%s", pick(keys, r), pick(values, r), empty ? "" : ", ");
            bytes_splice(b, v.at + 1, 0, text, (size_t)n);
        }
        return;
    case 8:
        if (!below(r, 3)) put_large(b, v.at, v.end - v.at, r);
        return;
    default: {
        const char *value = pick(values, r);
        bytes_splice(b, v.at, v.end - v.at, value, strlen(value));
    }
    }
}

void damage_json(bytes *body, rng *r)
{
    for (size_t edits = 1 + below(r, 3); edits; edits--) edit(body, r);
}

/* ---- bytes, paths ------------------------------------------------------------------------------------------------ */

void damage_bytes(bytes *b, rng *r)
{
    static const char pieces[] = "\"{}[]:,0123456789-.eE\\ntrufalsx\r\n \t%/?#&=;\x7f\xff\x80\xc3";
    for (size_t edits = 1 + below(r, 4); edits && b->n; edits--) {
        const size_t at = below(r, b->n), left = b->n - at, n = 1 + below(r, left < 12 ? left : 12);
        const char byte = below(r, 8) ? pieces[below(r, sizeof pieces - 1)] : (char)below(r, 256);
        switch (below(r, 6)) {
        case 0: bytes_splice(b, at, n, NULL, 0); break;
        case 1: bytes_splice(b, at, 0, &byte, 1); break;
        case 2: {
            char copy[12];
            memcpy(copy, b->at + at, n);
            bytes_splice(b, below(r, b->n), 0, copy, n);
            break;
        }
        default: b->at[at] = byte;
        }
    }
}

void damage_path(bytes *path, rng *r)
{
    static const char pieces[] =
        "%2e%2e/\t../\t..%2f\t/\t//\t%00\t%0d%0aX: y\t%\t%zz\t%2\t?\t?model=%ff\t?model=a&model=b\t?model\t#\t;\t"
        "%c0%af\t\\\t/./\t%252e\t*\t~\tC:\tetc/passwd\t%20\t%e2%82\t&=&\t+";
    for (size_t edits = 1 + below(r, 3); edits; edits--) {
        const char *piece = pick(pieces, r);
        bytes_splice(path, below(r, path->n + 1), 0, piece, strlen(piece));
    }
    if (!below(r, 20))
        for (size_t n = (size_t)1 << below(r, 16); n; n--) bytes_add(path, "a");
    if (below(r, 8) && path->at[0] != '/') bytes_splice(path, 0, 0, "/", 1);
}
