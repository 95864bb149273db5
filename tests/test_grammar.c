/* test_grammar.c - constrained output: masks against an interpreter of the syntax tree (naive.h), limits of tokens, and
 * what is refused. */
#include "base/clock.h"
#include "base/rng.h"
#include "naive.h"
#include "test.h"
#include "text/grammar/grammar.h"

static wkv_tokenizer *world;

typedef struct {
    wkv_grammar_kind kind;
    const char *text;
} grammar_case;

static const grammar_case cases[] = {
#include "grammars.h"
};
enum { CASES = sizeof cases / sizeof *cases };

static wkv_grammar *grammar_of(wkv_grammar_kind kind, const char *text)
{
    wkv_grammar *g;
    const int err = wkv_grammar_new(&g, kind, text, strlen(text), world);
    if (err) FAILED("%s: %s", text, wkv_error());
    return g;
}

static int has(const uint64_t *mask, int id) { return (int)(mask[id >> 6] >> (id & 63) & 1); }

/* One of the ids of a mask; -1: there is none. */
static int32_t pick(const uint64_t *mask, int size, rng *r)
{
    int n = 0, at;
    for (int i = 0; i < (size + 63) / 64; i++) n += __builtin_popcountll(mask[i]);
    if (!n) return -1;
    at = (int)(rng_uniform(r) * n);
    for (int id = 0; id < size; id++)
        if (has(mask, id) && !at--) return id;
    return -1;
}

/* ---- masks ------------------------------------------------------------------------------------------------------- */

/* Every id of the mask, against the interpreter. */
static int same_mask(naive *m, const ways *w, const uint64_t *mask)
{
    static ways first[256], next, swap;
    const int size = wkv_tokenizer_size(world), before = m->n_cells;
    int wrong = 0;
    for (int c = 0; c < 256; c++) naive_next(m, &first[c], w, (unsigned char)c);
    const int kept = m->n_cells;
    for (int id = 0; id < size && !m->overflow; id++) {
        size_t bytes;
        const char *p = wkv_token_bytes(world, id, &bytes);
        int may = bytes ? 1 : id == wkv_tokenizer_end(world) && naive_complete(w);
        if (bytes) {
            next.n = first[(unsigned char)*p].n;
            memcpy(next.at, first[(unsigned char)*p].at, (size_t)next.n * sizeof *next.at);
        }
        for (size_t i = 1; i < bytes && next.n; i++) {
            naive_next(m, &swap, &next, (unsigned char)p[i]);
            next.n = swap.n;
            memcpy(next.at, swap.at, (size_t)next.n * sizeof *next.at);
        }
        if (bytes) may = next.n > 0;
        m->n_cells = kept;
        if (may == has(mask, id)) continue;
        if (!wrong++) FAILED("id %d \"%.*s\": the mask has %d, expected %d", id, (int)bytes, p, has(mask, id), may);
    }
    m->n_cells = before;
    return !wrong;
}

/* Walk to a random place of the grammar, and compare the mask there. */
static void compare_at(const grammar_case *one, wkv_grammar *g, naive *m, rng *r)
{
    static ways w, next;
    static uint64_t mask[1024 + 1];
    wkv_matcher *at;
    char text[4096] = "";
    size_t used = 0;
    if (wkv_matcher_new(&at, g)) return;
    naive_start(m, &w);
    for (int steps = (int)(rng_uniform(r) * 14); steps >= 0; steps--) {
        size_t bytes;
        EXPECT_EQ(wkv_matcher_mask(at, mask, 0), 0);
        EXPECT_EQ(wkv_matcher_complete(at) > 0, naive_complete(&w));
        const int32_t id = pick(mask, wkv_tokenizer_size(world), r);
        EXPECT(id >= 0);
        if (!steps || id < 0 || id == wkv_tokenizer_end(world)) break;
        EXPECT_EQ(wkv_matcher_accept(at, id), 0);
        const char *p = wkv_token_bytes(world, id, &bytes);
        for (size_t i = 0; i < bytes; i++) {
            naive_next(m, &next, &w, (unsigned char)p[i]);
            w.n = next.n;
            memcpy(w.at, next.at, (size_t)w.n * sizeof *w.at);
        }
        if (used + bytes < sizeof text) memcpy(text + used, p, bytes), used += bytes;
        EXPECT(w.n > 0);
        if (!w.n) break;
    }
    wkv_matcher_mask(at, mask, 0);
    if (w.n && !same_mask(m, &w, mask)) printf("  %s after \"%.*s\"\n", one->text, (int)used, text);
    EXPECT(!m->overflow);
    wkv_matcher_free(at);
}

