/* Measurements by position: statistics with known values, the loss of streams, bins of time, shapes of transformers. */
#include "models.h"
#include "wkv_curve.h"
#include "wkv_study.h"

/* The half width of the interval of n values, half of them -1 and half +1, over their standard error: Student's t. */
static double student_of(int n)
{
    double *x = malloc(sizeof *x * (size_t)n);
    for (int i = 0; i < n; i++) x[i] = i % 2 ? 1 : -1;
    wkv_mean m;
    EXPECT_EQ(wkv_mean_of(&m, x, n), 0);
    free(x);
    EXPECT_NEAR(m.mean, 0, 1e-12);
    return m.high / sqrt(n / (n - 1.0) / n);
}

/* Quantiles from the usual table. */
static void means(void)
{
    EXPECT_NEAR(student_of(2), 12.706, 1e-3);
    EXPECT_NEAR(student_of(4), 3.182, 1e-3);
    EXPECT_NEAR(student_of(10), 2.262, 1e-3);
    EXPECT_NEAR(student_of(30), 2.045, 1e-3);
    EXPECT_NEAR(student_of(100), 1.984, 1e-3);
    EXPECT_NEAR(student_of(10000), 1.960, 1e-3);
    const double x[] = {1, NAN, 3, INFINITY};
    wkv_mean m;
    EXPECT_EQ(wkv_mean_of(&m, x, 4), 0);
    EXPECT_EQ(m.n, 2);
    EXPECT_NEAR(m.mean, 2, 1e-12);
    EXPECT_NEAR(m.high, 2 + 12.7062, 1e-3);
    EXPECT_EQ(wkv_mean_of(&m, x, 1), 0);
    EXPECT(m.n == 1 && isnan(m.low) && isnan(m.high));
    EXPECT_EQ(wkv_mean_of(&m, x + 1, 1), 0);
    EXPECT(m.n == 0 && isnan(m.mean));
}

static double noise(uint64_t *seed)
{
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        sum += (double)(*seed >> 11) / 9007199254740992.0;
    }
    return sum; /* nearly normal, of deviation 1 */
}

/* A line with disturbed points keeps its slope, and of 1,000 intervals about 950 contain it. */
static void trends(void)
{
    enum { N = 40, TIMES = 1000 };
    double x[N], y[N];
    wkv_trend t;
    for (int i = 0; i < N; i++) x[i] = 5 * i, y[i] = 3 - 0.5 * x[i];
    EXPECT_EQ(wkv_trend_of(&t, x, y, N), 0);
    EXPECT_NEAR(t.slope, -0.5, 1e-12);
    EXPECT_NEAR(t.low, -0.5, 1e-12);
    EXPECT_NEAR(t.high, -0.5, 1e-12);
    EXPECT_NEAR(t.at, 3, 1e-9);
    for (int i = 0; i < 5; i++) y[7 * i] += 1000;
    EXPECT_EQ(wkv_trend_of(&t, x, y, N), 0);
    EXPECT_NEAR(t.slope, -0.5, 1e-9);
    EXPECT(t.low <= -0.5 && t.high >= -0.5);
    int inside = 0;
    uint64_t seed = 1;
    for (int k = 0; k < TIMES; k++) {
        for (int i = 0; i < N; i++) y[i] = 2 * x[i] + noise(&seed);
        EXPECT_EQ(wkv_trend_of(&t, x, y, N), 0);
        inside += t.low <= 2 && 2 <= t.high;
    }
    EXPECT(inside > 930 && inside < 975);
    for (int n = 5; n <= N; n++) { /* the interval of -y is the mirror image */
        wkv_trend mirrored;
        double minus[N];
        for (int i = 0; i < n; i++) y[i] = noise(&seed), minus[i] = -y[i];
        EXPECT_EQ(wkv_trend_of(&t, x, y, n) | wkv_trend_of(&mirrored, x, minus, n), 0);
        EXPECT(mirrored.low == -t.high && mirrored.high == -t.low);
    }
}

static int stop_at_once(void *user, int64_t done, int64_t total)
{
    *(int64_t *)user = done < total ? done : -1;
    return 1;
}

/* Two streams of the known text: each bin is the mean over streams of the mean of wkv_score. */
static void losses(void)
{
    enum { LENGTH = 9 };
    known k;
    if (!golden_open(&k, "v7-n16-bf16")) return;
    wkv_position_loss bins[WKV_LOSS_BINS];
    wkv_token_score score[2][LENGTH];
    int n = 0;
    EXPECT(k.n >= 2 * (LENGTH + 1));
    const wkv_loss_options o = {.ids = k.tokens, .n_ids = k.n, .length = LENGTH, .streams = 2};
    EXPECT_EQ(wkv_curve_loss(bins, &n, k.c, k.m, &o), 0);
    for (int i = 0; i < 2; i++) {
        wkv_state *s = state_new(k.m);
        const wkv_scored_text q = {.state = s, .tokens = k.tokens + i * (LENGTH + 1), .n = LENGTH, .scores = score[i]};
        EXPECT_EQ(wkv_score(k.c, &q, 1), 0);
        wkv_state_free(s);
    }
    EXPECT_EQ(n, 7); /* 1, 2, 3, 4, 5, 6-7, 8-9 */
    for (int b = 0; b < n; b++) {
        double mean = 0;
        EXPECT_EQ(bins[b].from, b ? bins[b - 1].to : 1);
        for (int i = 0; i < 2; i++)
            for (int p = bins[b].from; p < bins[b].to; p++)
                mean += (double)score[i][p - 1].nll / (bins[b].to - bins[b].from) / 2;
        EXPECT_EQ(bins[b].loss.n, 2);
        EXPECT_NEAR(bins[b].loss.mean, mean, 1e-6);
        EXPECT(bins[b].loss.low <= mean && mean <= bins[b].loss.high);
    }
    EXPECT_EQ(bins[n - 1].to, LENGTH + 1);
    int64_t done = 0;
    wkv_loss_options stops = o;
    wkv_mean beyond; /* positions 5 to 9 less 3 and 4 */
    double change = 0;
    stops.trained = 4;
    stops.beyond = &beyond;
    EXPECT_EQ(wkv_curve_loss(bins, &n, k.c, k.m, &stops), 0);
    for (int i = 0; i < 2; i++)
        for (int p = 3; p <= LENGTH; p++) change += (double)score[i][p - 1].nll * (p > 4 ? 0.2 : -0.5) / 2;
    EXPECT_EQ(beyond.n, 2);
    EXPECT_NEAR(beyond.mean, change, 1e-6);
    stops.report = stop_at_once;
    stops.user = &done;
    EXPECT_EQ(wkv_curve_loss(bins, &n, k.c, k.m, &stops), WKV_ESTOPPED);
    EXPECT_EQ(done, LENGTH);
    EXPECT_EQ(n, 7);
    EXPECT_EQ(bins[0].loss.n, 1);
    known_close(&k);
}

