/* sampler.c - sample a token from logits, in the order of the official sampler (the Python package rwkv, utils.py):
 *
 *     bans, bias, penalties  ->  softmax  -> limits (top-k, top-p, min-p, typical; or mirostat) -> p^(1/T) -> sample
 *
 * The limits need no full sort: `reach` finds the probability at the limit by a radix search on the bits of its float,
 * and one pass then drops the smaller ones. */
#include "text/sampler.h"
#include "base/error.h"
#include "base/rng.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct wkv_sampler {
    wkv_sampler_options o; /* its lists are copies */
    int vocab;
    int32_t *bans, *bias_ids;
    float *bias;
    float *x;              /* [V] logits after bans, bias and penalties */
    float *p;              /* [V] probabilities */
    uint32_t *key;         /* [V] scratch of the limits */
    float *count;          /* [V] of the penalties */
    unsigned char *seen;   /* [V] token has occurred: the presence penalty stays when the count has decayed */
    unsigned char *exempt; /* [V] digits and blanks: presence penalty only */
    int32_t *seen_ids;     /* [V] */
    int n_seen;
    double log_sum; /* of exp(x) */
    double mu;      /* mirostat: the largest surprise allowed, in bits */
    rng r;
};

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

/* The official sampler does not count tokens that are substrings of this string; "12" is one, "10" is not. */
static void find_exempt(wkv_sampler *s, const wkv_tokenizer *t)
{
    static const char digits[] = " \t0123456789";
    for (int id = 0; id < s->vocab; id++) {
        size_t n;
        const char *p = wkv_token_bytes(t, id, &n);
        for (size_t i = 0; i + n < sizeof digits && !s->exempt[id]; i++) s->exempt[id] = !memcmp(digits + i, p, n);
    }
}

static void *copy_of(const void *list, size_t bytes)
{
    void *copy = malloc(bytes + 1);
    if (copy && bytes) memcpy(copy, list, bytes);
    return copy;
}

int wkv_sampler_new(wkv_sampler **out, const wkv_sampler_options *options, int vocab, const wkv_tokenizer *t)
{
    wkv_sampler_options o = options ? *options : (wkv_sampler_options){0};
    REQUIRE(out, "the place for the sampler");
    *out = NULL;
    int err = check_options(&o, vocab);
    if (err) return err;
    wkv_sampler *s = calloc(1, sizeof *s);
    if (!s) return fail(WKV_ENOMEM, "no memory for a sampler");
    size_t v = (size_t)vocab;
    s->o = o, s->vocab = vocab;
    s->bans = copy_of(o.bans, (size_t)o.n_bans * sizeof *s->bans);
    s->bias_ids = copy_of(o.bias_ids, (size_t)o.n_bias * sizeof *s->bias_ids);
    s->bias = copy_of(o.bias, (size_t)o.n_bias * sizeof *s->bias);
    s->x = malloc(v * sizeof *s->x), s->p = malloc(v * sizeof *s->p), s->key = malloc(v * sizeof *s->key);
    s->count = calloc(v, sizeof *s->count), s->seen_ids = malloc(v * sizeof *s->seen_ids);
    s->seen = calloc(v, 1), s->exempt = calloc(v, 1);
    if (!s->bans || !s->bias_ids || !s->bias || !s->x || !s->p || !s->key || !s->count || !s->seen_ids || !s->seen ||
        !s->exempt) {
        wkv_sampler_free(s);
        return fail(WKV_ENOMEM, "no memory for a sampler of %d ids", vocab);
    }
    if (t) find_exempt(s, t);
    if (o.penalty_decay == 0) s->o.penalty_decay = 0.996f;
    if (o.mirostat_eta == 0) s->o.mirostat_eta = 0.1f;
    s->mu = 2 * (double)o.mirostat_tau;
    s->r.seed = o.seed;
    *out = s;
    return 0;
}

void wkv_sampler_free(wkv_sampler *s)
{
    if (!s) return;
    free(s->bans), free(s->bias_ids), free(s->bias);
    free(s->x), free(s->p), free(s->key);
    free(s->count), free(s->seen_ids), free(s->seen), free(s->exempt);
    free(s);
}

rng *sampler_stream(wkv_sampler *s) { return &s->r; }

/* ---- penalties --------------------------------------------------------------------------------------------------- */

void wkv_sampler_count(wkv_sampler *s, int32_t id)
{
    if (!s) return;
    for (int i = 0; i < s->n_seen; i++) s->count[s->seen_ids[i]] *= s->o.penalty_decay;
    if (id < 0 || id >= s->vocab) return;
    if (!s->seen[id]) s->seen[id] = 1, s->seen_ids[s->n_seen++] = id;
    if (!s->exempt[id]) s->count[id] += 1;
}