static void equals_the_naive_interpreter(void)
{
    const int states = getenv("WKV_LONG") ? 1060 : CASES;
    rng r = {5, 0};
    naive *m = malloc(sizeof *m);
    for (int i = 0; i < CASES; i++) {
        wkv_grammar *g = grammar_of(cases[i].kind, cases[i].text);
        if (!g) continue;
        naive_init(m, &g->syntax);
        for (int k = i; k < states; k += CASES) compare_at(cases + i, g, m, &r);
        naive_release(m);
        wkv_grammar_free(g);
    }
    free(m);
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

/* A random output of at most `tokens` tokens, 0: no limit; its bytes. -1: it failed. */
static int sample_output(wkv_grammar *g, int tokens, rng *r, char *out, int cap)
{
    static uint64_t mask[1024 + 1];
    wkv_matcher *m;
    int n = 0, err = wkv_matcher_new(&m, g);
    for (int left = tokens ? tokens : 2000; !err && left && wkv_matcher_complete(m) < 2; left--) {
        size_t bytes;
        if ((err = wkv_matcher_mask(m, mask, tokens || left < 200 ? left : 0))) break;
        const int32_t id = pick(mask, wkv_tokenizer_size(world), r);
        if (id == wkv_tokenizer_end(world)) break;
        if ((err = id < 0 ? -1 : wkv_matcher_accept(m, id))) break;
        const char *p = wkv_token_bytes(world, id, &bytes);
        if (n + (int)bytes < cap) memcpy(out + n, p, bytes), n += (int)bytes;
    }
    if (!err && !wkv_matcher_complete(m)) err = -1;
    wkv_matcher_free(m);
    return err ? -1 : n;
}

static int matches(wkv_grammar *g, const char *text, int n)
{
    static ways w, next;
    naive m;
    naive_init(&m, &g->syntax);
    naive_start(&m, &w);
    for (int i = 0; i < n && w.n; i++) {
        naive_next(&m, &next, &w, (unsigned char)text[i]);
        w.n = next.n;
        memcpy(w.at, next.at, (size_t)w.n * sizeof *w.at);
    }
    const int is = naive_complete(&w) && !m.overflow;
    naive_release(&m);
    return is;
}

static void every_limit_gives_a_complete_output(void)
{
    rng r = {7, 0};
    for (int i = 0; i < CASES; i++) {
        static char text[1 << 16];
        static uint64_t mask[1024 + 1];
        wkv_matcher *m;
        wkv_grammar *g = grammar_of(cases[i].kind, cases[i].text);
        if (!g) continue;
        const int least = wkv_grammar_shortest(g);
        for (int tokens = least > 1 ? least : 1; tokens < least + 12; tokens++) {
            const int n = sample_output(g, tokens, &r, text, sizeof text);
            if (n < 0 || !matches(g, text, n))
                FAILED("%s: %d tokens of at least %d give \"%.*s\": %s", cases[i].text, tokens, least, n, text,
                       wkv_error());
        }
        if (least > 1 && !wkv_matcher_new(&m, g)) {
            EXPECT_EQ(wkv_matcher_mask(m, mask, least - 1), WKV_EARG);
            wkv_matcher_free(m);
        }
        wkv_grammar_free(g);
    }
}

/* Elements that end alike have a state in common, and tables of their own. */
static void loops_share_a_state(void)
{
    static uint64_t mask[1024 + 1];
    static const char regex[] = "(x[a-z])*1|(y[a-z])*2";
    wkv_grammar *g = grammar_of(WKV_GRAMMAR_REGEX, regex);
    for (const char *begin = "xy"; g && *begin; begin++) {
        wkv_matcher *m;
        int32_t first;
        EXPECT_EQ(wkv_encode(world, begin, 1, &first, 1), 1);
        EXPECT_EQ(wkv_matcher_new(&m, g), 0);
        EXPECT_EQ(wkv_matcher_accept(m, first), 0);
        EXPECT_EQ(wkv_matcher_mask(m, mask, 0), 0);
        wkv_matcher_free(m);
        int wrong = 0;
        for (int id = 1; id < wkv_tokenizer_size(world); id++) {
            if (wkv_matcher_new(&m, g) || wkv_matcher_accept(m, first)) break;
            wrong += id != wkv_tokenizer_end(world) && has(mask, id) != !wkv_matcher_accept(m, id);
            wkv_matcher_free(m);
        }
        EXPECT_EQ(wrong, 0);
    }
    wkv_grammar_free(g);
}

/* Grammars that read a text in very many ways have masks in the end, and outputs. */
static void hostile_masks_are_bounded(void)
{
    static const grammar_case given[] = {{WKV_GRAMMAR_GBNF, "root ::= [a-z] root [a-z] | [a-z]?"},
                                         {WKV_GRAMMAR_GBNF, "root ::= s\ns ::= [a-z ] s s s | [a-z ]"},
                                         {WKV_GRAMMAR_REGEX, "(.{3}|.{5}){1000}"},
                                         {WKV_GRAMMAR_REGEX, "(.?.?.?.?.?.?.?.?.?.?.?.?.?.?.?.?x)*"}};
    static uint64_t mask[1024 + 1];
    rng r = {13, 0};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        wkv_grammar *g = grammar_of(given[i].kind, given[i].text);
        wkv_matcher *m;
        if (!g || wkv_matcher_new(&m, g)) continue;
        const double begin = clock_processor();
        int n = 0;
        for (; n < 50 && wkv_matcher_complete(m) < 2; n++) {
            EXPECT_EQ(wkv_matcher_mask(m, mask, 0), 0);
            const int32_t id = pick(mask, wkv_tokenizer_size(world), &r);
            EXPECT(id >= 0);
            if (id < 0 || id == wkv_tokenizer_end(world) || wkv_matcher_accept(m, id)) break;
        }
        const double ms = 1e3 * (clock_processor() - begin);
        if (ms > 1000.0 * (n + 1)) FAILED("%s: %.0f ms for %d masks", given[i].text, ms, n);
        wkv_matcher_free(m);
        wkv_grammar_free(g);
    }
}

