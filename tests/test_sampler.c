/* test_sampler.c - distributions against an independent implementation (tools/make-sampler-golden.py), and samples
 * against the distributions. */
#include "base/rng.h"
#include "test.h"
#include "text/sampler.h"
#include <stdlib.h>
#include <time.h>

enum { V = 64, BIG = 65536 };

typedef struct {
    char name[80];
    wkv_sampler_options o;
    int32_t bans[8], bias_ids[8], history[64];
    float bias[8], logits[V];
    int n_history;
    double p[V];
} golden;

/* the next case of the file; 0 at its end */
static int read_case(FILE *f, golden *g)
{
    wkv_sampler_options *o = &g->o;
    memset(g, 0, sizeof *g);
    if (fscanf(f, " case %79[^\n] options %f %f %d %f %f %f %f %f %f", g->name, &o->temperature, &o->top_p, &o->top_k,
               &o->min_p, &o->typical_p, &o->mirostat_tau, &o->presence, &o->frequency, &o->penalty_decay) != 10 ||
        fscanf(f, " bans %d", &o->n_bans) != 1)
        return 0;
    int ok = o->n_bans <= 8;
    for (int i = 0; ok && i < o->n_bans; i++) ok = fscanf(f, "%d", &g->bans[i]) == 1;
    ok = ok && fscanf(f, " bias %d", &o->n_bias) == 1 && o->n_bias <= 8;
    for (int i = 0; ok && i < o->n_bias; i++) ok = fscanf(f, "%d %f", &g->bias_ids[i], &g->bias[i]) == 2;
    ok = ok && fscanf(f, " history %d", &g->n_history) == 1 && g->n_history <= 64;
    for (int i = 0; ok && i < g->n_history; i++) ok = fscanf(f, "%d", &g->history[i]) == 1;
    ok = ok && !fscanf(f, " logits");
    for (int i = 0; ok && i < V; i++) ok = fscanf(f, "%f", &g->logits[i]) == 1;
    ok = ok && !fscanf(f, " probabilities");
    for (int i = 0; ok && i < V; i++) ok = fscanf(f, "%lf", &g->p[i]) == 1;
    o->bans = g->bans, o->bias = g->bias, o->bias_ids = g->bias_ids;
    EXPECT(ok);
    return ok;
}

static wkv_sampler *sampler(const wkv_sampler_options *o, int vocab)
{
    wkv_sampler *s;
    if (wkv_sampler_new(&s, o, vocab, NULL)) FAILED("%s", wkv_error());
    return s;
}

static void distribution(float *out, wkv_sampler *s, const float *logits)
{
    if (sampler_distribution(out, s, logits)) FAILED("%s", wkv_error());
}

static void distributions(void)
{
    FILE *f = fopen(TEST_DIR "/text/sampler.txt", "r");
    wkv_tokenizer *t;
    golden g;
    int cases = 0;
    EXPECT(f);
    EXPECT_EQ(wkv_tokenizer_open(&t, "bytes", NULL), 0);
    for (; f && read_case(f, &g); cases++) {
        wkv_sampler *s;
        EXPECT_EQ(wkv_sampler_new(&s, &g.o, V, t), 0);
        for (int i = 0; i < g.n_history; i++) wkv_sampler_count(s, g.history[i]);
        float p[V];
        EXPECT_EQ(sampler_distribution(p, s, g.logits), 0);
        for (int i = 0; i < V; i++)
            if (!(fabs(p[i] - g.p[i]) <= 2e-6) || (p[i] == 0) != (g.p[i] == 0))
                FAILED("%s: p[%d] is %.9g, expected %.9g", g.name, i, p[i], g.p[i]);
        wkv_sampler_free(s);
    }
    EXPECT(cases >= 24);
    wkv_tokenizer_close(t);
    if (f) fclose(f);
}

static void random_logits(float *logits, int n, double spread, uint64_t seed)
{
    rng r = {seed, 0};
    for (int i = 0; i < n; i++) logits[i] = (float)(spread * rng_normal(&r));
}

