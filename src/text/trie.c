/* trie.c - build a double array from a sorted list of words, breadth first. */
#include "text/trie.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

static const uint32_t nobody = UINT32_MAX; /* parent of a free slot, and of the root */

/* the words [from, to) share their first `depth` bytes, the path to node `at` */
typedef struct {
    uint32_t from, to, depth, at;
} range;

typedef struct {
    trie *t;
    range *queue;
    size_t queued, queue_capacity;
    /* start of the search for free slots: all below are used, or too crowded */
    size_t search;
} builder;

static int by_text(const void *a, const void *b)
{
    const trie_word *x = a, *y = b;
    int order = memcmp(x->text, y->text, x->bytes < y->bytes ? x->bytes : y->bytes);
    if (order) return order;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? -1 : 1;
    return x->id < y->id ? -1 : 1;
}

/* Capacity for at least `size` nodes and 256 after them. */
static int trie_grow(trie *t, size_t size)
{
    if (size + 256 <= t->capacity) return 0;
    size_t capacity = (size + 256) + (size + 256) / 2;
    if (capacity > nobody) return fail(WKV_EFORMAT, "the vocabulary is too big for a trie");
    trie_node *grown = realloc(t->node, capacity * sizeof *grown);
    if (!grown) return fail(WKV_ENOMEM, "no memory for a trie of %zu nodes", capacity);
    for (size_t i = t->capacity; i < capacity; i++) grown[i] = (trie_node){0, nobody, -1};
    t->node = grown, t->capacity = capacity;
    return 0;
}

static int enqueue(builder *b, range r)
{
    if (b->queued == b->queue_capacity) {
        size_t capacity = b->queue_capacity * 2 + 4096;
        range *grown = realloc(b->queue, capacity * sizeof *grown);
        if (!grown) return fail(WKV_ENOMEM, "no memory for a trie");
        b->queue = grown, b->queue_capacity = capacity;
    }
    b->queue[b->queued++] = r;
    return 0;
}

/* A base such that base + labels[i] are all free; labels ascend. */
static int find_base(builder *b, const unsigned char *labels, int n, uint32_t *base)
{
    size_t pos = b->search > labels[0] ? b->search : (size_t)labels[0] + 1; /* slot 0 is the root's */
    int misses = 0;
    for (;; pos++) {
        int err = trie_grow(b->t, pos + 256), i = 0;
        if (err) return err;
        const trie_node *first = b->t->node + (pos - labels[0]);
        while (i < n && first[labels[i]].parent == nobody) i++;
        if (i == n) break;
        if (i > 0 && ++misses == 64) b->search = pos; /* crowded: skip it from now on */
    }
    while (b->t->node[b->search].parent != nobody || b->search == 0) b->search++;
    *base = (uint32_t)(pos - labels[0]);
    return 0;
}

/* Set the id and the children of `r`'s node, and queue them. */
static int place(builder *b, const trie_word *words, range r)
{
    unsigned char labels[256];
    uint32_t starts[257], base;
    int n = 0;
    if (words[r.from].bytes == r.depth) {
        b->t->node[r.at].id = words[r.from].id;
        while (r.from < r.to && words[r.from].bytes == r.depth) r.from++;
    }
    for (uint32_t i = r.from; i < r.to; i++) {
        unsigned char c = (unsigned char)words[i].text[r.depth];
        if (!n || labels[n - 1] != c) labels[n] = c, starts[n++] = i;
    }
    if (!n) return 0;
    starts[n] = r.to;
    int err = find_base(b, labels, n, &base);
    if (err) return err;
    b->t->node[r.at].base = base;
    for (int i = 0; i < n; i++) b->t->node[base + labels[i]].parent = r.at;
    for (int i = 0; i < n && !err; i++)
        err = enqueue(b, (range){starts[i], starts[i + 1], r.depth + 1, base + labels[i]});
    return err;
}

int trie_build(trie *t, trie_word *words, size_t n)
{
    builder b = {.t = t, .search = 1};
    *t = (trie){0};
    qsort(words, n, sizeof *words, by_text);
    int err = trie_grow(t, 1);
    if (!err && n) err = enqueue(&b, (range){0, (uint32_t)n, 0, 0});
    for (size_t i = 0; i < b.queued && !err; i++) err = place(&b, words, b.queue[i]);
    free(b.queue);
    if (err) trie_release(t);
    return err;
}

void trie_release(trie *t)
{
    free(t->node);
    *t = (trie){0};
}
