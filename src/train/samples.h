/* samples.h - samples for fine-tuning and the mask of tokens included in the loss. */
#ifndef WKV_TRAIN_SAMPLES_H
#define WKV_TRAIN_SAMPLES_H

#include <stddef.h>
#include "train/documents.h"
#include "train/trainer.h"

typedef struct {
    int32_t *ids;
    uint8_t *counts;
    size_t n, capacity;
    size_t *ends; /* start of each sample in ids */
    int count, ends_capacity;
    int64_t counted;   /* tokens included in the loss                                              */
    int longest;       /* tokens of the longest sample                                             */
    int truncated;          /* truncated samples                                                        */
    skipped_entries over;  /* skipped entries of folders                                               */
    int left_out;      /* skipped samples without a token in the loss; pairs with such an answer   */
    int pairs;         /* chosen and rejected samples alternate                                    */
    double *reference; /* pairs: cross entropy under the reference model (trainer.h)               */
} samples;

/* Add the samples of a file or folder (train/documents.h): one per JSON object or table row; a plain text is split into
 * samples of `most` tokens. Samples end with the end-of-text token, included in the loss. With form->pairs each object
 * or row becomes two samples, the chosen and the rejected answer. Empty after an error. most: maximum tokens per
 * sample; 0: no limit. WKV_EIO; WKV_EFORMAT with the line; WKV_EUNSUPPORTED; WKV_ENOMEM; WKV_EARG: no token is included
 * in the loss. */
int samples_add(samples *s, const char *path, const wkv_tokenizer *t, const document_form *form, int most);

/* Build one sample: add tokens of a text; add the end-of-text token, if the vocabulary has one; end the sample, which
 * is truncated to most + 1 tokens (0: no limit) and skipped if no token is included in the loss. */
int samples_put(samples *s, const wkv_tokenizer *vocab, const char *text, size_t bytes, int counts);
int samples_put_end(samples *s, const wkv_tokenizer *vocab, int counts);
int samples_end(samples *s, int most);
void samples_release(samples *s);
/* WKV_EARG: an id of V or more. */
int samples_check(const samples *s, const wkv_tokenizer *vocab, int V);
/* Allocate the reference cross entropy of each sample, not known yet. WKV_ENOMEM. */
int samples_expect_references(samples *s);
sample samples_at(const samples *s, int i);

#endif
