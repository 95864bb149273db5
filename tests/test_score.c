/* test_score.c - the probability of a text, the KL divergence of two models, activation sparsity: against the
 * defining sums. */
#include <stdlib.h>
#include <string.h>
#include "test.h"
#include "wkv_bench.h"

enum { N = 150 }; /* more than two chunks of a scoring call */

typedef struct {
    wkv_model *m;
    wkv_context *c;
    wkv_state *s;
    int V;
    int32_t ids[N + 1];
    float *logits; /* of every token, N x V */
} reader;

static void open_reader(reader *r, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, TEST_DIR "/golden/models/%s", name);
    EXPECT_EQ(wkv_model_open(&r->m, path, NULL), 0);
    EXPECT_EQ(wkv_context_new(&r->c, r->m, NULL), 0);
    EXPECT_EQ(wkv_state_new(&r->s, r->m), 0);
    r->V = wkv_model_about(r->m)->vocab;
    for (int i = 0; i <= N; i++) r->ids[i] = (i * 37 + i * i) % r->V;
    r->logits = malloc(sizeof *r->logits * N * (size_t)r->V);
    EXPECT_EQ(
        wkv_eval_batch(r->c,
                       &(wkv_sequence){.state = r->s, .tokens = r->ids, .n = N, .logits = r->logits, .all_rows = 1}, 1),
        0);
    wkv_state_reset(r->s);
}

static void close_reader(reader *r)
{
    free(r->logits);
    wkv_state_free(r->s);
    wkv_context_free(r->c);
    wkv_model_close(r->m);
}

static double log_probability(const float *logits, int V, int i)
{
    double sum = 0;
    for (int j = 0; j < V; j++) sum += exp((double)logits[j]);
    return (double)logits[i] - log(sum);
}

/* The place of an id among all, by the definition. */
static int rank_of(const float *x, int V, int id)
{
    int rank = 0;
    for (int i = 0; i < V; i++) rank += x[i] > x[id] || (x[i] == x[id] && i < id);
    return rank;
}

/* The sums of the definition; the same bits when a text is scored in two calls, and beside others. */
static void scores_are_logarithms(void)
{
    enum { K = 5, TEXTS = 3 };
    reader r;
    open_reader(&r, "v7-n32-f16.pth");
    wkv_token_score all[N], parts[N], top[N][K], beside[TEXTS][N];
    wkv_scored_text whole = {.state = r.s, .tokens = r.ids, .n = N, .scores = all, .top = top[0], .k = K};
    EXPECT_EQ(wkv_score(r.c, &whole, 1), 0);
    for (int t = 0; t < N; t++) {
        const float *x = r.logits + (size_t)t * (size_t)r.V;
        EXPECT_NEAR((double)all[t].nll, -log_probability(x, r.V, r.ids[t + 1]), 1e-5);
        EXPECT_EQ(all[t].id, r.ids[t + 1]);
        EXPECT_EQ(all[t].rank, rank_of(x, r.V, r.ids[t + 1]));
        for (int k = 0; k < K; k++) {
            EXPECT_EQ(top[t][k].rank, k);
            EXPECT_EQ(rank_of(x, r.V, top[t][k].id), k);
            EXPECT_NEAR((double)top[t][k].nll, -log_probability(x, r.V, top[t][k].id), 1e-5);
        }
    }
    wkv_state_reset(r.s);
    wkv_scored_text part = {.state = r.s, .tokens = r.ids, .n = 71, .scores = parts};
    EXPECT_EQ(wkv_score(r.c, &part, 1), 0);
    part.tokens += 71, part.n = N - 71, part.scores += 71;
    EXPECT_EQ(wkv_score(r.c, &part, 1), 0);
    EXPECT(!memcmp(all, parts, sizeof all));
    wkv_scored_text texts[TEXTS];
    for (int i = 0; i < TEXTS; i++) {
        texts[i] = (wkv_scored_text){.tokens = r.ids, .n = N - 50 * i, .scores = beside[i]};
        EXPECT_EQ(wkv_state_new(&texts[i].state, r.m), 0);
    }
    EXPECT_EQ(wkv_score(r.c, texts, TEXTS), 0);
    for (int i = 0; i < TEXTS; i++) {
        EXPECT(!memcmp(all, beside[i], sizeof *all * (size_t)texts[i].n));
        wkv_state_free(texts[i].state);
    }
    close_reader(&r);
}

