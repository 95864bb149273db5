/* test_items.c - items that are scored: log-likelihoods against a scorer that reads one token at a time, several
 * processes, metrics against their formulas, documents and needles. */
#include <pthread.h>
#include "barrier.h"
#include "tasks.h"

/* ---- scores ------------------------------------------------------------------------------------------------------ */

/* Read a request alone, one token at a time, and sum by the definition. */
static void check_request(const wkv_request *r, wkv_context *c)
{
    const int V = wkv_model_about(model)->vocab;
    float *x = malloc(sizeof *x * (size_t)V);
    wkv_state *s = state_new(model);
    double sum = 0;
    int greedy = 1;
    for (int i = 0; i < r->n_context; i++) wkv_eval(c, s, &r->context_ids[i], 1, x);
    for (int i = 0; i < r->n; i++) {
        double top = -INFINITY, total = 0;
        int best = 0;
        for (int k = 0; k < V; k++)
            if ((double)x[k] > top) top = (double)x[k], best = k;
        for (int k = 0; k < V; k++) total += exp((double)x[k] - top);
        sum += (double)x[r->ids[i]] - top - log(total);
        greedy &= best == r->ids[i];
        wkv_eval(c, s, &r->ids[i], 1, x);
    }
    EXPECT(r->done);
    EXPECT_NEAR(r->log_likelihood, sum, 1e-4);
    EXPECT_EQ(r->greedy, greedy);
    wkv_state_free(s);
    free(x);
}

static const char stories[] =
    "{\"goal\": \"The dog was hungry, so\", \"sol1\": \"he ate the bread.\", \"sol2\": \"he.\", \"label\": 0}\n"
    "{\"goal\": \"The dog was happy, because\", \"sol1\": \"the sun was shining on the whole garden that day.\", "
    "\"sol2\": \"it saw the cat.\", \"label\": 1}\n"
    "{\"goal\": \"Once\", \"sol1\": \"a\", \"sol2\": \"upon a time there was a king\", \"label\": 1}\n"
    "{\"goal\": \"The dog ran\", \"sol1\": \"away\", \"sol2\": \"home\", \"label\": 0}\n";

/* The log-likelihoods of all requests, in order. */
static int all_sums(double *out, wkv_items *s)
{
    int n = 0;
    for (int i = 0; i < wkv_items_count(s); i++)
        for (int k = 0; k < wkv_items_at(s, i)->n; k++) out[n++] = wkv_items_at(s, i)->requests[k].log_likelihood;
    return n;
}

static void scores(void)
{
    wkv_items *s = items_of("piqa", NULL, stories, NULL);
    double first[16], again[16];
    wkv_context *c = context_new(model, 2, NULL), *one = context_new(model, 1, NULL);
    EXPECT_EQ(wkv_items_score(s, c, NULL), 0);
    for (int i = 0; i < wkv_items_count(s); i++)
        for (int k = 0; k < wkv_items_at(s, i)->n; k++) check_request(&wkv_items_at(s, i)->requests[k], c);
    const int n = all_sums(first, s);
    EXPECT_EQ(n, 8);
    for (int batch = 1; batch <= 5; batch++) { /* bits do not depend on the batch and the threads */
        EXPECT_EQ(wkv_items_score(s, batch % 2 ? one : c, &(wkv_score_options){.batch = batch}), 0);
        all_sums(again, s);
        EXPECT(!memcmp(first, again, sizeof *first * (size_t)n));
    }
    wkv_state *begin = state_new(model); /* a state before each context */
    EXPECT_EQ(wkv_eval(c, begin, (const int32_t[]){5, 6, 7}, 3, NULL), 0);
    EXPECT_EQ(wkv_items_score(s, c, &(wkv_score_options){.begin = begin}), 0);
    all_sums(again, s);
    EXPECT(memcmp(first, again, sizeof *first * (size_t)n) != 0);
    wkv_state_free(begin);
    wkv_items_free(s);
    wkv_context_free(one);
    wkv_context_free(c);
}

static int stop_at_two(void *user, int64_t done, int64_t total)
{
    EXPECT(done <= total);
    return ++*(int *)user == 2;
}

static void stopping(void)
{
    wkv_items *s = items_of("piqa", NULL, stories, NULL);
    wkv_context *c = context_new(model, 1, NULL);
    int calls = 0, done = 0;
    EXPECT_EQ(wkv_items_score(s, c, &(wkv_score_options){.batch = 2, .report = stop_at_two, .user = &calls}),
              WKV_ESTOPPED);
    for (int i = 0; i < wkv_items_count(s); i++) done += !isnan(wkv_item_metric(wkv_items_at(s, i), "acc"));
    EXPECT(done < wkv_items_count(s));
    wkv_metric m[WKV_METRICS];
    if (wkv_items_metrics(s, NULL, m) > 0) EXPECT_EQ(m[0].n, done);
    wkv_context_free(c);
    wkv_items_free(s);
}

