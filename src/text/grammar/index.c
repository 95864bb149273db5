/* index.c - sort the words of a vocabulary into a tree in preorder. */
#include "text/grammar/index.h"
#include "base/error.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static int by_text(const void *a, const void *b)
{
    const indexed_word *x = a, *y = b;
    const int order = memcmp(x->text, y->text, x->bytes < y->bytes ? x->bytes : y->bytes);
    if (order) return order;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* Bytes that two words share at their front. */
static uint32_t shared(const indexed_word *a, const indexed_word *b)
{
    const uint32_t most = a->bytes < b->bytes ? a->bytes : b->bytes;
    uint32_t n = 0;
    while (n < most && a->text[n] == b->text[n]) n++;
    return n;
}

static void fill(word_tree *t, const indexed_word *words, int n)
{
    int path[MAX_WORD + 1], depth = 0; /* the nodes above */
    for (int i = 0; i < n; i++) {
        const int same = i ? (int)shared(words + i - 1, words + i) : 0;
        while (depth > same) t->end[path[--depth]] = t->n;
        while (depth < (int)words[i].bytes) {
            t->byte[t->n] = (unsigned char)words[i].text[depth];
            t->first[t->n] = i;
            path[depth++] = t->n;
            t->depth[t->n++] = (uint16_t)depth;
        }
    }
    while (depth) t->end[path[--depth]] = t->n;
    t->first[t->n] = n;
}

/* A node has the words that end at it before those of its children, so `first` ascends with the nodes. */
int word_tree_build(word_tree *t, indexed_word *words, int n)
{
    *t = (word_tree){0};
    qsort(words, (size_t)n, sizeof *words, by_text);
    size_t nodes = 1;
    for (int i = 0; i < n; i++) nodes += words[i].bytes - (i ? shared(words + i - 1, words + i) : 0);
    t->byte = malloc(nodes);
    t->depth = malloc(nodes * sizeof *t->depth);
    t->end = malloc(nodes * sizeof *t->end);
    t->first = malloc(nodes * sizeof *t->first);
    if (!t->byte || !t->depth || !t->end || !t->first) {
        word_tree_release(t);
        return fail(WKV_ENOMEM, "no memory for the index of %d words", n);
    }
    fill(t, words, n);
    return 0;
}

void word_tree_release(word_tree *t)
{
    free(t->byte);
    free(t->depth);
    free(t->end);
    free(t->first);
    *t = (word_tree){0};
}

static int fill_index(token_index *x, const wkv_tokenizer *t, indexed_word *words)
{
    int n = 0;
    for (int id = 0; id < x->size; id++) {
        size_t bytes;
        const char *text = wkv_token_bytes(t, id, &bytes);
        if (!bytes || id == x->end) continue;
        words[n++] = (indexed_word){text, (uint32_t)bytes, id, 0};
        if (bytes == 1) x->single[(unsigned char)*text] = 1;
        if ((int)bytes > x->longest) x->longest = (int)bytes;
    }
    const int err = word_tree_build(&x->tree, words, n);
    if (err) return err;
    for (int i = 0; i < n; i++) x->ids[i] = words[i].id;
    for (int i = 0; i < 256; i++) x->root[i] = -1;
    for (int i = 0; i < x->tree.n; i = x->tree.end[i]) x->root[x->tree.byte[i]] = i;
    return 0;
}

static int index_new(token_index **out, const wkv_tokenizer *t)
{
    const int size = wkv_tokenizer_size(t);
    token_index *x = calloc(1, sizeof *x);
    indexed_word *words = malloc(((size_t)size + 1) * sizeof *words);
    if (x) x->ids = malloc(((size_t)size + 1) * sizeof *x->ids);
    int err = x && x->ids && words ? 0 : fail(WKV_ENOMEM, "no memory for the index of a vocabulary");
    if (!err) {
        x->tokenizer = t;
        x->size = size;
        x->end = wkv_tokenizer_end(t);
        err = fill_index(x, t, words);
    }
    free(words);
    if (err)
        token_index_free(x);
    else
        *out = x;
    return err;
}

void token_index_free(token_index *x)
{
    if (!x) return;
    word_tree_release(&x->tree);
    free(x->ids);
    free(x);
}

int token_index_of(const token_index **out, const wkv_tokenizer *t)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    wkv_tokenizer *own = (wkv_tokenizer *)t; /* the index is a part that is made late */
    pthread_mutex_lock(&lock);
    const int err = own->index ? 0 : index_new(&own->index, t);
    *out = own->index;
    pthread_mutex_unlock(&lock);
    return err;
}

int token_index_child(const token_index *x, int node, unsigned char byte)
{
    if (node < 0) return x->root[byte];
    for (int i = node + 1; i < x->tree.end[node]; i = x->tree.end[i])
        if (x->tree.byte[i] == byte) return i;
    return -1;
}