/* Two readers of one model with different states are two models of one text. */
static void differences_are_divergences(void)
{
    reader r, q;
    open_reader(&r, "v7-n32-f16.pth");
    open_reader(&q, "v7-n32-f16.pth");
    EXPECT_EQ(wkv_eval(q.c, q.s, q.ids, 3, NULL), 0);
    float *other = malloc(sizeof *other * N * (size_t)r.V);
    EXPECT_EQ(
        wkv_eval_batch(q.c, &(wkv_sequence){.state = q.s, .tokens = r.ids, .n = N, .logits = other, .all_rows = 1}, 1),
        0);
    wkv_state_reset(q.s);
    EXPECT_EQ(wkv_eval(q.c, q.s, q.ids, 3, NULL), 0);

    wkv_difference d[N];
    wkv_context *const c[2] = {r.c, q.c};
    wkv_state *const s[2] = {r.s, q.s};
    EXPECT_EQ(wkv_compare(d, c, s, r.ids, N), 0);
    for (int t = 0; t < N; t++) {
        const float *a = r.logits + (size_t)t * (size_t)r.V, *b = other + (size_t)t * (size_t)r.V;
        double kl = 0, squares = 0;
        int best[2] = {0, 0};
        for (int i = 0; i < r.V; i++) {
            double p = log_probability(a, r.V, i);
            kl += exp(p) * (p - log_probability(b, r.V, i));
            squares += pow((double)a[i] - (double)b[i], 2);
            if (a[i] > a[best[0]]) best[0] = i;
            if (b[i] > b[best[1]]) best[1] = i;
        }
        EXPECT_NEAR((double)d[t].kl, kl, 1e-6);
        EXPECT_NEAR((double)d[t].apart, sqrt(squares / r.V), 1e-5);
        EXPECT_EQ(d[t].agree, best[0] == best[1]);
        EXPECT_NEAR((double)d[t].nll[0], -log_probability(a, r.V, r.ids[t + 1]), 1e-5);
        EXPECT_NEAR((double)d[t].nll[1], -log_probability(b, r.V, r.ids[t + 1]), 1e-5);
    }
    EXPECT(d[0].kl > 0);

    wkv_context *const same[2] = {r.c, r.c};
    wkv_state_reset(r.s);
    wkv_state_reset(q.s);
    wkv_state *const fresh[2] = {r.s, q.s};
    EXPECT_EQ(wkv_compare(d, same, fresh, r.ids, N), 0);
    for (int t = 0; t < N; t++) EXPECT(d[t].kl < 1e-6F && d[t].apart == 0 && d[t].agree && d[t].nll[0] == d[t].nll[1]);
    free(other);
    close_reader(&r);
    close_reader(&q);
}

/* Groups of rows that are zero: more of them in one token than in two, fewer rows than a group are none; the text's
 * result is the same without counting, and counts are additive. */
static void zeros_are_counted(void)
{
    reader r;
    open_reader(&r, "v4-c32-f32.pth");
    const wkv_model_info *about = wkv_model_about(r.m);
    wkv_sparsity *once = calloc((size_t)about->layers, sizeof *once),
                 *twice = calloc((size_t)about->layers, sizeof *twice);
    float *logits = malloc(sizeof *logits * (size_t)r.V);
    wkv_sequence q = {.state = r.s, .tokens = r.ids, .n = N, .logits = logits};
    EXPECT_EQ(wkv_measure_sparsity(once, r.c, &q, 1), 0);
    EXPECT(!memcmp(logits, r.logits + (size_t)(N - 1) * (size_t)r.V, sizeof *logits * (size_t)r.V));
    for (int l = 0; l < about->layers; l++) {
        EXPECT_EQ(once[l].of[0], N * about->ffn);
        EXPECT_EQ(once[l].of[5], N / 32 * about->ffn);
        EXPECT(once[l].zero[0] > 0 && once[l].zero[0] < once[l].of[0]);
        for (int i = 1; i < 6; i++) /* all of 2^i are zero: so are both halves, of which there may be one more */
            EXPECT(2 * once[l].zero[i] <= once[l].zero[i - 1]);
    }
    wkv_state_reset(r.s);
    for (int t = 0; t < N; t++) { /* a token at a time: no groups, the same zeros */
        q = (wkv_sequence){.state = r.s, .tokens = r.ids + t, .n = 1};
        EXPECT_EQ(wkv_measure_sparsity(twice, r.c, &q, 1), 0);
    }
    for (int l = 0; l < about->layers; l++) {
        EXPECT_EQ(twice[l].zero[0], once[l].zero[0]);
        EXPECT_EQ(twice[l].of[1], 0);
    }
    free(logits);
    free(once);
    free(twice);
    close_reader(&r);
}

