/* bpe.h - byte pair encoding as the GPT-NeoX 20B tokenizer does it (spec FORMATS 8.2).
 *
 * Needs PCRE2 and utf8proc. Without them (HAVE_BPE undefined) bpe_new refuses in one sentence, and nothing else is
 * called. */
#ifndef WKV_TEXT_BPE_H
#define WKV_TEXT_BPE_H

#include "text/vocabulary.h"

typedef struct bpe bpe;

/* The ids that an encoder has found: counted all, written as far as there is room. */
typedef struct {
    int32_t *ids;
    int n, cap;
} id_list;

static inline void id_put(id_list *l, int32_t id)
{
    if (l->n < l->cap) l->ids[l->n] = id;
    l->n++;
}

/* From the root of a tokenizers .json: its words go to v, its rules to *out. *end: the id of <|endoftext|>, -1
 * without. */
int bpe_new(bpe **out, vocabulary *v, int *end, const json_t *root, const char *name);
void bpe_free(bpe *b);

/* Text to ids: returns how many, as wkv_encode. WKV_EARG when the text is not UTF-8, with the offset. */
int bpe_encode(const bpe *b, const char *text, size_t bytes, id_list *found);

#endif
