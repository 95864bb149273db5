/* beside.h - the vocabulary file beside a model that is written, so that the model opens where it was written. */
#ifndef WKV_TEXT_BESIDE_H
#define WKV_TEXT_BESIDE_H

#include "text/tokenizer.h"

typedef struct {
    char *path; /* OUT.vocab.txt or OUT.vocab.json; NULL: no file is needed */
    char *data;
    size_t bytes;
} beside;

/* The file that a model of `vocab` logits at `out` needs to be given the vocabulary `words` (NULL: none). It needs none
 * where the lookup finds the same already: in its folder, in the user's, in the library. WKV_EARG: there is another
 * vocabulary at that place, or more ids than logits; WKV_EIO, WKV_ENOMEM. */
int beside_plan(beside *b, const char *out, int vocab, const wkv_tokenizer *words);
int beside_write(const beside *b);
void beside_release(beside *b);

int beside_put(const char *out, int vocab, const wkv_tokenizer *words); /* all three */

#endif