/* 200,000 samples: Pearson's chi-square is within five of its standard deviations */
static void draws(void)
{
    static const wkv_sampler_options options[] = {{.temperature = 1, .seed = 1},
                                                  {.temperature = 1.5f, .top_p = 0.8f, .seed = 2},
                                                  {.temperature = 0.7f, .top_k = 10, .seed = 3}};
    for (int k = 0; k < 3; k++) {
        enum { DRAWS = 200000 };
        float logits[V], p[V];
        int count[V] = {0}, cells = 0;
        double chi = 0;
        random_logits(logits, V, 1.5, 11);
        wkv_sampler *s = sampler(&options[k], V);
        distribution(p, s, logits);
        for (int i = 0; i < DRAWS; i++) count[wkv_sample(s, logits)]++;
        for (int i = 0; i < V; i++) {
            double expected = (double)p[i] * DRAWS;
            if (p[i] == 0)
                EXPECT_EQ(count[i], 0);
            else
                chi += (count[i] - expected) * (count[i] - expected) / expected, cells++;
        }
        EXPECT(cells > 3);
        EXPECT_NEAR(chi, cells - 1, 5 * sqrt(2.0 * (cells - 1)));
        wkv_sampler_free(s);
    }
}

static void seeds(void)
{
    float logits[V];
    int same = 0;
    random_logits(logits, V, 1, 5);
    wkv_sampler *a = sampler(&(wkv_sampler_options){.temperature = 1, .seed = 42}, V),
                *b = sampler(&(wkv_sampler_options){.temperature = 1, .seed = 42}, V);
    wkv_sampler *c = sampler(&(wkv_sampler_options){.temperature = 1, .seed = 43}, V);
    for (int i = 0; i < 100; i++) {
        int32_t id = wkv_sample(a, logits);
        EXPECT_EQ(wkv_sample(b, logits), id);
        same += wkv_sample(c, logits) == id;
    }
    EXPECT(same < 30);
    wkv_sampler_free(a);
    wkv_sampler_free(b);
    wkv_sampler_free(c);
}

/* logits that no model should give, and a user's own -inf */
static void odd_logits(void)
{
    static const wkv_sampler_options options[] = {{0},
                                                  {.temperature = 1},
                                                  {.temperature = 1, .top_p = 0.5f},
                                                  {.temperature = 1, .top_k = 3},
                                                  {.temperature = 1, .typical_p = 0.5f},
                                                  {.temperature = 1, .min_p = 0.5f},
                                                  {.temperature = 1, .mirostat_tau = 3},
                                                  {.temperature = 1e-30f}};
    static const int32_t bans[] = {0, 1};
    for (int k = 0; k < 8; k++) {
        float logits[V];
        wkv_sampler_options o = options[k];
        o.bans = bans, o.n_bans = 2;
        wkv_sampler *s = sampler(&o, V);
        for (int i = 0; i < V; i++) logits[i] = -INFINITY;
        EXPECT_EQ(wkv_sample(s, logits), WKV_EARG); /* a user has banned them all */
        EXPECT_HAS(wkv_error(), "every id is banned");
        logits[0] = 1; /* banned, too */
        EXPECT_EQ(wkv_sample(s, logits), WKV_EARG);
        logits[9] = -3;
        EXPECT_EQ(wkv_sample(s, logits), 9);
        logits[30] = INFINITY;
        EXPECT_EQ(wkv_sample(s, logits), WKV_EFORMAT);
        EXPECT_HAS(wkv_error(), "the logit of id 30 is infinite");
        logits[V - 1] = logits[30] = NAN;
        EXPECT_EQ(wkv_sample(s, logits), WKV_EFORMAT);
        EXPECT_HAS(wkv_error(), "the logit of id 30 is NaN");
        logits[30] = -INFINITY, logits[V - 1] = -NAN;
        EXPECT_EQ(wkv_sample(s, logits), WKV_EFORMAT);
        EXPECT_HAS(wkv_error(), "the logit of id 63 is NaN");
        for (int i = 0; i < V; i++) logits[i] = NAN;
        EXPECT_EQ(wkv_sample(s, logits), WKV_EFORMAT);
        for (int i = 0; i < V; i++) logits[i] = i % 2 ? 3e38f : -3e38f;
        EXPECT(wkv_sample(s, logits) % 2);
        wkv_sampler_free(s);
    }
}