/* ---- several processes, here threads ----------------------------------------------------------------------------- */

enum { PROCESSES = 3 };
static barrier meet;
static struct {
    double *x;
    void *bytes;
    double sums[16];
    int n, err;
} member[PROCESSES];

static void add(void *user, double *x, int n)
{
    member[*(int *)user].x = x;
    barrier_wait(&meet);
    double *sum = calloc((size_t)n + 1, sizeof *sum);
    for (int k = 0; k < PROCESSES; k++)
        for (int i = 0; i < n; i++) sum[i] += member[k].x[i];
    barrier_wait(&meet);
    memcpy(x, sum, sizeof *x * (size_t)n);
    free(sum);
}
static void send(void *user, void *x, size_t bytes, int from)
{
    member[*(int *)user].bytes = x;
    barrier_wait(&meet);
    if (*(int *)user != from) memcpy(x, member[from].bytes, bytes);
    barrier_wait(&meet);
}
static void no_reduce(void *user, float *x, size_t n, int to) { (void)user, (void)x, (void)n, (void)to; }
static void nothing(void *user) { (void)user; }
static int stop_in_last(void *user, int64_t done, int64_t total)
{
    (void)done, (void)total;
    return *(int *)user == PROCESSES - 1;
}

static const char *shared_path;
static int fails; /* a process is stopped */

static void *process(void *rank)
{
    const int me = *(int *)rank;
    const char *path = shared_path;
    wkv_task *t;
    wkv_items *s;
    wkv_context *c = context_new(model, 1, NULL);
    if (wkv_task_open(&t, "piqa", NULL) || wkv_items_read(&s, t, path, model, words, NULL)) abort();
    const wkv_communicator all = {.rank = me,
                                  .count = PROCESSES,
                                  .local_count = PROCESSES,
                                  .user = rank,
                                  .allreduce = add,
                                  .reduce = no_reduce,
                                  .broadcast = send,
                                  .progress = nothing,
                                  .wait_all = nothing};
    member[me].err = wkv_items_score(
        s, c, &(wkv_score_options){.communicator = &all, .report = fails ? stop_in_last : NULL, .user = rank});
    member[me].n = all_sums(member[me].sums, s);
    wkv_items_free(s);
    wkv_task_close(t);
    wkv_context_free(c);
    return NULL;
}

static void run_processes(void)
{
    pthread_t thread[PROCESSES];
    int rank[PROCESSES];
    barrier_begin(&meet, PROCESSES);
    for (int i = 0; i < PROCESSES; i++) rank[i] = i, pthread_create(&thread[i], NULL, process, &rank[i]);
    for (int i = 0; i < PROCESSES; i++) pthread_join(thread[i], NULL);
    barrier_end(&meet);
}

static void processes(void)
{
    double alone[16];
    shared_path = write_text("shared.jsonl", stories);
    wkv_items *s = items_of("piqa", NULL, stories, NULL);
    wkv_context *c = context_new(model, 2, NULL);
    EXPECT_EQ(wkv_items_score(s, c, NULL), 0);
    const int n = all_sums(alone, s);
    wkv_items_free(s);
    wkv_context_free(c);
    fails = 0;
    run_processes();
    for (int i = 0; i < PROCESSES; i++) {
        EXPECT_EQ(member[i].err, 0);
        EXPECT(member[i].n == n && !memcmp(member[i].sums, alone, sizeof *alone * (size_t)n));
    }
    fails = 1;
    run_processes();
    for (int i = 0; i < PROCESSES; i++) EXPECT_EQ(member[i].err, WKV_ESTOPPED);
}

/* ---- metrics ----------------------------------------------------------------------------------------------------- */

/* Results by hand. */
static void set_scores(wkv_item *q, const double *sums)
{
    for (int i = 0; i < q->n; i++) q->requests[i].log_likelihood = sums[i], q->requests[i].done = 1;
}

