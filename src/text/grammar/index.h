/* index.h - the words of a vocabulary as a tree in preorder: a walk through all words that an automaton allows skips a
 * subtree in one step. */
#ifndef WKV_TEXT_GRAMMAR_INDEX_H
#define WKV_TEXT_GRAMMAR_INDEX_H

#include "text/tokenizer.h"

/* Node i is a byte at a depth, and its subtree the nodes [i, end[i]). The words that end at it are the entries
 * [first[i], first[i + 1]), those of its subtree [first[i], first[end[i]]). */
typedef struct {
    int n; /* nodes */
    unsigned char *byte;
    uint16_t *depth; /* 1 for the first byte of a word */
    int32_t *end, *first;
} word_tree;

typedef struct {
    const char *text;
    uint32_t bytes; /* 1 to MAX_WORD */
    int32_t id;
    int32_t count; /* of the caller */
} indexed_word;

/* From n words, which are sorted: entry i is word i. WKV_ENOMEM */
int word_tree_build(word_tree *t, indexed_word *words, int n);
void word_tree_release(word_tree *t);

typedef struct token_index {
    const wkv_tokenizer *tokenizer;
    word_tree tree;
    int32_t *ids;      /* of the entries of the tree */
    int root[256];     /* the node of a first byte, -1: none */
    char single[256];  /* the byte is a token of its own     */
    int size, longest; /* ids of the vocabulary; bytes of the longest word */
    int end;           /* the id that ends a text, -1: none  */
} token_index;

/* The index of a tokenizer, which keeps it. Any thread may call it. WKV_ENOMEM */
int token_index_of(const token_index **out, const wkv_tokenizer *t);
void token_index_free(token_index *x);

/* The child of a node for a byte, of the root where node is -1; -1: none. */
int token_index_child(const token_index *x, int node, unsigned char byte);

#endif
