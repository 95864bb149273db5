/* test_convert.c - conversions preserve names, shapes and values of official files, and the logits of
 * models. tools/check-convert.py opens these files with other programs. */
#include "format/write.h"
#include "models.h"
#include "base/platform/entry.h"
#include "folder.h"
#include <sys/stat.h>

#define MODELS TEST_DIR "/golden/models"
#define SAMPLES TEST_DIR "/golden/formats/"

/* Write the model at `from` to `to`. */
static int converted(const char *from, const char *to, const char *type)
{
    wkv_model *m;
    if (!opens(&m, from)) return 0;
    int e = wkv_convert(m, to, &(wkv_convert_options){.type = type});
    if (e) FAILED("%s to %s: %s", from, to, wkv_error());
    wkv_model_close(m);
    return !e;
}

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

static float *read_all(const file_tensor *f)
{
    float *x = malloc(sizeof *x * (size_t)(tensor_values(f) + 1));
    tensor_read(f, x, tensor_values(f));
    return x;
}

static int same_shape(const file_tensor *a, const file_tensor *b)
{
    int same = a->dims == b->dims;
    for (int i = 0; same && i < a->dims; i++) same = tensor_axis(a, i) == tensor_axis(b, i);
    return same;
}

/* The file at `path` has the tensors of the one at `official`, of the same values, and of the same shapes where shapes;
 * except those of v7's first layer that no program uses. */
static void expect_tensors(const char *path, const char *official, int shapes, double tolerance)
{
    tensors *t, *want;
    int unused = 0;
    if (tensors_open(&t, path) || tensors_open(&want, official)) {
        FAILED("%s", wkv_error());
        return;
    }
    for (int i = 0; i < tensors_count(want); i++) {
        const file_tensor *a = tensors_at(want, i), *b = tensors_find(t, a->name);
        if (!strncmp(a->name, "blocks.0.att.v", 14) && strlen(a->name) == 15) {
            unused++;
            continue;
        }
        if (!b || tensor_values(a) != tensor_values(b) || (shapes && !same_shape(a, b))) {
            FAILED("%s: %s is not there or has another shape", path, a->name);
            continue;
        }
        float *x = read_all(a), *y = read_all(b);
        double d = apart(y, x, (size_t)tensor_values(a));
        if (!(d <= tolerance)) FAILED("%s: %s is %g away", path, a->name, d);
        free(x);
        free(y);
    }
    EXPECT_EQ(tensors_count(t), tensors_count(want) - unused);
    tensors_close(t);
    tensors_close(want);
}

/* Official files, unchanged; a GGUF has other shapes, and the exponential of 5.0's bonus. */
static void official(void)
{
    static const char *const ends[] = {"pth", "safetensors", "gguf"};
    for (int i = 0; i < GOLDENS; i++)
        for (int j = 0; j < (i < GGUF_GOLDENS ? 3 : 2); j++) {
            const char *from = path_of(MODELS, goldens[i].name, ".pth"), *to = path_of(".", "convert.", ends[j]);
            if (converted(from, to, NULL))
                expect_tensors(to, from, j < 2, j < 2 || strcmp(goldens[i].version, "5.0") ? 0 : 1e-6);
            remove(to);
        }
}

/* Every naming and container becomes the official file again. */
static void from_others(void)
{
    static const struct {
        const char *version, *file;
        double tolerance; /* where the file holds functions of the official values */
    } others[] = {
        {"4", "hf.safetensors", 0},
        {"4", "legacy.pth", 0},
        {"4", "llamacpp.gguf", 0},
        {"4", "rwkvcpp.bin", 1e-5},
        {"4", "web.st", 0},
        {"52", "hf.safetensors", 0},
        {"52", "llamacpp.gguf", 0},
        {"52", "rwkvcpp.bin", 1e-5},
        {"52", "web.st", 0},
        {"6", "hf.safetensors", 0},
        {"6", "llamacpp.gguf", 0},
        {"6", "rwkvcpp.bin", 0},
        {"6", "web.st", 0},
        {"7", "fla", 0},
        {"7", "fla-fused.safetensors", 0},
        {"7", "lightning.pth", 0},
        {"7", "llamacpp.gguf", 0},
        {"7", "official.safetensors", 0},
        {"7", "rwkvcpp.bin", 0},
        {"7", "rwkv-rs", 0},
        {"7", "transformers", 0},
        {"7", "web.st", 0},
        {"50", "rwkvcpp.bin", 1e-5},
        {"50", "llamacpp.gguf", 1e-5},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char from[512], want[512];
        snprintf(from, sizeof from, SAMPLES "v%s-%s", others[i].version, others[i].file);
        snprintf(want, sizeof want, SAMPLES "v%s-official.pth", others[i].version);
        if (converted(from, "convert.pth", NULL)) expect_tensors("convert.pth", want, 1, others[i].tolerance);
    }
    remove("convert.pth");
}

