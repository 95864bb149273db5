/* limits.c - the least range of logits that reaches a weight, by bisection over the bits of a float. */
#include "text/blocks.h"
#include <float.h>
#include <limits.h>
#include <math.h>
#include <string.h>

static const weighting count = {0, 0};

/* The logits between two nested ranges. */
static logit_range difference(logit_range outer, logit_range inner)
{
    return (logit_range){outer.from, outer.to, inner.from, inner.to};
}

typedef struct {
    candidate_order order;
    float center;
    weighting w;
    double target, enough; /* a sum from target to enough ends the search */
    double all;            /* about the sum of all candidates' weights */
} goal;

/* An integer in the order of the float, and back. -0 has the key of 0, which it equals. */
static int32_t key_of(float x)
{
    int32_t i;
    x += 0.0f;
    memcpy(&i, &x, sizeof i);
    return i ^ (i >> 31 & INT32_MAX);
}

static float float_of(int32_t i)
{
    float x;
    i ^= i >> 31 & INT32_MAX;
    memcpy(&x, &i, sizeof x);
    return x;
}

/* The ranges of an order, each of which contains those of smaller keys: logits from a float on, or at a distance of at
 * most a float from the center. A negative distance has none. */
static logit_range nested(const candidates *c, const goal *g, int32_t key)
{
    logit_range r = candidates_range(c);
    if (g->order == LARGEST_FIRST)
        r.from = float_of(~key);
    else if (key < 0)
        r.from = r.to = NAN;
    else {
        float from = g->center - float_of(key), to = g->center + float_of(key);
        if (from > r.from) r.from = from;
        if (to < r.to) r.to = to;
    }
    return r;
}

static int32_t search(const candidates *c, goal g, float *scratch);

/* A key at which the sum should be a little below the target, or with `beyond` a little above it, from a sample of the
 * logits between two keys; of these g has the target and the sum. */
static int32_t guess(const candidates *c, goal g, logit_range between, int beyond, float *scratch)
{
    enum { SAMPLE = 1024 };
    float some[SAMPLE];
    candidates sample = {c->loops, NULL, some, NULL, SAMPLE, c->from, c->to, INT_MAX};
    for (int i = 0; i < SAMPLE; i++) some[i] = c->x[(int64_t)i * c->n / SAMPLE];
    sample.n = candidates_gather_in(&sample, between, some, NULL);
    double all = candidates_total(&sample, g.w), share = g.target / g.all;
    double margin = 2 * sqrt(share * (1 - share) / SAMPLE) + 0.002; /* two standard deviations of a quantile */
    g.target = all * (beyond ? share + margin : share - margin);
    g.enough = g.target + all * 0.002;
    g.all = all;
    return search(&sample, g, scratch);
}

/* The state of a search: the range of the key `none` is too small, and that of `all` is large enough. */
typedef struct {
    candidates now; /* all those between the two */
    int64_t none, all;
    double below; /* the weight of the range of `none` */
} bracket;

static candidates list_of(const candidates *c, const float *x, int n)
{
    return (candidates){c->loops, NULL, x, NULL, n, c->from, c->to, INT_MAX};
}

/* The weight of the range of `key`. In a long array, the logits between `none` and the key become the array, if they
 * fit in the scratch memory and the target is among them. */
static double weight_at(bracket *b, const goal *g, int32_t key, float *scratch)
{
    logit_range r = difference(nested(&b->now, g, key), nested(&b->now, g, (int32_t)b->none));
    if (b->now.n <= CANDIDATES_LIST) return b->below + candidates_total_in(&b->now, r, g->w);
    int n = candidates_gather_in(&b->now, r, scratch, NULL);
    if (n > CANDIDATES_LIST) return b->below + candidates_total_in(&b->now, r, g->w);
    candidates list = list_of(&b->now, scratch, n);
    double sum = b->below + candidates_total_in(&list, r, g->w);
    if (sum >= g->target) b->now = list;
    return sum;
}

/* The least key of a range with the weight `target`, by bisection; the largest key if none has. */
static int32_t search(const candidates *c, goal g, float *scratch)
{
    enum { SHORT = 64 }; /* a list that is not worth making shorter */
    bracket b = {*c, ~(int64_t)key_of(c->to) - 1, ~(int64_t)key_of(c->from), 0};
    if (g.order == NEAREST_FIRST) b.none = -1, b.all = key_of(INFINITY);
    for (int turn = 0; b.all - b.none > 1; turn++) {
        int64_t middle = b.none + (b.all - b.none) / 2;
        logit_range between = difference(nested(c, &g, (int32_t)b.all), nested(c, &g, (int32_t)b.none));
        if (b.now.n > CANDIDATES_LIST && turn % 3 < 2) {
            goal rest = {g.order, g.center, g.w, g.target - b.below, 0, g.all - b.below};
            int32_t key = guess(c, rest, between, turn % 3, scratch);
            if (key > b.none && key < b.all) middle = key;
        } else if (b.now.n > SHORT && b.now.n <= CANDIDATES_LIST)
            b.now = list_of(c, scratch, candidates_gather_in(&b.now, between, scratch, NULL));
        double sum = weight_at(&b, &g, (int32_t)middle, scratch);
        if (sum < g.target)
            b.none = middle, b.below = sum;
        else {
            b.all = middle;
            if (sum <= g.enough) break;
        }
    }
    return (int32_t)b.all;
}

static void narrow(candidates *c, goal g)
{
    float scratch[CANDIDATES_LIST];
    logit_range r = nested(c, &g, search(c, g, scratch));
    if (r.from > c->from) c->ties = INT_MAX;
    c->from = r.from;
    c->to = r.to;
}

void candidates_reach(candidates *c, candidate_order order, float center, weighting w, double target, double all)
{
    narrow(c, (goal){order, center, w, target, target, all});
}

void candidates_first(candidates *c, int k)
{
    narrow(c, (goal){LARGEST_FIRST, 0, count, k, k, c->n});
    candidates equal = *c, larger = *c;
    equal.to = c->from;
    larger.from = nextafterf(c->from, INFINITY);
    double room = k - candidates_total(&larger, count);
    if (candidates_total(&equal, count) > room) c->ties = candidates_find(&equal, count, room - 0.5, NULL) + 1;
}

float candidates_floor(const simd *loops, const float *maxima, int n, int least, float *scratch)
{
    const candidates all = {loops, NULL, maxima, NULL, n, -FLT_MAX, FLT_MAX, INT_MAX};
    return float_of(~search(&all, (goal){LARGEST_FIRST, 0, count, least, 2.0 * least, 0}, scratch));
}
