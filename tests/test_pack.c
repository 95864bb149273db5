/* test_pack.c - matrices in other layouts and types: made on opening, or found in a GGUF of ours, the model is the
 * same. */
#include <stdio.h>
#include "format/tensors.h"
#include "format/write.h"
#include "models.h"
#include "process.h"

#define MODELS TEST_DIR "/golden/models"

static const char *const types[] = {"f32",  "f16",  "bf16", "q8_0", "q5_1", "q5_0",
                                    "q4_1", "q4_0", "q8",   "q5",   "q4",   "q4mix"};
enum { TYPES = sizeof types / sizeof *types };

/* ---- models ------------------------------------------------------------------------------------------------------ */

/* Logits of every token of k from a model at `path` opened with o; NULL after a failure. The caller frees them. */
static float *logits_with(const known *k, const char *path, const wkv_model_options *o)
{
    known q = *k;
    if (wkv_model_open(&q.m, path, o)) {
        FAILED("%s: %s", path, wkv_error());
        return NULL;
    }
    wkv_context *c = context_new(q.m, 2, NULL);
    float *x = from_start(&q, c, q.n);
    wkv_context_free(c);
    wkv_model_close(q.m);
    return x;
}

static int write_gguf(const char *from, const char *to, const char *type, int portable)
{
    wkv_model *m;
    if (wkv_model_open(&m, from, &(wkv_model_options){.as_stored = 1})) {
        FAILED("%s", wkv_error());
        return 0;
    }
    int e = wkv_convert(m, to, &(wkv_convert_options){.type = type, .portable = portable});
    if (e) FAILED("%s to %s: %s", from, to, wkv_error());
    wkv_model_close(m);
    return !e;
}

static void expect_same(const known *k, const float *a, const float *b, const char *type, const char *what)
{
    if (a && b && !same_bits(a, b, (size_t)k->n * (size_t)k->vocab))
        FAILED("%s %s: %s: logits are %g apart", wkv_model_about(k->m)->path, type, what,
               apart(a, b, (size_t)k->n * (size_t)k->vocab));
}

/* Made on opening, read from a GGUF of ours, or from one for everybody: the same bits. (Versions 6 and 7 have small
 * matrices that keep their type, and lie turned in a GGUF: their sums are taken in another order.) */
static void three_ways(void)
{
    for (int i = 0; i < GGUF_GOLDENS; i++) {
        known k;
        if (!golden_open(&k, goldens[i].name)) continue;
        const char *path = wkv_model_about(k.m)->path;
        for (int t = 0; t < TYPES; t++) {
            if (!write_gguf(path, "pack-ours.gguf", types[t], 0) || !write_gguf(path, "pack-all.gguf", types[t], 1))
                continue;
            float *made = logits_with(&k, path, &(wkv_model_options){.type = types[t]});
            float *ours = logits_with(&k, "pack-ours.gguf", NULL), *all = logits_with(&k, "pack-all.gguf", NULL);
            expect_same(&k, ours, all, types[t], "ours and portable");
            if (goldens[i].version[0] <= '5') expect_same(&k, made, ours, types[t], "made on opening and read");
            free(made), free(ours), free(all);
        }
        known_close(&k);
    }
    remove("pack-ours.gguf");
    remove("pack-all.gguf");
}

/* Two files have the same bytes in every tensor. */
static void expect_bytes(const char *a, const char *b)
{
    tensors *x, *y;
    if (tensors_open(&x, a) || tensors_open(&y, b)) {
        FAILED("%s", wkv_error());
        return;
    }
    for (int i = 0; i < tensors_count(x); i++) {
        const file_tensor *f = tensors_at(x, i), *g = tensors_find(y, f->name);
        if (!g || f->type != g->type || f->layout != g->layout ||
            memcmp(f->data, g->data, (size_t)dtype_bytes(f->type, tensor_values(f))))
            FAILED("%s, %s: %s is another", a, b, f->name);
    }
    tensors_close(x);
    tensors_close(y);
}