/* More ways to read a text than are followed: those that end it in time are among them. */
static void many_ways_keep_the_limit(void)
{
    enum { WAYS = 600 };
    static char schema[WAYS * 64], text[1 << 16];
    size_t n = (size_t)sprintf(schema, "{\"anyOf\":[");
    rng r = {11, 0};
    for (int i = 1; i <= WAYS; i++)
        n += (size_t)sprintf(schema + n, "{\"type\":\"string\",\"minLength\":%d,\"maxLength\":%d}%s", i, 2 * i + 5,
                             i < WAYS ? "," : "]}");
    wkv_grammar *g = grammar_of(WKV_GRAMMAR_JSON_SCHEMA, schema);
    if (!g) return;
    for (int tokens = wkv_grammar_shortest(g); tokens < 60; tokens += getenv("WKV_LONG") ? 1 : 7) {
        const int bytes = sample_output(g, tokens, &r, text, sizeof text);
        if (bytes < 0 || (bytes && text[bytes - 1] != '"')) FAILED("%d tokens give no complete output", tokens);
    }
    wkv_grammar_free(g);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* Outputs of the schemas are JSON, to the reader of jansson. */
static void outputs_are_json(void)
{
    rng r = {11, 0};
    for (int i = 0; i < CASES; i++) {
        static char text[1 << 16];
        if (cases[i].kind != WKV_GRAMMAR_JSON_SCHEMA) continue;
        wkv_grammar *g = grammar_of(cases[i].kind, cases[i].text);
        for (int turn = 0; g && turn < 20; turn++) {
            const int n =
                sample_output(g, turn < 10 ? wkv_grammar_shortest(g) + 8 * turn + 1 : 0, &r, text, sizeof text);
            json_error_t why;
            json_t *value = n < 0 ? NULL : json_loadb(text, (size_t)n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
            if (!value) FAILED("%s gives \"%.*s\": %s", cases[i].text, n, text, n < 0 ? wkv_error() : why.text);
            json_decref(value);
        }
        wkv_grammar_free(g);
    }
}

/* Is the text an output of the grammar? The bytes are given one at a time, each a token of World. */
static int is_output(wkv_grammar *g, const char *text)
{
    wkv_matcher *m;
    int is = g && !wkv_matcher_new(&m, g);
    if (!is) return 0;
    for (; *text && is; text++) is = !wkv_matcher_accept(m, (unsigned char)*text + 1);
    is = is && wkv_matcher_complete(m);
    wkv_matcher_free(m);
    return is;
}

static void decides(void)
{
    static const struct {
        wkv_grammar_kind kind;
        const char *grammar, *yes[6], *no[8];
    } given[] = {
        {WKV_GRAMMAR_JSON_SCHEMA,
         "{\"type\":\"integer\",\"minimum\":-9,\"maximum\":120}",
         {"-9", "-1", "0", "9", "99", "120"},
         {"-10", "121", "1.5", "00", "-0", "1000", "\"1\""}},
        {WKV_GRAMMAR_JSON_SCHEMA,
         "{\"type\":\"string\",\"minLength\":2,\"maxLength\":3}",
         {"\"ab\"", "\"äöü\"", "\"\\n\\u00e9\"", "\"\\ud83d\\ude00x\"", "\"😀😀😀\""},
         {"\"a\"", "\"abcd\"", "\"a\nb\"", "\"\\ud83dx\"", "\"\\ude00x\"", "\"a\\x\"", "ab"}},
        {WKV_GRAMMAR_JSON_SCHEMA,
         "{\"properties\":{\"b\":{\"type\":\"null\"},\"a\":{\"enum\":[1,\"x\"]}},\"required\":[\"a\"]}",
         {"{\"a\":1}", "{\"b\":null,\"a\":\"x\"}", "{\"b\": null, \"a\": 1}"},
         {"{}", "{\"b\":null}", "{\"a\":1,\"b\":null}", "{\"a\":2}", "{\"a\":1,}", "{ \"a\":1}", "{\"a\":1,\"c\":1}"}},
        {WKV_GRAMMAR_JSON_SCHEMA,
         "{\"type\":\"object\",\"properties\":{\"é\":{\"type\":\"null\"}},\"additionalProperties\":{\"type\":"
         "\"boolean\"}}",
         {"{}", "{\"é\":null}", "{\"e\":true}", "{\"è\":false,\"éé\":true}", "{\"é\":null,\"\":true}"},
         {"{\"é\":true}", "{\"\\u00e9\":true}", "{\"e\":null}"}},
        {WKV_GRAMMAR_JSON_SCHEMA,
         "{\"type\":\"string\",\"pattern\":\"a.c\"}",
         {"\"abc\"", "\"xx a-c yy\"", "\"a\\\"c\""},
         {"\"ac\"", "\"\"", "\"a\\nc\""}},
        {WKV_GRAMMAR_JSON_SCHEMA,
         "{\"allOf\":[{\"$ref\":\"#/$defs/p\"},{\"properties\":{\"y\":{\"type\":\"integer\"}},\"required\":[\"y\"]}],"
         "\"$defs\":{\"p\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\"}},\"required\":[\"x\"]}}}",
         {"{\"x\":1,\"y\":2}"},
         {"{\"x\":1}", "{\"y\":2}"}},
        {WKV_GRAMMAR_REGEX, "^(a|bc){2,3}$", {"aa", "abc", "bcbcbc"}, {"a", "aaaa", "bca b"}},
        {WKV_GRAMMAR_REGEX, "[\\d\\u4e2d-]+\\.?", {"中1-.", "-"}, {".", "x", "1.."}},
        {WKV_GRAMMAR_GBNF, "root ::= \"a\" root \"b\" | \"c\"", {"c", "aacbb"}, {"", "ac", "acbb"}},
    };
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        wkv_grammar *g = grammar_of(given[i].kind, given[i].grammar);
        for (int k = 0; k < 6 && given[i].yes[k]; k++)
            if (!is_output(g, given[i].yes[k])) FAILED("%s does not have %s", given[i].grammar, given[i].yes[k]);
        for (int k = 0; k < 8 && given[i].no[k]; k++)
            if (is_output(g, given[i].no[k])) FAILED("%s has %s", given[i].grammar, given[i].no[k]);
        wkv_grammar_free(g);
    }
}

/* ---- refusals ---------------------------------------------------------------------------------------------------- */

static void refuses_by_name(void)
{
    static const struct {
        wkv_grammar_kind kind;
        int code;
        const char *grammar, *words;
    } given[] = {
        {WKV_GRAMMAR_JSON_SCHEMA, WKV_EUNSUPPORTED, "{\"properties\":{\"a\":{\"uniqueItems\":true}}}",
         "schema #/properties/a: keyword uniqueItems is not supported"},
        {WKV_GRAMMAR_JSON_SCHEMA, WKV_EUNSUPPORTED, "{\"propertyNames\":{\"type\":\"integer\"}}", "keyword propertyNames"},
        {WKV_GRAMMAR_JSON_SCHEMA, WKV_EUNSUPPORTED, "{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"not\":{}}}}",
         "schema #/$defs/a: keyword not"},
        {WKV_GRAMMAR_JSON_SCHEMA, WKV_EUNSUPPORTED, "{\"type\":\"number\",\"minimum\":0}",
         "minimum is supported for type integer"},
        {WKV_GRAMMAR_JSON_SCHEMA, WKV_EUNSUPPORTED, "{\"type\":\"string\",\"format\":\"iri\"}", "format iri"},
        {WKV_GRAMMAR_JSON_SCHEMA, WKV_EUNSUPPORTED, "{\"$ref\":\"http://a/b\"}", "http://a/b"},
        {WKV_GRAMMAR_JSON_SCHEMA, WKV_EUNSUPPORTED, "{\"type\":\"string\",\"minLength\":3,\"maxLength\":2}",
         "no output"},
        {WKV_GRAMMAR_JSON_SCHEMA, WKV_EUNSUPPORTED, "false", "no output"},
        {WKV_GRAMMAR_JSON_SCHEMA, WKV_EUNSUPPORTED, "{\"type\":\"string\",\"pattern\":\"(?=a)b\"}", "look-around"},
        {WKV_GRAMMAR_JSON_SCHEMA, WKV_EUNSUPPORTED, "{\"$ref\":\"#\"}", "left recursion"},
        {WKV_GRAMMAR_JSON_SCHEMA, WKV_EUNSUPPORTED,
         "{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"$ref\":\"#/$defs/a\",\"minLength\":1}}}", "circle"},
        {WKV_GRAMMAR_JSON_SCHEMA, WKV_EUNSUPPORTED, "{\"properties\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}",
         "no output"},
        {WKV_GRAMMAR_JSON_SCHEMA, WKV_EFORMAT, "{\"type\":\"text\"}", "type \"text\""},
        {WKV_GRAMMAR_JSON_SCHEMA, WKV_EFORMAT, "{\"type\":", "schema"},
        {WKV_GRAMMAR_JSON_SCHEMA, WKV_EFORMAT, "{\"$ref\":\"#/$defs/a\"}", "leads to nothing"},
        {WKV_GRAMMAR_REGEX, WKV_EUNSUPPORTED, "(a)\\1", "back-references"},
        {WKV_GRAMMAR_REGEX, WKV_EUNSUPPORTED, "\\bword", "word boundaries"},
        {WKV_GRAMMAR_REGEX, WKV_EUNSUPPORTED, "\\p{L}", "properties"},
        {WKV_GRAMMAR_REGEX, WKV_EUNSUPPORTED, "a(b^)c", "ends of the expression"},
        {WKV_GRAMMAR_REGEX, WKV_EFORMAT, "(a", "no )"},
        {WKV_GRAMMAR_REGEX, WKV_EFORMAT, "a)", "without its group"},
        {WKV_GRAMMAR_REGEX, WKV_EFORMAT, "[b-a]", "range"},
        {WKV_GRAMMAR_REGEX, WKV_EFORMAT, "a\xff", "UTF-8"},
        {WKV_GRAMMAR_GBNF, WKV_EFORMAT, "a ::= \"b\"", "no rule root"},
        {WKV_GRAMMAR_GBNF, WKV_EFORMAT, "root ::= a", "no rule a"},
        {WKV_GRAMMAR_GBNF, WKV_EUNSUPPORTED, "root ::= root \"a\" | \"b\"", "left recursion"},
        {WKV_GRAMMAR_GBNF, WKV_EUNSUPPORTED, "root ::= a* root\na ::= \"b\"?", "left recursion"},
    };
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        wkv_grammar *g = (void *)1;
        const int code = wkv_grammar_new(&g, given[i].kind, given[i].grammar, strlen(given[i].grammar), world);
        if (code != given[i].code || g) FAILED("%s gives %d, expected %d", given[i].grammar, code, given[i].code);
        EXPECT_HAS(wkv_error(), given[i].words);
    }
}

