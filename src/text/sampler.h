/* sampler.h - the sampler inside the library. */
#ifndef WKV_TEXT_SAMPLER_H
#define WKV_TEXT_SAMPLER_H

#include "base/rng.h"
#include "wkv.h"

/* Write the distribution that wkv_sample would sample from to p: V floats that sum to 1. Fails like wkv_sample. */
int sampler_distribution(float *p, wkv_sampler *s, const float *logits);

/* The random stream, which a session saves and restores: one number for each id sampled. Borrowed. */
rng *sampler_stream(wkv_sampler *s);

/* Bytes that the sampler occupies: they follow the lists of its options and the different ids that it has counted. */
size_t sampler_bytes(const wkv_sampler *s);

#endif
