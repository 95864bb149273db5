/* check.h - the effect of a conversion: perplexity and KL divergence of two models on one text. */
#ifndef WKV_CLI_CHECK_H
#define WKV_CLI_CHECK_H

#include "wkv.h"

typedef struct {
    const char *path; /* of the text */
    int32_t *ids;
    int n;
    wkv_tokenizer *words;
} check;

/* Read at most `most` tokens of the text at `path` in the vocabulary of --vocab or of the model. Returns 0, or 1 after
 * an error message. */
int check_open(check *k, const char *path, int most, const wkv_model *m);
void check_close(check *k);

/* Compare the model with its converted file, and that file with its own weights unpacked to float32. Returns the exit
 * status. */
int check_models(const check *k, const wkv_model *before, const char *after);

#endif
