/* candidates.c - the survey of all logits, sums over candidates, and lists of them. */
#include "text/blocks.h"
#include <float.h>
#include <limits.h>
#include <math.h>

enum { LANES16 = 16 }; /* of a sum or a maximum, on every instruction set */

/* ---- sums -------------------------------------------------------------------------------------------------------- */

double candidates_total_in(const candidates *c, logit_range r, weighting w)
{
    block b;
    float out[LOGITS_BLOCK];
    double sum = 0;
    for (block_start(&b, c, r); block_next(&b);) sum += c->loops->weights(out, b.x, b.n, &b.range, w.top, w.factor);
    return sum;
}

double candidates_total(const candidates *c, weighting w) { return candidates_total_in(c, candidates_range(c), w); }

/* The sum of p (x - top), in 16 lanes. */
static double moment(const float *p, const float *x, int n, float top)
{
    float lane[LANES16] = {0};
    double sum = 0;
    for (int i = 0; i < n; i += LANES16) {
        int lanes = n - i < LANES16 ? n - i : LANES16;
        for (int l = 0; l < lanes; l++) {
            float d = x[i + l] - top;
            lane[l] += p[i + l] * (d > -FLT_MAX ? d : -FLT_MAX); /* 0 times -infinity is NaN */
        }
    }
    for (int l = 0; l < LANES16; l++) sum += (double)lane[l];
    return sum;
}

double candidates_mean(const candidates *c, weighting w, double *sum)
{
    block b;
    float p[LOGITS_BLOCK];
    double products = 0;
    *sum = 0;
    for (block_start(&b, c, candidates_range(c)); block_next(&b);) {
        *sum += c->loops->weights(p, b.x, b.n, &b.range, w.top, w.factor);
        products += moment(p, b.x, b.n, w.top);
    }
    return products / *sum;
}

void candidates_weights(const candidates *c, weighting w, float *p)
{
    block b;
    float out[LOGITS_BLOCK];
    for (block_start(&b, c, candidates_range(c)); block_next(&b);) {
        c->loops->weights(out, b.x, b.n, &b.range, w.top, w.factor);
        for (int i = 0; i < b.n; i++) p[c->id ? c->id[b.at + i] : b.at + i] = out[i];
    }
}

int candidates_find(const candidates *c, weighting w, double u, float *weight)
{
    block b;
    float p[LOGITS_BLOCK];
    double before = 0;
    int last = -1;
    for (block_start(&b, c, candidates_range(c)); block_next(&b);) {
        double after = before + c->loops->weights(p, b.x, b.n, &b.range, w.top, w.factor);
        int whole = after <= u; /* then only its last candidate matters */
        for (int i = whole ? b.n - 1 : 0; i >= 0 && i < b.n; i += whole ? -1 : 1) {
            if (p[i] == 0) continue;
            last = b.at + i;
            if (weight) *weight = p[i];
            if (whole) break;
            if ((before += p[i]) > u) return last;
        }
        before = after;
    }
    return last;
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

int candidates_gather_in(const candidates *c, logit_range r, float *x, int32_t *id)
{
    block b;
    int32_t at[LOGITS_BLOCK + 16];
    int n = 0;
    for (block_start(&b, c, r); block_next(&b);) {
        int found = c->loops->within(at, b.x, b.n, &b.range);
        if (n + found > CANDIDATES_LIST) return n + found;
        for (int i = 0; i < found; i++, n++) {
            if (id) id[n] = c->id ? c->id[b.at + at[i]] : b.at + at[i];
            x[n] = b.x[at[i]];
        }
    }
    return n;
}

int candidates_gather(candidates *c, candidate_list *list)
{
    int n = candidates_gather_in(c, candidates_range(c), list->x, list->id);
    if (n > CANDIDATES_LIST) return 0;
    *c = (candidates){c->loops, NULL, list->x, list->id, n, c->from, c->to, INT_MAX};
    return 1;
}

/* ---- the survey -------------------------------------------------------------------------------------------------- */

enum { GROUPS = 64 };

/* e^x for x <= 0, by the loop that makes the weights. */
static double scale(const simd *loops, float x)
{
    float w;
    const logit_range all = {-INFINITY, INFINITY, NAN, NAN};
    return (double)loops->weights(&w, &x, 1, &all, 0, 1);
}

static int first_equal(const float *x, float value)
{
    int i = 0;
    while (x[i] != value) i++;
    return i;
}

survey candidates_survey(const candidates *c, int sum, float factor, int least)
{
    static const logit_range all = {-FLT_MAX, FLT_MAX, NAN, NAN};
    survey s = {.top = -INFINITY, .best = -1};
    float group[GROUPS * LANES16], p[LOGITS_BLOCK], scratch[CANDIDATES_LIST];
    block b;
    for (int i = 0; i < GROUPS * LANES16; i++) group[i] = -INFINITY;
    for (block_start(&b, c, all); block_next(&b);) {
        float *kept = group + b.at / LOGITS_BLOCK % GROUPS * LANES16, peak[LANES16], top = s.top;
        for (int l = 0; l < LANES16; l++) peak[l] = -INFINITY;
        s.bad |= !c->loops->peaks(peak, b.x, b.n);
        for (int l = 0; l < LANES16; l++) {
            kept[l] = peak[l] > kept[l] ? peak[l] : kept[l];
            top = peak[l] > top ? peak[l] : top;
        }
        if (top > s.top) {
            s.sum *= scale(c->loops, (s.top - top) * factor);
            s.best = b.at + first_equal(b.x, top);
            s.top = top;
        }
        if (sum && s.best >= 0) s.sum += c->loops->weights(p, b.x, b.n, &all, s.top, factor);
    }
    s.floor = -FLT_MAX;
    if (least && !s.bad && c->n > CANDIDATES_LIST)
        s.floor = candidates_floor(c->loops, group, GROUPS * LANES16, least, scratch);
    return s;
}
