/* weigh.c - the least tokens and frames that end a rule from each of its states, and what makes a grammar impossible:
 * left recursion, and no text at all. */
#include "base/error.h"
#include "text/grammar/builder.h"
#include "text/grammar/span.h"
#include <stdlib.h>
#include <string.h>

enum { MOST_VISITS = 4000000 };

/* Work on all states until nothing changes. In a rule the states are stored after their targets; a rule mostly refers
 * to later ones, so the last rule is first, and in every other turn the first one. */
static int settle(automaton *a, int (*one)(automaton *a, int at, void *with), void *with)
{
    int64_t visits = 0;
    for (int changed = 1, down = 1; changed; down = !down) {
        changed = 0;
        for (int r = 0; r < a->n_rules; r++) {
            const automaton_rule *rule = a->rules + (down ? a->n_rules - 1 - r : r);
            for (int i = rule->from; i < rule->to; i++) changed |= one(a, i, with);
        }
        if ((visits += a->n_states) > MOST_VISITS)
            return fail(WKV_EUNSUPPORTED, "the rules of the grammar refer to each other in too many ways");
    }
    return 0;
}

/* ---- rules that may be empty ------------------------------------------------------------------------------------- */

static int mark_empty(automaton *a, int at, void *with)
{
    char *empty = with;
    const state *s = a->states + at;
    int is = s->kind == STATE_END;
    for (int i = 0; s->kind == STATE_SPLIT && i < s->n; i++) is |= empty[a->targets[s->from + i]];
    if (s->kind == STATE_LOOP) {
        const loop *l = a->loops + s->from;
        is = (l->min == 0 || empty[a->rules[l->rule].start]) && empty[l->exit];
    }
    if (is == empty[at]) return 0;
    empty[at] = 1;
    return 1;
}

/* An iteration without text says nothing: place.c leaves it out, so such loops need none. */
static int free_empty(automaton *a)
{
    char *empty = calloc((size_t)a->n_states + 1, 1);
    if (!empty) return fail(WKV_ENOMEM, "no memory for a grammar");
    const int err = settle(a, mark_empty, empty);
    for (int i = 0; i < a->n_loops; i++)
        if (empty[a->rules[a->loops[i].rule].start]) a->loops[i].min = 0;
    free(empty);
    return err;
}

/* ---- left recursion ---------------------------------------------------------------------------------------------- */

/* The number i of the states that follow without a byte; -1: there are no more. */
static int follow(const automaton *a, int at, int i)
{
    const state *s = a->states + at;
    if (s->kind == STATE_SPLIT) return i < s->n ? a->targets[s->from + i] : -1;
    if (s->kind != STATE_LOOP) return -1;
    const loop *l = a->loops + s->from;
    return i == 0 ? a->rules[l->rule].start : i == 1 && l->min == 0 ? l->exit : -1;
}

/* Depth first, with a path of its own instead of the stack: a cycle meets a state that is on the path. */
static int find_left_recursion(const automaton *a)
{
    enum { NEW, ON_PATH, DONE };
    char *mark = calloc((size_t)a->n_states + 1, 1);
    int *path = malloc(((size_t)a->n_states + 1) * sizeof *path),
        *next = malloc(((size_t)a->n_states + 1) * sizeof *next);
    int err = mark && path && next ? 0 : fail(WKV_ENOMEM, "no memory for a grammar");
    for (int i = 0; i < a->n_states && !err; i++) {
        int n = 0;
        if (mark[i] == NEW) path[0] = i, next[0] = 0, mark[i] = ON_PATH, n = 1;
        while (n && !err) {
            const int to = follow(a, path[n - 1], next[n - 1]++);
            if (to < 0)
                mark[path[--n]] = DONE;
            else if (mark[to] == ON_PATH)
                err = fail(WKV_EUNSUPPORTED, "a rule refers to itself before it has read a character (left recursion)");
            else if (mark[to] == NEW)
                path[n] = to, next[n++] = 0, mark[to] = ON_PATH;
        }
    }
    free(mark);
    free(path);
    free(next);
    return err;
}

/* ---- costs ------------------------------------------------------------------------------------------------------- */

typedef struct {
    const token_index *x;
    int64_t *bytes; /* the least that end the rule */
} weighing;

static int is_less(int64_t *now, int64_t than)
{
    if (than >= *now) return 0;
    *now = than;
    return 1;
}

static int weigh_bytes(automaton *a, int at, void *with)
{
    const weighing *w = with;
    const state *s = a->states + at;
    int64_t least = s->kind == STATE_END ? 0 : IMPOSSIBLE;
    if (s->kind == STATE_LOOP) {
        const loop *l = a->loops + s->from;
        least = cost_sum(cost_times(w->bytes[a->rules[l->rule].start], l->min), w->bytes[l->exit]);
    }
    for (int i = 0; i < s->n; i++) {
        if (s->kind == STATE_SPLIT) is_less(&least, w->bytes[a->targets[s->from + i]]);
        if (s->kind == STATE_BYTES) is_less(&least, cost_sum(w->bytes[a->edges[s->from + i].target], 1));
    }
    return is_less(&w->bytes[at], least);
}

/* The edge on the shortest way to the end. */
static const edge *shortest(const automaton *a, const state *s, const int64_t *bytes)
{
    const edge *best = a->edges + s->from;
    for (int i = 1; i < s->n; i++)
        if (bytes[a->edges[s->from + i].target] < bytes[best->target]) best = a->edges + s->from + i;
    return best;
}

