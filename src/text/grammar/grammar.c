/* grammar.c - a compiled grammar, and the places of answers in it. */
#include "text/grammar/gbnf.h"
#include "text/grammar/grammar.h"
#include "text/grammar/regex.h"
#include "text/grammar/schema.h"
#include "base/error.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 64 << 20 /* of places and masks, before those that no matcher is at are forgotten */ };

/* ---- grammars ---------------------------------------------------------------------------------------------------- */

int grammar_new(wkv_grammar **out, syntax *s, const wkv_tokenizer *t)
{
    wkv_grammar *g = calloc(1, sizeof *g);
    *out = NULL;
    if (!g) return fail(WKV_ENOMEM, "no memory for a grammar");
    g->syntax = *s;
    *s = (syntax){0};
    int err = token_index_of(&g->x, t);
    if (!err) err = automaton_build(&g->a, &g->syntax, g->x);
    if (!err) err = places_init(&g->p, &g->a, &g->start);
    if (!err) {
        g->spans = calloc((size_t)g->a.n_states + 1, sizeof *g->spans);
        g->scratch = malloc(((size_t)g->x->size / 64 + 2) * sizeof *g->scratch);
        g->found = malloc(((size_t)g->x->size + 1) * sizeof *g->found);
        if (!g->spans || !g->scratch || !g->found) err = fail(WKV_ENOMEM, "no memory for a grammar");
    }
    if (!err) err = grammar_prepare(g);
    if (err)
        wkv_grammar_free(g);
    else
        *out = g;
    return err;
}

int grammar_read(syntax *s, wkv_grammar_kind kind, const char *text, size_t bytes)
{
    int node = EMPTY, err;
    if (bytes > MOST_TEXT)
        return fail(WKV_EUNSUPPORTED, "the grammar has %zu bytes, expected at most %d", bytes, MOST_TEXT);
    if (kind == WKV_GRAMMAR_JSON_SCHEMA) return schema_read(s, 0, text, bytes);
    if (kind == WKV_GRAMMAR_GBNF) return gbnf_read(s, text, bytes);
    err = regex_read(&node, s, text, bytes, &(regex_use){syntax_class, 0, 0, NO_LIMIT});
    if (!err) syntax_set_rule(s, 0, node);
    return err;
}

int wkv_grammar_new(wkv_grammar **out, wkv_grammar_kind kind, const char *text, size_t bytes, const wkv_tokenizer *t)
{
    syntax s;
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(text, "the text of the grammar");
    REQUIRE(t, "the tokenizer");
    if (kind < WKV_GRAMMAR_JSON_SCHEMA || kind > WKV_GRAMMAR_GBNF)
        return fail(WKV_EARG, "a grammar of kind %d, expected 0 to 2", (int)kind);
    int err = syntax_init(&s);
    if (!err) err = grammar_read(&s, kind, text, bytes);
    if (!err) err = grammar_new(out, &s, t);
    syntax_release(&s);
    return err;
}

void wkv_grammar_free(wkv_grammar *g)
{
    if (!g) return;
    if (g->words) grammar_forget_masks(g);
    for (int i = 0; g->spans && i < g->a.n_states; i++) {
        for (span *s = g->spans[i], *next; s; s = next) {
            next = s->next;
            span_free(s);
        }
    }
    places_release(&g->p);
    automaton_release(&g->a);
    syntax_release(&g->syntax);
    free(g->words);
    free(g->spans);
    free(g->scratch);
    free(g->found);
    free(g);
}

const wkv_tokenizer *grammar_tokenizer(const wkv_grammar *g) { return g->x->tokenizer; }

int wkv_grammar_shortest(const wkv_grammar *g)
{
    if (!g) return 0;
    const int64_t tokens = g->p.places[g->start].tokens;
    return tokens < INT_MAX ? (int)tokens : INT_MAX;
}

/* ---- matchers ---------------------------------------------------------------------------------------------------- */

int wkv_matcher_new(wkv_matcher **out, wkv_grammar *g)
{
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(g, "the grammar");
    wkv_matcher *m = malloc(sizeof *m);
    if (!m) return fail(WKV_ENOMEM, "no memory for a matcher");
    *m = (wkv_matcher){.g = g, .at = g->start, .next = g->first};
    if (g->first) g->first->previous = m;
    g->first = m;
    *out = m;
    return 0;
}

void wkv_matcher_free(wkv_matcher *m)
{
    if (!m) return;
    if (m->next) m->next->previous = m->previous;
    if (m->previous)
        m->previous->next = m->next;
    else
        m->g->first = m->next;
    free(m);
}

/* Forget what no matcher needs, if it is much. */
static int limit_memory(wkv_grammar *g)
{
    int n = 1, i = 1;
    if (g->p.err) return g->p.err;
    if (places_size(&g->p) + g->words_bytes < MOST_BYTES) return 0;
    for (wkv_matcher *m = g->first; m; m = m->next) n++;
    int *at = malloc((size_t)n * sizeof *at);
    if (!at) return fail(WKV_ENOMEM, "no memory for a grammar");
    at[0] = g->start;
    for (wkv_matcher *m = g->first; m; m = m->next) at[i++] = m->at;
    grammar_forget_masks(g);
    const int err = places_compact(&g->p, at, n);
    if (!err) {
        i = 1;
        g->start = at[0];
        for (wkv_matcher *m = g->first; m; m = m->next) m->at = at[i++];
    }
    free(at);
    return err;
}

int wkv_matcher_mask(wkv_matcher *m, uint64_t *mask, int left)
{
    REQUIRE(m, "the matcher");
    REQUIRE(mask, "the mask");
    if (left < 0) return fail(WKV_EARG, "%d tokens left, expected 0 or more", left);
    const int err = limit_memory(m->g);
    if (err) return err;
    const int64_t needed = m->g->p.places[m->at].tokens;
    if (left && left < needed)
        return fail(WKV_EARG, "%d tokens are left for the output, and its shortest rest has %lld", left,
                    (long long)needed);
    return grammar_mask(m->g, m->at, mask, left);
}

int wkv_matcher_accept(wkv_matcher *m, int32_t id)
{
    REQUIRE(m, "the matcher");
    places *p = &m->g->p;
    const token_index *x = m->g->x;
    const int err = limit_memory(m->g);
    int at = m->at;
    if (err) return err;
    size_t bytes = 0;
    const char *text = id == x->end ? "" : wkv_token_bytes(x->tokenizer, id, &bytes);
    if (!bytes && (id != x->end || id < 0 || !p->places[at].complete))
        return fail(WKV_EARG, "id %d has no text, or the output is not complete here", (int)id);
    if (id == x->end) at = places_end(p);
    for (size_t i = 0; i < bytes && at >= 0; i++) at = places_next(p, at, (unsigned char)text[i]);
    if (p->err) return p->err;
    if (id != x->end && at < 0) return fail(WKV_EARG, "id %d may not come here", (int)id);
    m->at = at;
    return 0;
}

int wkv_matcher_complete(const wkv_matcher *m)
{
    if (!m) return 0;
    const place *q = m->g->p.places + m->at;
    return !q->complete ? 0 : q->n ? 1 : 2;
}
