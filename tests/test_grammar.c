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

/* ---- masks --------------------------------------------------------------------------------------------------------- */

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

/* ---- limits -------------------------------------------------------------------------------------------------------- */

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
                FAILED("%s: %d tokens of at least %d give \"%.*s\": %s", cases[i].text, tokens, least, n, text, wkv_error());
        }
        if (least > 1 && !wkv_matcher_new(&m, g)) {
            EXPECT_EQ(wkv_matcher_mask(m, mask, least - 1), WKV_EARG);
            wkv_matcher_free(m);
        }
        wkv_grammar_free(g);
    }
}

int main(void)
{
    if (wkv_tokenizer_open(&world, "world", NULL)) return printf("%s\n", wkv_error()), 1;
    RUN(equals_the_naive_interpreter);
    RUN(every_limit_gives_a_complete_output);
    wkv_tokenizer_close(world);
    return DONE();
}
