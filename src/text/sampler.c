/* sampler.c - sample a token from logits, in the order of the official sampler (the Python package rwkv, utils.py):
 *
 *     bans, bias, penalties  ->  softmax  -> limits (top-k, top-p, min-p, typical; or mirostat) -> p^(1/T) -> sample
 *
 * No copy of the logits or of their distribution is made: the limits are ranges of logits (candidates.h), and a
 * probability is computed when a pass needs it. */
#include "text/sampler.h"
#include "base/error.h"
#include "text/candidates.h"
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct wkv_sampler {
    wkv_sampler_options o; /* without its lists */
    int vocab;
    const simd *loops;
    adjustments adjust; /* bans, biases and penalties */
    double mu;          /* mirostat: the largest surprise allowed, in bits */
    float *masked;      /* [vocab] the logits of a mask; NULL until there is one */
    rng r;
};

void wkv_profile_fill(wkv_sampler_options *o, const wkv_profile *p, const wkv_tokenizer *t)
{
    if (!o || !p) return;
    const wkv_sampler_options *own = &p->sampler;
    const int single = t && (wkv_tokenizer_size(t) <= 256 || !strcmp(wkv_tokenizer_name(t), "characters"));
    if (isnan(o->temperature)) o->temperature = own->temperature;
    if (isnan(o->top_p)) o->top_p = own->top_p;
    if (o->top_k < 0) o->top_k = own->top_k;
    if (isnan(o->min_p)) o->min_p = own->min_p;
    if (isnan(o->typical_p)) o->typical_p = own->typical_p;
    if (isnan(o->presence)) o->presence = single ? 0 : own->presence;
    if (isnan(o->frequency)) o->frequency = single ? 0 : own->frequency;
    if (isnan(o->penalty_decay)) o->penalty_decay = own->penalty_decay;
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

static int share(float x) { return x >= 0 && x <= 1; }

static int ids_inside(const int32_t *ids, int n, int vocab)
{
    if (n < 0 || (n && !ids)) return 0;
    for (int i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] >= vocab) return 0;
    return 1;
}

static int check_options(const wkv_sampler_options *o, int vocab)
{
    if (vocab < 1) return fail(WKV_EARG, "wkv_sampler_new: a vocabulary of %d", vocab);
    if (!(o->temperature >= 0) || isinf(o->temperature))
        return fail(WKV_EARG, "temperature %g, expected 0 or more", o->temperature);
    if (!share(o->top_p)) return fail(WKV_EARG, "top_p %g, expected 0 to 1", o->top_p);
    if (!share(o->min_p)) return fail(WKV_EARG, "min_p %g, expected 0 to 1", o->min_p);
    if (!share(o->typical_p)) return fail(WKV_EARG, "typical_p %g, expected 0 to 1", o->typical_p);
    if (!share(o->penalty_decay)) return fail(WKV_EARG, "penalty_decay %g, expected 0 to 1", o->penalty_decay);
    if (o->top_k < 0) return fail(WKV_EARG, "top_k %d, expected 0 or more", o->top_k);
    if (!(o->mirostat_tau >= 0) || !(o->mirostat_eta >= 0) || isinf(o->mirostat_tau) || isinf(o->mirostat_eta))
        return fail(WKV_EARG, "mirostat %g, %g, expected 0 or more", o->mirostat_tau, o->mirostat_eta);
    if (!isfinite(o->presence) || !isfinite(o->frequency))
        return fail(WKV_EARG, "penalties %g, %g, expected finite numbers", o->presence, o->frequency);
    if (!ids_inside(o->bans, o->n_bans, vocab)) return fail(WKV_EARG, "a banned id is not from 0 to %d", vocab - 1);
    if (!ids_inside(o->bias_ids, o->n_bias, vocab) || (o->n_bias && !o->bias))
        return fail(WKV_EARG, "an id with a bias is not from 0 to %d", vocab - 1);
    for (int i = 0; i < o->n_bias; i++)
        if (!(o->bias[i] <= FLT_MAX))
            return fail(WKV_EARG, "the bias of id %d is %g, expected a finite number, or -infinity to ban the id",
                        o->bias_ids[i], (double)o->bias[i]);
    return 0;
}

