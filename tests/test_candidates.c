/* test_candidates.c - the sampler's limits against a plain implementation that sorts, in double, over random logits and
 * options; its inner loops against plain ones; the same bits on every instruction set; and memory that follows the
 * tokens counted. */
#include "devices.h"
#include "text/candidates.h"
#include "text/sampler.h"
#include <float.h>

enum { MOST = 70001 };

/* ---- inner loops ------------------------------------------------------------------------------------------------- */

static int inside(float x, const logit_range *r)
{
    return x >= r->from && x <= r->to && !(x >= r->hole_from && x <= r->hole_to);
}

/* One set of loops: plain results, and the weights of the first set. */
static void loops_of(const simd *s, const float *x, int n, const logit_range *r, const float *first, float first_sum)
{
    float peak[16], expected[16], *w = room((size_t)n), top = 5;
    int32_t *at = fenced(((size_t)n + 16) * sizeof *at);
    int found = 0;
    for (int l = 0; l < 16; l++) expected[l] = peak[l] = -1;
    for (int i = 0; i < n; i++) expected[i % 16] = x[i] > expected[i % 16] ? x[i] : expected[i % 16];
    EXPECT(s->peaks(peak, x, n));
    EXPECT(same_bits(peak, expected, 16));
    int listed = s->within(at, x, n, r);
    float sum = s->weights(w, x, n, r, top, 0.7f);
    EXPECT(same_bits(w, first, (size_t)n));
    EXPECT(same_bits(&sum, &first_sum, 1));
    for (int i = 0; i < n; i++) {
        double e = inside(x[i], r) ? exp((double)((x[i] - top) * 0.7f)) : 0;
        if (fabs(w[i] - e) > 3e-7 * e + 1e-37) FAILED("%s: weight of %g is %.9g, not %.9g", s->name, x[i], w[i], e);
        if (inside(x[i], r)) EXPECT_EQ(at[found++], i);
    }
    EXPECT_EQ(listed, found);
    drop(w);
    drop(at);
}

static void loops(void)
{
    static const logit_range ranges[] = {
        {-FLT_MAX, FLT_MAX, NAN, NAN}, {-1, 2, NAN, NAN}, {-3, 5, -1, 1}, {0, FLT_MAX, 3, 2}};
    for (int n = 0; n < 260; n++)
        for (int k = 0; k < 4; k++) {
            float *x = normal((size_t)n, k ? 2 : 60), first[260];
            for (int i = 0; i < n; i++)
                if (x[i] > 5) x[i] = i % 3 ? 5 : -INFINITY;
            float sum = simd_at(0)->weights(first, x, n, &ranges[k], 5, 0.7f);
            for (int i = 0; simd_at(i); i++) {
                loops_of(simd_at(i), x, n, &ranges[k], first, sum);
                if (!n) continue;
                float peak[16], was = x[n / 2];
                x[n / 2] = k % 2 ? NAN : INFINITY;
                EXPECT(!simd_at(i)->peaks(peak, x, n));
                x[n / 2] = was;
            }
            drop(x);
        }
}

/* ---- limits against a sort --------------------------------------------------------------------------------------- */

typedef struct {
    double distance, weight;
    int id;
} one;

static int nearer(const void *a, const void *b)
{
    const one *x = a, *y = b;
    return x->distance != y->distance ? (x->distance < y->distance ? -1 : 1) : x->id - y->id;
}

typedef struct {
    int vocab, n_history;
    wkv_sampler_options o;
    int32_t bans[4], bias_ids[4], history[300];
    float bias[4];
    double x[MOST], p[MOST];
    char kept[MOST];
    int unsure; /* a limit is at a sum or a distance that rounding decides */
} plain;

