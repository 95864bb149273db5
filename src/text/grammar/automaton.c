/* automaton.c - from the syntax tree to states, from the end of each rule to its start. */
#include "text/grammar/automaton.h"
#include "base/error.h"
#include "text/grammar/builder.h"
#include <stdlib.h>
#include <string.h>

static int compile(builder *b, int node, int next);

/* The rule of a node: a rule of the syntax, or the content of a repetition. */
static int rule_of(builder *b, int node)
{
    int rule = pair_find(&b->rules, node, 0);
    if (rule >= 0 || b->err) return rule < 0 ? 0 : rule;
    if (b->a.n_rules == b->cap_rules) {
        const int cap = 2 * b->cap_rules + 64;
        automaton_rule *rules = realloc(b->a.rules, (size_t)cap * sizeof *rules);
        if (!rules) {
            b->err = fail(WKV_ENOMEM, "no memory for a grammar");
            return 0;
        }
        b->a.rules = rules, b->cap_rules = cap;
    }
    rule = b->a.n_rules++;
    b->a.rules[rule] = (automaton_rule){.node = node};
    b->err = pair_add(&b->rules, node, 0, rule);
    return rule;
}

static int compile_bytes(builder *b, const syntax_node *n, int next)
{
    for (int i = n->n - 1; i >= 0; i--) {
        const unsigned char c = (unsigned char)b->s->bytes[n->from + i];
        next = builder_bytes(b, &(edge){c, c, next}, 1);
    }
    return next;
}

static int compile_choice(builder *b, const syntax_node *n, int next)
{
    int *states = malloc(((size_t)n->n + 1) * sizeof *states);
    if (!states) {
        b->err = fail(WKV_ENOMEM, "no memory for a grammar");
        return 0;
    }
    for (int i = 0; i < n->n; i++) states[i] = compile(b, b->s->parts[n->from + i], next);
    const int at = n->n ? builder_merge(b, states, n->n, 0) : builder_split(b, NULL, 0);
    free(states);
    return at;
}

static int compile_repeat(builder *b, const syntax_node *n, int next)
{
    if (n->min == 0 && n->max == 1) return builder_merge(b, (const int[]){compile(b, n->from, next), next}, 2, 0);
    return builder_loop(b, (loop){rule_of(b, n->from), n->min, n->max, next});
}

/* The state from which the text of the node is read, and then `next` continues. */
static int compile(builder *b, int node, int next)
{
    if (b->err) return 0;
    const int known = pair_find(&b->done, node, next);
    if (known >= 0) return known;
    const syntax_node *n = b->s->nodes + node;
    int at = next;
    switch (n->kind) {
    case SYNTAX_BYTES: at = compile_bytes(b, n, next); break;
    case SYNTAX_CLASS: at = builder_class(b, b->s->ranges + n->from, n->n, next); break;
    case SYNTAX_SEQUENCE:
        for (int i = n->n - 1; i >= 0; i--) at = compile(b, b->s->parts[n->from + i], at);
        break;
    case SYNTAX_CHOICE: at = compile_choice(b, n, next); break;
    case SYNTAX_REPEAT: at = compile_repeat(b, n, next); break;
    case SYNTAX_RULE: at = builder_loop(b, (loop){rule_of(b, b->s->rules[n->from]), 1, 1, next}); break;
    }
    if (!b->err) b->err = pair_add(&b->done, node, next, at);
    return at;
}

int automaton_element(const automaton *a, int start, int states[MOST_ELEMENT])
{
    int n = 1;
    states[0] = start;
    for (int i = 0; i < n; i++) {
        const state *s = a->states + states[i];
        if (s->kind != STATE_BYTES) return 0;
        for (int k = 0; k < s->n; k++) {
            const int target = a->edges[s->from + k].target;
            int known = 0;
            while (known < n && states[known] != target) known++;
            if (known < n || a->states[target].kind == STATE_END) continue;
            if (n == MOST_ELEMENT) return 0;
            states[n++] = target;
        }
    }
    return n;
}

/* Take the bytes away that are no token: without them no text leads to a place from which none continues. */
static int keep_tokens(builder *b)
{
    automaton *a = &b->a;
    int n = 0, most = 0;
    for (int i = 0; i < a->n_edges; i++) most += 1 + (a->edges[i].to - a->edges[i].from) / 2;
    edge *kept = malloc(((size_t)most + 1) * sizeof *kept);
    if (!kept) return fail(WKV_ENOMEM, "no memory for a grammar");
    for (int i = 0; i < a->n_states; i++) {
        state *s = a->states + i;
        if (s->kind != STATE_BYTES) continue;
        const int from = n;
        for (int k = 0; k < s->n; k++) {
            const edge e = a->edges[s->from + k];
            for (int c = e.from; c <= e.to; c++) {
                if (!b->single[c]) continue;
                if (n > from && kept[n - 1].target == e.target && kept[n - 1].to == c - 1)
                    kept[n - 1].to = (unsigned char)c;
                else
                    kept[n++] = (edge){(unsigned char)c, (unsigned char)c, e.target};
            }
        }
        s->from = from, s->n = n - from;
    }
    free(a->edges);
    a->edges = kept;
    a->n_edges = n;
    return 0;
}

static int build(builder *b, const token_index *x)
{
    const int end = builder_end(b);
    rule_of(b, b->s->rules[0]);
    for (int i = 0; i < b->a.n_rules && !b->err; i++) {
        const int from = b->a.n_states, start = compile(b, b->a.rules[i].node, end);
        automaton_rule *rule = b->a.rules + i;
        rule->start = start, rule->from = i ? from : 0, rule->to = b->a.n_states;
    }
    if (!b->err && memchr(x->single, 0, sizeof x->single)) b->err = keep_tokens(b);
    for (int i = 0; i < b->a.n_rules && !b->err; i++) {
        int states[MOST_ELEMENT];
        b->a.rules[i].element = automaton_element(&b->a, b->a.rules[i].start, states) > 0;
    }
    return b->err ? b->err : automaton_weigh(&b->a, x);
}

int automaton_build(automaton *a, const syntax *s, const token_index *x)
{
    builder b = {.s = s, .single = x->single, .err = s->err};
    *a = (automaton){0};
    const int err = b.err ? b.err : build(&b, x);
    free(b.table);
    free(b.done.at);
    free(b.rules.at);
    if (err)
        automaton_release(&b.a);
    else
        *a = b.a;
    return err;
}

void automaton_release(automaton *a)
{
    free(a->states);
    free(a->edges);
    free(a->targets);
    free(a->loops);
    free(a->rules);
    free(a->cost);
    *a = (automaton){0};
}
