/* test_trace.c - causal tracing: a grid equals one of single runs written plainly; everything restored is the clean
 * run to the bit, and so is no noise; the same seed gives the same grid in every form of running. */
#include <sys/stat.h>
#include "base/rng.h"
#include "models.h"
#include "wkv_probe.h"
#include "wkv_trace.h"
#include "base/platform/entry.h"

enum { N = 7, FROM = 2, TO = 4, SAMPLES = 3, MOST = 4 * 3 * N, LAYERS = 4 * 3 };

typedef struct {
    wkv_model *m;
    wkv_context *c;
    int32_t ids[N];
    wkv_trace_item item;
    int L, C, V;
} subject;

static int begin(subject *s, const char *name, int threads, const char *type)
{
    *s = (subject){0};
    if (wkv_model_open(&s->m, path_of(TEST_DIR "/golden/models", name, ".pth"), &(wkv_model_options){.type = type})) {
        FAILED("%s: %s", name, wkv_error());
        return 0;
    }
    s->c = context_new(s->m, threads, NULL);
    const wkv_model_info *about = wkv_model_about(s->m);
    s->L = about->layers, s->C = about->width, s->V = about->vocab;
    for (int i = 0; i < N; i++) s->ids[i] = (3 + 5 * i) % s->V;
    s->item = (wkv_trace_item){.tokens = s->ids, .n = N, .from = FROM, .to = TO, .answer = -1};
    return s->c != NULL;
}

static void end(subject *s)
{
    wkv_context_free(s->c);
    wkv_model_close(s->m);
}

/* ---- plain runs -------------------------------------------------------------------------------------------------- */

/* One run, token by token from the beginning of the text: `write` NULL stores the values of every site, else the site
 * (kind, layer, token) is set to the stored value. */
typedef struct {
    const subject *s;
    float *rows;   /* [kind][layer][token][C] */
    float *states; /* [token] whole states of the clean run */
    int write, kind, layer, token, now;
} plain;

static float *site(const plain *p, int kind, int layer)
{
    const subject *s = p->s;
    return p->rows + (((size_t)kind * (size_t)s->L + (size_t)layer) * N + (size_t)p->now) * (size_t)s->C;
}

static void visit(void *user, const wkv_probed *q)
{
    plain *p = user;
    const int kind = q->site == WKV_SITE_RESID_POST ? 0 : q->site == WKV_SITE_ATT_OUT ? 1 : 2;
    float *value = site(p, kind, q->layer);
    if (!p->write)
        memcpy(value, q->values, (size_t)q->cols * sizeof *value);
    else if (kind == p->kind && q->layer == p->layer && p->now == p->token)
        memcpy(q->values, value, (size_t)q->cols * sizeof *value);
}

/* The probability of `answer` after the rows. */
static double plain_run(plain *p, const float *rows, int32_t answer)
{
    const subject *s = p->s;
    wkv_state *state = state_new(s->m);
    float *logits = malloc(sizeof *logits * (size_t)s->V);
    const size_t all = state_floats(s->m), layer = all / (size_t)s->L;
    EXPECT_EQ(wkv_probe_add(s->c, "resid_post,att_out,ffn_out", visit, p), 0);
    for (p->now = 0; p->now < N; p->now++) {
        wkv_sequence q = {.state = state,
                          .tokens = s->ids + p->now,
                          .n = 1,
                          .logits = logits,
                          .embeddings = rows + (size_t)p->now * (size_t)s->C};
        EXPECT_EQ(wkv_eval_batch(s->c, &q, 1), 0);
        float *clean = p->states + (size_t)p->now * all, *values = wkv_state_data(state);
        const size_t at = (size_t)p->layer * layer + (size_t)s->C;
        if (!p->write) memcpy(clean, values, all * sizeof *clean);
        if (p->write && p->kind == WKV_TRACE_STATE && p->now == p->token)
            memcpy(values + at, clean + at, (layer - 2 * (size_t)s->C) * sizeof *clean);
    }
    wkv_probe_clear(s->c);
    double sum = 0;
    for (int i = 0; i < s->V; i++) sum += exp((double)logits[i] - (double)logits[answer]);
    free(logits);
    wkv_state_free(state);
    return 1 / sum;
}