static void metrics(void)
{
    wkv_metric m[WKV_METRICS];
    wkv_items *s = items_of("piqa", NULL, stories, NULL);
    EXPECT_EQ(wkv_items_metrics(s, NULL, m), 0);
    /* right: 0, 1, 1, 0; characters: 17 3, 49 15, 1 28, 4 4 */
    set_scores(wkv_items_at(s, 0), (const double[]){-10, -9});
    set_scores(wkv_items_at(s, 1), (const double[]){-5, -4});
    set_scores(wkv_items_at(s, 2), (const double[]){-1, -7});
    set_scores(wkv_items_at(s, 3), (const double[]){-2, -2}); /* the first of equal ones */
    EXPECT_EQ(wkv_items_metrics(s, NULL, m), 2);
    EXPECT_STR(m[0].name, "acc");
    EXPECT_NEAR(m[0].value, 0.5, 1e-12); /* items 1 and 3 */
    EXPECT_NEAR(m[0].error, sqrt(4 * 0.25 / 3 / 4), 1e-12);
    EXPECT_STR(m[1].name, "acc_norm");
    EXPECT_NEAR(m[1].value, 0.75, 1e-12); /* -10/17 > -3; -5/49 > -4/15: wrong; -0.25 > -1; equal */
    EXPECT_NEAR(m[1].error, sqrt((3 * 0.0625 + 0.5625) / 3 / 4), 1e-12);
    EXPECT_NEAR(wkv_item_metric(wkv_items_at(s, 0), "acc"), 0, 0);
    EXPECT_NEAR(wkv_item_metric(wkv_items_at(s, 0), "acc_norm"), 1, 0);
    EXPECT(isnan(wkv_item_metric(wkv_items_at(s, 0), "beauty")));
    wkv_items_free(s);

    s = items_of("lambada", NULL, "{\"text\": \"a b\"}\n{\"text\": \"a c\"}\n", NULL);
    set_scores(wkv_items_at(s, 0), (const double[]){-1});
    set_scores(wkv_items_at(s, 1), (const double[]){-3});
    wkv_items_at(s, 1)->requests->greedy = 1;
    EXPECT_EQ(wkv_items_metrics(s, NULL, m), 2);
    EXPECT_STR(m[0].name, "perplexity");
    EXPECT_NEAR(m[0].value, exp(2), 1e-9);
    EXPECT_NEAR(m[0].error, exp(2) * 1, 1e-9); /* s = sqrt 2, s / sqrt 2 = 1 */
    EXPECT_NEAR(m[1].value, 0.5, 1e-12);
    wkv_items_free(s);
}

static void statistics(void)
{
    EXPECT_NEAR(wkv_mcnemar(0, 0), 1, 1e-12);
    EXPECT_NEAR(wkv_mcnemar(5, 0), 0.0625, 1e-12);
    EXPECT_NEAR(wkv_mcnemar(2, 10), 2 * 79.0 / 4096, 1e-12);
    EXPECT_NEAR(wkv_mcnemar(7, 7), 1, 1e-12);
    wkv_line l;
    const double x[] = {1, 2, 3, 4}, y[] = {2, 4, 5, 4};
    EXPECT_EQ(wkv_fit_line(&l, x, y, 4), 0);
    EXPECT_NEAR(l.slope, 0.7, 1e-12);
    EXPECT_NEAR(l.intercept, 2, 1e-12);
    EXPECT_NEAR(l.residual, sqrt(2.3 / 2), 1e-12);
    EXPECT_NEAR(l.error, sqrt(2.3 / 2 / 5), 1e-12);
    EXPECT_NEAR(l.interval, 4.30265 * l.error, 1e-12);
    EXPECT_EQ(wkv_fit_line(&l, x, y, 2), WKV_EARG);
    EXPECT_EQ(wkv_fit_line(&l, (const double[]){1, 1, 1}, y, 3), WKV_EARG);
    const wkv_published_score *p;
    int n = 0;
    for (; (p = wkv_published(n)); n++) EXPECT(p->parameters > 1e6 && p->value > 0 && *p->source);
    EXPECT(n > 100);
}

/* ---- documents --------------------------------------------------------------------------------------------------- */

static const char two_documents[] =
    "{\"text\": \"Once upon a time there was a little girl who lived in a wood with her "
    "dog and her cat, and they were very happy.\"}\n{\"text\": \"\xe6\xb1\x9f\xe6\xb9\x96\"}\n";

/* Every id but the first is scored once, by the windows of the rule. */
static void check_windows(int window, int stride)
{
    wkv_items *s;
    const char *path = write_text("documents.jsonl", two_documents);
    EXPECT_EQ(wkv_items_texts(&s, path, model, words, window, stride, 0), 0);
    if (!s) return;
    EXPECT_EQ(wkv_items_count(s), 2);
    for (int i = 0; i < 2; i++) {
        const wkv_item *q = wkv_items_at(s, i);
        const int32_t *ids = q->requests->context_ids;
        int scored = 1;
        for (int k = 0; k < q->n; k++) {
            const wkv_request *r = &q->requests[k];
            EXPECT(r->context_ids == ids + k * (stride ? stride : window / 2));
            EXPECT(r->ids == ids + scored && r->ids == r->context_ids + r->n_context);
            EXPECT(!window || r->n_context + r->n == window || k == q->n - 1);
            EXPECT(!window || r->n_context + r->n <= window);
            scored += r->n;
        }
        const char *const texts[] = {strstr(two_documents, "Once"), strstr(two_documents, "\xe6")};
        const size_t bytes = strcspn(texts[i], "\"");
        EXPECT_EQ(ids[0], wkv_tokenizer_end(words));
        EXPECT_EQ(scored, 1 + wkv_encode(words, texts[i], bytes, NULL, 0));
        EXPECT_EQ(q->bytes, (int64_t)bytes);
    }
    wkv_items_free(s);
}

