/* blocks.h - passes over candidates in blocks, inside candidates.h. */
#ifndef WKV_TEXT_BLOCKS_H
#define WKV_TEXT_BLOCKS_H

#include "text/candidates.h"

/* One block of a pass: n logits from index `at` on, with their adjustments, and the range to look at. */
typedef struct {
    const candidates *c;
    int at, n, adjustment;
    const float *x;
    logit_range range;
    float copy[LOGITS_BLOCK];
} block;

void block_start(block *b, const candidates *c, logit_range r);
int block_next(block *b); /* the next block; 0 after the last */

/* The range of the candidates. */
logit_range candidates_range(const candidates *c);
/* The sum of the weights of the candidates within a range. */
double candidates_total_in(const candidates *c, logit_range r, weighting w);
/* Copy the logits of the candidates within a range to x, and their ids, unless NULL; both may be those of c. Returns
 * their number, and copies only some if it exceeds CANDIDATES_LIST. */
int candidates_gather_in(const candidates *c, logit_range r, float *x, int32_t *id);
/* A logit that at least `least` of n maxima reach. scratch: of CANDIDATES_LIST logits. */
float candidates_floor(const simd *loops, const float *maxima, int n, int least, float *scratch);

#endif