/* The noise as documented: sample k is the stream of the seed from position k 2^32 on. */
static void make_rows(const subject *s, float *rows, int sample, float sigma)
{
    rng r = {42, (uint64_t)sample << 32};
    EXPECT_EQ(wkv_embed(s->c, s->ids, N, rows), 0);
    for (int i = FROM * s->C; i < TO * s->C; i++) rows[i] = (float)(rows[i] + 3. * (double)sigma * rng_normal(&r));
}

static float deviation(const float *rows, int n)
{
    double mean = 0, square = 0;
    for (int i = 0; i < n; i++) mean += (double)rows[i] / n;
    for (int i = 0; i < n; i++) square += ((double)rows[i] - mean) * ((double)rows[i] - mean) / n;
    return (float)sqrt(square);
}

static const wkv_trace_options three = {.samples = SAMPLES, .seed = 42};

static void check_grid(const char *name)
{
    subject s;
    if (!begin(&s, name, 1, "f32")) return;
    const size_t values = (size_t)N * (size_t)s.C;
    float *rows = malloc(sizeof *rows * values);
    plain p = {.s = &s,
               .rows = malloc(sizeof(float) * 3 * (size_t)s.L * values),
               .states = malloc(wkv_model_about(s.m)->state_bytes * N)};
    wkv_trace_effect grid[MOST];
    wkv_trace_result r;
    EXPECT_EQ(wkv_trace_cells(s.m, &s.item, &three), (size_t)(4 * s.L * N));
    EXPECT_EQ(wkv_trace(&r, grid, NULL, s.c, &s.item, &three), 0);
    EXPECT_EQ(wkv_embed(s.c, s.ids, N, rows), 0);
    EXPECT_NEAR(r.sigma, deviation(rows + FROM * s.C, (TO - FROM) * s.C), 1e-6 * (double)r.sigma);
    EXPECT_NEAR(r.clean.probability, plain_run(&p, rows, r.answer), 1e-6);
    p.write = 1;
    double corrupted[SAMPLES], mean = 0, most = 0;
    for (int k = 0; k < SAMPLES; k++) {
        make_rows(&s, rows, k, r.sigma);
        p.kind = -1;
        mean += (corrupted[k] = plain_run(&p, rows, r.answer)) / SAMPLES;
    }
    EXPECT_NEAR(r.corrupted.probability, mean, 1e-6);
    for (p.kind = 0; p.kind < WKV_TRACE_KINDS; p.kind++)
        for (p.layer = 0; p.layer < s.L; p.layer++)
            for (p.token = 0; p.token < N; p.token++) {
                double apart[SAMPLES], effect = 0, square = 0;
                for (int k = 0; k < SAMPLES; k++) {
                    make_rows(&s, rows, k, r.sigma);
                    effect += (apart[k] = plain_run(&p, rows, r.answer) - corrupted[k]) / SAMPLES;
                }
                for (int k = 0; k < SAMPLES; k++) square += (apart[k] - effect) * (apart[k] - effect);
                const wkv_trace_effect *e = &grid[(p.kind * s.L + p.layer) * N + p.token];
                EXPECT_NEAR(e->mean.probability, effect, 1e-6);
                EXPECT_NEAR(e->error.probability, sqrt(square / SAMPLES / (SAMPLES - 1)), 1e-6);
                if (p.token < FROM) EXPECT(e->mean.probability == 0 && e->mean.difference == 0);
                if (fabs(effect) > most) most = fabs(effect);
            }
    EXPECT(most > 1e-3); /* the model does react */
    free(rows);
    free(p.rows);
    free(p.states);
    end(&s);
}