static void documents(void)
{
    check_windows(0, 0);
    check_windows(8, 0);
    check_windows(8, 1);
    check_windows(8, 7);
    check_windows(2, 1);
    check_windows(1000, 10);
    wkv_items *s;
    wkv_metric m[WKV_METRICS];
    wkv_context *c = context_new(model, 2, NULL);
    EXPECT_EQ(wkv_items_texts(&s, write_text("d.jsonl", two_documents), model, words, 6, 3, 0), 0);
    EXPECT_EQ(wkv_items_score(s, c, NULL), 0);
    double nll[2] = {0}, tokens[2] = {0};
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < wkv_items_at(s, i)->n; k++) {
            check_request(&wkv_items_at(s, i)->requests[k], c);
            nll[i] -= wkv_items_at(s, i)->requests[k].log_likelihood;
            tokens[i] += wkv_items_at(s, i)->requests[k].n;
        }
    EXPECT_EQ(wkv_items_metrics(s, NULL, m), 2);
    const double x[] = {(double)wkv_items_at(s, 0)->bytes, (double)wkv_items_at(s, 1)->bytes},
                 R = (nll[0] + nll[1]) / (x[0] + x[1]);
    EXPECT_NEAR(m[0].value, R / log(2), 1e-9);
    EXPECT_NEAR(m[0].error, sqrt(2 * (pow(nll[0] - R * x[0], 2) + pow(nll[1] - R * x[1], 2))) / (x[0] + x[1]) / log(2),
                1e-9);
    EXPECT_NEAR(m[1].value, exp((nll[0] + nll[1]) / (tokens[0] + tokens[1])), 1e-6);
    wkv_items_free(s);
    wkv_context_free(c);
}

/* ---- needles ----------------------------------------------------------------------------------------------------- */

static void needles(void)
{
    wkv_items *s, *again;
    const int lengths[] = {200, 400, 0}, depths[] = {0, 50, 100, -1};
    const wkv_needle_options o = {.lengths = lengths, .depths = depths, .samples = 2, .keys = 3, .seed = 9};
    EXPECT_EQ(wkv_items_needles(&s, model, words, &o), 0);
    EXPECT_EQ(wkv_items_needles(&again, model, words, &o), 0);
    EXPECT_EQ(wkv_items_count(s), 12);
    for (int i = 0; s && again && i < 12; i++) {
        const wkv_item *q = wkv_items_at(s, i);
        const wkv_request *r = q->requests;
        const int length = lengths[i / 6], depth = depths[i / 2 % 3];
        char needle[100], group[32];
        EXPECT_STR(r->context, wkv_items_at(again, i)->requests->context);
        EXPECT(r->n_context <= length && r->n_context > length - 100);
        snprintf(needle, sizeof needle, "is:%s. ", r->continuation);
        const char *at = strstr(r->context, needle);
        EXPECT(at && !strstr(at + 1, needle));
        const double place = at ? (double)(at - r->context) / (double)strlen(r->context) : -1;
        EXPECT(depth == 0 ? place < 0.5 : depth == 100 ? place > 0.5 : place > 0.2 && place < 0.8);
        snprintf(group, sizeof group, "%d %d", length, depth);
        EXPECT_STR(q->group, group);
        EXPECT_EQ(q->n, 10);
        for (int k = 1; k < q->n; k++) EXPECT(strcmp(q->requests[k].continuation, r->continuation) != 0);
        for (int k = 1; k < 3; k++) EXPECT(strstr(r->context, q->requests[k].continuation + 1) != NULL);
    }
    wkv_items_free(s);
    wkv_items_free(again);
    EXPECT_EQ(
        wkv_items_needles(&s, model, words, &(wkv_needle_options){.lengths = (const int[]){20, 0}, .depths = depths}),
        WKV_EARG);
    EXPECT_HAS(wkv_error(), "more than the length 20");
}

int main(void)
{
    if (tasks_begin("items")) return 1;
    RUN(scores);
    RUN(stopping);
    RUN(processes);
    RUN(metrics);
    RUN(statistics);
    RUN(documents);
    RUN(needles);
    tasks_end();
    return DONE();
}