/* ---- logits ------------------------------------------------------------------------------------------------------ */

static double logits_apart(const known *k, const char *path, const char *device)
{
    known other = {.tokens = k->tokens, .n = k->n, .vocab = k->vocab};
    if (!opens(&other.m, path)) return INFINITY;
    wkv_context *c = context_new(other.m, 2, device);
    float *x = from_start(k, k->c, k->n), *y = from_start(&other, c, k->n);
    double d = apart(x, y, (size_t)k->n * (size_t)k->vocab);
    free(x);
    free(y);
    wkv_context_free(c);
    wkv_model_close(other.m);
    return d;
}

/* Tolerance of the logits: none if the numbers are the same, a sum in another order, or rounding. */
static void logits(void)
{
    static const struct {
        const char *end, *type;
        double lossless, rounded;
    } ways[] = {
        {"pth", NULL, 0, 0},
        {"safetensors", NULL, 0, 0},
        {"pth", "f32", 1e-5, 1e-5},
        {"safetensors", "f16", 0, 2e-2},
        {"safetensors", "bf16", 0, 0.2},
        {"st", NULL, 1e-5, 2e-2},
        {"gguf", NULL, 3e-5, 3e-5},
        {"gguf", "f16", 3e-5, 2e-2},
    };
    double worst[sizeof ways / sizeof *ways] = {0};
    for (int i = 0; i < GOLDENS; i++) {
        known k;
        const golden *g = &goldens[i];
        if (!golden_open(&k, g->name)) continue;
        /* these two store matrices by column, which are summed in another order than rows */
        int by_column = !strcmp(g->name, "v6-n16-bf16") || !strcmp(g->name, "v7-n16-bf16");
        for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
            const char *to = path_of(".", "convert.", ways[w].end), *type = ways[w].type;
            if (i >= GGUF_GOLDENS && (!strcmp(ways[w].end, "st") || !strcmp(ways[w].end, "gguf"))) continue;
            if (!strcmp(ways[w].end, "st")) {
                if (!strcmp(g->version, "5.0")) continue;
                type = "f16";
            }
            if (!converted(wkv_model_about(k.m)->path, to, ways[w].type)) continue;
            double d = logits_apart(&k, to, NULL);
            int same = !type || !strcmp(type, "f32") || !strcmp(type, g->type);
            if (d > worst[w]) worst[w] = d;
            double most = !same ? ways[w].rounded : by_column && !ways[w].lossless ? 1e-5 : ways[w].lossless;
            if (!(d <= most)) FAILED("%s to %s %s: logits are %g away", g->name, ways[w].end, type ? type : "", d);
            remove(to);
        }
        known_close(&k);
    }
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)
        printf("     %s %s: logits at most %.2g away\n", ways[w].end, ways[w].type ? ways[w].type : "kept", worst[w]);
}

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

/* Blocks as the gguf package makes them. */
static void same_blocks(void)
{
    tensors *t;
    if (tensors_open(&t, SAMPLES "quantised.gguf")) {
        FAILED("%s", wkv_error());
        return;
    }
    static const dtype types[] = {Q8_0, Q4_0, Q4_1, Q5_0, Q5_1};
    float *x = read_all(tensors_find(t, "x"));
    int64_t n = tensor_values(tensors_find(t, "x"));
    for (int i = 0; i < 5; i++) {
        const file_tensor *want = tensors_find(t, dtypes[types[i]].name);
        size_t bytes = (size_t)dtype_bytes(types[i], n);
        uint8_t *got = malloc(bytes);
        EXPECT_EQ(dtype_encode(types[i], x, got, n), -1);
        EXPECT_EQ(want->type, types[i]);
        if (memcmp(got, want->data, bytes)) FAILED("%s: other blocks than the gguf package's", dtypes[types[i]].name);
        free(got);
    }
    EXPECT(n > 4096);
    free(x);
    tensors_close(t);
}