static int is_cheaper(state_cost *now, state_cost than)
{
    if (than.tokens > now->tokens || (than.tokens == now->tokens && than.frames >= now->frames)) return 0;
    *now = than;
    return 1;
}

/* One token along the shortest way, and the cost from there. */
static state_cost cost_of_bytes(const automaton *a, int at, const weighing *w)
{
    state_cost least = {IMPOSSIBLE, 0};
    int node = -1;
    while (a->states[at].kind == STATE_BYTES && w->bytes[at] < IMPOSSIBLE) {
        const edge *e = shortest(a, a->states + at, w->bytes);
        if ((node = token_index_child(w->x, node, e->from)) < 0) break;
        at = e->target;
        const state_cost rest = a->cost[at];
        if (w->x->tree.first[node] < w->x->tree.first[node + 1])
            is_cheaper(&least, (state_cost){cost_sum(rest.tokens, 1), rest.frames});
    }
    return least;
}

static int weigh_tokens(automaton *a, int at, void *with)
{
    const state *s = a->states + at;
    state_cost least = {s->kind == STATE_END ? 0 : IMPOSSIBLE, 0};
    if (s->kind == STATE_BYTES) least = cost_of_bytes(a, at, with);
    for (int i = 0; s->kind == STATE_SPLIT && i < s->n; i++) is_cheaper(&least, a->cost[a->targets[s->from + i]]);
    if (s->kind == STATE_LOOP) {
        const loop *l = a->loops + s->from;
        const state_cost one = a->cost[a->rules[l->rule].start];
        least = a->cost[l->exit];
        if (l->min) {
            least.tokens = cost_sum(least.tokens, automaton_times(a, l->rule, l->min));
            if (one.frames + 1 > least.frames) least.frames = one.frames + 1;
        }
    }
    return least.tokens < IMPOSSIBLE && is_cheaper(&a->cost[at], least);
}

/* The most by which the tokens of a number exceed those of a greater one. Beyond 2 x most they repeat
 * (automaton_times): there any two of one period may be compared. */
static int rise_of(const uint16_t *times, int most)
{
    int rise = 0, least = times[2 * most];
    for (int n = 2 * most; n >= 0; n--) {
        if (times[n] < least) least = times[n];
        if (times[n] - least > rise) rise = times[n] - least;
    }
    for (int n = most; n <= 2 * most; n++)
        for (int k = most; k < n; k++)
            if (times[n] - times[k] - 1 > rise) rise = times[n] - times[k] - 1;
    return rise;
}

/* A token can be several iterations of an element: the least tokens for each number, as of coins. */
static int count_times(automaton *a, automaton_rule *rule, const token_index *x)
{
    char *whole = calloc((size_t)x->longest + 1, 1);
    int err = whole ? span_whole(whole, a, rule->start, x) : fail(WKV_ENOMEM, "no memory for a grammar"), most = 0;
    for (int k = 1; !err && k <= x->longest; k++)
        if (whole[k]) most = k;
    if (!err && !most) { /* no token is an iteration: so many times the tokens of one */
        free(whole);
        return 0;
    }
    uint16_t *times = err ? NULL : malloc((2 * (size_t)most + 1) * sizeof *times);
    const int64_t one = a->cost[rule->start].tokens;
    if (!err && !times) err = fail(WKV_ENOMEM, "no memory for a grammar");
    for (int n = 0; !err && n <= 2 * most; n++) {
        int64_t least = n ? times[n - 1] + one : 0;
        for (int k = 1; k <= most && k <= n; k++)
            if (whole[k] && times[n - k] + 1 < least) least = times[n - k] + 1;
        times[n] = (uint16_t)least;
    }
    free(whole);
    if (!err) rule->times = times, rule->most = most, rule->rise = rise_of(times, most);
    return err;
}

enum { MOST_COUNTED = 16 /* rules: each takes a walk through the vocabulary */, MOST_ONE = 4 /* tokens */ };

static int count_elements(automaton *a, const token_index *x)
{
    int err = 0;
    for (int i = 0, n = 0; i < a->n_loops && n < MOST_COUNTED && !err; i++) {
        automaton_rule *rule = a->rules + a->loops[i].rule;
        if (a->loops[i].min < 2 || !rule->element || rule->times || a->cost[rule->start].tokens > MOST_ONE) continue;
        err = count_times(a, rule, x);
        n++;
    }
    return err;
}

int automaton_weigh(automaton *a, const token_index *x)
{
    weighing w = {x, malloc(((size_t)a->n_states + 1) * sizeof *w.bytes)};
    a->cost = malloc(((size_t)a->n_states + 1) * sizeof *a->cost);
    int err = w.bytes && a->cost ? 0 : fail(WKV_ENOMEM, "no memory for a grammar");
    for (int i = 0; i < a->n_states && !err; i++) {
        w.bytes[i] = IMPOSSIBLE;
        a->cost[i] = (state_cost){IMPOSSIBLE, MOST_FRAMES + 1};
    }
    if (!err) err = free_empty(a);
    if (!err) err = find_left_recursion(a);
    if (!err) err = settle(a, weigh_bytes, &w);
    if (!err) err = settle(a, weigh_tokens, &w);
    if (!err) err = count_elements(a, x);
    if (!err) err = settle(a, weigh_tokens, &w);
    free(w.bytes);
    if (err) return err;
    const state_cost all = a->cost[a->rules[0].start];
    if (all.tokens >= IMPOSSIBLE) return fail(WKV_EUNSUPPORTED, "no output satisfies the grammar with this vocabulary");
    if (all.frames >= MOST_FRAMES) return fail(WKV_EUNSUPPORTED, "the shortest output is nested too deeply");
    return 0;
}
