/* grammar.h - the structs behind wkv_grammar.h, and the readers of the three languages. */
#ifndef WKV_TEXT_GRAMMAR_GRAMMAR_H
#define WKV_TEXT_GRAMMAR_GRAMMAR_H

#include "text/grammar/owner.h"
#include "text/grammar/place.h"
#include "text/grammar/span.h"
#include "wkv_grammar.h"

/* The words that may come at a place: a list of ids, or a mask if they are many. */
typedef struct {
    int32_t *ids;
    uint64_t *mask;
    int n;
    int64_t most; /* tokens that end the output after the worst of them */
} answer_words;

struct wkv_grammar {
    syntax syntax;
    automaton a;
    places p;
    const token_index *x;
    int start;           /* the place before the output */
    wkv_matcher *first;  /* all matchers */
    answer_words *words; /* [n_words] of places */
    int n_words, cap_words;
    size_t words_bytes;
    span **spans; /* [a.n_states], a list for each; NULL: none yet */
    int n_spans;
    uint64_t *scratch; /* a mask                      */
    int32_t *found;    /* [size] ids found by a walk  */
    int walks;
};

struct wkv_matcher {
    wkv_grammar *g;
    int at; /* its place */
    wkv_matcher *next, *previous;
};

/* Compile the syntax tree, which the grammar takes, for a tokenizer. */
int grammar_new(wkv_grammar **out, syntax *s, const wkv_tokenizer *t);

/* The ids that may come at a place, as wkv_matcher_mask. WKV_ENOMEM */
int grammar_mask(wkv_grammar *g, int at, uint64_t *mask, int left);
void grammar_forget_masks(wkv_grammar *g);
/* Make the tables of the loops that a place can be in, as far as that takes no noticeable time. WKV_ENOMEM */
int grammar_prepare(wkv_grammar *g);

/* Read a text of the language into rule 0 of an initialized syntax tree. WKV_EFORMAT, WKV_EUNSUPPORTED, WKV_ENOMEM */
int grammar_read(syntax *s, wkv_grammar_kind kind, const char *text, size_t bytes);

#endif