static void a_grid_equals_single_runs(void)
{
    static const char *const names[] = {"v4-c40-f16",  "v5.0-n16-bf16", "v5.1-n16-f16", "v5.2-n32-bf16",
                                        "v6-n16-bf16", "v7-n16-bf16",   "v7a-n16-bf16"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) check_grid(names[i]);
}

/* ---- bits -------------------------------------------------------------------------------------------------------- */

static int is_score(const wkv_trace_score *a, const wkv_trace_score *b)
{
    return a->probability == b->probability && a->difference == b->difference;
}

static void everything_restored_is_the_clean_run(void)
{
    for (int i = 0; i < GOLDENS; i++) {
        subject s;
        if (!begin(&s, goldens[i].name, 2, i % 3 ? NULL : "q8_0")) continue;
        const wkv_trace_patch patches[] = {
            {.kinds = 15, .layer = 0, .layer_end = s.L, .token = FROM, .token_end = N},
            {.kinds = 1 << WKV_TRACE_RESID, .layer = 0, .layer_end = s.L, .token = 0, .token_end = N},
            {.kinds = 1 << WKV_TRACE_RESID, .layer = s.L - 1, .layer_end = s.L, .token = N - 1, .token_end = N},
            {.kinds = 0}};
        wkv_trace_score scores[4][SAMPLES];
        wkv_trace_result r;
        EXPECT_EQ(wkv_trace_patches(&r, scores[0], s.c, &s.item, patches, 4, &three), 0);
        for (int k = 0; k < SAMPLES; k++) {
            for (int p = 0; p < 3; p++)
                if (!is_score(&scores[p][k], &r.clean))
                    FAILED("%s, patch %d: %.9g, expected %.9g", goldens[i].name, p, scores[p][k].probability,
                           r.clean.probability);
            EXPECT(!is_score(&scores[3][k], &r.clean));
        }
        end(&s);
    }
}

static void without_noise_is_the_clean_run(void)
{
    subject s;
    if (!begin(&s, "v7-n16-bf16", 2, NULL)) return;
    wkv_trace_effect grid[MOST], layers[LAYERS];
    wkv_trace_result r;
    const wkv_trace_options none = {.samples = 2, .noise = -1};
    EXPECT_EQ(wkv_trace(&r, grid, layers, s.c, &s.item, &none), 0);
    EXPECT(is_score(&r.clean, &r.corrupted));
    for (int i = 0; i < 4 * s.L * N; i++) EXPECT(is_score(&grid[i].mean, &(wkv_trace_score){0, 0}));
    for (int i = 0; i < 4 * s.L; i++) EXPECT(is_score(&layers[i].mean, &(wkv_trace_score){0, 0}));
    end(&s);
}

/* Any number of threads, kinds alone or together, many or few samples at once. */
static void the_same_seed_gives_the_same_bits(void)
{
    static const char *const names[] = {"v4-c40-f16", "v6-n16-bf16", "v7-n16-bf16"};
    for (int i = 0; i < 3; i++) {
        subject s, t;
        if (!begin(&s, names[i], 1, NULL) || !begin(&t, names[i], 3, NULL)) continue;
        wkv_trace_effect a[MOST], b[MOST], layers[2][LAYERS];
        wkv_trace_result ra, rb;
        wkv_trace_options o = three;
        const size_t cells = wkv_trace_cells(s.m, &s.item, &o), kind = cells / 4;
        EXPECT_EQ(wkv_trace(&ra, a, layers[0], s.c, &s.item, &o), 0);
        EXPECT_EQ(wkv_trace(&rb, b, layers[1], t.c, &t.item, &o), 0);
        EXPECT(!memcmp(a, b, cells * sizeof *a) && !memcmp(&ra, &rb, sizeof ra));
        EXPECT(!memcmp(layers[0], layers[1], 4 * (size_t)s.L * sizeof **layers));
        for (int k = 0; k < 4; k++) {
            o.kinds = 1U << k;
            EXPECT_EQ(wkv_trace(&rb, b, NULL, t.c, &t.item, &o), 0);
            EXPECT(!memcmp(a + (size_t)k * kind, b, kind * sizeof *a));
        }
        o = three;
        o.seed = 43;
        EXPECT_EQ(wkv_trace(&rb, b, NULL, t.c, &t.item, &o), 0);
        EXPECT(memcmp(a, b, cells * sizeof *a) != 0);
        end(&s);
        end(&t);
    }
}