int wkv_sampler_new(wkv_sampler **out, const wkv_sampler_options *options, int vocab, const wkv_tokenizer *t)
{
    wkv_sampler_options o = options ? *options : (wkv_sampler_options){0};
    const simd *loops;
    REQUIRE(out, "the place for the sampler");
    *out = NULL;
    int err = check_options(&o, vocab);
    if (!err) err = simd_find(&loops, NULL);
    if (err) return err;
    wkv_sampler *s = calloc(1, sizeof *s);
    if (!s) return fail(WKV_ENOMEM, "no memory for a sampler");
    *s = (wkv_sampler){.o = o, .vocab = vocab, .loops = loops, .mu = 2 * (double)o.mirostat_tau, .r.seed = o.seed};
    if (o.mirostat_eta == 0) s->o.mirostat_eta = 0.1f;
    if ((err = adjust_init(&s->adjust, &o, t))) {
        wkv_sampler_free(s);
        return err;
    }
    *out = s;
    return 0;
}

void wkv_sampler_free(wkv_sampler *s)
{
    if (!s) return;
    adjust_release(&s->adjust);
    free(s->masked);
    free(s);
}

rng *sampler_stream(wkv_sampler *s) { return &s->r; }

size_t sampler_bytes(const wkv_sampler *s)
{
    return sizeof *s + (size_t)s->adjust.capacity * sizeof *s->adjust.list +
           (s->masked ? (size_t)s->vocab * sizeof *s->masked : 0);
}

int wkv_sampler_count(wkv_sampler *s, int32_t id)
{
    REQUIRE(s, "the sampler");
    int err = adjust_reserve(&s->adjust);
    if (!err) adjust_count(&s->adjust, id, s->vocab);
    return err;
}