static void adjust_plain(plain *r, const float *logits)
{
    static float count[MOST];
    static char seen[MOST];
    memset(count, 0, sizeof count), memset(seen, 0, sizeof seen);
    for (int i = 0; i < r->n_history; i++) {
        for (int j = 0; j < r->vocab; j++) count[j] *= r->o.penalty_decay;
        count[r->history[i]]++, seen[r->history[i]] = 1;
    }
    for (int i = 0; i < r->vocab; i++) r->x[i] = (double)logits[i];
    for (int i = 0; i < r->o.n_bias; i++) r->x[r->bias_ids[i]] += (double)r->bias[i];
    for (int i = 0; i < r->vocab; i++)
        if (seen[i]) r->x[i] = (float)r->x[i] - (r->o.presence + count[i] * r->o.frequency);
    for (int i = 0; i < r->vocab; i++) r->x[i] = (float)r->x[i]; /* so that ties are the sampler's */
    for (int i = 0; i < r->o.n_bans; i++) r->x[r->bans[i]] = -INFINITY;
}

/* Keep the nearest to the center until their weights reach the target, and those as near as the last. */
static void reach_plain(plain *r, double center, double target)
{
    static one list[MOST];
    int n = 0, last = 0;
    for (int i = 0; i < r->vocab; i++)
        if (r->kept[i]) list[n++] = (one){fabs(r->x[i] - center), r->p[i], i};
    qsort(list, (size_t)n, sizeof *list, nearer);
    double sum = list[0].weight, total = 0;
    for (int i = 0; i < n; i++) total += list[i].weight;
    while (last < n - 1 && sum < target) sum += list[++last].weight;
    r->unsure |= fabs(sum - target) < 1e-5 * total || fabs(sum - list[last].weight - target) < 1e-5 * total;
    for (int i = 0; i < n; i++) {
        double apart = fabs(list[i].distance - list[last].distance);
        r->unsure |= apart < 1e-5 && r->x[list[i].id] != r->x[list[last].id];
        if (i > last && apart > 0) r->kept[list[i].id] = 0;
    }
}

static void first_plain(plain *r, double top, int k)
{
    static one list[MOST];
    for (int i = 0; i < r->vocab; i++) list[i] = (one){top - r->x[i], 0, i};
    qsort(list, (size_t)r->vocab, sizeof *list, nearer);
    for (int i = k; i < r->vocab; i++) r->kept[list[i].id] = 0;
}

static void share_plain(plain *r, double top, double share)
{
    double from = top + log(share);
    for (int i = 0; i < r->vocab; i++) {
        if (r->x[i] < top && fabs(r->x[i] - from) < 1e-5) r->unsure = 1;
        if (r->x[i] < top && r->x[i] < from) r->kept[i] = 0;
    }
}

/* The distribution, to r->p. */
static void plain_distribution(plain *r, const float *logits)
{
    const wkv_sampler_options *o = &r->o;
    double top = -INFINITY, sum = 0, left = 0, mean = 0, all = 0;
    int best = 0;
    adjust_plain(r, logits);
    for (int i = 0; i < r->vocab; i++)
        if (r->x[i] > top) top = r->x[i], best = i;
    for (int i = 0; i < r->vocab; i++) {
        sum += r->p[i] = exp(r->x[i] - top);
        r->kept[i] = r->p[i] > 0;
    }
    if (o->mirostat_tau > 0)
        share_plain(r, top, exp2(-2 * (double)o->mirostat_tau) * sum);
    else {
        if (o->top_p > 0 && o->top_p < 1) reach_plain(r, top, (double)o->top_p * sum);
        if (o->top_k > 0 && o->top_k < r->vocab) first_plain(r, top, o->top_k);
        if (o->min_p > 0) share_plain(r, top, (double)o->min_p);
        if (o->typical_p > 0 && o->typical_p < 1) {
            for (int i = 0; i < r->vocab; i++)
                if (r->kept[i]) left += r->p[i], mean += r->p[i] * r->x[i];
            reach_plain(r, mean / left, (double)o->typical_p * left);
        }
    }
    for (int i = 0; i < r->vocab; i++) {
        if (o->temperature == 0)
            r->p[i] = i == best;
        else
            r->p[i] = r->kept[i] ? exp((r->x[i] - top) / (double)o->temperature) : 0;
        all += r->p[i];
    }
    for (int i = 0; i < r->vocab; i++) r->p[i] /= all;
}

