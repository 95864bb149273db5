/* span.c - run all words through the states of an element, which begins again when it ends. */
#include "text/grammar/span.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

enum { DEAD = 0, FIRST = 1 };

/* The states of the element, numbered from FIRST (its start); a byte leads to a state, FIRST: the element has ended,
 * and the next one may begin; or DEAD. */
typedef struct {
    int states[MOST_ELEMENT], n;
    uint8_t next[MOST_ELEMENT + 1][256];
} element;

static int local_of(const element *e, int at)
{
    int i = 0;
    while (i < e->n && e->states[i] != at) i++;
    return i + 1;
}

static void read_element(element *e, const automaton *a, int start)
{
    memset(e, 0, sizeof *e);
    e->n = automaton_element(a, start, e->states);
    for (int i = 0; i < e->n; i++) {
        const state *s = a->states + e->states[i];
        for (int k = 0; k < s->n; k++) {
            const edge *d = a->edges + s->from + k;
            const int to = a->states[d->target].kind == STATE_END ? FIRST : local_of(e, d->target);
            memset(e->next[i + 1] + d->from, to, (size_t)(d->to - d->from) + 1);
        }
    }
}

/* A walk through the words, and the elements that each begins, or PARTLY. */
typedef struct {
    const token_index *x;
    const element *e;
    uint16_t *counts;                        /* of the entries of the tree; NULL: not asked for */
    char *whole;                             /* whole[k]: a word is k complete elements; NULL: not asked for */
    int *leaving, *elements, n_leaving, cap; /* nodes whose byte leaves the loop, and the complete elements before */
    int err;
} survey;

static void leave(survey *v, int node, int elements)
{
    if (v->n_leaving == v->cap) {
        const int cap = 2 * v->cap + 1024;
        int *grown = realloc(v->leaving, 2 * (size_t)cap * sizeof *grown);
        if (!grown) {
            v->err = fail(WKV_ENOMEM, "no memory for the words of a loop");
            return;
        }
        v->leaving = grown, v->cap = cap;
    }
    v->leaving[2 * v->n_leaving] = node;
    v->leaving[2 * v->n_leaving++ + 1] = elements;
}

