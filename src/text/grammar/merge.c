/* merge.c - alternatives that read bytes as one state, so that a long choice of texts is one place and not many. */
#include "text/grammar/builder.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

enum { MOST_DEPTH = 500 /* of a merge: bytes that alternatives share */ };

static int by_value(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    return x < y ? -1 : x > y;
}

static int unique(int *list, int n)
{
    int kept = 0;
    qsort(list, (size_t)n, sizeof *list, by_value);
    for (int i = 0; i < n; i++)
        if (!kept || list[kept - 1] != list[i]) list[kept++] = list[i];
    return kept;
}

/* The alternatives with those of splits in their place, in order and once each, in a new list; *n: their number. */
static int *flatten(builder *b, const int *states, int *n)
{
    int all = 0, m = 0;
    for (int i = 0; i < *n; i++) {
        const state *s = b->a.states + states[i];
        all += s->kind == STATE_SPLIT ? s->n : 1;
    }
    int *list = malloc(((size_t)all + 1) * sizeof *list);
    if (!list) {
        b->err = fail(WKV_ENOMEM, "no memory for a grammar");
        return NULL;
    }
    for (int i = 0; i < *n; i++) {
        const state *s = b->a.states + states[i];
        if (s->kind != STATE_SPLIT)
            list[m++] = states[i];
        else
            for (int k = 0; k < s->n; k++) list[m++] = b->a.targets[s->from + k];
    }
    *n = unique(list, m);
    return list;
}

static int by_first(const void *a, const void *b)
{
    const edge *x = a, *y = b;
    return x->from != y->from ? x->from - y->from : x->target < y->target ? -1 : x->target > y->target;
}

/* Copy the edges of n states, in the order of their first bytes, to a new list. */
static edge *edges_of(builder *b, const int *states, int n, int *n_edges)
{
    int all = 0;
    for (int i = 0; i < n; i++) all += b->a.states[states[i]].n;
    edge *list = malloc(((size_t)all + 1) * sizeof *list);
    *n_edges = 0;
    if (!list) {
        b->err = fail(WKV_ENOMEM, "no memory for a grammar");
        return NULL;
    }
    for (int i = 0; i < n; i++) {
        const state *s = b->a.states + states[i];
        memcpy(list + *n_edges, b->a.edges + s->from, (size_t)s->n * sizeof *list);
        *n_edges += s->n;
    }
    qsort(list, (size_t)*n_edges, sizeof *list, by_first);
    return list;
}

/* The first byte after `from` at which the set of edges changes. */
static int next_change(const edge *edges, int first, int n, int from)
{
    int at = 256;
    for (int i = first; i < n && edges[i].from < at; i++) {
        if (edges[i].from > from) {
            at = edges[i].from;
            break;
        }
        if (edges[i].to >= from && edges[i].to + 1 < at) at = edges[i].to + 1;
    }
    return at;
}

/* One state for the sorted edges: each byte leads to the merge of its targets. */
static int join(builder *b, const edge *edges, int n, int depth)
{
    edge out[256];
    int m = 0, first = 0, *targets = malloc(((size_t)n + 1) * sizeof *targets);
    if (!targets) {
        b->err = fail(WKV_ENOMEM, "no memory for a grammar");
        return 0;
    }
    for (int from = n ? edges[0].from : 256, to; from < 256 && !b->err; from = to) {
        int k = 0;
        while (first < n && edges[first].to < from) first++;
        to = next_change(edges, first, n, from);
        for (int i = first; i < n && edges[i].from <= from; i++, b->work++)
            if (edges[i].to >= from) targets[k++] = edges[i].target;
        if (!k) continue;
        const int target = builder_merge(b, targets, k, depth + 1);
        if (m && out[m - 1].target == target && out[m - 1].to + 1 == from)
            out[m - 1].to = (unsigned char)(to - 1);
        else
            out[m++] = (edge){(unsigned char)from, (unsigned char)(to - 1), target};
    }
    free(targets);
    return builder_bytes(b, out, m);
}

int builder_merge(builder *b, const int *states, int n, int depth)
{
    if (b->err || n == 1) return n ? states[0] : 0;
    b->work += n + 4;
    int *list = flatten(b, states, &n), readers = 0, others = 0, n_edges;
    if (!list) return 0;
    if (depth < MOST_DEPTH && b->work < MOST_WORK) {
        int *rest = malloc(((size_t)n + 1) * sizeof *rest);
        for (int i = 0; rest && i < n; i++) {
            if (b->a.states[list[i]].kind == STATE_BYTES)
                list[readers++] = list[i];
            else
                rest[others++] = list[i];
        }
        edge *edges = rest ? edges_of(b, list, readers, &n_edges) : NULL;
        if (edges) {
            list[0] = readers == 1 ? list[0] : join(b, edges, n_edges, depth);
            n = readers ? 1 : 0;
            memcpy(list + n, rest, (size_t)others * sizeof *list);
            n = unique(list, n + others);
        } else if (!b->err)
            b->err = fail(WKV_ENOMEM, "no memory for a grammar");
        free(edges);
        free(rest);
    }
    const int at = b->err ? 0 : builder_split(b, list, n);
    free(list);
    return at;
}
