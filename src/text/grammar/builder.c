/* builder.c - states of an automaton, each content once. */
#include "text/grammar/builder.h"
#include "base/error.h"
#include "base/hash.h"
#include <stdlib.h>
#include <string.h>

/* ---- pairs ------------------------------------------------------------------------------------------------------- */

static pair_entry *pair_slot(const pair_map *m, int a, int b)
{
    uint32_t i = hash_mix(hash_mix(17, (uint32_t)a), (uint32_t)b) & (uint32_t)(m->cap - 1);
    while (m->at[i].key[0] >= 0 && (m->at[i].key[0] != a || m->at[i].key[1] != b)) i = (i + 1) & (uint32_t)(m->cap - 1);
    return m->at + i;
}

int pair_find(const pair_map *m, int a, int b)
{
    if (!m->cap) return -1;
    const pair_entry *e = pair_slot(m, a, b);
    return e->key[0] >= 0 ? e->value : -1;
}

int pair_add(pair_map *m, int a, int b, int value)
{
    if (2 * (m->n + 1) > m->cap) {
        const pair_map old = *m;
        m->cap = old.cap ? 2 * old.cap : 256;
        m->at = malloc((size_t)m->cap * sizeof *m->at);
        if (!m->at) {
            *m = old;
            return fail(WKV_ENOMEM, "no memory for a grammar");
        }
        for (int i = 0; i < m->cap; i++) m->at[i].key[0] = -1;
        for (int i = 0; i < old.cap; i++)
            if (old.at[i].key[0] >= 0) *pair_slot(m, old.at[i].key[0], old.at[i].key[1]) = old.at[i];
        free(old.at);
    }
    pair_entry *e = pair_slot(m, a, b);
    m->n += e->key[0] < 0;
    *e = (pair_entry){{a, b}, value};
    return 0;
}

/* ---- states ------------------------------------------------------------------------------------------------------ */

/* Room for n more elements in the array at *at. */
static int reserve(builder *b, void *at, int *cap, int used, int n, size_t size)
{
    void *old, *grown;
    if (b->err) return 0;
    if (n > 4 * MOST_STATES - used) {
        b->err = fail(WKV_EUNSUPPORTED, "the grammar needs more than %d states; shorten it", MOST_STATES);
        return 0;
    }
    if (used + n <= *cap) return 1;
    const int more = 2 * *cap + n + 64;
    memcpy(&old, at, sizeof old);
    if (!(grown = realloc(old, (size_t)more * size))) {
        b->err = fail(WKV_ENOMEM, "no memory for a grammar");
        return 0;
    }
    memcpy(at, &grown, sizeof grown);
    *cap = more;
    return 1;
}

static uint32_t hash_state(const automaton *a, const state *s)
{
    uint32_t h = hash_mix(s->kind, (uint32_t)s->n);
    for (int i = 0; i < s->n; i++) {
        if (s->kind == STATE_SPLIT)
            h = hash_mix(h, (uint32_t)a->targets[s->from + i]);
        else if (s->kind == STATE_BYTES) {
            const edge *e = a->edges + s->from + i;
            h = hash_mix(hash_mix(h, (uint32_t)(e->from << 8 | e->to)), (uint32_t)e->target);
        }
    }
    if (s->kind != STATE_LOOP) return h;
    const loop *l = a->loops + s->from;
    return hash_mix(hash_mix(hash_mix(hash_mix(h, (uint32_t)l->rule), (uint32_t)l->min), (uint32_t)l->max),
                    (uint32_t)l->exit);
}

static int same_state(const automaton *a, const state *x, const state *y)
{
    if (x->kind != y->kind || x->n != y->n) return 0;
    if (x->kind == STATE_SPLIT)
        return !memcmp(a->targets + x->from, a->targets + y->from, (size_t)x->n * sizeof *a->targets);
    if (x->kind == STATE_LOOP) return !memcmp(a->loops + x->from, a->loops + y->from, sizeof *a->loops);
    for (int i = 0; i < x->n; i++) {
        const edge *e = a->edges + x->from + i, *f = a->edges + y->from + i;
        if (e->from != f->from || e->to != f->to || e->target != f->target) return 0;
    }
    return 1;
}

static int grow_table(builder *b)
{
    if (b->err || 2 * (b->a.n_states + 1) <= b->table_cap) return !b->err;
    const int cap = b->table_cap ? 2 * b->table_cap : 1024;
    int *table = calloc((size_t)cap, sizeof *table);
    if (!table) {
        b->err = fail(WKV_ENOMEM, "no memory for a grammar");
        return 0;
    }
    for (int i = 0; i < b->a.n_states; i++) {
        uint32_t at = hash_state(&b->a, b->a.states + i) & (uint32_t)(cap - 1);
        while (table[at]) at = (at + 1) & (uint32_t)(cap - 1);
        table[at] = i + 1;
    }
    free(b->table);
    b->table = table, b->table_cap = cap;
    return 1;
}

/* The state with the content of `s`, which is at the end of its pool: *fresh, if there was none before. */
static int intern(builder *b, state s, int *fresh)
{
    *fresh = 0;
    if (!grow_table(b) || !reserve(b, &b->a.states, &b->cap_states, b->a.n_states, 1, sizeof s)) return 0;
    if (b->a.n_states >= MOST_STATES) {
        b->err = fail(WKV_EUNSUPPORTED, "the grammar needs more than %d states; shorten it", MOST_STATES);
        return 0;
    }
    uint32_t at = hash_state(&b->a, &s) & (uint32_t)(b->table_cap - 1);
    for (; b->table[at]; at = (at + 1) & (uint32_t)(b->table_cap - 1))
        if (same_state(&b->a, b->a.states + b->table[at] - 1, &s)) return b->table[at] - 1;
    b->a.states[b->a.n_states] = s;
    b->table[at] = ++b->a.n_states;
    *fresh = 1;
    return b->a.n_states - 1;
}

int builder_bytes(builder *b, const edge *edges, int n)
{
    int fresh;
    if (!reserve(b, &b->a.edges, &b->cap_edges, b->a.n_edges, n + 1, sizeof *edges)) return 0;
    memcpy(b->a.edges + b->a.n_edges, edges, (size_t)n * sizeof *edges);
    const int at = intern(b, (state){STATE_BYTES, b->a.n_edges, n}, &fresh);
    if (fresh) b->a.n_edges += n;
    return at;
}

int builder_split(builder *b, const int *targets, int n)
{
    int fresh;
    if (n == 1) return targets[0];
    if (!n) return builder_bytes(b, &(edge){0}, 0);
    if (!reserve(b, &b->a.targets, &b->cap_targets, b->a.n_targets, n, sizeof *targets)) return 0;
    memcpy(b->a.targets + b->a.n_targets, targets, (size_t)n * sizeof *targets);
    const int at = intern(b, (state){STATE_SPLIT, b->a.n_targets, n}, &fresh);
    if (fresh) b->a.n_targets += n;
    return at;
}

int builder_loop(builder *b, loop l)
{
    int fresh;
    if (!reserve(b, &b->a.loops, &b->cap_loops, b->a.n_loops, 1, sizeof l)) return 0;
    b->a.loops[b->a.n_loops] = l;
    const int at = intern(b, (state){STATE_LOOP, b->a.n_loops, 0}, &fresh);
    if (fresh) b->a.n_loops++;
    return at;
}

int builder_end(builder *b)
{
    int fresh;
    return intern(b, (state){STATE_END, 0, 0}, &fresh);
}
