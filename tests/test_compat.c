/* test_compat.c - rwkv.cpp's interface (compat/rwkv.h): logits and states beside those of wkv.h, sequences, clones,
 * quantized files, errors. */
#include "models.h"
#include "rwkv.h"

static const char *const models[] = {"v4-c40-f16", "v5.2-n32-bf16", "v6-n16-bf16", "v7-n16-bf16"};
enum { MODELS = sizeof models / sizeof *models, MOST = 1 << 16 };

static const uint32_t text[] = {1, 7, 3, 20, 11, 2, 38, 5, 6, 12, 30};
enum { TEXT = sizeof text / sizeof *text };

static const char *golden_path(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, TEST_DIR "/golden/models/%s.pth", name);
    return path;
}

/* A text token by token gives the logits and the state of wkv_eval; the state has rwkv.cpp's order. */
static void same_as_wkv(void)
{
    static float state[MOST], logits[MOST], expected[MOST];
    for (int i = 0; i < MODELS; i++) {
        struct rwkv_context *r = rwkv_init_from_file(golden_path(models[i]), 2, 0);
        wkv_model *m;
        wkv_context *c;
        wkv_state *s;
        if (!r || wkv_model_open(&m, golden_path(models[i]), NULL) || wkv_context_new(&c, m, NULL) ||
            wkv_state_new(&s, m)) {
            FAILED("%s cannot be opened: %s", models[i], wkv_error());
            return;
        }
        const wkv_model_info *about = wkv_model_about(m);
        const size_t C = rwkv_get_n_embed(r), length = rwkv_get_state_len(r), layer = length / rwkv_get_n_layer(r);
        EXPECT_EQ(length, about->state_bytes / sizeof(float));
        EXPECT_EQ(rwkv_get_state_buffer_element_count(r), length);
        EXPECT_EQ(rwkv_get_n_vocab(r), about->vocab);
        EXPECT_EQ(rwkv_get_logits_len(r), about->vocab);
        for (int t = 0; t < TEXT; t++) EXPECT(rwkv_eval(r, text[t], t ? state : NULL, state, logits));
        EXPECT_EQ(wkv_eval(c, s, (const int32_t *)text, TEXT, expected), 0);
        EXPECT(!memcmp(logits, expected, sizeof *logits * rwkv_get_n_vocab(r)));
        const float *ours = wkv_state_data(s), *theirs = state;
        for (size_t l = 0; l < rwkv_get_n_layer(r); l++, ours += layer, theirs += layer) {
            EXPECT(!memcmp(theirs, ours + layer - C, sizeof *ours * C)); /* ffn_x */
            EXPECT(!memcmp(theirs + C, ours, sizeof *ours * C));         /* att_x */
            const int N = about->head_size, is7 = about->version[0] == '7';
            for (size_t j = 0; j < layer - 2 * C; j++) { /* in version 7 S[H][N value][N key] */
                const size_t cell = N ? j % (size_t)(N * N) : 0;
                const size_t from = is7 ? j - cell + cell % (size_t)N * (size_t)N + cell / (size_t)N : j;
                if (theirs[2 * C + j] != ours[C + from]) FAILED("%s: the state differs at %zu", models[i], j);
            }
        }
        wkv_state_free(s);
        wkv_context_free(c);
        wkv_model_close(m);
        rwkv_free(r);
    }
}

/* Sequences, chunks of any size, a clone that outlives its original, no logits: the same states. */
static void sequences_and_clones(void)
{
    static float one[MOST], other[MOST], logits[MOST];
    for (int i = 0; i < MODELS; i++) {
        struct rwkv_context *r = rwkv_init_from_file(golden_path(models[i]), 1, 0);
        if (!r) {
            FAILED("%s cannot be opened", models[i]);
            return;
        }
        const size_t bytes = sizeof *one * rwkv_get_state_len(r);
        rwkv_init_state(r, one);
        for (int t = 0; t < TEXT; t++) EXPECT(rwkv_eval(r, text[t], one, one, NULL));
        EXPECT(rwkv_eval_sequence(r, text, TEXT, NULL, other, logits));
        EXPECT(!memcmp(one, other, bytes));
        for (size_t chunk = 1; chunk < 14; chunk += 3) {
            EXPECT(rwkv_eval_sequence_in_chunks(r, text, TEXT, chunk, NULL, other, logits));
            EXPECT(!memcmp(one, other, bytes));
        }
        struct rwkv_context *clone = rwkv_clone_context(r, 2);
        EXPECT(clone && clone != r);
        rwkv_free(r);
        memset(other, 0, bytes);
        EXPECT(rwkv_eval_sequence(clone, text, 5, NULL, other, NULL));
        EXPECT(rwkv_eval_sequence(clone, text + 5, TEXT - 5, other, other, NULL));
        EXPECT(!memcmp(one, other, bytes));
        EXPECT(rwkv_eval_sequence(clone, NULL, TEXT, NULL, NULL, NULL));
        rwkv_free(clone);
    }
}