static int below(int n) { return (int)(rng_uniform(&dice) * n); }

static void random_case(plain *r, float *logits, int vocab)
{
    static const float spread[] = {0, 0.1f, 1, 4}, temperature[] = {0, 0.5f, 1, 1, 1.7f},
                       mass[] = {0, 0, 0.3f, 0.9f, 0.999f, 1};
    static const float share[] = {0, 0, 0, 0.05f, 0.3f};
    static const int first[] = {0, 0, 1, 3, 40, 300, 5000, 20000};
    float by = spread[below(4)], offset = below(2) ? 0 : 20.0f;
    int kind = below(4);
    *r = (plain){.vocab = vocab};
    for (int i = 0; i < vocab; i++) {
        logits[i] = offset + by * (float)rng_normal(&dice);
        if (kind == 1) logits[i] = roundf(logits[i] * 2) / 2; /* ties */
        if (kind == 2 && below(3)) logits[i] = -INFINITY;
        if (kind == 3) logits[i] -= 1.3f * logf(1 + (float)below(vocab)); /* a long tail */
    }
    logits[vocab / 2] = offset;
    r->o = (wkv_sampler_options){.temperature = temperature[below(5)],
                                 .top_p = mass[below(6)],
                                 .top_k = first[below(8)],
                                 .min_p = share[below(5)],
                                 .typical_p = mass[below(6)],
                                 .penalty_decay = 0.9f,
                                 .mirostat_tau = below(8) ? 0 : 3};
    if (vocab < 64) return;
    r->o.bans = r->bans, r->o.bias_ids = r->bias_ids, r->o.bias = r->bias;
    r->o.n_bans = below(4), r->o.n_bias = below(4), r->n_history = below(300);
    if (below(2)) r->o.presence = 0.5f, r->o.frequency = 0.2f;
    for (int i = 0; i < 4; i++)
        r->bans[i] = below(vocab / 2), r->bias_ids[i] = below(vocab), r->bias[i] = below(5) - 2.5f;
    for (int i = 0; i < r->n_history; i++) r->history[i] = below(vocab);
}

static int compare(const plain *r, const float *logits)
{
    static float p[MOST];
    wkv_sampler *s;
    EXPECT_EQ(wkv_sampler_new(&s, &r->o, r->vocab, NULL), 0);
    for (int i = 0; i < r->n_history; i++) EXPECT_EQ(wkv_sampler_count(s, r->history[i]), 0);
    EXPECT_EQ(sampler_distribution(p, s, logits), 0);
    wkv_sampler_free(s);
    for (int i = 0; i < r->vocab; i++)
        if (!(fabs(p[i] - r->p[i]) <= 2e-6) || (r->p[i] == 0 && p[i] != 0) || (p[i] == 0 && r->p[i] > 1e-30)) {
            const wkv_sampler_options *o = &r->o;
            FAILED("V %d, T %g, top-p %g, top-k %d, min-p %g, typical %g, tau %g: p[%d] is %.9g, expected %.9g",
                   r->vocab, o->temperature, o->top_p, o->top_k, o->min_p, o->typical_p, o->mirostat_tau, i, p[i],
                   r->p[i]);
            return 0;
        }
    return 1;
}

static void limits(void)
{
    static const struct {
        int vocab, cases;
    } sizes[] = {{1, 20}, {5, 60}, {64, 300}, {1000, 200}, {4097, 60}, {MOST, 40}};
    static plain r;
    static float logits[MOST];
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        int sure = 0;
        for (int i = 0; i < sizes[k].cases; i++) {
            random_case(&r, logits, sizes[k].vocab);
            plain_distribution(&r, logits);
            if (r.unsure) continue;
            sure++;
            if (!compare(&r, logits)) break;
        }
        printf("     V %d: %d of %d cases compared\n", sizes[k].vocab, sure, sizes[k].cases);
        EXPECT(sure > sizes[k].cases / 4);
    }
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