/* A value that a block cannot represent is found. */
static void no_blocks(void)
{
    uint8_t to[2 * 64];
    float x[64] = {1, 2, 3};
    EXPECT_EQ(dtype_encode(Q4_0, x, to, 64), -1);
    x[40] = -70000;
    EXPECT_EQ(dtype_encode(Q8_0, x, to, 64), 40);
    EXPECT_EQ(dtype_encode(Q5_1, x, to, 64), 40);
    x[40] = NAN;
    EXPECT_EQ(dtype_encode(Q4_0, x, to, 64), 40);
    x[40] = 70000;
    EXPECT_EQ(dtype_encode(F16, x, to, 41), 40);
    EXPECT_EQ(dtype_encode(BF16, x, to, 34), -1);
}

/* The blocks of f are within `step` of the original values, relative to the largest value of each. */
static void expect_blocks(const file_tensor *f, const file_tensor *was, double step)
{
    float *x = read_all(f), *y = read_all(was);
    for (int64_t b = 0; b < tensor_values(f) && !test_bad; b += 32) {
        double most = 0;
        for (int v = 0; v < 32; v++) most = fmax(most, fabs((double)y[b + v]));
        if (!(apart(x + b, y + b, 32) <= step * most)) FAILED("%s %s", f->name, dtypes[f->type].name);
    }
    free(x);
    free(y);
}

/* The types of blocks of each tensor, and their values. */
static void expect_preset(const char *path, const golden *g, const char *type, double step)
{
    tensors *t, *was;
    if (tensors_open(&t, path) || tensors_open(&was, path_of(MODELS, g->name, ".pth"))) {
        FAILED("%s", wkv_error());
        return;
    }
    for (int i = 0; i < tensors_count(t); i++) {
        const file_tensor *f = tensors_at(t, i);
        if (f->transposed != layout_is_input_major(f->layout))
            continue; /* its blocks are along columns of the official tensor */
        if (dtypes[f->type].values > 1) expect_blocks(f, tensors_find(was, f->name), step);
    }
    EXPECT_STR(dtypes[tensors_find(t, "blocks.0.att.key.weight")->type].name, g->width % 32 ? "f16" : type);
    EXPECT_STR(dtypes[tensors_find(t, "head.weight")->type].name, g->width % 32 ? "f16" : "q8_0");
    EXPECT_STR(dtypes[tensors_find(t, "blocks.0.ln1.weight")->type].name, "f32");
    tensors_close(t);
    tensors_close(was);
}

/* Every value is within the type's step of the original, and the model computes with the values of the file: its logits
 * are those of the same values in f32, on the device that rounds no activations. */
static void quantised(void)
{
    static const struct {
        const char *type;
        double step;
    } types[] = {{"q8_0", 0.0045}, {"q5_1", 0.035}, {"q5_0", 0.065}, {"q4_1", 0.07}, {"q4_0", 0.13}};
    for (int w = 0; w < 5; w++) {
        double worst = 0, far = 0;
        for (int i = 0; i < GGUF_GOLDENS; i++) {
            known k, q;
            if (!golden_open(&k, goldens[i].name)) continue;
            q = k;
            if (converted(wkv_model_about(k.m)->path, "convert.gguf", types[w].type) && opens(&q.m, "convert.gguf")) {
                expect_preset("convert.gguf", &goldens[i], types[w].type, types[w].step);
                q.c = context_new(q.m, 2, "reference");
                far = fmax(far, logits_apart(&k, "convert.gguf", NULL));
                if (converted("convert.gguf", "convert.pth", "f32"))
                    worst = fmax(worst, logits_apart(&q, "convert.pth", "reference"));
                wkv_context_free(q.c);
                wkv_model_close(q.m);
            }
            known_close(&k);
        }
        printf("     %s: logits %.2g from the same values in f32, %.2g from the original\n", types[w].type, worst, far);
        if (!(worst <= 5e-5)) FAILED("%s: logits are %g away", types[w].type, worst);
    }
    remove("convert.gguf");
    remove("convert.pth");
}