/* A quantized file opens under the name that it was given, and its logits stay near. */
static void quantizing(void)
{
    static float exact[MOST], logits[MOST];
    const char *source = golden_path("v7-n32-f32");
    struct rwkv_context *r = rwkv_init_from_file(source, 1, 0);
    EXPECT(r && rwkv_eval_sequence(r, text, TEXT, NULL, NULL, exact));
    const size_t n = rwkv_get_n_vocab(r);
    rwkv_free(r);
    EXPECT(rwkv_quantize_model_file(source, "test_compat.bin", "Q8_0"));
    r = rwkv_init_from_file("test_compat.bin", 1, 0);
    EXPECT(r && rwkv_eval_sequence(r, text, TEXT, NULL, NULL, logits));
    rwkv_free(r);
    double worst = 0;
    for (size_t i = 0; i < n; i++) worst = fmax(worst, fabs((double)logits[i] - (double)exact[i]));
    EXPECT(worst > 0);
    EXPECT(worst < 0.1);

    rwkv_set_print_errors(NULL, false);
    EXPECT(!rwkv_quantize_model_file("test_compat.bin", "test_compat.bin", "Q8_0")); /* onto its source */
    EXPECT_EQ(rwkv_get_last_error(NULL), RWKV_ERROR_ARGS);
    EXPECT(!rwkv_quantize_model_file(source, "test_compat.bin", "Q9_0"));
    EXPECT_EQ(rwkv_get_last_error(NULL), RWKV_ERROR_ARGS);
    EXPECT(!rwkv_quantize_model_file("no such file", "test_compat.bin", "Q8_0"));
    EXPECT_EQ(rwkv_get_last_error(NULL), RWKV_ERROR_FILE | RWKV_ERROR_FILE_OPEN);
    EXPECT(!rwkv_quantize_model_file(source, "no such folder/x.bin", "Q8_0"));
    EXPECT_EQ(rwkv_get_last_error(NULL), RWKV_ERROR_FILE | RWKV_ERROR_FILE_OPEN);
    remove("test_compat.bin");
}

/* The files that rwkv.cpp publishes, byte for byte. */
static void quantizing_as_published(void)
{
    static const char *const names[][2] = {{"4v0-660K", "Q5_1"}, {"5v1-730K", "Q5_0"}, {"7v0-834K", "Q5_0"}};
    rwkv_set_print_errors(NULL, false);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char from[512], path[512];
        size_t bytes = 0, expected = 0;
        snprintf(from, sizeof from, SHARED_DIR "/rwkv.cpp/tiny-rwkv-%s-FP32.bin", names[i][0]);
        snprintf(path, sizeof path, SHARED_DIR "/rwkv.cpp/tiny-rwkv-%s-%s.bin", names[i][0], names[i][1]);
        if (access(from, R_OK)) SKIP("%s is not there", from);
        EXPECT(rwkv_quantize_model_file(from, "test_compat.bin", names[i][1]));
        char *ours = read_file("test_compat.bin", &bytes), *theirs = read_file(path, &expected);
        EXPECT_EQ(bytes, expected);
        EXPECT(ours && theirs && bytes == expected && !memcmp(ours, theirs, bytes));
        free(ours);
        free(theirs);
        EXPECT(!rwkv_quantize_model_file("test_compat.bin", "again.bin", "Q4_0")); /* quantized already */
        EXPECT_EQ(rwkv_get_last_error(NULL), RWKV_ERROR_MODEL | RWKV_ERROR_UNSUPPORTED);
        EXPECT(access("again.bin", F_OK));
    }
    remove("test_compat.bin");
}

static void errors(void)
{
    rwkv_set_print_errors(NULL, false);
    EXPECT(!rwkv_init_from_file("no such file", 1, 0));
    EXPECT_EQ(rwkv_get_last_error(NULL), RWKV_ERROR_FILE | RWKV_ERROR_FILE_OPEN);
    EXPECT_EQ(rwkv_get_last_error(NULL), RWKV_ERROR_NONE);
    EXPECT(!rwkv_init_from_file(NULL, 1, 0));
    EXPECT(!rwkv_init_from_file(golden_path(models[0]), 0, 0));
    EXPECT_EQ(rwkv_get_last_error(NULL), RWKV_ERROR_ARGS);
    struct rwkv_context *r = rwkv_init_from_file(golden_path(models[0]), 1, 0);
    EXPECT(r && !rwkv_get_print_errors(r));
    static float state[MOST], kept[MOST];
    rwkv_init_state(r, state);
    memcpy(kept, state, sizeof state);
    EXPECT(!rwkv_eval(r, (uint32_t)rwkv_get_n_vocab(r), state, state, NULL));
    EXPECT_EQ(rwkv_get_last_error(r), RWKV_ERROR_ARGS);
    EXPECT(!rwkv_eval(r, UINT32_MAX, state, state, NULL));
    EXPECT(!rwkv_eval_sequence(r, text, 0, state, state, NULL));
    EXPECT(!rwkv_eval_sequence_in_chunks(r, text, TEXT, 0, state, state, NULL));
    EXPECT(!memcmp(kept, state, sizeof state)); /* unchanged by all of them */
    EXPECT(!rwkv_clone_context(r, 0));
    EXPECT_EQ(rwkv_get_last_error(r), RWKV_ERROR_ARGS);
    rwkv_free(r);
    EXPECT(!rwkv_eval(NULL, 0, NULL, NULL, NULL));
    EXPECT(!rwkv_clone_context(NULL, 1));
    EXPECT_EQ(rwkv_get_state_len(NULL), 0);
    rwkv_free(NULL);
}

int main(void)
{
    RUN(same_as_wkv);
    RUN(sequences_and_clones);
    RUN(quantizing);
    RUN(quantizing_as_published);
    RUN(errors);
    return DONE();
}
