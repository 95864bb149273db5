/* source.h - the sequences of a run and their order: pieces of one long text, of which all tokens count, or samples,
 * each with its own beginning and its own tokens that count. */
#ifndef WKV_TRAIN_SOURCE_H
#define WKV_TRAIN_SOURCE_H

#include "train/data.h"
#include "train/order.h"
#include "train/samples.h"

typedef struct {
    int of_samples;
    text_form form;
    int context; /* tokens read of a sequence: of a piece all, of a sample at most; 0: all */
    order order;

    tokens text, other_held; /* the text; the held-out text when it has its own files         */
    const tokens *held;      /* held-out: [held_at, held_at + held_n) of one of those         */
    int64_t held_at, held_n;

    samples samples, held_samples;

    int32_t *rows; /* pieces that were given out last */
    int room;      /* how many                        */
} source;

/* Add the texts of a path, or hold them out. As tokens_add and samples_read. */
int source_add(source *s, const char *path);
int source_add_held(source *s, const char *path);

/* The last held_n tokens of a text without held-out files are held out; the rest has an order (train/order.h), of
 * at most `room` sequences at once. WKV_EARG: an id that a vocabulary of V does not have. WKV_ENOMEM. */
int source_begin(source *s, int64_t held_n, int room, uint64_t seed, int magic);
int source_check(const source *s, int V);
void source_release(source *s);

/* Samples of a sequence: 2 of a pair, else 1. */
int source_per(const source *s);

/* The next n <= room sequences, to out[n x source_per]; pieces stay where they are until the next call. */
void source_next(source *s, sample *out, int n);

/* Sequences (pairs, if they are) and tokens to train on; a number that is another one when they are. */
int64_t source_count(const source *s);
int64_t source_tokens(const source *s);
uint64_t source_sum(const source *s);

/* Held-out sequences, and n <= room of them from number i on; they take the place of those that source_next gave. */
int64_t source_held(const source *s);
void source_held_at(source *s, int64_t i, sample *out, int n);

#endif
