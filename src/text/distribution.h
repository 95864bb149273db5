/* distribution.h - next-token distributions, from logits. */
#ifndef WKV_TEXT_DISTRIBUTION_H
#define WKV_TEXT_DISTRIBUTION_H

#include "wkv.h"

/* Logits and, of their softmax, the largest and its index, and the logarithm of the sum of all exponentials, which is
 * NaN or infinite when a logit is. */
typedef struct {
    const float *logits;
    int n;
    float max;
    int argmax;
    double log_sum;
} distribution;

distribution distribution_of(const float *logits, int n); /* keeps the pointer */

/* The natural logarithm of the probability of an id. */
static inline double log_probability(const distribution *d, int id) { return (double)d->logits[id] - d->log_sum; }

double entropy_of(const distribution *d); /* nats */
wkv_token_score distribution_score(const distribution *d, int32_t id);
/* The k most probable ids in order, the lower id first where logits are equal; k is at most n. */
void distribution_top(wkv_token_score *top, int k, const distribution *d);

/* The Kullback-Leibler divergence of q from p over the same vocabulary, in nats, at least 0. */
double kl_divergence(const distribution *p, const distribution *q);

#endif
