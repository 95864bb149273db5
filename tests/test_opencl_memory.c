/* test_opencl_memory.c - memory, memory traffic and limits of the OpenCL device: bytes allocated by its own count, and
 * bytes that launches read and write, beside those calculated from the sizes of a model. Launches are left out
 * (launches.h), so that sizes up to 7.2B are measured, after a run that has both. On $WKV_OPENCL (0: the first OpenCL
 * device). */
#include "bench/synthetic.h"
#include "launches.h"
#include "models.h"
#include "on_opencl.h"
#include "rwkv/api.h"
#include "rwkv/export.h"
#include "train/trainer.h"
#include "wkv_bench.h"
#include "wkv_train.h"

#include "folder.h" /* after models.h, whose functions have parameters of that name */

typedef struct {
    double now, most; /* allocated                    */
    double token;     /* traffic of the decoded token */
} used;

/* A prompt of 64 tokens, then a token. */
static used used_by(const wkv_model *m)
{
    enum { PROMPT = 64 };
    static const int32_t prompt[PROMPT];
    used u = {0};
    size_t most;
    wkv_context *c = context_new(m, 0, opencl);
    wkv_state *s = state_new(m);
    float *logits = calloc((size_t)wkv_model_about(m)->vocab, sizeof *logits);
    if (c && s && logits) {
        EXPECT_EQ(wkv_eval(c, s, prompt, PROMPT, logits), 0);
        const double before = wkv_context_traffic(c);
        EXPECT_EQ(wkv_eval(c, s, prompt, 1, logits), 0);
        u.token = wkv_context_traffic(c) - before;
        u.now = (double)wkv_context_device_bytes(c, &most);
        u.most = (double)most;
    }
    free(logits);
    wkv_state_free(s);
    wkv_context_free(c);
    return u;
}

static void left_out_launches_change_no_count(void)
{
    wkv_model *m;
    used u[2];
    if (!opens(&m, NULL)) return;
    for (int i = 0; i < 2; i++) {
        launches_skipped = i;
        u[i] = used_by(m);
    }
    launches_skipped = 1;
    EXPECT(u[0].now > 0 && u[0].token > 0);
    EXPECT_EQ(u[1].now, u[0].now);
    EXPECT_EQ(u[1].most, u[0].most);
    EXPECT_EQ(u[1].token, u[0].token);
    wkv_model_close(m);
}

/* The bytes of one token: weights without the embedding, in their type, and the state twice; in a model of `width`
 * channels, activations are a few per cent. */
static double needed(const wkv_model *m)
{
    const wkv_model_info *about = wkv_model_about(m);
    const rwkv *r = &m->rwkv;
    return (double)wkv_model_bytes(m, NULL) + 2.0 * (double)about->state_bytes -
           (double)dtype_bytes((dtype)r->emb.type, (int64_t)about->vocab * about->width);
}

static void traffic_is_what_a_token_needs(void)
{
    static const char *const versions[] = {"4", "5.2", "6", "7"}, *const types[] = {"f16", "q8"};
    const char *path = in_folder("model.safetensors");
    for (int v = 0; v < 4; v++) {
        wkv_trainer *t;
        const wkv_train_options o = {.version = versions[v],
                                     .layers = 2,
                                     .width = 512,
                                     .head_size = 64,
                                     .vocab_size = 320,
                                     .threads = 1,
                                     .seed = 1,
                                     .device = "cpu"};
        if (wkv_trainer_new(&t, &o) || wkv_trainer_save(t, path, "bf16")) FAILED("%s", wkv_error());
        wkv_trainer_free(t);
        for (int k = 0; k < 2; k++) {
            wkv_model *m;
            if (wkv_model_open(&m, path, &(wkv_model_options){.type = types[k]})) {
                FAILED("%s", wkv_error());
                continue;
            }
            const double found = used_by(m).token, expected = needed(m);
            printf("     version %-3s %-3s: a token reads and writes %.0f bytes, and needs %.0f (%+.1f %%)\n",
                   versions[v], types[k], found, expected, 100 * (found / expected - 1));
            EXPECT_NEAR(found, expected, 0.05 * expected);
            wkv_model_close(m);
        }
    }
}