/* Write n parts of a pattern with %d, between two texts. */
static char *repeated(const char *begin, const char *part, int n, const char *end)
{
    const size_t cap = strlen(begin) + strlen(end) + (size_t)n * (strlen(part) + 24) + 1;
    char *text = malloc(cap), *to = text;
    to += snprintf(to, cap, "%s", begin);
    for (int i = 0; i < n; i++) to += snprintf(to, cap - (size_t)(to - text), part, i, i + 1);
    snprintf(to, cap - (size_t)(to - text), "%s", end);
    return text;
}

/* The times that a hostile grammar takes until it is refused or compiled, and for each of its first masks: they are
 * some 10 ms of the processor, and sanitizers need more. */
static void survives(wkv_grammar_kind kind, char *text)
{
    static uint64_t mask[1024 + 1];
    rng r = {3, 0};
    wkv_grammar *g;
    wkv_matcher *m;
    double begun = clock_processor();
    const int err = wkv_grammar_new(&g, kind, text, strlen(text), world);
    double seconds = clock_processor() - begun;
    if (seconds > 3) FAILED("%.60s... takes %.2f s", text, seconds);
    if (!err && !wkv_matcher_new(&m, g)) {
        for (int i = 0; i < 30 && wkv_matcher_complete(m) < 2; i++) {
            begun = clock_processor();
            EXPECT_EQ(wkv_matcher_mask(m, mask, 0), 0);
            seconds = clock_processor() - begun;
            if (seconds > 3) FAILED("%.60s...: a mask takes %.2f s", text, seconds);
            const int32_t id = pick(mask, wkv_tokenizer_size(world), &r);
            EXPECT(id >= 0);
            if (id < 0 || id == wkv_tokenizer_end(world)) break;
            EXPECT_EQ(wkv_matcher_accept(m, id), 0);
        }
        wkv_matcher_free(m);
    }
    wkv_grammar_free(err ? NULL : g);
    free(text);
}