void wkv_sampler_reset(wkv_sampler *s)
{
    if (!s) return;
    adjust_reset(&s->adjust);
    s->mu = 2 * (double)s->o.mirostat_tau;
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

/* The choice among the logits of one token: all of them at first, in the end those within the limits. */
typedef struct {
    candidates kept;
    candidate_list list; /* of `kept`, or of `head` */
    candidates head;     /* all that are at least head.from; n is 0 without one */
    weighting plain;     /* e^(x - top), without the temperature */
    double sum;          /* of these weights of all ids */
} choice;

/* Once the candidates fit in a list, the rest of the work is short. */
static void shorten(choice *c)
{
    c->head.n = 0; /* the list is overwritten */
    candidates_gather(&c->kept, &c->list);
}

/* The candidates that are not below `floor`, as a list beside the others, in which a limit may find its end. */
static void find_head(choice *c, float floor)
{
    c->head = c->kept;
    if (floor > c->head.from) c->head.from = floor;
    if (!candidates_gather(&c->head, &c->list))
        c->head.n = 0;
    else if (c->head.from == c->kept.from)
        c->kept = c->head;
}

static void limit_count(choice *c, int k)
{
    if (c->head.n >= k) c->kept = c->head;
    candidates_first(&c->kept, k);
    shorten(c);
}

/* Ties with the token that reaches the mass are kept, as in the official sampler. */
static void limit_mass(choice *c, double target)
{
    if (c->head.n && candidates_total(&c->head, c->plain) >= target) c->kept = c->head;
    candidates_reach(&c->kept, LARGEST_FIRST, 0, c->plain, target, c->sum);
    shorten(c);
}

/* Locally typical (Meister et al. 2022): keep the remaining tokens with a surprise closest to the entropy, which are
 * those with a logit closest to the mean of the logits. */
static void limit_typical(choice *c, float share)
{
    double left, mean = candidates_mean(&c->kept, c->plain, &left), target = share * left;
    float center = (float)(c->plain.top + mean);
    candidates near = c->head; /* all that are as near as its end */
    near.to = 2 * center - near.from;
    if (near.n && candidates_total(&near, c->plain) >= target) c->kept = near;
    candidates_reach(&c->kept, NEAREST_FIRST, center, c->plain, target, left);
    shorten(c);
}

/* Keep tokens that are at least `share` as probable as the most probable one. */
static void limit_share(choice *c, double share)
{
    double from = share > 0 ? c->plain.top + log(share) : -FLT_MAX;
    if (from > c->plain.top) from = c->plain.top;
    if (from > c->kept.from) c->kept.from = (float)from;
}

enum { HEAD = 256 }; /* most limits keep fewer tokens */

static int is_share(float x) { return x > 0 && x < 1; }

/* Mirostat 2 (Basu et al. 2021) drops tokens with a surprise above mu bits; the most probable stays. */
static void limit(wkv_sampler *s, choice *c, float floor)
{
    const wkv_sampler_options *o = &s->o;
    if (o->mirostat_tau > 0)
        limit_share(c, exp2(-s->mu) * c->sum);
    else
        limit_share(c, o->min_p);
    find_head(c, floor);
    if (o->mirostat_tau > 0) return;
    if (o->top_k > 0 && o->top_k < s->vocab) limit_count(c, o->top_k);
    if (is_share(o->top_p)) limit_mass(c, o->top_p * c->sum);
    if (is_share(o->typical_p)) limit_typical(c, o->typical_p);
}

static int fail_logits(const float *logits, int n)
{
    int i = 0;
    while (i < n - 1 && logits[i] <= FLT_MAX) i++;
    return fail(WKV_EFORMAT,
                "the logit of id %d is %s, so no token can be sampled; weights, an adapter or a state are probably NaN "
                "or infinite",
                i, isnan(logits[i]) ? "NaN" : "infinite");
}

/* Without a temperature the most probable token is the only candidate. */
static void keep_best(choice *c, const survey *v)
{
    c->list.x[0] = v->top;
    c->list.id[0] = v->best;
    c->kept = (candidates){c->kept.loops, NULL, c->list.x, c->list.id, 1, v->top, v->top, INT_MAX};
}

/* The candidates that the limits keep, their weights for sampling, and the sum of these. */
static int choose(wkv_sampler *s, choice *c, const float *logits, weighting *w, double *sum)
{
    const wkv_sampler_options *o = &s->o;
    int greedy = o->temperature < 1e-6f;
    int needs_sum = is_share(o->top_p) || o->mirostat_tau > 0;
    int limits = needs_sum || o->top_k > 0 || o->min_p > 0 || is_share(o->typical_p);
    int least = greedy || !limits ? 0 : o->top_k > 0 && o->top_k < HEAD ? o->top_k : HEAD;
    float factor = greedy ? 0 : 1 / o->temperature;
    c->kept = (candidates){s->loops, &s->adjust, logits, NULL, s->vocab, -FLT_MAX, FLT_MAX, INT_MAX};
    survey v = candidates_survey(&c->kept, !greedy && (needs_sum || !limits), limits ? 1 : factor, least);
    if (v.bad) return fail_logits(logits, s->vocab);
    if (v.best < 0) return fail(WKV_EARG, "every id is banned or has a logit of -infinity, so no token can be sampled");
    c->kept.to = v.top;
    c->plain = (weighting){v.top, 1};
    c->sum = *sum = v.sum;
    *w = (weighting){v.top, factor};
    if (greedy)
        keep_best(c, &v);
    else if (limits)
        limit(s, c, v.floor);
    if (greedy || limits) *sum = candidates_total(&c->kept, *w);
    return 0;
}

/* ---- sampling ---------------------------------------------------------------------------------------------------- */

int sampler_distribution(float *p, wkv_sampler *s, const float *logits)
{
    choice c;
    weighting w;
    double sum;
    int err = choose(s, &c, logits, &w, &sum);
    if (err) return err;
    for (int i = 0; i < s->vocab; i++) p[i] = 0;
    candidates_weights(&c.kept, w, p);
    for (int i = 0; i < s->vocab; i++) p[i] = (float)(p[i] / sum);
    return 0;
}

int32_t wkv_sample(wkv_sampler *s, const float *logits)
{
    REQUIRE(s, "the sampler");
    REQUIRE(logits, "the list of logits");
    choice c;
    weighting w;
    double sum;
    float p = 0;
    int err = adjust_reserve(&s->adjust);
    if (!err) err = choose(s, &c, logits, &w, &sum);
    if (err) return err;
    int i = candidates_find(&c.kept, w, rng_uniform(&s->r) * sum, &p);
    int32_t id = c.kept.id ? c.kept.id[i] : i;
    if (s->o.mirostat_tau > 0) s->mu -= (double)s->o.mirostat_eta * (-log2(p / sum) - (double)s->o.mirostat_tau);
    adjust_count(&s->adjust, id, s->vocab);
    return id;
}

/* Copy the logits of the mask, with -infinity for the others. */
static void apply_mask(float *to, const float *logits, const uint64_t *mask, int n)
{
    for (int i = 0; i < n; i += 64) {
        const uint64_t bits = mask[i / 64];
        const int m = n - i < 64 ? n - i : 64;
        for (int k = 0; k < m; k++) to[i + k] = bits >> k & 1 ? logits[i + k] : -INFINITY;
    }
}

int32_t wkv_sample_masked(wkv_sampler *s, const float *logits, const uint64_t *mask)
{
    REQUIRE(s, "the sampler");
    REQUIRE(logits, "the list of logits");
    if (!mask) return wkv_sample(s, logits);
    if (!s->masked && !(s->masked = malloc((size_t)s->vocab * sizeof *s->masked)))
        return fail(WKV_ENOMEM, "no memory for the logits of a mask");
    apply_mask(s->masked, logits, mask, s->vocab);
    return wkv_sample(s, s->masked);
}
