/* span.h - the words that a loop over one character reads, as a table.
 *
 * In a string almost all words may come, and a walk through them takes longer than a token should. Where the body of a
 * loop is an element (automaton_rule.element), a word from one of its states on is a number of elements, the last
 * perhaps begun, or leaves the loop after a number of elements. Both are found once for each state; then the words of a
 * place are those of at most so many elements as the loop still has, and those whose rest behind the loop may come
 * there. */
#ifndef WKV_TEXT_GRAMMAR_SPAN_H
#define WKV_TEXT_GRAMMAR_SPAN_H

#include "text/grammar/automaton.h"

enum { PARTLY = UINT16_MAX };

typedef struct span {
    struct span *next;     /* of the same state                        */
    int start;             /* of its element, which begins again there */
    uint64_t *all;         /* a bit for each id that stays in the loop */
    int32_t *ids;          /* those ids, by their elements             */
    int *below;            /* [longest + 2] ids of fewer elements      */
    uint16_t *counts;      /* elements of the entries of the tree, PARTLY: the word does not stay in the loop */
    uint16_t *covered;     /* [nodes of the tree] the most of them in the subtree; NULL until span_cover */
    word_tree rests;       /* of the words that leave: what is behind the loop */
    int32_t *rest_ids;     /* of its entries                           */
    uint16_t *rest_counts; /* complete elements before it            */
    uint64_t bytes[4];     /* those that begin an element              */
    int64_t most;          /* tokens that end an element, from its worst state */
} span;

/* The table of a state of an element rule. *work: nodes of the tree looked at, is added to. WKV_ENOMEM */
int span_new(span **out, const automaton *a, int start, int from, const token_index *x, int64_t *work);
void span_free(span *s);
/* whole[k] becomes 1 where a word is k complete elements of the rule that begins at `start`. WKV_ENOMEM */
int span_whole(char *whole, const automaton *a, int start, const token_index *x);
int span_cover(span *s, const token_index *x); /* WKV_ENOMEM */

/* Set the bits of ids with at most `most` elements. longest: of the index; scratch: as many words as the mask. */
void span_mask(const span *s, uint64_t *mask, int words, int most, int longest, uint64_t *scratch);

#endif