/* ---- a GGUF ------------------------------------------------------------------------------------------------------ */

static void number(const tensors *t, const char *key, double want)
{
    double x = tensors_number(t, key, -1);
    if (x != want) FAILED("%s is %g, expected %g", key, x, want);
}

/* The requirements of llama.cpp. */
static void metadata(void)
{
    tensors *t;
    if (!converted(MODELS "/v7-n32-f16.pth", "convert.gguf", NULL) || tensors_open(&t, "convert.gguf")) return;
    EXPECT_STR(tensors_meta(t, "general.architecture"), "rwkv7");
    EXPECT_STR(tensors_meta(t, "general.name"), "v7-n32-f16");
    EXPECT_STR(tensors_meta(t, "tokenizer.ggml.model"), "no_vocab");
    number(t, "general.file_type", 1);
    number(t, "rwkv7.block_count", 2);
    number(t, "rwkv7.embedding_length", 64);
    number(t, "rwkv7.feed_forward_length", 64);
    number(t, "rwkv7.attention.head_count", 0);
    number(t, "rwkv7.attention.layer_norm_epsilon", 1e-5f);
    number(t, "rwkv7.wkv.head_size", 32);
    number(t, "rwkv7.vocab_size", 96);
    number(t, "rwkv7.attention.decay_lora_rank", 11);
    number(t, "rwkv7.attention.iclr_lora_rank", 6);
    number(t, "rwkv7.attention.value_residual_mix_lora_rank", 5);
    number(t, "rwkv7.attention.gate_lora_rank", 13);
    EXPECT_EQ(tensors_find(t, "blocks.1.att.a1")->type, F16);
    EXPECT_EQ(tensors_find(t, "blocks.1.att.w1")->type, F32);
    EXPECT_EQ(tensors_find(t, "blocks.1.att.k_k")->type, F32);
    tensors_close(t);
    if (!converted(MODELS "/v6-n16-bf16.pth", "convert.gguf", NULL) || tensors_open(&t, "convert.gguf")) return;
    number(t, "general.file_type", 32);
    number(t, "rwkv6.rescale_every_n_layers", 0);
    number(t, "rwkv6.time_mix_extra_dim", 5);
    number(t, "rwkv6.time_decay_extra_dim", 7);
    tensors_close(t);
    remove("convert.gguf");
}

/* The words of a vocabulary, of any bytes, are the same when read back. */
static void vocabulary_of(const char *model, const char *vocab)
{
    wkv_model *m;
    wkv_tokenizer *t, *back;
    if (!opens(&m, model)) return;
    if (wkv_tokenizer_open(&t, vocab, NULL)) FAILED("%s", wkv_error());
    int V = wkv_model_about(m)->vocab, e = wkv_convert(m, "convert.gguf", &(wkv_convert_options){.tokenizer = t});
    if (wkv_tokenizer_size(t) > V) {
        EXPECT_EQ(e, WKV_EARG);
        EXPECT_HAS(wkv_error(), "its ids reach");
    } else if (e || wkv_tokenizer_open(&back, "convert.gguf", m))
        FAILED("%s", wkv_error());
    else {
        EXPECT_EQ(wkv_tokenizer_end(back), wkv_tokenizer_end(t));
        for (int i = 0; i < V; i++) {
            size_t n, k;
            const char *a = wkv_token_bytes(t, i, &n), *b = wkv_token_bytes(back, i, &k);
            if (n != k || memcmp(a, b, n)) FAILED("word %d has %zu bytes, expected %zu", i, k, n);
        }
        wkv_tokenizer_close(back);
    }
    wkv_tokenizer_close(t);
    wkv_model_close(m);
    remove("convert.gguf");
}