/* Sums beyond the floats stay in order, and banned ids stay banned. */
static void overflow(void)
{
    static const int32_t ids[] = {3, 4, 5};
    static const float by[] = {3e38f, -INFINITY, -3e38f};
    float logits[V];
    for (int i = 0; i < V; i++) logits[i] = i < 10 ? 3e38f : -INFINITY;
    for (int k = 0; k < 2; k++) {
        wkv_sampler_options o = {.temperature = (float)k, .bias_ids = ids, .bias = by, .n_bias = 3, .presence = -3e38f};
        wkv_sampler *s = sampler(&o, V);
        EXPECT_EQ(wkv_sample(s, logits), 3);
        wkv_sampler_count(s, 4);
        wkv_sampler_count(s, 20);
        for (int i = 0; i < 20; i++) {
            int32_t id = wkv_sample(s, logits);
            EXPECT(id >= 0 && id < 10 && id != 4 && id != 5);
        }
        wkv_sampler_free(s);
    }
    static const int32_t all[] = {0, 1, 2};
    wkv_sampler *s = sampler(&(wkv_sampler_options){.temperature = 1, .bans = all, .n_bans = 3}, 3);
    EXPECT_EQ(wkv_sample(s, logits), WKV_EARG);
    EXPECT_HAS(wkv_error(), "every id is banned");
    wkv_sampler_free(s);
}

static void penalties(void)
{
    float logits[V] = {0};
    wkv_sampler *s = sampler(&(wkv_sampler_options){.presence = 1, .frequency = 1}, V);
    for (int i = 0; i < V; i++) EXPECT_EQ(wkv_sample(s, logits), i); /* greedy over equals: each is used once */
    wkv_sampler_reset(s);
    EXPECT_EQ(wkv_sample(s, logits), 0);
    wkv_sampler_count(s, -5); /* an id that does not exist only lets time pass */
    wkv_sampler_count(s, V);
    EXPECT_EQ(wkv_sample(s, logits), 1);
    wkv_sampler_free(s);
}

static void mirostat(void)
{
    static float logits[4096];
    double surprise = 0;
    random_logits(logits, 4096, 2, 3);
    wkv_sampler *s = sampler(&(wkv_sampler_options){.temperature = 1, .mirostat_tau = 4, .seed = 1}, 4096);
    for (int i = 0; i < 4000; i++) {
        float p[4096];
        distribution(p, s, logits);
        surprise -= log2(p[wkv_sample(s, logits)]);
    }
    EXPECT_NEAR(surprise / 4000, 4, 0.1); /* it holds the surprise where it was asked to */
    wkv_sampler_free(s);
}