static void survives_hostile_grammars(void)
{
    static const char *const expressions[] = {
        "(((((a*)*)*)*)*)*b", "(a|a|a|a)*(a|a)*", "(a{1,1000}){1,1000}", "((a{2,100}){2,100}){2,100}b", "(a?){30}a{30}",
        "(x+x+)+y",           "[ab]*a[ab]{30}c",  "(.{2,100}){50,100}b", "(.?.?.?.?.?.?.?.?.?.?){9}x"};
    for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++)
        survives(WKV_GRAMMAR_REGEX, strdup(expressions[i]));
    survives(WKV_GRAMMAR_REGEX, repeated("", "[a-z%d]{1,9}x%d|", 3000, "y"));
    survives(WKV_GRAMMAR_REGEX, repeated("", "[\\u4e00-\\u9f%d0]+%d", 300, ""));
    survives(WKV_GRAMMAR_REGEX, repeated("", "(.{1,9%d}|%d", 190, ""));
    survives(WKV_GRAMMAR_REGEX, repeated("x", "|word%d of %d", 20000, ""));
    survives(WKV_GRAMMAR_JSON_SCHEMA, repeated("{\"enum\":[0", ",\"w%d %d\"", 20000, "]}"));
    survives(WKV_GRAMMAR_JSON_SCHEMA,
             repeated("{\"$ref\":\"#/$defs/0\",\"$defs\":{", "\"%d\":{\"$ref\":\"#/$defs/%d\"},", 5000, "\"x\":{}}}"));
    survives(WKV_GRAMMAR_JSON_SCHEMA,
             repeated("{\"$ref\":\"#/$defs/0\",\"$defs\":{",
                      "\"%d\":{\"properties\":{\"x\":{\"$ref\":\"#/$defs/%d\"},\"y\":{\"type\":\"string\"}}},", 5000,
                      "\"5000\":{}}}"));
    survives(WKV_GRAMMAR_JSON_SCHEMA, repeated("{\"additionalProperties\":true,\"properties\":{\"a\":{}",
                                               ",\"p%d\":{\"maxLength\":%d}", 990, "}}"));
    survives(WKV_GRAMMAR_JSON_SCHEMA,
             repeated("{\"anyOf\":[true",
                      ",{\"properties\":{\"a\":{\"maxLength\":%d},\"b\":{\"type\":\"integer\",\"minimum\":%d}}}", 300,
                      "]}"));
    survives(WKV_GRAMMAR_JSON_SCHEMA, repeated("{\"allOf\":[true", ",{\"properties\":{\"p%d\":{\"title\":\"%d\"}}}", 5000, "]}"));
    survives(WKV_GRAMMAR_GBNF, repeated("root ::= a0\n", "a%d ::= \"x\" a%d?\n", 20000, "a20000 ::= \"y\"\n"));
    survives(WKV_GRAMMAR_GBNF, repeated("root ::= a0\n", "a%1$d ::= (a%2$d a%2$d?)? \"x\"\n", 900, "a900 ::= \"y\"\n"));
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* Places are forgotten when they are many, but not those of other answers. */
static void keeps_the_places_of_others(void)
{
    static uint64_t before[1024 + 1], after[1024 + 1];
    wkv_grammar *g = grammar_of(WKV_GRAMMAR_JSON_SCHEMA,
                                "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":1000000}}");
    wkv_matcher *one, *other;
    if (!g || wkv_matcher_new(&one, g) || wkv_matcher_new(&other, g)) return;
    for (const char *p = "[\"abc"; *p; p++) {
        EXPECT_EQ(wkv_matcher_accept(one, (unsigned char)*p + 1), 0);
        EXPECT_EQ(wkv_matcher_accept(other, (unsigned char)*p + 1), 0);
    }
    EXPECT_EQ(wkv_matcher_mask(one, before, 0), 0);
    int most = 0, forgotten = 0;
    for (int i = 0; i < 90000; i++) {
        if (wkv_matcher_accept(other, 'x' + 1)) FAILED("character %d: %s", i, wkv_error());
        forgotten += g->p.n_places < most;
        most = g->p.n_places;
    }
    EXPECT(forgotten > 0);
    EXPECT_EQ(wkv_matcher_mask(one, after, 0), 0);
    EXPECT(!memcmp(before, after, sizeof before));
    wkv_matcher_free(one);
    for (const char *p = "\",\"y\"]"; *p; p++) EXPECT_EQ(wkv_matcher_accept(other, (unsigned char)*p + 1), 0);
    EXPECT_EQ(wkv_matcher_complete(other), 2);
    wkv_matcher_free(other);
    wkv_grammar_free(g);
}

