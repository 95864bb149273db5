/* bpe.h - byte pair encoding of the GPT-NeoX 20B tokenizer (docs/formats.md 8.2).
 *
 * Needs PCRE2 and utf8proc. Without them (HAVE_BPE undefined) bpe_new fails, and no other function is called. */
#ifndef WKV_TEXT_BPE_H
#define WKV_TEXT_BPE_H

#include "text/vocabulary.h"

typedef struct bpe bpe;

/* The ids of an encoder: n counts all, ids has the first cap. */
typedef struct {
    int32_t *ids;
    int n, cap;
} id_list;

static inline void id_put(id_list *l, int32_t id)
{
    if (l->n < l->cap) l->ids[l->n] = id;
    l->n++;
}

/* Read the root of a tokenizers .json: words into v, rules into *out. *end: the id of <|endoftext|>, -1: none. */
int bpe_new(bpe **out, vocabulary *v, int *end, const json_t *root, const char *name);
void bpe_free(bpe *b);

/* Encode text; returns the number of ids, like wkv_encode. WKV_EARG if the text is not UTF-8, with the offset. */
int bpe_encode(const bpe *b, const char *text, size_t bytes, id_list *found);

#endif
