/* test_models.c - whole models through the public interface: the logits of the official programs, on every device and
 * instruction set; states; refusals.
 *
 * Known answers: tests/golden/models, and in ../shared/data, where it is there, larger checkpoints (alive), rwkv.cpp's
 * trained byte models, and prompts with logits in float64. */
#include <jansson.h>

#include "models.h"

/* ---- against the official programs ------------------------------------------------------------------------------- */

static void detects_versions_and_sizes(void)
{
    for (int i = 0; i < GOLDENS; i++) {
        const golden *g = &goldens[i];
        wkv_model *m;
        if (!opens(&m, path_of(TEST_DIR "/golden/models", g->name, ".pth"))) continue;
        const wkv_model_info *about = wkv_model_about(m);
        EXPECT_STR(about->version, g->version);
        EXPECT_EQ(about->layers, g->layers);
        EXPECT_EQ(about->width, g->width);
        EXPECT_EQ(about->heads, g->heads);
        EXPECT_EQ(about->head_size, g->head_size);
        EXPECT_EQ(about->ffn, g->ffn);
        EXPECT_EQ(about->vocab, g->vocab);
        for (int r = 0; r < 4; r++)
            if (r != 2 || g->layers > 1) EXPECT_EQ(about->rank[r], g->rank[r]); /* v's is that of the second layer */
        EXPECT_STR(about->types, g->type);
        if (g->version[0] != '4') EXPECT_NEAR(about->group_norm_eps, 64e-5, 1e-9);
        size_t per_head = g->version[0] == '4' ? 3 : (size_t)g->head_size;
        EXPECT_EQ(about->state_bytes, sizeof(float) * (size_t)g->layers * (size_t)g->width * (2 + per_head));
        wkv_model_close(m);
    }
}

static void golden_logits(void)
{
    for (int i = 0; i < GOLDENS; i++) {
        known k;
        if (golden_open(&k, goldens[i].name)) {
            check_cuts(&k, goldens[i].name);
            size_t bytes;
            float *want = read_file(path_of(TEST_DIR "/golden/models", goldens[i].name, ".sequence.f32"), &bytes);
            float *got = calloc((size_t)k.vocab, sizeof *got);
            wkv_state *s = state_new(k.m);
            EXPECT_EQ(wkv_eval(k.c, s, k.tokens, k.n, got), 0);
            EXPECT(want && bytes == sizeof(float) * (size_t)k.vocab);
            if (want) NEAR_ALL(goldens[i].name, got, want, (size_t)k.vocab, TOLERANCE);
            wkv_state_free(s);
            free(got);
            free(want);
        }
        known_close(&k);
    }
}

static void alive_logits(void)
{
    if (!shared()) SKIP("alive_logits: no %s", SHARED_DIR);
    for (size_t i = 0; i < sizeof alive / sizeof *alive; i++) {
        known k;
        if (alive_open(&k, alive[i])) check_cuts(&k, alive[i]);
        known_close(&k);
    }
}

static void rwkv_cpp_logits(void)
{
    static const struct {
        const char *name;
        double tolerance;
    } files[] = {{"4v0-660K", TOLERANCE}, {"5v1-730K", TOLERANCE}, {"7v0-834K", 5e-6}}; /* 7v0 is nearly untrained */
    static const int32_t prompt[] = {0x22, 0x69, 0x6E};
    if (!shared()) SKIP("rwkv_cpp_logits: no %s", SHARED_DIR);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[1024];
        size_t bytes;
        wkv_model *m;
        snprintf(path, sizeof path, "%s/rwkv.cpp/tiny-rwkv-%s-FP32.bin", SHARED_DIR, files[i].name);
        if (!opens(&m, path)) continue;
        snprintf(path, sizeof path, "%s/rwkv.cpp/expected-logits-%s.bin", SHARED_DIR, files[i].name);
        float *want = read_file(path, &bytes);
        wkv_context *c = context_new(m, 1, NULL);
        for (int chunk = 1; chunk <= 3; chunk++) {
            wkv_state *s = state_new(m);
            float *got = all_logits(c, s, prompt, 3, 256, chunk);
            NEAR_ALL(files[i].name, got + 512, want, 256, files[i].tolerance);
            wkv_state_free(s);
            free(got);
        }
        free(want);
        wkv_context_free(c);
        wkv_model_close(m);
    }
}