/* A vocabulary without some bytes: no text leads to a place from which none of its words continues. */
static void other_vocabularies(void)
{
    static uint64_t mask[1024];
    wkv_tokenizer *t;
    wkv_grammar *g;
    wkv_matcher *m;
    FILE *f = fopen("grammar.vocab.txt", "w");
    EXPECT(f);
    if (!f) return;
    fputs("1 'a' 1\n2 'b' 1\n3 'abc' 3\n4 '\"' 1\n", f);
    fclose(f);
    EXPECT_EQ(wkv_tokenizer_open(&t, "grammar.vocab.txt", NULL), 0);
    EXPECT_EQ(wkv_grammar_new(&g, WKV_GRAMMAR_REGEX, "[a-c]{2,4}", 10, t), 0);
    EXPECT_EQ(wkv_matcher_new(&m, g), 0);
    EXPECT_EQ(wkv_matcher_mask(m, mask, 0), 0);
    EXPECT_EQ(mask[0], 1 << 1 | 1 << 2); /* not "abc": "c" is no token */
    wkv_matcher_free(m);
    wkv_grammar_free(g);
    EXPECT_EQ(wkv_grammar_new(&g, WKV_GRAMMAR_REGEX, "cd", 2, t), WKV_EUNSUPPORTED);
    EXPECT_HAS(wkv_error(), "no output satisfies");
    wkv_tokenizer_close(t);
    remove("grammar.vocab.txt");
}

