/* test_train_memory.c - the predicted memory of a method, compared with that of a step. */
#include <string.h>
#include "train/adapt.h"
#include "folder.h"
#include "process.h"
#include "test.h"

enum { ROWS = 512 };

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif
static int32_t ids[ROWS + 1];

static wkv_train_options options(const char *path, const char *method)
{
    return (wkv_train_options){.init = path, .method = method, .samples = 1, .threads = 1, .checkpointing = 1};
}

/* A model with initial values, in bf16. */
static void make_model(const char *path, const char *version, int width, int vocab)
{
    wkv_train_options o = {
        .version = version, .layers = 3, .width = width, .head_size = 32, .vocab_size = vocab, .threads = 1, .seed = 1};
    wkv_trainer *t;
    if (wkv_trainer_new(&t, &o) || wkv_trainer_save(t, path, "bf16")) FAILED("%s", wkv_error());
    wkv_trainer_free(t);
}

/* The predicted activations of a step are those of a computed one. */
static void activations_are_those_of_a_step(void)
{
    static const char *const found[] = {"4", "5.2", "6", "7"};
    for (int v = 0; v < 4; v++) {
        const char *path = in_folder("small.safetensors");
        make_model(path, found[v], 32, 200);
        for (int kept = -1; kept < 2; kept += 2) {
            wkv_train_memory m[WKV_TRAIN_METHODS];
            wkv_train_options o = options(path, "lora");
            o.checkpointing = kept;
            o.context = ROWS;
            EXPECT_EQ(wkv_train_memory_needed(m, NULL, &o), 0);
            for (int i = 0; i < WKV_TRAIN_METHODS; i++) {
                const sample s = {.ids = ids, .n = 257};
                wkv_trainer *t;
                row_cost cost;
                o.method = m[i].method;
                if (!m[i].trained) continue; /* version 4 has no such state */
                EXPECT_EQ(wkv_trainer_new(&t, &o), 0);
                EXPECT_EQ(trainer_cost(t, &s, 1, kept < 0, &cost), 0);
                double work = (double)trainer_work_bytes(t, &cost, ROWS);
                EXPECT_NEAR((double)m[i].work_bytes, work, 1e-3 * work);
                wkv_trainer_free(t);
            }
        }
    }
}

/* Bytes that a step takes. The test is another process for it. */
static int print_taken(const char *path, const char *method)
{
    wkv_train_options o = options(path, method);
    wkv_trainer *t;
    double before = (double)wkv_memory_resident(), loss;
    sample s = {.ids = ids, .n = ROWS + 1};
    if (wkv_trainer_new(&t, &o) || trainer_step(t, &s, 1, &loss)) return 1;
    printf("%.0f\n", (double)wkv_memory_peak() - before);
    wkv_trainer_free(t);
    return 0;
}

static double measured(const char *path, const char *method)
{
    child c;
    double taken = 0;
    if (process_again(&c, (const char *const[]){path, method, NULL}) || fscanf(c.output, "%lf ", &taken) != 1)
        FAILED("a step of %s failed", path);
    process_wait(&c);
    return taken;
}

/* The model again, of smaller numbers. */
static void quantise(const char *path, const char *to, const char *type)
{
    wkv_model *m;
    EXPECT_EQ(wkv_model_open(&m, path, &(wkv_model_options){.as_stored = 1}), 0);
    EXPECT_EQ(wkv_convert(m, to, &(wkv_convert_options){.type = type}), 0);
    wkv_model_close(m);
}

/* Within a tenth and 8 MB, for buffers of the program. */
static void figures_are_what_is_taken(void)
{
    const char *paths[] = {in_folder("model.safetensors"), in_folder("q8.gguf"), in_folder("q4.gguf")},
               *path = paths[0];
    make_model(path, "7", 256, 3000);
    quantise(path, paths[1], "q8_0");
    quantise(path, paths[2], "q4_0");
    wkv_train_memory m[WKV_TRAIN_METHODS];
    wkv_train_options o = options(path, "lora");
    const int others = SANITIZED || getenv("WKV_EMULATOR"); /* a sanitizer or emulator has memory of its own */
    int64_t rows;
    o.context = ROWS;
    EXPECT_EQ(wkv_train_memory_needed(m, &rows, &o), 0);
    EXPECT_EQ(rows, ROWS);
    for (int i = 0; i < WKV_TRAIN_METHODS; i++)
        for (int k = 0; k < 3 && !others; k++) {
            if (!m[i].bytes[k]) continue;
            double said = (double)m[i].bytes[k], took = measured(paths[k], m[i].method);
            printf("     %-5s %-4s said %.1f MB, taken %.1f MB\n", m[i].method, k ? k == 1 ? "q8_0" : "q4_0" : "bf16",
                   said / 1e6, took / 1e6);
            EXPECT_NEAR(took, said, 0.1 * said + 8e6);
        }
    EXPECT_EQ(m[2].bytes[1], 0); /* all weights are trained in f32 only */
    if (others) SKIP("the bytes taken: a sanitizer or emulator has memory of its own");
}

static void rows_follow_from_the_options(void)
{
    wkv_train_memory m[WKV_TRAIN_METHODS];
    wkv_train_options o = options(in_folder("small.safetensors"), "lora");
    int64_t rows;
    o.infctx = 256;
    EXPECT_EQ(wkv_train_memory_needed(m, &rows, &o), 0);
    EXPECT_EQ(rows, 512); /* a group */
    o.infctx = 0, o.context = 2000, o.micro_batch = 2;
    EXPECT_EQ(wkv_train_memory_needed(m, &rows, &o), 0);
    EXPECT_EQ(rows, 4000);
    o.init = in_folder("nowhere.safetensors");
    EXPECT_EQ(wkv_train_memory_needed(m, &rows, &o), WKV_EIO);
}

int main(int n, char **words)
{
    for (int i = 0; i <= ROWS; i++) ids[i] = (i * 7 + i / 11) % 200;
    if (n > 2) return print_taken(words[1], words[2]);
    folder_begin("train-memory");
    RUN(activations_are_those_of_a_step);
    RUN(figures_are_what_is_taken);
    RUN(rows_follow_from_the_options);
    folder_end();
    return DONE();
}
