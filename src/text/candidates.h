/* candidates.h - the ids that a sampler may still choose, as those with a logit in a range: limits narrow the range,
 * and nothing is copied until the rest fits in a short list.
 *
 * Each function passes over the logits in blocks. The order of all sums is fixed, so the results have the same bits on
 * every instruction set. */
#ifndef WKV_TEXT_CANDIDATES_H
#define WKV_TEXT_CANDIDATES_H

#include "cpu/simd.h"
#include "text/adjust.h"

enum { LOGITS_BLOCK = 1024, CANDIDATES_LIST = 4096 };

typedef struct {
    const simd *loops;
    const adjustments *adjust; /* of the logits x; NULL: none */
    const float *x;            /* n logits */
    const int32_t *id;         /* their ids; NULL: the index */
    int n;
    float from, to; /* the candidates have a logit in [from, to] */
    int ties;       /* those equal to `from` also have an index below this */
} candidates;

typedef struct {
    float x[CANDIDATES_LIST];
    int32_t id[CANDIDATES_LIST];
} candidate_list;

/* Two orders of candidates. */
typedef enum { LARGEST_FIRST, NEAREST_FIRST } candidate_order;

/* Weights e^((x - top) factor); top 0 and factor 0 give each candidate the weight 1. */
typedef struct {
    float top, factor;
} weighting;

typedef struct {
    float top;   /* the largest logit */
    float floor; /* `least` logits or more are not below it; -FLT_MAX in a short array */
    int best;    /* the first index of the largest logit; -1: every logit is -infinity */
    int bad;     /* a logit is NaN or +infinity */
    double sum;  /* of the weights, if they were asked for */
} survey;

/* One pass over all logits. sum: with it, weights of `factor` relative to the largest logit are summed. least: 0, or
 * some hundred. */
survey candidates_survey(const candidates *c, int sum, float factor, int least);

/* The sum of the weights; the weighted mean of x - top, with the sum; the weights to p[id], which leaves other ids. */
double candidates_total(const candidates *c, weighting w);
double candidates_mean(const candidates *c, weighting w, double *sum);
void candidates_weights(const candidates *c, weighting w, float *p);

/* The index of the first candidate at which the sum of the weights in the order of the indices exceeds u; the last
 * candidate if rounding puts u beyond the sum; -1: every weight is 0. `weight` may be NULL. */
int candidates_find(const candidates *c, weighting w, double u, float *weight);

/* Keep the fewest candidates in this order with weights that reach `target`, and all that are equal to the last of
 * them. all: the sum of their weights. */
void candidates_reach(candidates *c, candidate_order order, float center, weighting w, double target, double all);

/* Keep the k largest, of equal ones those with the lowest indices. */
void candidates_first(candidates *c, int k);

/* Copy the candidates to the list, which may contain those of c, and make them all of c. Returns 0, without effect on
 * c, if they are more than CANDIDATES_LIST. */
int candidates_gather(candidates *c, candidate_list *list);

#endif
