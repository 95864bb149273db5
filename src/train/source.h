/* source.h - the sequences of a run and their order: sections of one long text, all included in the loss, or samples,
 * each with its own mask. */
#ifndef WKV_TRAIN_SOURCE_H
#define WKV_TRAIN_SOURCE_H

#include "train/data.h"
#include "train/order.h"
#include "train/samples.h"

typedef struct {
    int of_samples;
    text_form form;
    int context; /* tokens per sequence of a text; maximum tokens of a sample; 0: no limit */
    order order;

    tokens text, other_held; /* the text; the held-out text if it has its own files           */
    const tokens *held;      /* held-out: [held_at, held_at + held_n) of one of these         */
    int64_t held_at, held_n;

    samples samples, held_samples;

    int32_t *rows; /* the last sequences read         */
    int capacity;  /* their number                    */
} source;

/* Add the texts of a path, for training or held out. Errors as tokens_add and samples_read. */
int source_add(source *s, const char *path);
int source_add_held(source *s, const char *path);

/* Hold out the last held_n tokens of a text without held-out files and set the order of the rest (train/order.h), for
 * at most `capacity` sequences per call. WKV_EARG: an id is not in the vocabulary. WKV_ENOMEM. */
int source_begin(source *s, int64_t held_n, int capacity, uint64_t seed, int magic);
int source_check(const source *s, int V);
void source_release(source *s);

/* Samples per sequence: 2 for pairs, else 1. */
int source_per(const source *s);

/* The next n <= capacity sequences, to out[n x source_per]; sections of a text are valid until the next call. */
void source_next(source *s, sample *out, int n);

/* Number of sequences (or pairs) and tokens to train on; their checksum. */
int64_t source_count(const source *s);
int64_t source_tokens(const source *s);
uint64_t source_sum(const source *s);

/* Number of held-out sequences; n <= capacity of them from i on, which invalidate those of source_next. */
int64_t source_held(const source *s);
void source_held_at(source *s, int64_t i, sample *out, int n);

#endif