/* The first samples of more are those of fewer, so that an item's noise depends on nothing else. */
static void samples_are_independent(void)
{
    subject s;
    if (!begin(&s, "v7-n16-bf16", 1, NULL)) return;
    const wkv_trace_patch none = {0};
    wkv_trace_score few[SAMPLES], many[2 * SAMPLES];
    wkv_trace_result r;
    wkv_trace_options o = three;
    EXPECT_EQ(wkv_trace_patches(&r, few, s.c, &s.item, &none, 1, &o), 0);
    o.samples = 2 * SAMPLES;
    s.item.answer = r.answer;
    EXPECT_EQ(wkv_trace_patches(&r, many, s.c, &s.item, &none, 1, &o), 0);
    for (int k = 0; k < SAMPLES; k++) EXPECT(few[k].probability == many[k].probability);
    for (int k = 0; k < SAMPLES; k++) EXPECT(few[0].probability != many[k + 1].probability);
    end(&s);
}

/* ---- windows, layers, progress ----------------------------------------------------------------------------------- */

static void windows_are_patches(void)
{
    subject s;
    if (!begin(&s, "v7-n16-bf16", 1, NULL)) return;
    wkv_trace_effect grid[MOST], layers[LAYERS];
    wkv_trace_result r;
    wkv_trace_options o = three;
    o.window = 2;
    o.kinds = 1 << WKV_TRACE_FFN;
    EXPECT_EQ(wkv_trace(&r, grid, layers, s.c, &s.item, &o), 0);
    const wkv_trace_patch patches[] = {{.kinds = o.kinds, .layer = 0, .layer_end = 1, .token = 3, .token_end = 4},
                                       {.kinds = o.kinds, .layer = 1, .layer_end = 3, .token = 3, .token_end = 4},
                                       {.kinds = o.kinds, .layer = 1, .layer_end = 3, .token = 0, .token_end = N},
                                       {0}};
    const wkv_trace_effect *equals[] = {&grid[0 * N + 3], &grid[2 * N + 3], &layers[2]};
    wkv_trace_score scores[4][SAMPLES];
    EXPECT_EQ(wkv_trace_patches(&r, scores[0], s.c, &s.item, patches, 4, &three), 0);
    for (int p = 0; p < 3; p++) {
        double mean = 0;
        for (int k = 0; k < SAMPLES; k++) mean += (scores[p][k].probability - scores[3][k].probability) / SAMPLES;
        EXPECT_NEAR(equals[p]->mean.probability, mean, 1e-12);
        EXPECT(equals[p]->mean.probability != 0);
    }
    end(&s);
}

typedef struct {
    int64_t done, total, stop;
} watch;

static int see(void *user, int64_t done, int64_t total)
{
    watch *w = user;
    EXPECT(done > w->done && done <= total && (!w->total || total == w->total));
    w->done = done;
    w->total = total;
    return w->stop && done >= w->stop;
}

