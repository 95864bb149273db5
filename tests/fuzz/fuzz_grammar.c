/* fuzz_grammar.c - any schema, expression or grammar, and any ids: a grammar is refused or compiled, an id is accepted
 * exactly where the mask has it, an output is complete exactly where it may end, and from every place there is a way to
 * a complete output within the tokens that the grammar says. The first byte is the language; the text ends at a zero
 * byte, and the rest are choices of ids. */
#include "wkv_grammar.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static wkv_tokenizer *tokenizer;

static int has(const uint64_t *mask, int id) { return (int)(mask[id >> 6] >> (id & 63) & 1); }

/* The id of the mask at or after `from`; -1: the mask is empty. */
static int pick(const uint64_t *mask, int size, int from)
{
    for (int i = 0; i < size; i++)
        if (has(mask, (from + i) % size)) return (from + i) % size;
    return -1;
}

static void check(int right)
{
    if (!right) abort();
}

/* Complete an output with exactly the tokens that are needed. */
static void complete(wkv_grammar *g, const uint8_t *choices, size_t n)
{
    uint64_t mask[4097];
    wkv_matcher *m;
    const int size = wkv_tokenizer_size(tokenizer), shortest = wkv_grammar_shortest(g);
    if (shortest > 200 || wkv_matcher_new(&m, g)) return;
    for (int left = shortest + 3, i = 0; left && wkv_matcher_complete(m) < 2; left--, i++) {
        check(!wkv_matcher_mask(m, mask, left));
        const int id = pick(mask, size, n ? choices[(size_t)i % n] * 263 % size : i);
        if (id == wkv_tokenizer_end(tokenizer)) break;
        check(id >= 0 && !wkv_matcher_accept(m, id));
    }
    check(wkv_matcher_complete(m) > 0);
    wkv_matcher_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t mask[4097];
    wkv_grammar *g;
    wkv_matcher *m;
    if (!tokenizer && wkv_tokenizer_open(&tokenizer, "world", NULL)) abort();
    const int words = wkv_tokenizer_size(tokenizer), end = wkv_tokenizer_end(tokenizer);
    if (size < 2) return 0;
    const uint8_t *stop = memchr(data + 1, 0, size - 1), *choices = stop ? stop + 1 : data + size;
    const size_t text = (size_t)((stop ? stop : data + size) - data) - 1, n = (size_t)(data + size - choices);
    if (wkv_grammar_new(&g, (wkv_grammar_kind)(data[0] % 3), (const char *)data + 1, text, tokenizer)) {
        check(*wkv_error() != 0);
        return 0;
    }
    check(!wkv_matcher_new(&m, g));
    for (size_t i = 0; i < n && i < 40 && wkv_matcher_complete(m) < 2; i++) {
        check(!wkv_matcher_mask(m, mask, 0));
        check(has(mask, end) == (wkv_matcher_complete(m) > 0));
        for (int k = 0; k < 16; k++) { /* ids outside the mask */
            const int id = (choices[i] * 257 + k * 4099) % words;
            if (!has(mask, id)) check(wkv_matcher_accept(m, id) == WKV_EARG);
        }
        const int id = pick(mask, words, choices[i] * 257 % words);
        check(id >= 0);
        if (id == end) break;
        check(!wkv_matcher_accept(m, id));
    }
    wkv_matcher_free(m);
    complete(g, choices, n);
    wkv_grammar_free(g);
    return 0;
}
