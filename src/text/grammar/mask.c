/* mask.c - the words that may come at a place: by a walk through the vocabulary, which skips what cannot come, and by
 * tables (span.h) for the threads in a loop over one character. */
#include "base/error.h"
#include "text/grammar/grammar.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    LIST_SHARE = 64,   /* a mask in place of a list if more than a part of this size of the words may come */
    FEW = 2048,        /* words: a walk through them takes no table */
    MOST_SPANS = 48,   /* tables, some 500 KB each */
    MOST_WORK = 50000, /* threads that a walk moves on by a byte, once for each place: some 3 ms */
    SLACK = 128,       /* tokens more than the shortest rest: then single bytes lead to the end, too */
    PREPARED = 1000000 /* nodes of the tree that tables may take while a grammar is made: some 10 ms */
};

/* ---- a walk ------------------------------------------------------------------------------------------------------ */

typedef struct {
    wkv_grammar *g;
    int64_t limit; /* tokens that may end the output after a word */
    int64_t most;  /* that end it, over all words found           */
    int n;
} finding;

/* Threads that a byte moves on, the first time that a walk comes there: the same number whatever is known already. */
static int work_of(wkv_grammar *g, int at, unsigned char byte)
{
    place *q = g->p.places + at;
    if (q->walk != g->walks) {
        memset(q->seen, 0, sizeof q->seen);
        q->walk = g->walks;
    }
    if (q->seen[byte >> 6] >> (byte & 63) & 1) return 0;
    q->seen[byte >> 6] |= (uint64_t)1 << (byte & 63);
    return q->n;
}

/* The words that may come at a place, but for the subtrees that `covered` has with at most `elements`. Where a text can
 * be read in so many ways that the walk would take longer than a token should, only the single bytes of the rest. */
static void walk(finding *f, int at, const uint16_t *covered, int elements)
{
    wkv_grammar *g = f->g;
    const word_tree *t = &g->x->tree;
    const int bounded = f->limit >= cost_sum(g->p.places[at].tokens, SLACK);
    int path[MAX_WORD + 1], work = 0;
    uint64_t bytes[4];
    memcpy(bytes, places_bytes(&g->p, at), sizeof bytes);
    path[0] = at;
    g->walks++;
    for (int i = 0; i < t->n;) {
        const int d = t->depth[i], c = t->byte[i];
        int out = (d == 1 && !(bytes[c >> 6] >> (c & 63) & 1)) || (covered && covered[i] <= elements);
        if (!out && bounded && work < MOST_WORK) work += work_of(g, path[d - 1], (unsigned char)c);
        out |= d > 1 && work >= MOST_WORK;
        const int next = out ? NO_PLACE : places_next(&g->p, path[d - 1], (unsigned char)c);
        if (next < 0) {
            i = t->end[i];
            continue;
        }
        path[d] = next;
        const int64_t rest = g->p.places[next].tokens;
        if (rest <= f->limit)
            for (int k = t->first[i]; k < t->first[i + 1]; k++) {
                g->found[f->n++] = g->x->ids[k];
                if (rest > f->most) f->most = rest;
            }
        i++;
    }
}

static void set_bits(uint64_t *mask, const int32_t *ids, int n)
{
    for (int i = 0; i < n; i++) mask[ids[i] >> 6] |= (uint64_t)1 << (ids[i] & 63);
}

static int words_of(const wkv_grammar *g) { return (g->x->size + 63) / 64; }

/* ---- kept answers ------------------------------------------------------------------------------------------------ */

void grammar_forget_masks(wkv_grammar *g)
{
    for (int i = 0; i < g->n_words; i++) {
        free(g->words[i].ids);
        free(g->words[i].mask);
    }
    for (int i = 0; i < g->p.n_places; i++) g->p.places[i].answer = -1;
    g->n_words = 0;
    g->words_bytes = 0;
}

/* Keep the words found, as those of a place. WKV_ENOMEM */
static int keep(wkv_grammar *g, int at, const finding *f)
{
    if (g->n_words == g->cap_words) {
        const int cap = 2 * g->cap_words + 64;
        answer_words *grown = realloc(g->words, (size_t)cap * sizeof *grown);
        if (!grown) return fail(WKV_ENOMEM, "no memory for the masks of a grammar");
        g->words = grown, g->cap_words = cap;
    }
    answer_words w = {.n = f->n, .most = f->most};
    const int many = f->n > g->x->size / LIST_SHARE;
    const size_t bytes = many ? (size_t)words_of(g) * sizeof *w.mask : ((size_t)f->n + 1) * sizeof *w.ids;
    if (many && (w.mask = calloc(1, bytes))) set_bits(w.mask, g->found, f->n);
    if (!many && (w.ids = malloc(bytes))) memcpy(w.ids, g->found, (size_t)f->n * sizeof *w.ids);
    if (!w.mask && !w.ids) return fail(WKV_ENOMEM, "no memory for the masks of a grammar");
    g->words[g->n_words] = w;
    g->words_bytes += bytes + sizeof w;
    g->p.places[at].answer = g->n_words++;
    return 0;
}

