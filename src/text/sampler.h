/* sampler.h - access to the sampler's random numbers, and to its distribution for tests. */
#ifndef WKV_TEXT_SAMPLER_H
#define WKV_TEXT_SAMPLER_H

#include "base/rng.h"
#include "wkv.h"

/* The distribution that wkv_sample would sample from: V floats that sum to 1, borrowed until the next call. Fails like
 * wkv_sample. */
int sampler_distribution(const float **p, wkv_sampler *s, const float *logits);

/* Its random numbers: a session saves their position and continues from it. */
rng *sampler_stream(wkv_sampler *s);

#endif
