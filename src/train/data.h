/* data.h - the training data as one stream of tokens: tokenized text and memory-mapped token files. */
#ifndef WKV_TRAIN_DATA_H
#define WKV_TRAIN_DATA_H

#include "base/file.h"
#include "train/documents.h"
#include "wkv.h"

/* Contiguous tokens of 2 or 4 bytes, allocated or in the mapping of a file. */
typedef struct {
    const char *path; /* path, for messages; freed with them */
    void *ids;
    int64_t at, n; /* index of the first token; number of tokens             */
    int width;     /* bytes per token                                       */
    file_map map;  /* mapping of a token file; data NULL: ids is allocated           */
} token_part;

typedef struct {
    token_part *parts;
    int n_parts;
    int64_t n;
    skipped_entries over; /* skipped entries of folders */
} tokens;

/* Options for tokenizing. vocab may be NULL for token files only. */
typedef struct {
    const wkv_tokenizer *vocab;
    document_form documents;
} text_form;

/* Add the tokens of a file, or of the files in a folder (documents_files): text documents (train/documents.h) and token
 * files of the official trainer (binidx), named by their .idx, their .bin or without extension. The end-of-text token,
 * if the vocabulary has one, follows each text document. WKV_EIO; WKV_EFORMAT with the line; WKV_EUNSUPPORTED: not
 * text; WKV_ENOMEM; WKV_EARG: text without a vocabulary. */
int tokens_add(tokens *d, const char *path, const text_form *form);
void tokens_release(tokens *d);

/* Does the path contain a text file, or a file that cannot be read? */
int data_has_text(const char *path);

/* WKV_EFORMAT: an id is V or more; names the file and the position. */
int tokens_check(const tokens *d, int V);

/* The ids [at, at + n). */
void tokens_copy(const tokens *d, int64_t at, int64_t n, int32_t *out);

/* Checksum of the tokens; of a large stream it samples evenly. */
uint64_t tokens_sum(const tokens *d);

/* binidx.c: map NAME.bin, described by NAME.idx. */
int binidx_open(token_part *out, const char *idx_path);

#endif
