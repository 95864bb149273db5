/* grammar.c - the time of the mask of one token under a grammar: `bench_grammar [VOCABULARY]`, on one thread. Each
 * grammar is compiled anew, and its outputs are sampled as a text is: mostly words that the World vocabulary gives a
 * common text, so that places are seen for the first time throughout; and at random among the allowed ids. Times are
 * those of the thread on the processor. */
#include "base/rng.h"
#include "wkv_grammar.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST = 200000, TOKENS = 400 };

/* Nanoseconds that this thread has run: other programs on the processor do not count. */
static int64_t thread_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

typedef struct {
    const char *name;
    wkv_grammar_kind kind;
    const char *text;
} grammar_case;

#define TEXT "{\"type\":\"string\"}"
static const grammar_case cases[] = {
    {"any value", WKV_GRAMMAR_JSON_SCHEMA, "true"},
    {"free strings", WKV_GRAMMAR_JSON_SCHEMA, "{\"type\":\"array\",\"items\":" TEXT "}"},
    {"maxLength", WKV_GRAMMAR_JSON_SCHEMA, "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":60}}"},
    {"min and maxLength", WKV_GRAMMAR_JSON_SCHEMA,
     "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"minLength\":20,\"maxLength\":1000}}"},
    {"pattern ^[a-z0-9_-]+$", WKV_GRAMMAR_JSON_SCHEMA,
     "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"pattern\":\"^[a-z0-9_-]+$\"}}"},
    {"pattern ^\\S+@\\S+\\.\\w{2,}$", WKV_GRAMMAR_JSON_SCHEMA,
     "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"pattern\":\"^\\\\S+@\\\\S+\\\\.\\\\w{2,}$\"}}"},
    {"pattern, unanchored", WKV_GRAMMAR_JSON_SCHEMA,
     "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"pattern\":\"foo|bar\"}}"},
    {"numbers", WKV_GRAMMAR_JSON_SCHEMA, "{\"type\":\"array\",\"items\":{\"type\":\"number\"}}"},
    {"integers 0 to 65535", WKV_GRAMMAR_JSON_SCHEMA,
     "{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":65535}}"},
    {"nested arrays", WKV_GRAMMAR_JSON_SCHEMA,
     "{\"type\":\"array\",\"maxItems\":1000000,\"items\":{\"type\":\"array\",\"items\":" TEXT ",\"maxItems\":9}}"},
    {"date-time, uuid, email", WKV_GRAMMAR_JSON_SCHEMA,
     "{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
     "\"t\":{\"type\":\"string\",\"format\":\"date-time\"},"
     "\"id\":{\"type\":\"string\",\"format\":\"uuid\"},\"m\":{\"type\":\"string\",\"format\":\"email\"}},\"required\":"
     "[\"t\",\"id\",\"m\"]}}"},
    {"regex of words", WKV_GRAMMAR_REGEX, "([A-Z]\\w*( \\w+)*[.!?] )*"},
    {"regex .*", WKV_GRAMMAR_REGEX, ".*"},
    {"Chinese", WKV_GRAMMAR_REGEX, "([\\u4e00-\\u9fff]{1,40}[，。])+"},
};

/* A list of calls of 60 tools, each with its own arguments. */
static char *tools(void)
{
    static const char *const verbs[] = {"get", "list", "create", "delete", "update", "search"},
                             *const nouns[] = {"user",    "file",    "event",   "issue",   "order",
                                               "invoice", "message", "channel", "project", "ticket"};
    char *text = malloc(1 << 17), *to = text;
    to += sprintf(to, "{\"type\":\"array\",\"items\":{\"anyOf\":[");
    for (int i = 0; i < 60; i++)
        to += sprintf(
            to,
            "%s{\"type\":\"object\",\"properties\":{\"name\":{\"const\":\"%s_%s\"},\"arguments\":{\"type\":\"object\","
            "\"properties\":{\"%s_id\":{\"type\":\"string\"},"
            "\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":%d},"
            "\"order\":{\"enum\":[\"ascending\",\"descending\"]},\"note\":{\"type\":\"string\",\"maxLength\":80}},"
            "\"required\":[\"%s_id\"]}},\"required\":[\"name\",\"arguments\"]}",
            i ? "," : "", verbs[i % 6], nouns[i / 6], nouns[i / 6], 10 + i, nouns[i / 6]);
    sprintf(to, "]}}");
    return text;
}

