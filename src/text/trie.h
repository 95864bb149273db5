/* trie.h - the longest word of a vocabulary at the front of a text.
 *
 * A double array: the child of node a for byte c is node[a].base + c, valid only if its parent is a. One load and one
 * comparison per byte. */
#ifndef WKV_TEXT_TRIE_H
#define WKV_TEXT_TRIE_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t base, parent;
    int32_t id; /* the word that ends here, -1: none */
} trie_node;

typedef struct {
    trie_node *node; /* node[0] is the root; 256 more than used, so that base + c is always inside */
    size_t capacity;
} trie;

typedef struct {
    const char *text;
    uint32_t bytes; /* at least 1 */
    int32_t id;
} trie_word;

/* Build from n words, which are sorted in place. Two equal words give the lower id. WKV_ENOMEM. */
int trie_build(trie *t, trie_word *words, size_t n);
void trie_release(trie *t);

/* The id of the longest word at the front of p[0..n), its length in *bytes; -1: none. */
static inline int32_t trie_match(const trie *t, const char *p, size_t n, size_t *bytes)
{
    const trie_node *node = t->node;
    uint32_t at = 0;
    int32_t id = -1;
    for (size_t i = 0; i < n; i++) {
        uint32_t child = node[at].base + (unsigned char)p[i];
        if (node[child].parent != at) break;
        at = child;
        if (node[at].id >= 0) id = node[at].id, *bytes = i + 1;
    }
    return id;
}

#endif