static void progress_is_reported(void)
{
    subject s;
    if (!begin(&s, "v7-n16-bf16", 1, NULL)) return;
    wkv_trace_effect grid[MOST];
    wkv_trace_result r;
    watch w = {0};
    wkv_trace_options o = three;
    o.progress = see;
    o.user = &w;
    EXPECT_EQ(wkv_trace(&r, grid, NULL, s.c, &s.item, &o), 0);
    EXPECT_EQ(w.done, w.total);
    EXPECT_EQ(w.total, 4 * s.L * (N - FROM) * SAMPLES);
    w = (watch){.stop = 1};
    EXPECT_EQ(wkv_trace(&r, grid, NULL, s.c, &s.item, &o), WKV_ESTOPPED);
    EXPECT_HAS(wkv_error(), "stopped after");
    end(&s);
}

/* ---- subjects ---------------------------------------------------------------------------------------------------- */

static void subjects_are_found(void)
{
    wkv_tokenizer *t;
    if (wkv_tokenizer_open(&t, "world", NULL)) {
        FAILED("%s", wkv_error());
        return;
    }
    const char *text = "In Paris, the Eiffel Tower is";
    int32_t ids[32];
    const int n = wkv_encode(t, text, strlen(text), ids, 32);
    int from, to, inside;
    EXPECT_EQ(wkv_trace_find(&from, &to, &inside, t, ids, n, text, 14, 12), 0);
    size_t bytes;
    const char *first = wkv_token_bytes(t, ids[from], &bytes);
    EXPECT(bytes >= 2 && !memcmp(first, " E", 2));
    const char *last = wkv_token_bytes(t, ids[to - 1], &bytes);
    EXPECT(bytes && last[bytes - 1] == 'r');
    EXPECT_EQ(inside, 0);
    EXPECT_EQ(wkv_trace_find(&from, &to, &inside, t, ids, n, text, 15, 2), 0); /* "if" within " Eiffel" */
    EXPECT(inside > 0 && from < to);
    EXPECT_EQ(wkv_trace_find(&from, &to, NULL, t, ids, n, text, 14, 0), WKV_EARG);
    EXPECT_EQ(wkv_trace_find(&from, &to, NULL, t, ids, n, text, 20, 12), WKV_EARG);
    EXPECT_HAS(wkv_error(), "ends at byte 32 of a text of 29");
    wkv_tokenizer_close(t);
}

static void roles(void)
{
    static const wkv_trace_role expected[] = {WKV_ROLE_BEFORE, WKV_ROLE_FIRST,      WKV_ROLE_MIDDLE,  WKV_ROLE_MIDDLE,
                                              WKV_ROLE_LAST,   WKV_ROLE_SUBSEQUENT, WKV_ROLE_FURTHER, WKV_ROLE_END};
    const wkv_trace_item long_one = {.n = 8, .from = 1, .to = 5}, at_end = {.n = 2, .from = 1, .to = 2},
                         one_after = {.n = 3, .from = 0, .to = 2};
    for (int i = 0; i < 8; i++) EXPECT_EQ(wkv_trace_role_of(&long_one, i), expected[i]);
    EXPECT_EQ(wkv_trace_role_of(&at_end, 1), WKV_ROLE_LAST);
    EXPECT_EQ(wkv_trace_role_of(&one_after, 0), WKV_ROLE_FIRST);
    EXPECT_EQ(wkv_trace_role_of(&one_after, 2), WKV_ROLE_END);
    EXPECT_STR(wkv_trace_role_name(WKV_ROLE_LAST), "subject, last");
    EXPECT_STR(wkv_trace_kind_name(WKV_TRACE_FFN), "ffn");
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static void write_text(const char *path, const char *text, size_t bytes)
{
    FILE *f = fopen(path, "wb");
    EXPECT(f && fwrite(text, 1, bytes, f) == bytes);
    if (f) fclose(f);
}

static const char items[] =
    "[{\"known_id\": 0, \"subject\": \"Audible.com\", \"attribute\": \"Amazon\", \"template\": \"{} is "
    "owned by\", \"prompt\": \"Audible.com is owned by\"},\n"
    " {\"subject\": \"the K\\u00f6ln\", \"attribute\": \"Rhine\", \"prompt\": \"On the K\xc3\xb6ln, the "
    "K\xc3\xb6ln\"}]\n";

static void files_of_prompts(void)
{
    wkv_trace_file *f;
    write_text("items.json", items, strlen(items));
    EXPECT_EQ(wkv_trace_file_open(&f, "items.json"), 0);
    EXPECT_EQ(wkv_trace_file_count(f), 2);
    const wkv_trace_prompt *p = wkv_trace_file_prompt(f, 1);
    EXPECT_STR(p ? p->subject : NULL, "the K\xc3\xb6ln");
    EXPECT_EQ(p ? p->subject_at : 0, 3);
    EXPECT(!wkv_trace_file_prompt(f, 2) && !wkv_trace_file_prompt(f, -1));
    wkv_trace_file_close(f);
    static const char *const damaged[][2] = {
        {"[{\"subject\": \"A\", \"prompt\": \"A is\"}]", "\"attribute\" is missing"},
        {"[{\"subject\": \"\", \"attribute\": \"x\", \"prompt\": \"A is\"}]", "\"subject\" is missing or is no text"},
        {"[{\"subject\": \"B\", \"attribute\": \"x\", \"prompt\": \"A is\"}]", "\"B\" does not occur in the prompt"},
        {"[{\"subject\": 3, \"attribute\": \"x\", \"prompt\": \"A is\"}]", "\"subject\" is missing or is no text"},
        {"[{\"subject\": \"A\"", "items.json"},
        {"[]", "items.json"}};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        write_text("items.json", damaged[i][0], strlen(damaged[i][0]));
        EXPECT_EQ(wkv_trace_file_open(&f, "items.json"), WKV_EFORMAT);
        EXPECT_HAS(wkv_error(), damaged[i][1]);
        EXPECT(!f);
    }
    EXPECT_EQ(wkv_trace_file_open(&f, "missing.json"), WKV_EIO);
}