static void refusals(void)
{
    static const int32_t bad[] = {V}, good[] = {1};
    static const float nothing[] = {NAN}, infinite[] = {INFINITY};
    static const struct {
        wkv_sampler_options o;
        const char *words;
    } cases[] = {{{.temperature = -1}, "temperature -1"},
                 {{.temperature = NAN}, "temperature"},
                 {{.top_p = 1.5f}, "top_p"},
                 {{.min_p = -1}, "min_p"},
                 {{.typical_p = 2}, "typical_p"},
                 {{.top_k = -1}, "top_k"},
                 {{.penalty_decay = 2}, "penalty_decay"},
                 {{.mirostat_tau = -1}, "mirostat"},
                 {{.presence = INFINITY}, "penalties"},
                 {{.bans = bad, .n_bans = 1}, "banned id"},
                 {{.bias_ids = bad, .bias = nothing, .n_bias = 1}, "bias"},
                 {{.bias_ids = good, .bias = nothing, .n_bias = 1}, "expected a finite number"},
                 {{.bias_ids = good, .bias = infinite, .n_bias = 1}, "bias of id 1 is inf"},
                 {{.temperature = INFINITY}, "temperature"},
                 {{.top_p = NAN}, "top_p"},
                 {{.min_p = NAN}, "min_p"},
                 {{.typical_p = NAN}, "typical_p"},
                 {{.penalty_decay = NAN}, "penalty_decay"},
                 {{.mirostat_tau = NAN}, "mirostat"},
                 {{.mirostat_eta = INFINITY}, "mirostat"},
                 {{.frequency = NAN}, "penalties"},
                 {{.n_bans = 1}, "banned id"},
                 {{.n_bias = -1}, "bias"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wkv_sampler *s;
        EXPECT_EQ(wkv_sampler_new(&s, &cases[i].o, V, NULL), WKV_EARG);
        EXPECT(!s);
        EXPECT_HAS(wkv_error(), cases[i].words);
    }
    wkv_sampler_free(NULL);
}

/* of 65,536 logits: cuts against a sort, and the time a draw takes */
static int by_value(const void *a, const void *b) { return *(const float *)a < *(const float *)b ? 1 : -1; }

static void big(void)
{
    static float logits[BIG], p[BIG], sorted[BIG];
    static const wkv_sampler_options options[] = {{.temperature = 1},
                                                  {.temperature = 1, .top_p = 0.3f},
                                                  {.temperature = 0.8f, .top_p = 0.95f},
                                                  {.temperature = 1.2f, .top_k = 40},
                                                  {.temperature = 1, .min_p = 0.02f},
                                                  {.temperature = 1, .typical_p = 0.9f},
                                                  {.temperature = 1, .mirostat_tau = 5}};
    random_logits(logits, BIG, 2.5, 1);
    wkv_sampler *s = sampler(&options[0], BIG);
    distribution(sorted, s, logits);
    wkv_sampler_free(s);
    qsort(sorted, BIG, sizeof *sorted, by_value);
    double sum = 0;
    int kept = 0, expected = 0;
    while (sum < 0.95f) sum += sorted[expected++];
    s = sampler(&(wkv_sampler_options){.temperature = 1, .top_p = 0.95f}, BIG);
    distribution(p, s, logits);
    for (int i = 0; i < BIG; i++) kept += p[i] > 0;
    EXPECT_NEAR(kept, expected, 1); /* sums of floats in another order */
    wkv_sampler_free(s);
    for (size_t k = 0; k < sizeof options / sizeof *options; k++) {
        struct timespec a, b;
        s = sampler(&options[k], BIG);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
        for (int i = 0; i < 20; i++) wkv_sample(s, logits);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
        double ms = ((double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6) / 20;
        printf("     options %zu: %.3f ms a draw\n", k, ms);
        wkv_sampler_free(s);
    }
}

/* A mask gives the bits of -infinity in place of the other logits, for all settings and with bans, biases and counts. */
static void masks(void)
{
    static float logits[BIG], cut[BIG];
    static uint64_t mask[BIG / 64];
    static const int32_t ids[] = {3, 700, 4096, 60000};
    static const float bias[] = {2, -1};
    const wkv_sampler_options o[] = {{.temperature = 0},
                                     {.temperature = 1},
                                     {.temperature = 0.7f, .top_p = 0.8f, .presence = 0.4f, .frequency = 0.2f},
                                     {.temperature = 1, .top_k = 9, .min_p = 0.01f},
                                     {.temperature = 1, .typical_p = 0.7f},
                                     {.temperature = 1, .mirostat_tau = 4}};
    for (int i = 0; i < 6; i++) {
        for (int share = 0; share < 3; share++) {
            rng r = {(uint64_t)(3 * i + share), 0};
            wkv_sampler *a, *b;
            wkv_sampler_options with = o[i];
            with.seed = 5, with.bans = ids, with.n_bans = 2, with.bias_ids = ids + 2, with.bias = bias, with.n_bias = 2;
            EXPECT_EQ(wkv_sampler_new(&a, &with, BIG, NULL), 0);
            EXPECT_EQ(wkv_sampler_new(&b, &with, BIG, NULL), 0);
            for (int turn = 0; turn < 20; turn++) {
                for (int k = 0; k < BIG; k++) {
                    const int in = rng_uniform(&r) < (share == 0 ? 0.5 : share == 1 ? 0.0005 : 0.99);
                    logits[k] = 3 * (float)rng_normal(&r);
                    cut[k] = in ? logits[k] : -INFINITY;
                    mask[k / 64] = (k % 64 ? mask[k / 64] : 0) | (uint64_t)in << k % 64;
                }
                const int32_t id = wkv_sample_masked(a, logits, mask);
                EXPECT(id >= 0 && (mask[id / 64] >> id % 64 & 1));
                EXPECT_EQ(id, wkv_sample(b, cut));
            }
            EXPECT_EQ(wkv_sample_masked(a, logits, NULL), wkv_sample(b, logits));
            wkv_sampler_free(a);
            wkv_sampler_free(b);
        }
    }
}

int main(void)
{
    RUN(distributions);
    RUN(draws);
    RUN(seeds);
    RUN(odd_logits);
    RUN(overflow);
    RUN(penalties);
    RUN(mirostat);
    RUN(refusals);
    RUN(masks);
    RUN(big);
    return DONE();
}