static char *words(int n)
{
    char *text = malloc(1 << 17), *to = text;
    to += sprintf(to, "{\"type\":\"array\",\"items\":{\"enum\":[");
    for (int i = 0; i < n; i++)
        to += sprintf(to, "%s\"%c%c word %d\"", i ? "," : "", 'a' + i % 26, 'a' + i / 26 % 26, i * 7919 % 10007);
    sprintf(to, "]}}");
    return text;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static int32_t pick(const uint64_t *mask, int n_words, int common, rng *r)
{
    int n = 0, at;
    for (int i = 0; i < n_words; i++) n += __builtin_popcountll(mask[i]);
    at = (int)(rng_uniform(r) * (common && n > 2000 ? 2000 : n)); /* low ids are short words */
    for (int i = 0; i < n_words; i++) {
        const int here = __builtin_popcountll(mask[i]);
        if (at >= here) {
            at -= here;
            continue;
        }
        for (int b = 0; b < 64; b++)
            if (mask[i] >> b & 1 && !at--) return 64 * i + b;
    }
    return -1;
}

static void measure(const grammar_case *one, const wkv_tokenizer *t)
{
    static double us[MOST];
    const int n_words = (wkv_tokenizer_size(t) + 63) / 64;
    uint64_t *mask = malloc((size_t)n_words * sizeof *mask);
    rng r = {1, 0};
    int n = 0;
    double accept = 0, compile = 1e9;
    for (int turn = 0; turn < 20; turn++) {
        wkv_grammar *g;
        const int64_t start = thread_ns();
        if (wkv_grammar_new(&g, one->kind, one->text, strlen(one->text), t)) exit(fprintf(stderr, "%s\n", wkv_error()));
        const double ms = 1e-6 * (double)(thread_ns() - start);
        compile = ms < compile ? ms : compile;
        for (int output = 0; output < 10; output++) {
            wkv_matcher *m;
            if (wkv_matcher_new(&m, g)) exit(1);
            for (int i = 0; i < TOKENS && wkv_matcher_complete(m) < 2 && n < MOST; i++) {
                const int64_t before = thread_ns();
                if (wkv_matcher_mask(m, mask, 0)) exit(fprintf(stderr, "%s\n", wkv_error()));
                us[n++] = 1e-3 * (double)(thread_ns() - before);
                const int32_t id = pick(mask, n_words, output % 2, &r);
                if (id < 0 || id == wkv_tokenizer_end(t)) break;
                const int64_t then = thread_ns();
                if (wkv_matcher_accept(m, id)) exit(fprintf(stderr, "%s\n", wkv_error()));
                accept += 1e-3 * (double)(thread_ns() - then);
            }
            wkv_matcher_free(m);
        }
        wkv_grammar_free(g);
    }
    qsort(us, (size_t)n, sizeof *us, by_size);
    printf("%-30s %8.2f %8d %9.1f %9.1f %9.1f %9.2f\n", one->name, compile, n, us[n / 2], us[n * 99 / 100], us[n - 1],
           accept / n);
    free(mask);
}

int main(int argc, char **argv)
{
    wkv_tokenizer *t;
    if (wkv_tokenizer_open(&t, argc > 1 ? argv[1] : "world", NULL)) return fprintf(stderr, "%s\n", wkv_error()), 1;
    printf("%-30s %8s %8s %9s %9s %9s %9s\n", "us per mask, V as given", "ms new", "masks", "median", "99 %", "most",
           "accept");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) measure(cases + i, t);
    char *text = tools();
    measure(&(grammar_case){"60 tools", WKV_GRAMMAR_JSON_SCHEMA, text}, t);
    free(text);
    text = words(200);
    measure(&(grammar_case){"enum of 200 words", WKV_GRAMMAR_JSON_SCHEMA, text}, t);
    free(text);
    text = words(2000);
    measure(&(grammar_case){"enum of 2000 words", WKV_GRAMMAR_JSON_SCHEMA, text}, t);
    free(text);
    wkv_tokenizer_close(t);
}