static void vocabulary(void) { vocabulary_of(MODELS "/v7-n32-f16.pth", TEST_DIR "/cli/small.vocab.txt"); }
static void vocabulary_too_large(void) { vocabulary_of(MODELS "/v7-n32-f16.pth", "bytes"); }
static void vocabulary_bytes(void)
{
    const char *model = SHARED_DIR "/rwkv.cpp/tiny-rwkv-7v0-834K-FP32.bin";
    if (access(model, R_OK)) SKIP("%s is not there", model);
    vocabulary_of(model, "bytes");
}

/* A model of no size but World's vocabulary. */
static void vocabulary_world(void)
{
    static const float zeros[65536 * 2];
    enum { V = 65536, C = 2 };
    const char *const vectors[] = {"ln1.weight",     "ln1.bias",       "ln2.weight",     "ln2.bias",
                                   "att.time_decay", "att.time_first", "att.time_mix_k", "att.time_mix_v",
                                   "att.time_mix_r", "ffn.time_mix_k", "ffn.time_mix_r", "ln0.weight",
                                   "ln0.bias"};
    const char *const matrices[] = {"att.key.weight", "att.value.weight", "att.receptance.weight", "att.output.weight",
                                    "ffn.key.weight", "ffn.value.weight", "ffn.receptance.weight"};
    tensor_out out[32] = {{"emb.weight", F32, 2, {V, C}, .data = zeros},
                          {"head.weight", F32, 2, {V, C}, .data = zeros},
                          {"ln_out.weight", F32, 1, {C}, .data = zeros},
                          {"ln_out.bias", F32, 1, {C}, .data = zeros}};
    char names[20][48];
    int n = 4;
    for (size_t i = 0; i < 13 + 7; i++) {
        snprintf(names[i], sizeof names[i], "blocks.0.%s", i < 13 ? vectors[i] : matrices[i - 13]);
        out[n++] = (tensor_out){names[i], F32, i < 13 ? 1 : 2, {C, C}, .data = zeros};
    }
    if (safetensors_write("convert-world.safetensors", out, n, NULL)) FAILED("%s", wkv_error());
    vocabulary_of("convert-world.safetensors", "world");
    wkv_model *m;
    wkv_tokenizer *t;
    if (opens(&m, "convert-world.safetensors")) { /* a vocabulary of the library needs no file */
        EXPECT_EQ(wkv_tokenizer_open(&t, "world", m), 0);
        EXPECT_EQ(wkv_convert(m, "convert-world.pth", &(wkv_convert_options){.tokenizer = t}), 0);
        EXPECT(access("convert-world.vocab.txt", F_OK) && access("convert-world.vocab.json", F_OK));
        wkv_tokenizer_close(t);
        wkv_model_close(m);
    }
    remove("convert-world.pth");
    remove("convert-world.safetensors");
}

/* ---- a vocabulary beside a written model ------------------------------------------------------------------------- */

static const char *const extensions[] = {"pth", "safetensors", "st", "gguf"};

/* Written as NAME.EXTENSION into convert-beside with this vocabulary, a model gets the same one without an option. */
static void expect_beside(wkv_model *m, const wkv_tokenizer *t, const char *name, const char *extension)
{
    wkv_model *back;
    wkv_tokenizer *own;
    char path[64];
    snprintf(path, sizeof path, "convert-beside/%s.%s", name, extension);
    if (wkv_convert(m, path, &(wkv_convert_options){.tokenizer = t}) || !opens(&back, path)) {
        FAILED("%s: %s", path, wkv_error());
        return;
    }
    if (wkv_tokenizer_open(&own, NULL, back))
        FAILED("%s", wkv_error());
    else {
        EXPECT_EQ(wkv_tokenizer_size(own), wkv_tokenizer_size(t));
        EXPECT_EQ(wkv_tokenizer_end(own), wkv_tokenizer_end(t));
        for (int i = 0; i < wkv_tokenizer_size(t); i++) {
            size_t n, k;
            const char *a = wkv_token_bytes(t, i, &n), *b = wkv_token_bytes(own, i, &k);
            if (n != k || memcmp(a, b, n)) FAILED("%s: word %d has %zu bytes, expected %zu", path, i, k, n);
        }
        if (strcmp(extension, "gguf")) EXPECT_STR(wkv_tokenizer_name(own), wkv_tokenizer_name(t));
        wkv_tokenizer_close(own);
    }
    wkv_model_close(back);
}