/* Ours and the portable form hold the same blocks: each comes from the other, byte for byte. */
static void permutation(void)
{
    for (int i = 0; i < GGUF_GOLDENS; i++)
        for (int t = 3; t < 8; t++) {
            char path[256];
            snprintf(path, sizeof path, "%s", path_of(MODELS, goldens[i].name, ".pth"));
            if (!write_gguf(path, "pack-ours.gguf", types[t], 0) || !write_gguf(path, "pack-all.gguf", types[t], 1))
                continue;
            if (write_gguf("pack-ours.gguf", "pack-to.gguf", NULL, 1)) expect_bytes("pack-to.gguf", "pack-all.gguf");
            if (write_gguf("pack-all.gguf", "pack-to.gguf", NULL, 0)) expect_bytes("pack-to.gguf", "pack-ours.gguf");
        }
    remove("pack-ours.gguf");
    remove("pack-all.gguf");
    remove("pack-to.gguf");
}

/* ffn.value is input-major where the shapes allow it, and the file says so. */
static void stored_input_major(void)
{
    static const char *const wanted[] = {"f16", "q8_0", "q5_1", "q4_0"};
    for (int w = 0; w < 4; w++) {
        tensors *t, *was;
        if (!write_gguf(MODELS "/v7-n16-bf16.pth", "pack-u.gguf", wanted[w], 0) || tensors_open(&t, "pack-u.gguf"))
            continue;
        EXPECT(!tensors_open(&was, MODELS "/v7-n16-bf16.pth"));
        EXPECT_STR(tensors_meta(t, LAYOUT_GGUF_KEY), LAYOUT_GGUF_INPUT_MAJOR);
        const file_tensor *f = tensors_find(t, "blocks.1.ffn.value.weight"),
                          *g = tensors_find(was, "blocks.1.ffn.value.weight");
        EXPECT_EQ(f->shape[0], 128);
        EXPECT_EQ(f->shape[1], 32);
        EXPECT_EQ(f->transposed, 1);
        EXPECT_EQ(f->layout, w > 0 ? LAYOUT_SPARSE_BLOCKS : LAYOUT_INPUT_MAJOR);
        EXPECT_EQ(tensors_find(t, "blocks.1.att.key.weight")->layout, w > 0 ? LAYOUT_INTERLEAVED : LAYOUT_ROW_MAJOR);
        EXPECT_EQ(tensors_find(t, "emb.weight")->layout, LAYOUT_ROW_MAJOR);
        float *x = malloc(4 * 4096), *y = malloc(4 * 4096);
        tensor_read(f, x, 4096);
        tensor_read(g, y, 4096);
        EXPECT_NEAR(apart(x, y, 4096), 0, 0.05);
        free(x);
        free(y);
        tensors_close(t);
        tensors_close(was);
    }
    remove("pack-u.gguf");
}

/* An unknown layout is refused with its name. */
static void unknown_order(void)
{
    if (!write_gguf(MODELS "/v7-n16-bf16.pth", "pack-u.gguf", "q8_0", 0)) return;
    size_t n = 0;
    char *file = read_file("pack-u.gguf", &n);
    wkv_model *m;
    const size_t key = sizeof LAYOUT_GGUF_KEY - 1;
    for (size_t i = key + 12; i + 7 < n; i++) /* behind the key: type and length of the value */
        if (!memcmp(file + i, LAYOUT_GGUF_INPUT_MAJOR, 7) && !memcmp(file + i - 12 - key, LAYOUT_GGUF_KEY, key))
            file[i] = 'B';
    FILE *f = fopen("pack-u.gguf", "wb");
    EXPECT(f && fwrite(file, 1, n, f) == n && !fclose(f));
    EXPECT_EQ(wkv_model_open(&m, "pack-u.gguf", NULL), WKV_EUNSUPPORTED);
    EXPECT_HAS(wkv_error(), "wkv.ffn_value is \"By unit\", expected \"by unit\"");
    free(file);
    remove("pack-u.gguf");
}

