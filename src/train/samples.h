/* samples.h - texts to tune on, each with its own beginning, and which of their tokens are to be learnt. */
#ifndef WKV_TRAIN_SAMPLES_H
#define WKV_TRAIN_SAMPLES_H

#include <stddef.h>
#include "train/documents.h"
#include "train/trainer.h"

typedef struct {
    int32_t *ids;
    uint8_t *counts;
    size_t n, room;
    size_t *ends; /* of each sample, in ids */
    int count, ends_room;
    int64_t counted;   /* tokens that are to be learnt                                             */
    int longest;       /* tokens of the longest                                                    */
    int truncated;          /* samples of which the end was left out                                    */
    passed_over over;  /* of a folder                                                              */
    int left_out;      /* samples of which nothing was left that counts; pairs of which one was so */
    int pairs;         /* a chosen and a rejected sample one after the other                       */
    double *reference; /* of pairs: what each sample has under the reference model (trainer.h)     */
} samples;

/* Add the samples of a file, or of the files in a folder (train/documents.h): each object of JSON and each row of a
 * table is one; a plain text is cut into pieces of `most` tokens. Samples end with the vocabulary's end of text,
 * which is included in the loss. With form->pairs each object or row becomes two samples, the chosen and the rejected
 * answer. After a failure there are none. most: tokens read of a sample at most; 0: all.
 * WKV_EIO; WKV_EFORMAT with the line; WKV_EUNSUPPORTED; WKV_ENOMEM; WKV_EARG: nothing is included. */
int samples_add(samples *s, const char *path, const wkv_tokenizer *t, const document_form *form, int most);

/* One sample, from parts: tokens of a text, the end of a text where the vocabulary has one, and the end of the sample,
 * which is left out when nothing in it counts and is cut behind most + 1 tokens; most 0: it is not. */
int samples_put(samples *s, const wkv_tokenizer *vocab, const char *text, size_t bytes, int counts);
int samples_put_end(samples *s, const wkv_tokenizer *vocab, int counts);
int samples_end(samples *s, int most);
void samples_release(samples *s);
/* WKV_EARG: an id that a model of V logits does not have. */
int samples_check(const samples *s, const wkv_tokenizer *vocab, int V);
/* Room for what the reference model says of each sample, of which nothing is known yet. WKV_ENOMEM. */
int samples_expect_references(samples *s);
sample samples_at(const samples *s, int i);

#endif
