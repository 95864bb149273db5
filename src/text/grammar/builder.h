/* builder.h - the states of an automaton while it is built. */
#ifndef WKV_TEXT_GRAMMAR_BUILDER_H
#define WKV_TEXT_GRAMMAR_BUILDER_H

#include "text/grammar/automaton.h"

enum { MOST_STATES = 100000, MOST_WORK = 1000000 /* steps of merging */ };

typedef struct {
    int key[2], value;
} pair_entry;

/* From two integers to one. */
typedef struct {
    pair_entry *at;
    int n, cap;
} pair_map;

typedef struct {
    automaton a;
    const syntax *s;
    const char *single; /* [256] the bytes that may come */
    int cap_states, cap_edges, cap_targets, cap_loops, cap_rules;
    int *table; /* of states by their content: index + 1, 0: free */
    int table_cap;
    pair_map done;  /* (node of the syntax, next state) -> state */
    pair_map rules; /* (node, 0) -> rule                         */
    int work, err;
} builder;

/* A state with this content: an equal one, or a new one. */
int builder_bytes(builder *b, const edge *edges, int n);
int builder_split(builder *b, const int *targets, int n);
int builder_loop(builder *b, loop l);
int builder_end(builder *b);

/* One state in place of n alternatives: those that read bytes become one state, as far as they can. */
int builder_merge(builder *b, const int *states, int n, int depth);

/* Automaton for one character of a class, as UTF-8 (utf8 ranges), continuing at `next`. */
int builder_class(builder *b, const code_range *ranges, int n, int next);

int pair_find(const pair_map *m, int a, int b);     /* -1: none */
int pair_add(pair_map *m, int a, int b, int value); /* WKV_ENOMEM */

/* The costs of all states, after the loops over rules that may be empty have their min set to 0. */
int automaton_weigh(automaton *a, const token_index *x);

#endif
