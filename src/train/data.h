/* data.h - what is learnt, as one long row of tokens: text that was tokenised, and token files mapped as they are. */
#ifndef WKV_TRAIN_DATA_H
#define WKV_TRAIN_DATA_H

#include "base/file.h"
#include "train/documents.h"
#include "wkv.h"

/* Tokens that lie together: 2 or 4 bytes each, in memory of their own or in a file's mapping. */
typedef struct {
    const char *path; /* where they come from, for sentences; freed with them */
    void *ids;
    int64_t at, n; /* the first one's place among all; how many             */
    int width;     /* bytes of one                                          */
    file_map map;  /* of a token file; data NULL: ids are our own           */
} token_part;

typedef struct {
    token_part *parts;
    int n_parts;
    int64_t n;
    passed_over over; /* of the folders that were added */
} tokens;

/* How text becomes tokens. vocab may be NULL when there are token files only. */
typedef struct {
    const wkv_tokenizer *vocab;
    document_form documents;
} text_form;

/* Add the tokens of a file, or of the files in a folder (documents_files): documents of text, as train/documents.h
 * reads them, and token files of the official trainer (binidx), named by their .idx, their .bin or without either.
 * After each document of text comes the vocabulary's end of text, where it has one. WKV_EIO; WKV_EFORMAT with the
 * line; WKV_EUNSUPPORTED: no text; WKV_ENOMEM; WKV_EARG: text without a vocabulary. */
int tokens_add(tokens *d, const char *path, const text_form *form);
void tokens_release(tokens *d);

/* Is any of the files that the path holds text, or cannot be read? */
int data_has_text(const char *path);

/* WKV_EFORMAT with the file and the place in it when an id is not below V. */
int tokens_check(const tokens *d, int V);

/* The ids [at, at + n). */
void tokens_copy(const tokens *d, int64_t at, int64_t n, int32_t *out);

/* A number that is another one when the tokens are. Of many tokens, it looks at some everywhere. */
uint64_t tokens_sum(const tokens *d);

/* binidx.c: map NAME.bin, described by NAME.idx, as a part. */
int binidx_open(token_part *out, const char *idx_path);

#endif