/* Walk through all words from the local state `from` on. */
static int64_t walk(survey *v, int from)
{
    const word_tree *t = &v->x->tree;
    uint8_t at[MAX_WORD + 1];
    uint16_t begun[MAX_WORD + 1]; /* elements */
    int64_t work = 0;
    at[0] = (uint8_t)from;
    begun[0] = from != FIRST;
    for (int i = 0; i < t->n && !v->err; work++) {
        const int d = t->depth[i], before = at[d - 1];
        const int now = v->e->next[before][t->byte[i]];
        if (now == DEAD) {
            if (v->counts && before == FIRST && begun[d - 1]) leave(v, i, begun[d - 1]);
            i = t->end[i];
            continue;
        }
        at[d] = (uint8_t)now;
        begun[d] = (uint16_t)(begun[d - 1] + (before == FIRST));
        for (int k = t->first[i]; k < t->first[i + 1]; k++) {
            if (v->counts) v->counts[k] = begun[d];
            if (v->whole && now == FIRST) v->whole[begun[d]] = 1;
        }
        i++;
    }
    return work;
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static int order_ids(span *s, const survey *v, int entries)
{
    const int longest = v->x->longest;
    s->all = calloc(((size_t)v->x->size + 63) / 64 + 1, sizeof *s->all);
    s->below = calloc((size_t)longest + 3, sizeof *s->below);
    if (!s->all || !s->below) return fail(WKV_ENOMEM, "no memory for the words of a loop");
    int *below = s->below;
    for (int k = 0; k < entries; k++)
        if (v->counts[k] != PARTLY) below[v->counts[k] + 1]++;
    for (int i = 1; i <= longest + 1; i++) below[i] += below[i - 1];
    s->ids = malloc(((size_t)below[longest + 1] + 1) * sizeof *s->ids);
    int *place = malloc(((size_t)longest + 2) * sizeof *place);
    if (s->ids && place) {
        memcpy(place, below, ((size_t)longest + 2) * sizeof *place);
        for (int k = 0; k < entries; k++) {
            const int32_t id = v->x->ids[k];
            if (v->counts[k] == PARTLY) continue;
            s->ids[place[v->counts[k]]++] = id;
            s->all[id >> 6] |= (uint64_t)1 << (id & 63);
        }
    }
    const int ok = s->ids && place;
    free(place);
    return ok ? 0 : fail(WKV_ENOMEM, "no memory for the words of a loop");
}

/* For each node, after those of its subtree. */
int span_cover(span *s, const token_index *x)
{
    const word_tree *t = &x->tree;
    if (s->covered) return 0;
    if (!(s->covered = malloc(((size_t)t->n + 1) * sizeof *s->covered)))
        return fail(WKV_ENOMEM, "no memory for the words of a loop");
    for (int i = t->n - 1; i >= 0; i--) {
        uint16_t most = 0;
        for (int k = t->first[i]; k < t->first[i + 1]; k++) most = s->counts[k] > most ? s->counts[k] : most;
        for (int k = i + 1; k < t->end[i]; k = t->end[k]) most = s->covered[k] > most ? s->covered[k] : most;
        s->covered[i] = most;
    }
    return 0;
}

/* The rests of all words that leave: from the byte of the node on. */
static int gather_rests(span *s, const survey *v, const wkv_tokenizer *t)
{
    const word_tree *tree = &v->x->tree;
    int n = 0, all = 0;
    for (int i = 0; i < v->n_leaving; i++) {
        const int node = v->leaving[2 * i];
        all += tree->first[tree->end[node]] - tree->first[node];
    }
    indexed_word *words = malloc(((size_t)all + 1) * sizeof *words);
    s->rest_ids = malloc(((size_t)all + 1) * sizeof *s->rest_ids);
    s->rest_counts = malloc(((size_t)all + 1) * sizeof *s->rest_counts);
    if (!words || !s->rest_ids || !s->rest_counts) {
        free(words);
        return fail(WKV_ENOMEM, "no memory for the words of a loop");
    }
    for (int i = 0; i < v->n_leaving; i++) {
        const int node = v->leaving[2 * i], cut = tree->depth[node] - 1;
        for (int k = tree->first[node]; k < tree->first[tree->end[node]]; k++) {
            size_t bytes;
            const char *p = wkv_token_bytes(t, v->x->ids[k], &bytes);
            words[n++] = (indexed_word){p + cut, (uint32_t)(bytes - (size_t)cut), v->x->ids[k], v->leaving[2 * i + 1]};
        }
    }
    const int err = word_tree_build(&s->rests, words, n);
    for (int i = 0; i < n && !err; i++) s->rest_ids[i] = words[i].id, s->rest_counts[i] = (uint16_t)words[i].count;
    free(words);
    return err;
}

static void describe(span *s, const automaton *a, const element *e)
{
    const state *first = a->states + e->states[0];
    for (int k = 0; k < first->n; k++) {
        const edge *d = a->edges + first->from + k;
        for (int c = d->from; c <= d->to; c++) s->bytes[c >> 6] |= (uint64_t)1 << (c & 63);
    }
    for (int i = 0; i < e->n; i++)
        if (a->cost[e->states[i]].tokens > s->most) s->most = a->cost[e->states[i]].tokens;
}

int span_new(span **out, const automaton *a, int start, int from, const token_index *x, int64_t *work)
{
    const int entries = x->tree.first[x->tree.n];
    element *e = malloc(sizeof *e);
    survey v = {.x = x, .e = e, .counts = malloc(((size_t)entries + 1) * sizeof *v.counts)};
    span *s = calloc(1, sizeof *s);
    int err = e && s && v.counts ? 0 : fail(WKV_ENOMEM, "no memory for the words of a loop");
    *out = NULL;
    if (!err) {
        read_element(e, a, start);
        memset(v.counts, 0xff, ((size_t)entries + 1) * sizeof *v.counts);
        *work += walk(&v, local_of(e, from)) + entries / 4;
        describe(s, a, e);
        s->start = start;
        err = v.err;
    }
    if (!err) err = order_ids(s, &v, entries);
    if (!err) err = gather_rests(s, &v, x->tokenizer);
    free(v.leaving);
    free(e);
    if (s)
        s->counts = v.counts;
    else
        free(v.counts);
    if (err)
        span_free(s);
    else
        *out = s;
    return err;
}

int span_whole(char *whole, const automaton *a, int start, const token_index *x)
{
    element *e = malloc(sizeof *e);
    survey v = {.x = x, .e = e, .whole = whole};
    if (!e) return fail(WKV_ENOMEM, "no memory for the words of a loop");
    read_element(e, a, start);
    walk(&v, FIRST);
    free(e);
    return 0;
}

void span_free(span *s)
{
    if (!s) return;
    word_tree_release(&s->rests);
    free(s->all);
    free(s->ids);
    free(s->below);
    free(s->covered);
    free(s->counts);
    free(s->rest_ids);
    free(s->rest_counts);
    free(s);
}

void span_mask(const span *s, uint64_t *mask, int words, int most, int longest, uint64_t *scratch)
{
    const int all = s->below[longest + 1], n = most > longest ? all : s->below[most + 1];
    if (2 * n <= all) {
        for (int i = 0; i < n; i++) mask[s->ids[i] >> 6] |= (uint64_t)1 << (s->ids[i] & 63);
        return;
    }
    memcpy(scratch, s->all, (size_t)words * sizeof *scratch);
    for (int i = n; i < all; i++) scratch[s->ids[i] >> 6] &= ~((uint64_t)1 << (s->ids[i] & 63));
    for (int i = 0; i < words; i++) mask[i] |= scratch[i];
}
