/* adjust.h - the logits that a sampler changes: by a bias, a ban (a bias of -infinity) or the penalties of the
 * tokens that have occurred. Memory is 16 bytes for each of these ids. */
#ifndef WKV_TEXT_ADJUST_H
#define WKV_TEXT_ADJUST_H

#include "wkv.h"

typedef struct {
    int32_t id;
    float bias;
    float count;          /* occurrences, decayed, for the frequency penalty */
    unsigned char seen;   /* the token has occurred: the presence penalty stays when the count has decayed */
    unsigned char exempt; /* digits and blanks: presence penalty only */
} adjustment;

typedef struct {
    adjustment *list; /* ids in ascending order */
    int n, capacity;
    float presence, frequency, decay;
    const wkv_tokenizer *tokenizer; /* borrowed, or NULL */
} adjustments;

/* Biases, bans and penalties of checked options. WKV_ENOMEM. */
int adjust_init(adjustments *a, const wkv_sampler_options *o, const wkv_tokenizer *t);
void adjust_release(adjustments *a);

/* Allocate for one more id, so that the next adjust_count cannot fail. WKV_ENOMEM: nothing has changed. */
int adjust_reserve(adjustments *a);
/* Count a token; an id outside [0, vocab) only decays the counts. Reserve first. Without penalties nothing is kept. */
void adjust_count(adjustments *a, int32_t id, int vocab);
void adjust_reset(adjustments *a); /* forget the tokens; biases and bans stay */

/* The index of the first id in the list that is not less than `id`. */
int adjust_find(const adjustments *a, int32_t id);
/* The logit x of b's id with bias and penalties. NaN and +infinity stay. */
float adjust_logit(const adjustments *a, const adjustment *b, float x);

#endif