/* Published sizes: the bytes allocated, and those printed before. */
static void published_sizes(void)
{
    static const struct {
        const char *size, *type;
        double most; /* allocated, 0: as calculated */
    } rows[] = {{"7:0.1B", "q8", 0}, {"7:0.4B", "q8", 0},       {"7:1.5B", "f16", 0},
                {"7:2.9B", "q8", 0}, {"7:7.2B", "f16", 14.6e9}, {"7:7.2B", "q8", 7.75e9},
                {"7:7.2B", "q4", 0}, {"4:169M", "f16", 0},      {"4:169M", "q8", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wkv_model *m;
        wkv_sizes s;
        EXPECT_EQ(wkv_synthetic_sizes(&s, rows[i].size, rows[i].type), 0);
        if (1.03 * s.weights + s.state + 80e6 > (double)opencl_memory) {
            printf("skip %s %s: more than the %.1f GB of the device\n", rows[i].size, rows[i].type,
                   (double)opencl_memory / 1e9);
            continue;
        }
        if (synthetic_empty(&m, rows[i].size, rows[i].type)) {
            FAILED("%s", wkv_error());
            continue;
        }
        const used u = used_by(m);
        printf("     %s %-3s: %.3f GB allocated, at most %.3f, %.3f calculated; %.3f GB a token, %.3f calculated\n",
               rows[i].size, rows[i].type, u.now / 1e9, u.most / 1e9, (s.weights + s.state) / 1e9, u.token / 1e9,
               s.token / 1e9);
        EXPECT_NEAR(u.token, s.token, 0.05 * s.token);
        EXPECT(u.now >= s.weights + s.state);
        EXPECT_NEAR(u.most, s.weights + s.state, 0.03 * s.weights + 80e6);
        if (rows[i].most > 0 && u.most > rows[i].most)
            FAILED("%s %s: %.3f GB, expected at most %.3f", rows[i].size, rows[i].type, u.most / 1e9,
                   rows[i].most / 1e9);
        wkv_model_close(m);
    }
}

/* A step of LoRA of rank 32 on a text of 1,024 tokens with activation recomputation, beside the program's estimate,
 * which is of the host: it has the embedding, which the device lacks. */
static void tuning(const char *size, const char *type, int k)
{
    enum { TOKENS = 1024 };
    static const int32_t text[TOKENS + 1];
    const char *path = in_folder("base.gguf");
    const sample s = {.ids = text, .n = TOKENS + 1};
    const wkv_train_options o = {.init = path,
                                 .method = "lora",
                                 .rank = 32,
                                 .samples = 1,
                                 .context = TOKENS,
                                 .micro_batch = 1,
                                 .checkpointing = 1,
                                 .threads = 1,
                                 .device = opencl};
    wkv_train_memory said[WKV_TRAIN_METHODS];
    wkv_model *m;
    wkv_trainer *t;
    double loss;
    size_t most;
    if (synthetic_empty(&m, size, type)) {
        FAILED("%s", wkv_error());
        return;
    }
    const double table = (double)dtype_bytes((dtype)m->rwkv.emb.type, (int64_t)m->rwkv.V * m->rwkv.C);
    if (wkv_convert(m, path, NULL)) FAILED("%s", wkv_error());
    wkv_model_close(m);
    EXPECT_EQ(wkv_train_memory_needed(said, NULL, &o), 0);
    if (wkv_trainer_new(&t, &o)) {
        FAILED("%s", wkv_error());
        return;
    }
    if (trainer_step(t, &s, 1, &loss)) FAILED("%s", wkv_error());
    const size_t now = t->device->bytes(t->device, &most);
    const double estimate = (double)said[1].bytes[k] - table;
    printf("     %s %-4s: LoRA allocates %.3f GB, at most %.3f; %.3f estimated\n", size, type, (double)now / 1e9,
           (double)most / 1e9, estimate / 1e9);
    EXPECT_NEAR((double)now, estimate, 0.1 * estimate + 64e6);
    wkv_trainer_free(t);
}

static void tuning_memory(void)
{
    static const char *const types[] = {"bf16", "q8", "q4"}, *const sizes[] = {"7:0.1B", "7:0.4B", "7:1.5B"};
    for (int i = 0; i < (getenv("WKV_LONG") ? 3 : 1); i++)
        for (int k = 0; k < 3; k++) tuning(sizes[i], types[k], k);
}

/* The device's own limits, for wkv bench; the buffer for them is not the model's. */
static void limits_are_measured(void)
{
    wkv_model *m;
    wkv_meter *meter;
    wkv_roof now, best;
    if (!opens(&m, NULL)) return;
    launches_skipped = 0;
    wkv_context *c = context_new(m, 0, opencl);
    const size_t before = wkv_context_device_bytes(c, NULL);
    EXPECT_EQ(wkv_meter_new(&meter, 1), 0);
    EXPECT_EQ(wkv_meter_use(meter, c), 0);
    wkv_meter_now(meter, &now);
    EXPECT(now.read > 0 && now.fma > 0 && now.int8 == now.fma && !now.streams);
    EXPECT_STR(now.fma_how, wkv_context_isa(c));
    wkv_meter_search(meter, 0, &best);
    EXPECT(best.read >= now.read && best.fma >= now.fma);
    EXPECT_EQ(wkv_context_device_bytes(c, NULL), before);
    wkv_meter_free(meter);
    wkv_context_free(c);
    wkv_model_close(m);
}

int main(void)
{
    if (!opencl_is_here()) return DONE();
    folder_begin("opencl-memory");
    RUN(left_out_launches_change_no_count);
    RUN(traffic_is_what_a_token_needs);
    RUN(published_sizes);
    RUN(tuning_memory);
    RUN(limits_are_measured);
    folder_end();
    return DONE();
}