/* Where 40 characters are one token and 39 are many, a shorter rest takes more tokens. */
static void shorter_rests_may_take_more(void)
{
    static uint64_t mask[64];
    wkv_tokenizer *t;
    wkv_grammar *g;
    FILE *f = fopen("grammar.vocab.txt", "w");
    EXPECT(f);
    if (!f) return;
    int id = 1;
    fprintf(f, "%d '0' 1\n", id++);
    for (int c = 'a'; c <= 'z'; c++) fprintf(f, "%d '%c' 1\n", id++, c);
    for (int i = 0; i < 676; i++) fprintf(f, "%d '%c%c' 2\n", id++, 'a' + i / 26, 'a' + i % 26);
    for (int i = 0; i < 1500; i++)
        fprintf(f, "%d '%c%c%c%037d' 40\n", id++, 'a' + i / 676, 'a' + i / 26 % 26, 'a' + i % 26, 0);
    fclose(f);
    EXPECT_EQ(wkv_tokenizer_open(&t, "grammar.vocab.txt", NULL), 0);
    EXPECT_EQ(wkv_grammar_new(&g, WKV_GRAMMAR_REGEX, "[a-z0]{81}", 10, t), 0);
    EXPECT_EQ(wkv_grammar_shortest(g), 3);
    for (int left = 3; left < 30; left += getenv("WKV_LONG") ? 1 : 5) {
        wkv_matcher *m;
        EXPECT_EQ(wkv_matcher_new(&m, g), 0);
        EXPECT_EQ(wkv_matcher_mask(m, mask, left), 0);
        for (int one = 1; one < id; one++) {
            wkv_matcher *next;
            if (!has(mask, one) || wkv_matcher_new(&next, g)) continue;
            static uint64_t rest[64];
            EXPECT_EQ(wkv_matcher_accept(next, one), 0);
            if (wkv_matcher_mask(next, rest, left - 1)) {
                FAILED("%d tokens left, and id %d: %s", left, one, wkv_error());
                one = id;
            }
            wkv_matcher_free(next);
        }
        wkv_matcher_free(m);
    }
    wkv_grammar_free(g);
    wkv_tokenizer_close(t);
    remove("grammar.vocab.txt");
}

