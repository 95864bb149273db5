/* beside.h - the vocabulary file beside an output model, so that the model opens from there. */
#ifndef WKV_TEXT_BESIDE_H
#define WKV_TEXT_BESIDE_H

#include "text/tokenizer.h"

typedef struct {
    char *path; /* OUT.vocab.txt or OUT.vocab.json; NULL: no file is needed */
    char *data;
    size_t bytes;
} beside;

/* The file that gives a model of `vocab` logits at `out` the vocabulary `words` (NULL: none). No file is needed if the
 * lookup finds the same vocabulary already: in the model's folder, in the user's, in the library. WKV_EARG: another
 * vocabulary is at that path, or more ids than logits; WKV_EIO, WKV_ENOMEM. */
int beside_plan(beside *b, const char *out, int vocab, const wkv_tokenizer *words);
int beside_write(const beside *b);
void beside_release(beside *b);

int beside_put(const char *out, int vocab, const wkv_tokenizer *words); /* all three */

#endif
