/* tokenizer.h - the parts of a tokenizer: a vocabulary, and the trie or the merges that split a text into its words. */
#ifndef WKV_TEXT_TOKENIZER_H
#define WKV_TEXT_TOKENIZER_H

#include "text/bpe.h"
#include "text/trie.h"
#include "text/vocabulary.h"
#include "wkv.h"

struct wkv_tokenizer {
    const char *name; /* as wkv_tokenizer_name() */
    char *path;
    vocabulary v;
    int end;     /* the id that ends a text, -1: none */
    int unknown; /* the id for characters missing in the vocabulary, -1: they are an error */
    trie t;      /* of all words, unless there is a bpe */
    bpe *bpe;
    struct token_index *index; /* of constrained output; NULL until a grammar needs it */
};

/* A tokenizer from the bytes of a vocabulary file of any kind but GGUF; `name` is its path, also in messages. */
int tokenizer_open_memory(wkv_tokenizer **out, const char *data, size_t size, const char *name);

/* The tokenizer inside a GGUF. */
int tokenizer_from_gguf(wkv_tokenizer **out, const tensors *file);

/* Find and open the vocabulary of a model (lookup.c). */
int tokenizer_of_model(wkv_tokenizer **out, const wkv_model *m);

/* The path of the model's own vocabulary: `model` with its extension replaced by ".vocab.txt" or ".vocab.json". */
void tokenizer_own_path(char *path, size_t capacity, const char *model, const char *extension);

/* The words of a longest-match tokenizer as lines of World's format; the caller frees them. */
int tokenizer_lines(char **lines, size_t *bytes, const wkv_tokenizer *t);

/* Add words, one per line, after the last id. WKV_EARG: a word exists already, is empty, or is longer than MAX_WORD;
 * WKV_EUNSUPPORTED: the vocabulary is more than a list of words; WKV_ENOMEM. */
int tokenizer_add(wkv_tokenizer *t, const char *lines);

/* The bytes that n ids spell, and a zero byte behind them; the caller frees them. WKV_ENOMEM */
int tokenizer_spell(char **text, size_t *bytes, const wkv_tokenizer *t, const int32_t *ids, int n);

/* Open a vocabulary file, also in a GGUF; the words "bytes", "world" and "20B" name vocabularies without a file. */
int tokenizer_open_file(wkv_tokenizer **out, const char *path);
int tokenizer_needs_file(const char *path); /* 0: it is one of those words */

#endif