/* The shortest output counts tokens of several characters. */
static void shortest_outputs(void)
{
    static const struct {
        wkv_grammar_kind kind;
        const char *grammar;
        int tokens;
    } given[] = {{WKV_GRAMMAR_REGEX, "abc", 1},
                 {WKV_GRAMMAR_REGEX, " {128}", 1},
                 {WKV_GRAMMAR_REGEX, " {1000}", 9},
                 {WKV_GRAMMAR_REGEX, "[ab]*", 0},
                 {WKV_GRAMMAR_REGEX, "(,(a=){3}){2}", 14}, /* no token is "a=" */
                 {WKV_GRAMMAR_REGEX, " {256}x| {384}", 3}};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        wkv_grammar *g = grammar_of(given[i].kind, given[i].grammar);
        EXPECT_EQ(wkv_grammar_shortest(g), given[i].tokens);
        wkv_grammar_free(g);
    }
}

int main(void)
{
    if (wkv_tokenizer_open(&world, "world", NULL)) return printf("%s\n", wkv_error()), 1;
    RUN(equals_the_naive_interpreter);
    RUN(every_limit_gives_a_complete_output);
    RUN(loops_share_a_state);
    RUN(many_ways_keep_the_limit);
    RUN(hostile_masks_are_bounded);
    RUN(shortest_outputs);
    RUN(outputs_are_json);
    RUN(decides);
    RUN(refuses_by_name);
    RUN(survives_hostile_grammars);
    RUN(keeps_the_places_of_others);
    RUN(other_vocabularies);
    RUN(shorter_rests_may_take_more);
    wkv_tokenizer_close(world);
    return DONE();
}