/* The same work waits equally often, on one thread never. The built-in model: tiny ones need no second thread. */
static void barriers_are_counted(void)
{
    wkv_model *m;
    wkv_state *s;
    int32_t ids[N];
    for (int i = 0; i < N; i++) ids[i] = i + 300;
    EXPECT_EQ(wkv_model_open(&m, NULL, NULL), 0);
    EXPECT_EQ(wkv_state_new(&s, m), 0);
    for (int threads = 1; threads <= 2; threads++) {
        wkv_context *c;
        unsigned at[3];
        EXPECT_EQ(wkv_context_new(&c, m, &(wkv_context_options){.threads = threads}), 0);
        for (int i = 0; i < 3; i++) {
            EXPECT_EQ(wkv_eval(c, s, ids, N, NULL), 0);
            at[i] = wkv_context_barriers(c);
        }
        EXPECT_EQ(at[1] - at[0], at[0]);
        EXPECT_EQ(at[2] - at[1], at[0]);
        EXPECT_EQ(at[0] > 0, threads > 1);
        wkv_context_free(c);
    }
    wkv_state_free(s);
    wkv_model_close(m);
}

static void nonsense_is_refused(void)
{
    reader r, q;
    open_reader(&r, "v7-n32-f16.pth");
    open_reader(&q, "v4-c32-f32.pth");
    wkv_token_score score[N];
    wkv_difference d[N];
    wkv_scored_text text = {.state = r.s, .tokens = r.ids, .scores = score};
    EXPECT_EQ(wkv_score(r.c, &text, 1), WKV_EARG);
    text.tokens = (int32_t[]){0, r.V}, text.n = 1;
    EXPECT_EQ(wkv_score(r.c, &text, 1), WKV_EARG);
    EXPECT_HAS(wkv_error(), "token 1 is");
    wkv_context *const c[2] = {r.c, q.c};
    wkv_state *const s[2] = {r.s, q.s};
    if (r.V != q.V) {
        EXPECT_EQ(wkv_compare(d, c, s, r.ids, 1), WKV_EARG);
        EXPECT_HAS(wkv_error(), "no distributions");
    }
    close_reader(&r);
    close_reader(&q);
}

/* A state of NaN makes logits of NaN. */
static void nan_is_refused(void)
{
    reader r, q;
    wkv_token_score score[N];
    wkv_difference d[N];
    open_reader(&r, "v7-n32-f16.pth");
    open_reader(&q, "v7-n32-f16.pth");
    wkv_state_data(r.s)[0] = NAN;
    EXPECT_EQ(wkv_score(r.c, &(wkv_scored_text){.state = r.s, .tokens = r.ids, .n = 9, .scores = score}, 1),
              WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "v7-n32-f16.pth: its logits after token 0 are NaN or infinite");
    for (int i = 0; i < 2; i++) {
        wkv_context *const c[] = {i ? r.c : q.c, i ? q.c : r.c};
        wkv_state *const s[] = {i ? r.s : q.s, i ? q.s : r.s};
        wkv_state_reset(r.s), wkv_state_reset(q.s);
        wkv_state_data(r.s)[0] = INFINITY;
        EXPECT_EQ(wkv_compare(d, c, s, r.ids, 9), WKV_EFORMAT);
        EXPECT_HAS(wkv_error(), "are NaN or infinite");
    }
    close_reader(&r);
    close_reader(&q);
}

int main(void)
{
    RUN(scores_are_logarithms);
    RUN(differences_are_divergences);
    RUN(zeros_are_counted);
    RUN(barriers_are_counted);
    RUN(nonsense_is_refused);
    RUN(nan_is_refused);
    return DONE();
}