static void put_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    EXPECT(f && fputs(text, f) >= 0);
    if (f) fclose(f);
}

static void beside_lines(void)
{
    wkv_model *m;
    wkv_tokenizer *t;
    folder_create("convert-beside", 0700);
    if (!opens(&m, MODELS "/v7-n32-f16.pth")) return;
    EXPECT_EQ(wkv_tokenizer_open(&t, TEST_DIR "/cli/small.vocab.txt", m), 0);
    for (int i = 0; i < 4; i++) {
        char name[2] = {(char)('a' + i), 0};
        expect_beside(m, t, name, extensions[i]);
        expect_beside(m, t, name, extensions[i]); /* again: the same vocabulary is there */
    }
    EXPECT(access("convert-beside/a.vocab.txt", F_OK) == 0);
    EXPECT(access("convert-beside/d.vocab.txt", F_OK) != 0); /* it is inside */
    wkv_tokenizer_close(t);
    wkv_model_close(m);
}

static void beside_from_gguf(void)
{
    wkv_model *m;
    wkv_tokenizer *t;
    if (!opens(&m, "convert-beside/d.gguf")) return;
    EXPECT_EQ(wkv_tokenizer_open(&t, NULL, m), 0);
    for (int i = 0; i < 4; i++) expect_beside(m, t, (char[]){(char)('e' + i), 0}, extensions[i]);
    wkv_tokenizer_close(t);
    wkv_model_close(m);
}

/* Their rules are in their JSON. */
static void beside_json(const char *name, const char *json, const char *kind, int gguf)
{
    wkv_model *m;
    wkv_tokenizer *t;
    char path[64];
    put_file("convert-beside/words.json", json);
    if (!opens(&m, MODELS "/v7-n32-f16.pth")) return;
    if (wkv_tokenizer_open(&t, "convert-beside/words.json", m))
        FAILED("%s", wkv_error());
    else {
        EXPECT_STR(wkv_tokenizer_name(t), kind);
        for (int i = 0; i < 3 + gguf; i++) expect_beside(m, t, name, extensions[i]);
        snprintf(path, sizeof path, "convert-beside/%s.vocab.json", name);
        EXPECT(access(path, F_OK) == 0);
        wkv_tokenizer_close(t);
    }
    wkv_model_close(m);
}

static void beside_characters(void)
{
    beside_json("chars", "{\"0\": \"a\", \"1\": \"b\", \"2\": \"\\ue083\"}", "characters", 0);
}

static void beside_pairs(void)
{
    wkv_tokenizer *t;
    if (wkv_tokenizer_open(&t, "20B", NULL) == WKV_EUNSUPPORTED) SKIP("%s", wkv_error());
    wkv_tokenizer_close(t);
    beside_json("pairs",
                "{\"pre_tokenizer\": {\"type\": \"ByteLevel\"}, \"model\": {\"type\": \"BPE\", \"merges\": [\"a b\"], "
                "\"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2}}}",
                "BPE", 1);
}

/* A file that is another vocabulary stays, and no model is written that would get it. */
static void beside_others(void)
{
    static const char *const others[] = {"convert-beside/x.vocab.txt", "convert-beside/x.vocab.json"};
    wkv_model *m;
    wkv_tokenizer *t;
    if (!opens(&m, MODELS "/v7-n32-f16.pth")) return;
    EXPECT_EQ(wkv_tokenizer_open(&t, TEST_DIR "/cli/small.vocab.txt", m), 0);
    for (int i = 0; i < 2; i++) {
        put_file(others[i], i ? "{\"0\": \"a\"}" : "1 'a' 1\n");
        for (int k = 0; k < 3; k++) {
            char path[64];
            snprintf(path, sizeof path, "convert-beside/x.%s", extensions[k]);
            EXPECT_EQ(wkv_convert(m, path, &(wkv_convert_options){.tokenizer = t}), WKV_EARG);
            EXPECT_HAS(wkv_error(), others[i]);
            EXPECT_HAS(wkv_error(), "differs from the model's vocabulary");
            EXPECT(access(path, F_OK) != 0);
        }
        EXPECT_EQ(remove(others[i]), 0);
    }
    wkv_tokenizer_close(t);
    wkv_model_close(m);
    remove_all("convert-beside");
}