void wkv_sampler_reset(wkv_sampler *s)
{
    if (!s) return;
    for (int i = 0; i < s->n_seen; i++) s->count[s->seen_ids[i]] = 0, s->seen[s->seen_ids[i]] = 0;
    s->n_seen = 0;
    s->mu = 2 * (double)s->o.mirostat_tau;
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

/* For any addend, an id at the largest float stays possible, and one at -infinity impossible. */
static float clamp(float x) { return x <= FLT_MAX ? x : isnan(x) ? -INFINITY : FLT_MAX; }

/* x = logits with bans, bias and penalties. WKV_EFORMAT: a logit is NaN or +infinity. */
static int adjust(wkv_sampler *s, const float *logits)
{
    float *x = s->x;
    int bad = 0;
    for (int i = 0; i < s->vocab; i++) {
        bad |= !(logits[i] <= FLT_MAX);
        x[i] = logits[i];
    }
    if (bad) return fail_logits(logits, s->vocab);
    for (int i = 0; i < s->o.n_bias; i++) x[s->bias_ids[i]] = clamp(x[s->bias_ids[i]] + s->bias[i]);
    for (int i = 0; i < s->n_seen; i++) {
        int id = s->seen_ids[i];
        x[id] = clamp(x[id] - (s->o.presence + s->count[id] * s->o.frequency));
    }
    for (int i = 0; i < s->o.n_bans; i++) x[s->bans[i]] = -INFINITY;
    return 0;
}

/* The most probable id, the lowest of equals; -1: every logit is -infinity. */
static int best(const wkv_sampler *s)
{
    float top = -INFINITY;
    int id = -1;
    for (int i = 0; i < s->vocab; i++)
        if (s->x[i] > top) top = s->x[i], id = i;
    return id;
}

/* ---- softmax and limits ------------------------------------------------------------------------------------------ */

/* e^x for x <= 0, relative error 1.5e-7, in a form that compilers vectorize; 0 below e^-87. */
static inline float exp_nonpositive(float x)
{
    float y = x > -87.0f ? x : -87.0f, t = y * 1.44269504f;
    int n = (int)(t - 0.5f);                                           /* t <= 0: rounds to nearest */
    float f = y - (float)n * 0.693359375f + (float)n * 2.12194440e-4f; /* |f| <= ln 2 / 2 */
    float e =
        1 +
        f * (1 + f * (0.5f + f * (1.66666657e-1f + f * (4.16695364e-2f + f * (8.36908100e-3f + f * 1.37805939e-3f)))));
    union {
        int32_t i;
        float f;
    } scale = {(n + 127) << 23};
    return x > -87.0f ? e * scale.f : 0;
}

static double sum_of(const float *p, int n)
{
    double part[8] = {0}, sum = 0; /* independent chains, to hide the latency of additions */
    for (int i = 0; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++) part[k] += p[i + k];
    for (int i = n & ~7; i < n; i++) sum += p[i];
    for (int k = 0; k < 8; k++) sum += part[k];
    return sum;
}

/* p = exp((x - top) * factor); with `only_kept` just for ids with nonzero p. Returns the sum. */
static double exponentials(wkv_sampler *s, float top, float factor, int only_kept)
{
    float *p = s->p;
    const float *x = s->x;
    if (only_kept)
        for (int i = 0; i < s->vocab; i++) p[i] = p[i] > 0 ? exp_nonpositive((x[i] - top) * factor) : 0;
    else
        for (int i = 0; i < s->vocab; i++) p[i] = exp_nonpositive((x[i] - top) * factor);
    return sum_of(p, s->vocab);
}

static void scale(wkv_sampler *s, double sum)
{
    float by = (float)(1 / sum);
    for (int i = 0; i < s->vocab; i++) s->p[i] *= by;
}

/* A key is the bit pattern of a positive float, which has the float's order. Visiting ids from the largest key, the
 * weights (NULL: 1 each) are summed until they reach `target`: returns the key there. Weights of key 0 are ignored.
 * Three rounds of 11, 11 and 10 bits, each with a histogram of the keys that match the bits found so far. */
static uint32_t reach(const uint32_t *key, const float *weight, int n, double target)
{
    static const int shift[] = {21, 10, 0}, bits[] = {11, 11, 10};
    uint32_t known = 0, mask = 0;
    double before = 0; /* the weight of all larger keys */
    for (int round = 0; round < 3; round++) {
        double mass[2048] = {0};
        uint32_t digits = (1u << bits[round]) - 1;
        for (int i = 0; i < n; i++)
            if (key[i] && (key[i] & mask) == known)
                mass[key[i] >> shift[round] & digits] += weight ? (double)weight[i] : 1;
        int d = (int)digits, last = -1;
        for (; d >= 0; d--) {
            if (mass[d] == 0) continue;
            last = d; /* if rounding puts the target out of reach, the lowest */
            if (before + mass[d] >= target) break;
            before += mass[d];
        }
        if (last < 0) return known;
        if (d < 0) before -= mass[last];
        known |= (uint32_t)last << shift[round];
        mask |= digits << shift[round];
    }
    return known;
}

static void keys_of_p(wkv_sampler *s) { memcpy(s->key, s->p, (size_t)s->vocab * sizeof *s->key); }

/* Drop probabilities below the key; `ties`: number of equal ones to keep, lowest ids first. */
static void drop_below(wkv_sampler *s, uint32_t key, int ties)
{
    for (int i = 0; i < s->vocab; i++) {
        if (s->key[i] < key)
            s->p[i] = 0;
        else if (s->key[i] == key && ties-- <= 0)
            s->p[i] = 0;
    }
}

static void cut_top_k(wkv_sampler *s)
{
    keys_of_p(s);
    uint32_t key = reach(s->key, NULL, s->vocab, s->o.top_k);
    int above = 0;
    for (int i = 0; i < s->vocab; i++) above += s->key[i] > key;
    drop_below(s, key, s->o.top_k - above);
}

/* Ties with the token that reaches the mass are kept, as in the official sampler. */
static void cut_top_p(wkv_sampler *s)
{
    keys_of_p(s);
    drop_below(s, reach(s->key, s->p, s->vocab, s->o.top_p), s->vocab);
}

static void cut_below(wkv_sampler *s, float least)
{
    for (int i = 0; i < s->vocab; i++)
        if (s->p[i] < least) s->p[i] = 0;
}

/* Locally typical (Meister et al. 2022): keep the remaining tokens with surprise closest to the entropy. */
static void cut_typical(wkv_sampler *s)
{
    double left = sum_of(s->p, s->vocab), log_sum = s->log_sum + log(left), entropy = 0; /* log p = x - log_sum */
    for (int i = 0; i < s->vocab; i++)
        if (s->p[i] > 0) entropy -= s->p[i] / left * (s->x[i] - log_sum);
    for (int i = 0; i < s->vocab; i++) {
        union {
            float f;
            uint32_t u;
        } distance = {s->p[i] > 0 ? (float)fabs(log_sum - s->x[i] - entropy) : 0};
        s->key[i] = s->p[i] > 0 ? 0x7f800000u - distance.u : 0; /* the closest has the largest key */
    }
    drop_below(s, reach(s->key, s->p, s->vocab, s->o.typical_p * left), s->vocab);
}

/* Mirostat 2 (Basu et al. 2021): drop tokens with a surprise above mu bits; the most probable stays. */
static void cut_surprising(wkv_sampler *s, float most)
{
    float least = (float)exp2(-s->mu);
    cut_below(s, least < most ? least : most);
}

static void cut(wkv_sampler *s, float most)
{
    const wkv_sampler_options *o = &s->o;
    if (o->mirostat_tau > 0)
        cut_surprising(s, most);
    else {
        int k = o->top_k > 0 && o->top_k<s->vocab, p = o->top_p> 0 && o->top_p < 1;
        if (p) cut_top_p(s); /* both limits cut the same order, so their sequence does not matter */
        if (k) cut_top_k(s);
        if (o->min_p > 0) cut_below(s, o->min_p * most);
        if (o->typical_p > 0 && o->typical_p < 1) cut_typical(s);
    }
}

static void only(wkv_sampler *s, int id)
{
    for (int i = 0; i < s->vocab; i++) s->p[i] = i == id;
}

int sampler_distribution(const float **p, wkv_sampler *s, const float *logits)
{
    float temperature = s->o.temperature;
    int err = adjust(s, logits);
    *p = NULL;
    if (err) return err;
    int id = best(s);
    if (id < 0) return fail(WKV_EARG, "every id is banned or has a logit of -infinity, so no token can be sampled");
    if (temperature < 1e-6f)
        only(s, id);
    else {
        float top = s->x[id];
        double sum = exponentials(s, top, 1, 0);
        s->log_sum = top + log(sum);
        scale(s, sum);
        cut(s, s->p[id]);
        scale(s, temperature == 1 ? sum_of(s->p, s->vocab) : exponentials(s, top, 1 / temperature, 1));
    }
    *p = s->p;
    return 0;
}

/* ---- sampling ---------------------------------------------------------------------------------------------------- */

int32_t wkv_sample(wkv_sampler *s, const float *logits)
{
    REQUIRE(s, "the sampler");
    REQUIRE(logits, "the list of logits");
    const float *p;
    int err = sampler_distribution(&p, s, logits);
    if (err) return err;
    double u = rng_uniform(&s->r) * sum_of(s->p, s->vocab), sum = 0;
    int32_t id = -1;
    for (int i = 0; i < s->vocab; i++) {
        if (p[i] == 0) continue;
        id = i; /* rounding may put u beyond the sum: then the last possible id */
        if ((sum += p[i]) > u) break;
    }
    if (s->o.mirostat_tau > 0) s->mu -= (double)s->o.mirostat_eta * (-log2(p[id]) - (double)s->o.mirostat_tau);
    wkv_sampler_count(s, id);
    return id;
}