/* The same ids on every instruction set, also when the limits leave most of a large vocabulary. */
static void same_ids(void)
{
    static const wkv_sampler_options options[] = {
        {.temperature = 1, .seed = 3},
        {.temperature = 0.8f, .top_p = 0.9f, .seed = 4},
        {.temperature = 0.8f, .typical_p = 0.8f, .seed = 5},
        {.temperature = 1.2f, .top_p = 0.9f, .top_k = 50, .typical_p = 0.9f, .presence = 1, .frequency = 1, .seed = 6}};
    enum { IDS = 30 };
    float *logits = normal(MOST, 1);
    for (size_t k = 0; k < sizeof options / sizeof *options; k++) {
        int32_t first[IDS];
        for (int i = 0; simd_at(i); i++) {
            wkv_sampler *s;
            setenv("WKV_ISA", simd_at(i)->name, 1);
            EXPECT_EQ(wkv_sampler_new(&s, &options[k], MOST, NULL), 0);
            for (int j = 0; j < IDS; j++) {
                int32_t id = wkv_sample(s, logits);
                if (i == 0) first[j] = id;
                EXPECT_EQ(id, first[j]);
            }
            EXPECT_EQ(sampler_stream(s)->n, IDS);
            wkv_sampler_free(s);
        }
    }
    unsetenv("WKV_ISA");
    drop(logits);
}

/* A stream that is set back gives the same ids again. */
static void stream(void)
{
    float *logits = normal(64, 1);
    int32_t first[20];
    wkv_sampler *s;
    EXPECT_EQ(wkv_sampler_new(&s, &(wkv_sampler_options){.temperature = 1, .seed = 9}, 64, NULL), 0);
    wkv_sample(s, logits);
    rng saved = *sampler_stream(s);
    for (int i = 0; i < 20; i++) first[i] = wkv_sample(s, logits);
    *sampler_stream(s) = saved;
    for (int i = 0; i < 20; i++) EXPECT_EQ(wkv_sample(s, logits), first[i]);
    wkv_sampler_free(s);
    drop(logits);
}

/* Memory depends on the lists and on the different ids counted, not on the vocabulary nor on the length of a text. */
static void memory(void)
{
    static const int32_t bans[] = {5, 3, 5};
    wkv_sampler_options o = {.temperature = 1, .presence = 1, .bans = bans, .n_bans = 3};
    size_t bytes[2];
    for (int k = 0; k < 2; k++) {
        wkv_sampler *s;
        EXPECT_EQ(wkv_sampler_new(&s, &o, k ? 1 << 30 : 64, NULL), 0);
        EXPECT(sampler_bytes(s) <= 512);
        for (int i = 0; i < 5000; i++) wkv_sampler_count(s, i % 50);
        bytes[k] = sampler_bytes(s);
        EXPECT(bytes[k] <= 512 + 75 * 16);
        wkv_sampler_reset(s);
        for (int i = 0; i < 50; i++) wkv_sampler_count(s, 49 - i);
        EXPECT_EQ(sampler_bytes(s), bytes[k]);
        wkv_sampler_free(s);
    }
    EXPECT_EQ(bytes[0], bytes[1]);
    wkv_sampler *s;
    EXPECT_EQ(wkv_sampler_new(&s, NULL, 65536, NULL), 0);
    bytes[0] = sampler_bytes(s);
    for (int i = 0; i < 5000; i++) wkv_sampler_count(s, i);
    EXPECT_EQ(sampler_bytes(s), bytes[0]); /* without penalties there is nothing to count */
    wkv_sampler_free(s);
}

int main(void)
{
    RUN(loops);
    RUN(limits);
    RUN(same_ids);
    RUN(stream);
    RUN(memory);
    return DONE();
}