static void add_answer(const wkv_grammar *g, const answer_words *w, uint64_t *mask)
{
    if (w->ids) set_bits(mask, w->ids, w->n);
    for (int i = 0; w->mask && i < words_of(g); i++) mask[i] |= w->mask[i];
}

/* Set the bits of the words that may come at a place. Those of a place with few tokens left are not kept. */
static int add_place(wkv_grammar *g, int at, uint64_t *mask, int64_t limit)
{
    const int known = g->p.places[at].answer;
    if (known >= 0 && g->words[known].most <= limit) {
        add_answer(g, g->words + known, mask);
        return 0;
    }
    finding f = {.g = g, .limit = known >= 0 ? limit : IMPOSSIBLE};
    walk(&f, at, NULL, 0);
    if (g->p.err) return g->p.err;
    if (known >= 0) {
        set_bits(mask, g->found, f.n);
        return 0;
    }
    const int err = keep(g, at, &f);
    return err ? err : add_place(g, at, mask, limit);
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

/* Words that begin with a byte that a state reads, as far as there are fewer than FEW. */
static int words_at(const wkv_grammar *g, int at)
{
    const state *s = g->a.states + at;
    const word_tree *t = &g->x->tree;
    int n = 0;
    for (const edge *e = g->a.edges + s->from; e < g->a.edges + s->from + s->n && n < FEW; e++) {
        for (int c = e->from; c <= e->to; c++) {
            const int node = g->x->root[c];
            if (node >= 0) n += t->first[t->end[node]] - t->first[node];
        }
    }
    return n;
}

/* The table of a state of an element rule, which other elements may share; NULL where a walk is short, or there are too
 * many tables. */
static int find_span(span **out, wkv_grammar *g, int rule, int at, int64_t *work)
{
    const int start = g->a.rules[rule].start;
    for (*out = g->spans[at]; *out && (*out)->start != start;) *out = (*out)->next;
    if (*out || g->n_spans >= MOST_SPANS || words_at(g, at) < FEW) return 0;
    const int err = span_new(out, &g->a, start, at, g->x, work);
    if (err) return err;
    (*out)->next = g->spans[at];
    g->spans[at] = *out;
    g->n_spans++;
    return 0;
}

/* The body of the loop that a thread is in is an element: the index of its rule, or -1. */
static int element_of(const wkv_grammar *g, thread t)
{
    if (!t.frame) return -1;
    const int rule = g->a.loops[g->p.frames[t.frame].loop].rule;
    return g->a.rules[rule].element ? rule : -1;
}

/* Elements that a thread's loop still reads, the one that has begun included. */
static int elements_left(const loop *l, int count) { return l->max == NO_LIMIT ? INT_MAX : l->max - count + 1; }

/* The words that leave the loop: `after` is the place behind it. */
static void add_rests(finding *f, const span *s, int after, int least, int most, uint64_t *mask)
{
    wkv_grammar *g = f->g;
    const word_tree *t = &s->rests;
    int path[MAX_WORD + 1];
    path[0] = after;
    for (int i = 0; i < t->n;) {
        const int d = t->depth[i], next = places_next(&g->p, path[d - 1], t->byte[i]);
        if (next < 0) {
            i = t->end[i];
            continue;
        }
        path[d] = next;
        for (int k = t->first[i]; k < t->first[i + 1] && g->p.places[next].tokens <= f->limit; k++)
            if (s->rest_counts[k] >= least && s->rest_counts[k] <= most)
                mask[s->rest_ids[k] >> 6] |= (uint64_t)1 << (s->rest_ids[k] & 63);
        i++;
    }
}

static int any(const uint64_t *a, const uint64_t *b)
{
    return ((a[0] & b[0]) | (a[1] & b[1]) | (a[2] & b[2]) | (a[3] & b[3])) != 0;
}

/* Set the bits of the words that threads of one table may read. The text behind a loop may begin like one more element:
 * then a word can leave it in more than one way, and those that do not stay in it are walked through; so are those of
 * many threads, all at once. */
static int add_span(wkv_grammar *g, span *s, thread *t, int n, uint64_t *mask, int64_t limit)
{
    enum { MANY = 4 };
    finding found = {.g = g, .limit = limit};
    int most = 0, walked = 0;
    for (int i = 0; i < n; i++) {
        const frame f = g->p.frames[t[i].frame];
        const loop l = g->a.loops[f.loop];
        const int left = elements_left(&l, f.count),
                  after = n > MANY ? NO_PLACE : places_after(&g->p, l.exit, f.around);
        if (left > most) most = left;
        if (n <= MANY && after < 0) continue;
        if (n > MANY || any(places_bytes(&g->p, after), s->bytes))
            t[walked++] = t[i];
        else
            add_rests(&found, s, after, l.min > f.count ? l.min - f.count + 1 : 1, left, mask);
    }
    span_mask(s, mask, words_of(g), most, g->x->longest, g->scratch);
    if (!walked || g->p.err) return g->p.err;
    const int at = places_of(&g->p, t, walked), err = span_cover(s, g->x);
    if (err) return err;
    if (at >= 0) walk(&found, at, s->covered, most < PARTLY ? most : PARTLY - 1);
    set_bits(mask, g->found, found.n);
    return g->p.err;
}

/* ---- the mask ---------------------------------------------------------------------------------------------------- */

/* Set the bits of the threads in loops that have a table; the others in `rest`, and their number in *n. */
static int add_spans(wkv_grammar *g, int at, uint64_t *mask, int64_t limit, thread *rest, int *n)
{
    const place q = g->p.places[at];
    thread *same = rest + q.n; /* the latest ones of one table */
    span *table = NULL;
    int64_t work = 0;
    int err = 0, n_same = 0;
    for (int i = 0; i < q.n && !err; i++) {
        const thread t = g->p.threads[q.first + i];
        const int rule = element_of(g, t);
        span *s = NULL;
        if (rule >= 0) err = find_span(&s, g, rule, t.state, &work);
        if (err || !s || cost_sum(s->most + g->a.rules[rule].rise, g->p.frames[t.frame].tokens) > limit) {
            rest[(*n)++] = t;
            continue;
        }
        if (s != table && n_same) err = add_span(g, table, same, n_same, mask, limit), n_same = 0;
        table = s;
        same[n_same++] = t;
    }
    return err || !n_same ? err : add_span(g, table, same, n_same, mask, limit);
}

int grammar_mask(wkv_grammar *g, int at, uint64_t *mask, int left)
{
    const int64_t limit = left ? left - 1 : IMPOSSIBLE;
    const place q = g->p.places[at];
    int n = 0, err = 0;
    memset(mask, 0, (size_t)words_of(g) * sizeof *mask);
    if (q.complete && g->x->end >= 0) mask[g->x->end >> 6] |= (uint64_t)1 << (g->x->end & 63);
    thread *rest = malloc((2 * (size_t)q.n + 1) * sizeof *rest);
    if (!rest) return fail(WKV_ENOMEM, "no memory for a mask");
    err = add_spans(g, at, mask, limit, rest, &n);
    if (!err && n) {
        const int others = n == q.n ? at : places_of(&g->p, rest, n);
        if (others >= 0) err = add_place(g, others, mask, limit);
    }
    free(rest);
    return err ? err : g->p.err;
}

/* May the text behind a loop begin like one more element, as far as the loop's own rule says? */
static int overlaps(wkv_grammar *g, const loop *l, const span *s)
{
    const int after = places_after(&g->p, l->exit, 0);
    return after >= 0 && any(places_bytes(&g->p, after), s->bytes);
}

int grammar_prepare(wkv_grammar *g)
{
    int64_t work = 0;
    int err = 0, states[MOST_ELEMENT];
    for (int i = 0; i < g->a.n_loops && !err && work < PREPARED; i++) {
        const loop l = g->a.loops[i];
        const int start = g->a.rules[l.rule].start,
                  n = g->a.rules[l.rule].element ? automaton_element(&g->a, start, states) : 0;
        for (int k = 0; k < n && !err; k++) {
            span *s;
            err = find_span(&s, g, l.rule, states[k], &work);
            if (!err && s && !s->covered && overlaps(g, &l, s)) {
                work += g->x->tree.n;
                err = span_cover(s, g->x);
            }
        }
    }
    return err;
}