/* Logits of dequantised weights in float64: the reference device computes with the values of a quantised file and
 * rounds nothing else; the cpu device also rounds activations to bytes, with an error in these tiny models within the
 * second number. */
static void quantised_logits(void)
{
    static const struct {
        const char *name;
        double rounded; /* measured: 0.026, 0.10, 0.0022 */
    } files[] = {
        {"tiny-rwkv-4v0-660K-Q5_1", 0.05}, {"tiny-rwkv-5v1-730K-Q5_0", 0.2}, {"tiny-rwkv-7v0-834K-Q5_0", 0.005}};
    if (!shared()) SKIP("quantised_logits: no %s", SHARED_DIR);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        known k;
        const char *name = files[i].name;
        if (known_open(&k, path_of(SHARED_DIR "/rwkv.cpp", name, ".bin"), TEST_DIR "/golden/models", name)) {
            check_cuts_within(&k, name, files[i].rounded);
            wkv_context *exact = context_new(k.m, 1, "reference");
            float *whole = from_start(&k, exact, k.n);
            NEAR_ALL(name, whole, k.logits, (size_t)k.n * (size_t)k.vocab, TOLERANCE);
            free(whole);
            wkv_context_free(exact);
        }
        known_close(&k);
    }
}

/* The negative log-likelihood of tokens[1..n) given the tokens before each. */
static double nll(const float *logits, const int32_t *tokens, int n, int vocab)
{
    double sum = 0;
    for (int t = 0; t + 1 < n; t++) {
        const float *row = logits + (size_t)t * (size_t)vocab;
        double top = row[0], total = 0;
        for (int v = 1; v < vocab; v++) top = row[v] > top ? row[v] : top;
        for (int v = 0; v < vocab; v++) total += exp(row[v] - top);
        sum += log(total) + top - row[tokens[t + 1]];
    }
    return sum;
}

static int unhex(const char *hex, int32_t *bytes)
{
    int n = (int)strlen(hex) / 2;
    for (int i = 0; i < n; i++) {
        unsigned byte = 0;
        sscanf(hex + 2 * i, "%2x", &byte);
        bytes[i] = (int32_t)byte;
    }
    return n;
}

/* One line of reference-fp64.jsonl: logits after a prompt, its likelihood, and 24 greedy bytes that follow. */
static void check_prompt(const json_t *line)
{
    const char *name = json_string_value(json_object_get(line, "model"));
    const json_t *want = json_object_get(line, "logits"), *eps = json_object_get(line, "gn_eps");
    double want_nll = json_real_value(json_object_get(line, "nll_sum_of_prompt_bytes_after_first"));
    int32_t prompt[512], next[512];
    int n = unhex(json_string_value(json_object_get(line, "prompt_hex")), prompt);
    int more = unhex(json_string_value(json_object_get(line, "greedy_next24_hex")), next);
    wkv_model *m;
    if (!opens(&m, path_of(SHARED_DIR "/rwkv.cpp", name, ""))) return;
    const wkv_model_info *about = wkv_model_about(m);
    if (json_is_real(eps)) EXPECT_NEAR(about->group_norm_eps, json_real_value(eps), 1e-9);
    if (strstr(name, "5v1")) EXPECT_STR(about->version, "5.0"); /* rwkv.cpp calls it 5.1 */
    wkv_context *c = context_new(m, 1, strstr(name, "-Q") ? "reference" : NULL); /* exact, see quantised_logits */
    wkv_state *s = state_new(m);
    float *logits = all_logits(c, s, prompt, n, 256, n);
    float *last = logits + (size_t)(n - 1) * 256;
    for (int v = 0; v < 256; v++) EXPECT_NEAR(last[v], json_real_value(json_array_get(want, (size_t)v)), TOLERANCE);
    EXPECT_NEAR(nll(logits, prompt, n, 256), want_nll, 2e-5 * n);
    for (int i = 0; i < more; i++) {
        int best = 0;
        for (int v = 1; v < 256; v++)
            if (last[v] > last[best]) best = v;
        EXPECT_EQ(best, next[i]);
        if (best != next[i] || wkv_eval(c, s, &next[i], 1, last)) break;
    }
    free(logits);
    wkv_state_free(s);
    wkv_context_free(c);
    wkv_model_close(m);
}