/* ---- refusals ---------------------------------------------------------------------------------------------------- */

static void refuses(const char *from, const char *to, const char *type, int code, const char *words)
{
    wkv_model *m;
    if (!opens(&m, from)) return;
    EXPECT_EQ(wkv_convert(m, to, &(wkv_convert_options){.type = type}), code);
    EXPECT_HAS(wkv_error(), words);
    EXPECT(access(to, F_OK) != 0);
    wkv_model_close(m);
}

static void refusals(void)
{
    const char *v7 = MODELS "/v7-n32-f32.pth";
    refuses(v7, "convert.xyz", NULL, WKV_EARG, "convert.xyz: unknown extension");
    refuses(v7, "convert", NULL, WKV_EARG, "unknown extension");
    refuses(v7, ".pth", NULL, WKV_EARG, "unknown extension");
    refuses(v7, "convert.pth", "q8_0", WKV_EARG, "cannot store q8_0, only f32, f16 and bf16");
    refuses(v7, "convert.pth", "f64", WKV_EARG, "cannot store f64");
    refuses(v7, "convert.gguf", "q4_K", WKV_EARG,
            "cannot store q4_K, only f32, f16, bf16, q8_0, q4_0, q4_1, q5_0 and q5_1");
    refuses(v7, "convert.pth", "no", WKV_EARG, "cannot store no");
    refuses(v7, "convert.st", "bf16", WKV_EARG, "cannot store bf16, only f16");
    refuses(MODELS "/v7a-n16-bf16.pth", "convert.st", NULL, WKV_EUNSUPPORTED, "cannot store the DeepEmbed of");
    refuses(MODELS "/v7a-n16-bf16.pth", "convert.gguf", NULL, WKV_EUNSUPPORTED,
            "v7a-n16-bf16.pth, an RWKV-7a; use .pth or .safetensors");
    refuses(MODELS "/v5.0-n16-bf16.pth", "convert.st", NULL, WKV_EUNSUPPORTED, "version 5.0");
    refuses(v7, "no/such/folder/x.pth", NULL, WKV_EIO, "no/such/folder");
}

/* A tuned initial state is converted too, or the conversion is refused. */
static void tuned_state(void)
{
    enum { H = 2, N = 16, VALUES = H * N * N };
    tensors *t;
    tensor_out out[200];
    float *data[200], state[3][VALUES];
    char names[3][48];
    int n = 0;
    if (tensors_open(&t, MODELS "/v7-n16-bf16.pth")) return;
    for (; n < tensors_count(t); n++) {
        const file_tensor *f = tensors_at(t, n);
        out[n] = (tensor_out){f->name, F32, f->dims, {0}, .data = data[n] = read_all(f)};
        for (int i = 0; i < f->dims; i++) out[n].shape[i] = tensor_axis(f, i);
    }
    for (int l = 0; l < 3; l++) {
        snprintf(names[l], sizeof names[l], "blocks.%d.att.time_state", l);
        for (int i = 0; i < VALUES; i++) state[l][i] = (float)(i * (l + 1) % 251) / 64;
        out[n + l] = (tensor_out){names[l], F32, 3, {H, N, N}, .data = state[l]};
    }
    if (safetensors_write("convert-state.safetensors", out, n + 3, NULL)) FAILED("%s", wkv_error());
    for (int i = 0; i < n; i++) free(data[i]);
    tensors_close(t);

    wkv_model *m;
    static const char *const ends[] = {"pth", "st"};
    for (int i = 0; i < 2; i++) {
        const char *to = path_of(".", "convert.", ends[i]);
        if (converted("convert-state.safetensors", to, NULL) && opens(&m, to)) {
            wkv_state *s = state_new(m);
            const float *S = wkv_state_data(s) + H * N; /* [key][value], in the file [value][key] */
            for (int j = 0; j < VALUES; j++) EXPECT_NEAR(S[j / N / N * N * N + j % N * N + j / N % N], state[0][j], 0);
            wkv_state_free(s);
            wkv_model_close(m);
        }
        remove(to);
    }
    refuses("convert-state.safetensors", "convert.gguf", NULL, WKV_EUNSUPPORTED,
            "cannot store the tuned initial state");
    remove("convert-state.safetensors");
}

