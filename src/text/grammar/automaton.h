/* automaton.h - a grammar as an automaton over bytes.
 *
 * A rule is a graph of states without cycles. STATE_LOOP runs another rule `min` to `max` times and then continues at
 * `exit`; the running iterations are frames of a stack (place.h), so a count costs no states, and recursion is a loop
 * of one iteration. */
#ifndef WKV_TEXT_GRAMMAR_AUTOMATON_H
#define WKV_TEXT_GRAMMAR_AUTOMATON_H

#include "text/grammar/index.h"
#include "text/grammar/syntax.h"

typedef enum {
    STATE_BYTES, /* edges[from .. from + n), in order and apart     */
    STATE_SPLIT, /* each of targets[from .. from + n)               */
    STATE_LOOP,  /* loops[from]                                     */
    STATE_END    /* the rule ends                                   */
} state_kind;

typedef struct {
    state_kind kind;
    int from, n;
} state;

typedef struct {
    unsigned char from, to; /* bytes, both included */
    int target;
} edge;

typedef struct {
    int rule, min, max, exit;
} loop;

typedef struct {
    int node;        /* of the syntax */
    int start;       /* a state       */
    int from, to;    /* its states, but for those that it shares with rules before it */
    uint16_t *times; /* of an element: tokens for 0 to 2 x most iterations; NULL: the tokens of one, so many times */
    int most;        /* iterations in one token */
    int rise;        /* tokens that fewer iterations may need beyond those of more */
    int element;     /* its states from `start` on are STATE_BYTES and the end: no text of it begins another one */
} automaton_rule;

/* The least that ends a rule from a state: tokens, and frames on the stack. A state that cannot end has IMPOSSIBLE. */
#define IMPOSSIBLE ((int64_t)1 << 40)
typedef struct {
    int64_t tokens;
    int32_t frames;
} state_cost;

typedef struct {
    state *states;
    edge *edges;
    int *targets;
    loop *loops;
    automaton_rule *rules; /* rule 0 is the whole output */
    state_cost *cost;      /* [n_states] */
    int n_states, n_edges, n_targets, n_loops, n_rules;
} automaton;

enum { MOST_FRAMES = 1000 /* on the stack; those of a JSON value are two for each level */ };

/* WKV_EUNSUPPORTED: too large, left-recursive, or no text satisfies it; WKV_ENOMEM. The automaton is then empty. */
int automaton_build(automaton *a, const syntax *s, const token_index *x);
void automaton_release(automaton *a);

/* The states of a rule from its start on, but for the end, if all of them read bytes: their number. 0: it is no
 * element. */
enum { MOST_ELEMENT = 200 };
int automaton_element(const automaton *a, int start, int states[MOST_ELEMENT]);

/* The least tokens for n iterations of a rule. */
int64_t automaton_times(const automaton *a, int rule, int n);

static inline int64_t cost_sum(int64_t a, int64_t b) { return a + b < IMPOSSIBLE ? a + b : IMPOSSIBLE; }
static inline int64_t cost_times(int64_t a, int n) { return n && a > IMPOSSIBLE / n ? IMPOSSIBLE : a * n; }

#endif
