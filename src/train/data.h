/* data.h - text as one long row of tokens, and the chunks a trainer reads from it. */
#ifndef WKV_TRAIN_DATA_H
#define WKV_TRAIN_DATA_H

#include <stddef.h>
#include "wkv.h"

typedef struct {
    int32_t *ids;
    int64_t n;
    size_t bytes; /* of text that ids spell */
} tokens;

/* All of a .txt (one document) or .jsonl (field "text" of every line) file, each document followed by the tokenizer's
 * end of text where it has one. WKV_EIO, WKV_EFORMAT with the line, WKV_ENOMEM. */
int tokens_read(tokens *out, const char *path, const wkv_tokenizer *t);
void tokens_release(tokens *d);

/* Keep the first n; the rest goes to `rest` (a copy). `bytes` is shared out by what the ids spell. */
int tokens_split(tokens *d, int64_t n, tokens *rest, const wkv_tokenizer *t);

/* The order in which chunks of `context` tokens (and the one after) are visited: every chunk once an epoch, shuffled, with
 * another shift of the cuts each epoch. A function of (seed, how many were given out), so a run can be resumed. */
typedef struct {
    const tokens *data;
    int context;
    uint64_t seed;
    int64_t given, epoch;
    int64_t chunks, shift;
    uint32_t *order;
} chunks;

int chunks_init(chunks *c, const tokens *data, int context, uint64_t seed); /* WKV_EARG: fewer than context + 1 tokens */
void chunks_release(chunks *c);
const int32_t *chunks_next(chunks *c); /* context + 1 ids */

#endif
