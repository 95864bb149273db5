/* masked.h - samples as text. */
#ifndef WKV_TESTS_MASKED_H
#define WKV_TESTS_MASKED_H

#include "train/samples.h"

/* Sample i of the vocabulary "bytes": "input[included in the loss]"; the end of text is 0. */
static inline void masked_text(char *out, const samples *s, int i)
{
    sample one = samples_at(s, i);
    int included = 0;
    for (int k = 0; k < one.n; k++) {
        if ((one.counts[k] != 0) != included) *out++ = included ? ']' : '[';
        included = one.counts[k] != 0;
        *out++ = one.ids[k] ? (char)one.ids[k] : '0';
    }
    if (included) *out++ = ']';
    *out = 0;
}

#endif
