/* sampler.h - what tests look at inside the sampler. */
#ifndef WKV_TEXT_SAMPLER_H
#define WKV_TEXT_SAMPLER_H

#include "wkv.h"

/* The probabilities that wkv_sample would sample from: V floats that sum to 1, borrowed until the next call. Fails as
 * wkv_sample. */
int sampler_distribution(const float **p, wkv_sampler *s, const float *logits);

#endif
