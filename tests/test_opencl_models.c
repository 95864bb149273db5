/* test_opencl_models.c - whole models on the OpenCL device: the logits of the official programs, the same bits for
 * every division of a text and every batch, the CPU's text. On $WKV_OPENCL (0: the first OpenCL device). */
#include "probed.h"
#include "on_opencl.h"
#include "rwkv/api.h"

static void cuts(known *k, const char *name)
{
    wkv_context_free(k->c);
    if ((k->c = context_new(k->m, 0, opencl))) check_cuts(k, name);
}

static void golden_logits(void)
{
    for (int i = 0; i < GOLDENS; i++) {
        known k;
        if (golden_open(&k, goldens[i].name)) cuts(&k, goldens[i].name);
        known_close(&k);
    }
}

static void alive_logits(void)
{
    if (!shared()) SKIP("alive_logits: no %s", SHARED_DIR);
    for (size_t i = 0; i < sizeof alive / sizeof *alive; i++) {
        known k;
        if (alive_open(&k, alive[i])) cuts(&k, alive[i]);
        known_close(&k);
    }
}

static void batch_of(int n, int least, int more)
{
    static const char *const names[] = {"v4-c40-f16", "v5.2-n32-bf16", "v6-n16-bf16", "v7-n16-bf16"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        known k;
        if (!golden_open(&k, names[i])) continue;
        wkv_context *c = context_new(k.m, 0, opencl);
        check_sequences(c, &k, names[i], n, least, more);
        wkv_context_free(c);
        known_close(&k);
    }
}

static void batches(void)
{
    batch_of(3, 1, 5);
    batch_of(2, 1, 1); /* rows that share launches */
    batch_of(3, 1, 0);
}

/* Values at every site of a pass of few rows: those of the CPU. */
static void sites(void)
{
    static const char *const names[] = {"v4-c40-f16", "v5.2-n32-bf16", "v6-n16-bf16", "v7-n16-bf16"};
    static const char *const on[] = {"cpu", opencl};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        known k;
        if (!golden_open(&k, names[i])) continue;
        store values[2];
        for (int way = 0; way < 2; way++) {
            wkv_context *c = context_new(k.m, 0, on[way]);
            wkv_state *s = state_new(k.m);
            values[way] = (store){.m = k.m, .n = 3};
            EXPECT_EQ(wkv_probe_add(c, NULL, store_values, &values[way]), 0);
            EXPECT_EQ(wkv_eval(c, s, k.tokens, 3, NULL), 0);
            wkv_state_free(s);
            wkv_context_free(c);
        }
        int read = 0;
        for (int l = 0; l <= MOST_LAYERS; l++)
            for (int site = 0; site < WKV_SITES; site++) {
                const float *x = values[0].at[l][site], *y = values[1].at[l][site];
                const size_t n = (size_t)values[0].seen[l][site] * (size_t)values[0].cols[l][site];
                if (!x != !y) FAILED("%s: layer %d, site %d on one device alone", names[i], l - 1, site);
                if (!x || !y) continue;
                read++;
                NEAR_ALL(names[i], y, x, n ? n : (size_t)values[0].cols[l][site], TOLERANCE);
            }
        if (read < 10) FAILED("%s: %d sites", names[i], read);
        store_free(&values[0]), store_free(&values[1]);
        known_close(&k);
    }
}