static int stop(void *user, double done, double total)
{
    (void)user;
    return done > total / 2;
}

/* A stopped conversion leaves the old file. */
static void stopped(void)
{
    wkv_model *m;
    if (!converted(MODELS "/v4-c32-f32.pth", "convert.pth", NULL) || !opens(&m, MODELS "/v7-n32-f32.pth")) return;
    EXPECT_EQ(wkv_convert(m, "convert.pth", &(wkv_convert_options){.report = stop}), WKV_ESTOPPED);
    wkv_model_close(m);
    if (!opens(&m, "convert.pth")) return;
    EXPECT_STR(wkv_model_about(m)->version, "4");
    wkv_model_close(m);
    remove("convert.pth");
}

/* A conversion never replaces the model's own file, under any name. */
static void over_itself(void)
{
#ifdef _WIN32
    SKIP("links need a right of the user");
#endif
    static const char *const names[] = {"convert.safetensors", "convert-hard.safetensors", "convert-soft.safetensors"};
    if (!converted(MODELS "/v7-n32-f16.pth", names[0], NULL)) return;
    EXPECT_EQ(link(names[0], names[1]), 0);
    EXPECT_EQ(symlink(names[0], names[2]), 0);
    wkv_model *m;
    for (int loaded = 0; loaded < 2; loaded++) {
        if (wkv_model_open(&m, names[0], &(wkv_model_options){.as_stored = 1, .no_mmap = loaded}))
            FAILED("%s", wkv_error());
        for (int i = 0; i < 3 && m; i++) {
            EXPECT_EQ(wkv_convert(m, names[i], NULL), WKV_EARG);
            EXPECT_HAS(wkv_error(), names[i]);
            EXPECT_HAS(wkv_error(), "is an input, a file of convert.safetensors");
        }
        wkv_model_close(m);
    }
    expect_tensors(names[0], MODELS "/v7-n32-f16.pth", 1, 0);
    for (int i = 0; i < 3; i++) remove(names[i]);
}

static int verified, found;
static int refuse_written(void *user, const char *written)
{
    wkv_model *m;
    verified++;
    found = !wkv_model_open(&m, written, NULL) && access(user, F_OK);
    wkv_model_close(m);
    return 1;
}

/* The file is complete before it is renamed into place, and `verify` can still refuse it. */
static void verified_before_renamed(void)
{
    static const char *const names[] = {"verify.pth", "verify.safetensors", "verify.st", "verify.gguf"};
    wkv_model *m;
    EXPECT_EQ(wkv_model_open(&m, MODELS "/v7-n32-f16.pth", &(wkv_model_options){.as_stored = 1}), 0);
    for (int i = 0; i < 4 && m; i++) {
        verified = found = 0;
        EXPECT_EQ(wkv_convert(m, names[i],
                              &(wkv_convert_options){.verify = refuse_written, .user = (void *)(uintptr_t)names[i]}),
                  WKV_ESTOPPED);
        EXPECT_EQ(verified, 1);
        EXPECT(found);
        EXPECT(access(names[i], F_OK) != 0);
    }
    wkv_model_close(m);
}

int main(void)
{
    RUN(official);
    RUN(from_others);
    RUN(logits);
    RUN(same_blocks);
    RUN(no_blocks);
    RUN(quantised);
    RUN(metadata);
    RUN(vocabulary);
    RUN(vocabulary_too_large);
    RUN(vocabulary_bytes);
    RUN(vocabulary_world);
    RUN(beside_lines);
    RUN(beside_from_gguf);
    RUN(beside_characters);
    RUN(beside_pairs);
    RUN(beside_others);
    RUN(refusals);
    RUN(tuned_state);
    RUN(stopped);
    RUN(over_itself);
    RUN(verified_before_renamed);
    return DONE();
}