static void prompts_in_float64(void)
{
    FILE *f = fopen(SHARED_DIR "/rwkv.cpp/reference-fp64.jsonl", "r");
    if (!f) SKIP("prompts_in_float64: no %s", SHARED_DIR);
    json_t *line;
    int lines = 0;
    while ((line = json_loadf(f, JSON_DISABLE_EOF_CHECK, NULL))) {
        check_prompt(line);
        json_decref(line);
        lines++;
    }
    EXPECT(lines > 20);
    fclose(f);
}

/* ---- devices and instruction sets -------------------------------------------------------------------------------- */

static void reference_device(void)
{
    for (int i = 0; i < GOLDENS; i++) {
        known k;
        if (golden_open(&k, goldens[i].name)) {
            size_t floats = (size_t)k.n * (size_t)k.vocab;
            wkv_context *plain = context_new(k.m, 1, "reference");
            float *want = from_start(&k, plain, k.n), *got = from_start(&k, k.c, k.n);
            NEAR_ALL(goldens[i].name, want, k.logits, floats, TOLERANCE);
            NEAR_ALL(goldens[i].name, got, want, floats, TOLERANCE);
            free(want);
            free(got);
            wkv_context_free(plain);
        }
        known_close(&k);
    }
}

static void instruction_sets(void)
{
    static const char *const isas[] = {"portable", "avx2", "avx512", "neon", "rvv"};
    const char *before = getenv("WKV_ISA");
    char saved[64] = "";
    if (before) snprintf(saved, sizeof saved, "%s", before);
    int ran = 0;
    for (int i = 0; i < GOLDENS; i++) {
        known k;
        int open = golden_open(&k, goldens[i].name);
        for (size_t a = 0; open && a < sizeof isas / sizeof *isas; a++) {
            wkv_context *c;
            setenv("WKV_ISA", isas[a], 1);
            if (wkv_context_new(&c, k.m, NULL)) {
                EXPECT_HAS(wkv_error(), isas[a]); /* not this processor's */
                continue;
            }
            EXPECT_STR(wkv_context_isa(c), isas[a]);
            float *got = from_start(&k, c, 1), *whole = from_start(&k, c, k.n);
            size_t floats = (size_t)k.n * (size_t)k.vocab;
            NEAR_ALL(goldens[i].name, got, k.logits, floats, TOLERANCE);
            EXPECT(same_bits(got, whole, floats));
            free(got);
            free(whole);
            wkv_context_free(c);
            ran++;
        }
        if (*saved)
            setenv("WKV_ISA", saved, 1);
        else
            unsetenv("WKV_ISA");
        known_close(&k);
    }
    if (!ran) FAILED("no instruction set ran");
}

/* ---- states and refusals ----------------------------------------------------------------------------------------- */

static void copying_a_state_forks_the_text(void)
{
    for (int i = 0; i < GOLDENS; i++) {
        known k;
        if (golden_open(&k, goldens[i].name)) {
            int half = k.n / 2;
            float *a = calloc((size_t)k.vocab, sizeof *a), *b = calloc((size_t)k.vocab, sizeof *b);
            wkv_state *trunk = state_new(k.m), *fork = state_new(k.m), *fresh = state_new(k.m);
            EXPECT_EQ(wkv_eval(k.c, trunk, k.tokens, half, NULL), 0);
            EXPECT_EQ(wkv_state_copy(fork, trunk), 0);
            EXPECT_EQ(wkv_eval(k.c, fork, k.tokens, half, b), 0); /* another continuation, first */
            EXPECT_EQ(wkv_eval(k.c, trunk, k.tokens + half, k.n - half, a), 0);
            NEAR_ALL(goldens[i].name, a, k.logits + (size_t)(k.n - 1) * (size_t)k.vocab, (size_t)k.vocab, TOLERANCE);
            EXPECT_EQ(wkv_eval(k.c, fresh, k.tokens, half, NULL), 0);
            EXPECT_EQ(wkv_eval(k.c, fresh, k.tokens, half, a), 0);
            EXPECT(same_bits(a, b, (size_t)k.vocab));
            EXPECT(same_state(k.m, fresh, fork));
            wkv_state_reset(fork);
            wkv_state_free(fresh);
            fresh = state_new(k.m);
            EXPECT(same_state(k.m, fresh, fork));
            wkv_state_free(trunk);
            wkv_state_free(fork);
            wkv_state_free(fresh);
            free(a);
            free(b);
        }
        known_close(&k);
    }
}

