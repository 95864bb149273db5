/* check.h - what a conversion changed: two models read one text, and what they think of it is compared. */
#ifndef WKV_CLI_CHECK_H
#define WKV_CLI_CHECK_H

#include "wkv.h"

typedef struct {
    const char *path; /* of the text */
    int32_t *ids;
    int n;
    wkv_tokenizer *words;
} check;

/* Read at most `most` tokens of the text at `path` in the model's vocabulary, or the one that --vocab names. Returns 0,
 * or 1 after the sentence. */
int check_open(check *k, const char *path, int most, const wkv_model *m);
void check_close(check *k);

/* Compare the model with the file that was made of it, and that file as it is computed with the same weights multiplied
 * exactly, for which they are unpacked into memory. Returns the exit status. */
int check_models(const check *k, const wkv_model *before, const char *after);

#endif