static void refusals(void)
{
    wkv_model *m;
    EXPECT_EQ(wkv_model_open(&m, NULL, &(wkv_model_options){.type = "q3"}), WKV_EARG);
    EXPECT_HAS(wkv_error(), "unknown weight type \"q3\", expected one of f32");
    EXPECT(!m);
    EXPECT_EQ(wkv_model_open(&m, NULL, &(wkv_model_options){.type = "q8", .as_stored = 1}), WKV_EARG);
    EXPECT_HAS(wkv_error(), "exclude each other");
    EXPECT_EQ(wkv_model_open(&m, NULL, &(wkv_model_options){.type = "q4mix"}), 0);
    EXPECT_HAS(wkv_model_about(m)->types, "q4_1");
    wkv_model_close(m);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

enum { V = 24576, C = 512 }; /* embedding and head of 25 MB each */

/* Memory that opening the model as q8 takes at most, beyond its weights, in MiB. The test is another process for it. */
static int print_peak(const char *path)
{
    wkv_model *m;
    size_t before = wkv_memory_resident();
    if (wkv_model_open(&m, path, &(wkv_model_options){.type = "q8"})) return 1;
    size_t peak = wkv_memory_peak(), need = before + wkv_model_bytes(m, NULL);
    printf("%d\n", peak > need ? (int)((peak - need) >> 20) : 0);
    wkv_model_close(m);
    return 0;
}

static int peak_beyond_weights(const char *path)
{
    child c;
    int megabytes = -1;
    if (process_again(&c, (const char *const[]){path, NULL})) return -1;
    if (fscanf(c.output, "%d ", &megabytes) != 1) FAILED("no figure of the other process");
    return process_wait(&c) ? -1 : megabytes;
}

/* The file's pages are released while a matrix is read, not after it: the peak is the weights and little more. */
static void peak(void)
{
    static const char *const vectors[] = {"ln1.weight",     "ln1.bias",       "ln2.weight",     "ln2.bias",
                                          "att.time_decay", "att.time_first", "att.time_mix_k", "att.time_mix_v",
                                          "att.time_mix_r", "ffn.time_mix_k", "ffn.time_mix_r", "ln0.weight",
                                          "ln0.bias"};
    static const char *const matrices[] = {"att.key.weight",       "att.value.weight", "att.receptance.weight",
                                           "att.output.weight",    "ffn.key.weight",   "ffn.value.weight",
                                           "ffn.receptance.weight"};
    static const uint16_t zeros[V * C];
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    SKIP("a sanitizer has memory of its own");
#elif defined _WIN32
    SKIP("Wine keeps the pages of a mapped file resident");
#endif
    if (getenv("WKV_EMULATOR")) SKIP("an emulator has memory of its own");
    if (system_processors() > 8) SKIP("each thread has pages and scratch memory of its own");
    tensor_out out[32] = {{"emb.weight", BF16, 2, {V, C}, .data = zeros},
                          {"head.weight", BF16, 2, {V, C}, .data = zeros},
                          {"ln_out.weight", BF16, 1, {C}, .data = zeros},
                          {"ln_out.bias", BF16, 1, {C}, .data = zeros}};
    char names[20][48];
    int n = 4;
    for (int i = 0; i < 13 + 7; i++) {
        snprintf(names[i], sizeof names[i], "blocks.0.%s", i < 13 ? vectors[i] : matrices[i - 13]);
        out[n++] = (tensor_out){names[i], BF16, i < 13 ? 1 : 2, {C, C}, .data = zeros};
    }
    if (safetensors_write("pack-peak.safetensors", out, n, NULL)) FAILED("%s", wkv_error());
    int beyond = peak_beyond_weights("pack-peak.safetensors");
    if (beyond < 0 || beyond > 18) FAILED("%d MiB beyond the weights", beyond);
    printf("     peak: %d MiB beyond the weights\n", beyond);
    remove("pack-peak.safetensors");
}

int main(int n, char **words)
{
    if (n > 1) return print_peak(words[1]);
    RUN(three_ways);
    RUN(permutation);
    RUN(stored_input_major);
    RUN(unknown_order);
    RUN(refusals);
    RUN(peak);
    return DONE();
}