static int largest(const float *x, int n, float *gap)
{
    int best = 0;
    float second = -INFINITY;
    for (int i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    for (int i = 0; i < n; i++)
        if (i != best && x[i] > second) second = x[i];
    *gap = x[best] - second;
    return best;
}

/* The most probable ids, one after another: the CPU's, as long as no two are nearly as probable. */
static void greedy(const char *path, const char *name)
{
    enum { IDS = 50 };
    static const char *const on[] = {"cpu", opencl};
    wkv_model *m;
    int32_t ids[2][IDS + 1] = {{1}, {1}};
    int sure = IDS;
    if (wkv_model_open(&m, path, &(wkv_model_options){.type = "f32"})) {
        FAILED("%s", wkv_error());
        return;
    }
    const int V = wkv_model_about(m)->vocab;
    float *logits = calloc((size_t)V, sizeof *logits), gap;
    for (int way = 0; way < 2; way++) {
        wkv_context *c = context_new(m, 0, on[way]);
        wkv_state *s = state_new(m);
        for (int i = 0; i < IDS; i++) {
            EXPECT_EQ(wkv_eval(c, s, &ids[way][i], 1, logits), 0);
            ids[way][i + 1] = largest(logits, V, &gap);
            if (!way && gap < 1e-4f && i < sure) sure = i;
        }
        wkv_state_free(s);
        wkv_context_free(c);
    }
    if (memcmp(ids[0], ids[1], (size_t)(sure + 1) * sizeof **ids)) FAILED("%s: other text than on the cpu", name);
    if (sure < IDS) printf("     %s: compared %d ids, then two were equally probable\n", name, sure);
    free(logits);
    wkv_model_close(m);
}

static void greedy_text(void)
{
    greedy(NULL, "the built-in model");
    for (size_t i = 0; shared() && i < sizeof alive / sizeof *alive; i++)
        greedy(path_of(SHARED_DIR "/alive", alive[i], ".pth"), alive[i]);
}

/* Weights in every type, against the reference, which multiplies the same values. */
static void types(void)
{
    static const char *const list[] = {"f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0"};
    static const int32_t text[] = {70, 105, 12, 9, 200, 31, 4, 4, 90};
    enum { N = sizeof text / sizeof *text };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        wkv_model *m;
        if (wkv_model_open(&m, NULL, &(wkv_model_options){.type = list[i]})) {
            FAILED("%s", wkv_error());
            continue;
        }
        const int V = wkv_model_about(m)->vocab;
        float *logits[2];
        for (int way = 0; way < 2; way++) {
            wkv_context *c = context_new(m, 0, way ? opencl : "reference");
            wkv_state *s = state_new(m);
            logits[way] = all_logits(c, s, text, N, V, N);
            wkv_state_free(s);
            wkv_context_free(c);
        }
        NEAR_ALL(list[i], logits[1], logits[0], (size_t)N * (size_t)V, TOLERANCE);
        free(logits[0]), free(logits[1]);
        wkv_model_close(m);
    }
}

/* Launches of kernels for a token of each version (docs/opencl.md). */
static void launches(void)
{
    static const struct {
        const char *name;
        int layer, outside; /* for a layer; the norm of the embedding, the last norm, the head */
    } models[] = {{"v4-c40-f16", 5, 3}, {"v5.2-n32-bf16", 5, 3}, {"v6-n16-bf16", 8, 3}, {"v7-n16-bf16", 6, 4}};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        known k;
        if (!golden_open(&k, models[i].name)) continue;
        const int expected = wkv_model_about(k.m)->layers * models[i].layer + models[i].outside;
        wkv_context *c = context_new(k.m, 0, opencl);
        wkv_state *s = state_new(k.m);
        float *logits = calloc((size_t)k.vocab, sizeof *logits);
        const device *d = context_device(c);
        const unsigned before = d->barriers(d);
        EXPECT_EQ(wkv_eval(c, s, k.tokens, 1, logits), 0);
        if ((int)(d->barriers(d) - before) != expected)
            FAILED("%s: %u launches, expected %d", models[i].name, d->barriers(d) - before, expected);
        free(logits);
        wkv_state_free(s);
        wkv_context_free(c);
        known_close(&k);
    }
}

int main(void)
{
    known k;
    if (!golden_open(&k, goldens[0].name)) return DONE();
    known_close(&k);
    if (!opencl_is_here()) return DONE();
    RUN(golden_logits);
    RUN(alive_logits);
    RUN(batches);
    RUN(sites);
    RUN(greedy_text);
    RUN(types);
    RUN(launches);
    return DONE();
}