static void refuses_and_leaves_the_state_alone(void)
{
    known k, other;
    if (golden_open(&k, "v7-n16-bf16") & golden_open(&other, "v7-n32-f32")) {
        float *logits = calloc((size_t)k.vocab, sizeof *logits);
        wkv_state *s = state_new(k.m), *foreign = state_new(other.m), *before = state_new(k.m);
        EXPECT_EQ(wkv_eval(k.c, s, k.tokens, 4, NULL), 0);
        EXPECT_EQ(wkv_state_copy(before, s), 0);

        EXPECT_EQ(wkv_eval(k.c, s, k.tokens, 0, logits), WKV_EARG);
        EXPECT(wkv_error()[0]);
        EXPECT_EQ(wkv_eval(k.c, s, k.tokens, -1, logits), WKV_EARG);
        EXPECT_EQ(wkv_eval(k.c, s, (int32_t[]){1, 2, k.vocab}, 3, logits), WKV_EARG);
        EXPECT_HAS(wkv_error(), "51");
        EXPECT_EQ(wkv_eval(k.c, s, (int32_t[]){1, -1, 2}, 3, logits), WKV_EARG);
        EXPECT_HAS(wkv_error(), "-1");
        EXPECT_EQ(wkv_eval(k.c, foreign, k.tokens, 1, logits), WKV_EARG);
        EXPECT_EQ(wkv_state_copy(s, foreign), WKV_EARG);
        EXPECT_EQ(wkv_state_copy(foreign, s), WKV_EARG);
        wkv_sequence q[2] = {{.state = s, .tokens = k.tokens, .n = 2}, {.state = foreign, .tokens = k.tokens, .n = 2}};
        EXPECT_EQ(wkv_eval_batch(k.c, q, 2), WKV_EARG);
        q[1].state = before;
        q[1].n = 0;
        EXPECT_EQ(wkv_eval_batch(k.c, q, 2), WKV_EARG);
        EXPECT(same_state(k.m, s, before));

        wkv_state_free(s);
        wkv_state_free(foreign);
        wkv_state_free(before);
        free(logits);
    }
    known_close(&k);
    known_close(&other);
}

static void refuses_what_is_not_a_model(void)
{
    wkv_model *m;
    EXPECT_EQ(wkv_model_open(&m, TEST_DIR "/golden/models/none.pth", NULL), WKV_EIO);
    EXPECT(m == NULL);
    EXPECT_HAS(wkv_error(), "none.pth");
    EXPECT_EQ(wkv_model_open(&m, TEST_DIR "/golden/models/v7-n32-f32.logits.f32", NULL), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "v7-n32-f32.logits.f32");
    if (!shared()) return;
    EXPECT_EQ(wkv_model_open(&m, SHARED_DIR "/pth-samples/251016_rosa_1bit_run.pth", NULL), WKV_EUNSUPPORTED);
    EXPECT_HAS(wkv_error(), "251016_rosa_1bit_run.pth");
}

int main(void)
{
    RUN(detects_versions_and_sizes);
    RUN(golden_logits);
    RUN(alive_logits);
    RUN(rwkv_cpp_logits);
    RUN(quantised_logits);
    RUN(prompts_in_float64);
    RUN(reference_device);
    RUN(instruction_sets);
    RUN(copying_a_state_forks_the_text);
    RUN(refuses_and_leaves_the_state_alone);
    RUN(refuses_what_is_not_a_model);
    return DONE();
}