/* Bins are adjacent, cover all tokens, and continue the state as wkv_eval does. */
static void times(void)
{
    enum { TOKENS = 23, BINS = 5 };
    known k;
    if (!golden_open(&k, "v7-n16-bf16")) return;
    wkv_position_time bins[BINS];
    wkv_state *s = state_new(k.m), *same = state_new(k.m), *control = state_new(k.m);
    int n = 0;
    const wkv_time_options o = {.tokens = TOKENS, .bins = BINS, .ids = k.tokens, .n_ids = 7, .control = control};
    EXPECT_EQ(wkv_curve_time(bins, &n, k.c, s, &o), 0);
    EXPECT_EQ(n, BINS);
    for (int i = 0; i < BINS; i++) {
        EXPECT_EQ(bins[i].from, i ? bins[i - 1].to : 0);
        EXPECT(bins[i].to - bins[i].from == 4 || bins[i].to - bins[i].from == 5);
        EXPECT(bins[i].fast > 0 && bins[i].fast <= bins[i].low && bins[i].low <= bins[i].ms &&
               bins[i].ms <= bins[i].high);
        EXPECT(bins[i].seconds > (i ? bins[i - 1].seconds : 0));
        EXPECT(bins[i].resident > 1e5);
        EXPECT(bins[i].control > 0); /* positions 3, 7, 11, 15 and 19 */
    }
    EXPECT_EQ(bins[BINS - 1].to, TOKENS);
    float *logits = malloc(sizeof *logits * (size_t)k.vocab);
    for (int i = 0; i < TOKENS; i++) EXPECT_EQ(wkv_eval(k.c, same, &k.tokens[i % 7], 1, logits), 0);
    EXPECT(same_state(k.m, s, same));
    int64_t done = 0;
    wkv_time_options stops = o;
    stops.report = stop_at_once;
    stops.user = &done;
    stops.control = NULL;
    EXPECT_EQ(wkv_curve_time(bins, &n, k.c, s, &stops), WKV_ESTOPPED);
    EXPECT_EQ(n, 0);
    free(logits);
    wkv_state_free(s);
    wkv_state_free(same);
    wkv_state_free(control);
    known_close(&k);
}

/* Pythia-160M has 162,322,944 parameters: 12 layers of width 768 and a vocabulary of 50,304. */
static void shapes(void)
{
    wkv_model *m;
    wkv_transformer t,
        pythia = {.layers = 12, .width = 768, .heads = 12, .kv_heads = 12, .head_size = 64, .vocab = 50304};
    if (!opens(&m, NULL)) return;
    const double L = 12, C = 768, V = 50304;
    EXPECT_EQ(L * (12 * C * C + 13 * C) + 2 * V * C + 2 * C, 162322944);
    EXPECT_EQ(wkv_transformer_of(&t, m, WKV_NEOX), 0);
    EXPECT(t.layers == 4 && t.width == 256 && t.heads == 4 && t.kv_heads == 4 && t.head_size == 64 && t.ffn == 1024);
    EXPECT_EQ(t.parameters, 4 * (12 * 65536 + 13 * 256) + 2 * 6144 * 256 + 2 * 256);
    EXPECT_EQ(wkv_transformer_cache(&t, 1000), 2 * 4 * 256 * 1000);
    EXPECT_EQ(wkv_transformer_of(&t, m, WKV_LLAMA), 0);
    EXPECT(t.kv_heads == 1 && t.ffn == 768);
    EXPECT_EQ(t.parameters, 4 * (2 * 65536 + 2 * 256 * 64 + 3 * 256 * 768 + 2 * 256) + 2 * 6144 * 256 + 256);
    EXPECT_EQ(wkv_transformer_cache(&t, 1000), 2 * 4 * 64 * 1000);
    pythia.parameters = 162322944;
    EXPECT_EQ(wkv_transformer_flops(&pythia, 100), 2 * (162322944 - V * C) + 4 * L * C * 100);
    EXPECT_EQ(wkv_transformer_read(&pythia, 100, 2, 2), 2 * (162322944 - V * C) + 2 * 2 * L * C * 100);
    EXPECT(isnan(wkv_transformer_cache(NULL, 1)) && isnan(wkv_transformer_flops(&t, -1)));
    wkv_model_close(m);
}

int main(void)
{
    RUN(means);
    RUN(trends);
    RUN(losses);
    RUN(times);
    RUN(shapes);
    return DONE();
}