/* Any byte of a file changed or cut: an error, or prompts with their subjects in them. */
static void damaged_files(void)
{
    rng r = {7, 0};
    for (int i = 0; i < 400; i++) {
        char text[sizeof items];
        size_t bytes = strlen(items);
        memcpy(text, items, bytes);
        for (int k = 0; k < 1 + i % 3; k++) text[rng_u64(&r) % bytes] = (char)rng_u64(&r);
        if (i % 4 == 0) bytes = rng_u64(&r) % bytes;
        write_text("damaged.json", text, bytes);
        wkv_trace_file *f;
        if (wkv_trace_file_open(&f, "damaged.json")) continue;
        for (int k = 0; k < wkv_trace_file_count(f); k++) {
            const wkv_trace_prompt *p = wkv_trace_file_prompt(f, k);
            EXPECT(!strncmp(p->prompt + p->subject_at, p->subject, strlen(p->subject)));
        }
        wkv_trace_file_close(f);
    }
}

static void the_published_file(void)
{
    wkv_trace_file *f;
    if (access(SHARED_DIR "/eval/known_1000.json", R_OK)) SKIP("the_published_file: no ../shared/data/eval");
    EXPECT_EQ(wkv_trace_file_open(&f, SHARED_DIR "/eval/known_1000.json"), 0);
    EXPECT_EQ(wkv_trace_file_count(f), 1209);
    wkv_trace_file_close(f);
}

int main(void)
{
    folder_create("test_trace.files", 0777);
    if (chdir("test_trace.files")) return 1;
    RUN(a_grid_equals_single_runs);
    RUN(everything_restored_is_the_clean_run);
    RUN(without_noise_is_the_clean_run);
    RUN(the_same_seed_gives_the_same_bits);
    RUN(samples_are_independent);
    RUN(windows_are_patches);
    RUN(progress_is_reported);
    RUN(subjects_are_found);
    RUN(roles);
    RUN(files_of_prompts);
    RUN(damaged_files);
    RUN(the_published_file);
    return DONE();
}
