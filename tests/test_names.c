/* test_names.c - every naming and container of a model shows the same tensors as the official file. The numbers are a
 * formula of the official name that tools/make-format-samples.py knows too. */
#include "format/tensors.h"
#include "test.h"
#include "wkv.h"
#include <stdlib.h>
#include <zlib.h>

#define SAMPLES TEST_DIR "/golden/formats/"

static float formula(const char *name, int64_t i)
{
    uint32_t u = (uint32_t)crc32(0, (const Bytef *)name, (uInt)strlen(name)) + (uint32_t)i * 2654435761u;
    return (float)(u >> 20 & 255) / 64 - 2;
}

/* Values of f by its official name, exact unless the file holds a function of them. */
static void expect_formula(const file_tensor *f, const char *official)
{
    int64_t n = tensor_values(f);
    float *x = malloc(sizeof *x * (size_t)n);
    tensor_read(f, x, tensor_values(f));
    for (int64_t i = 0; i < n && !test_bad; i++) {
        float y = formula(official, i);
        EXPECT_NEAR(x[i], y, f->holds ? 1e-5 : 0);
    }
    if (test_bad) printf("  in %s, %s\n", f->name, official);
    free(x);
}

/* Shapes must agree but for axes of size 1. */
static void expect_shape(const file_tensor *f, const file_tensor *reference)
{
    int i = 0, j = 0, same = 1;
    while (same) {
        while (i < f->dims && tensor_axis(f, i) == 1) i++;
        while (j < reference->dims && reference->shape[j] == 1) j++;
        if (i == f->dims || j == reference->dims) break;
        same = tensor_axis(f, i++) == reference->shape[j++];
    }
    if (!same || i < f->dims || j < reference->dims) FAILED("%s has another shape", f->name);
}

static void check(const char *version, const char *file, const char *format, const char *naming)
{
    char path[512], reference[512];
    snprintf(path, sizeof path, SAMPLES "v%s-%s", version, file);
    snprintf(reference, sizeof reference, SAMPLES "v%s-official.pth", version);
    tensors *t, *r;
    if (tensors_open(&r, reference) || tensors_open(&t, path)) {
        FAILED("%s", wkv_error());
        return;
    }
    EXPECT_STR(tensors_format(t), format);
    EXPECT_STR(tensors_naming(t), naming);
    if (tensors_refuse(t)) FAILED("%s", wkv_error());
    int seen = 0;
    for (int i = 0; i < tensors_count(r); i++) {
        const file_tensor *want = tensors_at(r, i);
        const char *name = want->name;
        int late = !strncmp(name, "blocks.0.att.v", 14) &&
                   strlen(name) == 15; /* v7's v0, v1, v2 of block 0 need not be there */
        const file_tensor *f = tensors_find(t, name);
        if (!f) {
            if (!late) FAILED("%s: no %s", path, name);
            continue;
        }
        expect_shape(f, want);
        expect_formula(f, name);
        seen++;
    }
    EXPECT_EQ(tensors_count(t), seen);
    tensors_close(t);
    tensors_close(r);
}

static void rwkv4(void)
{
    check("4", "official.pth", "pth (zip)", "official");
    check("4", "legacy.pth", "pth (legacy)", "official");
    check("4", "hf.safetensors", "safetensors", "hf");
    check("4", "web.st", "safetensors", "official"); /* web-rwkv leaves v4's names */
    check("4", "rwkvcpp.bin", "rwkv.cpp 101", "rwkv.cpp");
    check("4", "llamacpp.gguf", "gguf v3", "llama.cpp");
}

static void rwkv5(void)
{
    check("50", "official.pth", "pth (zip)", "official");
    check("50", "rwkvcpp.bin", "rwkv.cpp 101", "rwkv.cpp");
    check("50", "llamacpp.gguf", "gguf v3", "llama.cpp");
    check("52", "official.pth", "pth (zip)", "official");
    check("52", "hf.safetensors", "safetensors", "hf");
    check("52", "web.st", "safetensors", "web-rwkv");
    check("52", "rwkvcpp.bin", "rwkv.cpp 101", "rwkv.cpp");
    check("52", "llamacpp.gguf", "gguf v3", "llama.cpp");
}

static void rwkv6(void)
{
    check("6", "official.pth", "pth (zip)", "official");
    check("6", "hf.safetensors", "safetensors", "hf");
    check("6", "web.st", "safetensors", "web-rwkv");
    check("6", "rwkvcpp.bin", "rwkv.cpp 101", "rwkv.cpp");
    check("6", "llamacpp.gguf", "gguf v3", "llama.cpp");
}

static void rwkv7(void)
{
    check("7", "official.pth", "pth (zip)", "official");
    check("7", "official.safetensors", "safetensors", "official");
    check("7", "lightning.pth", "pth (zip)", "official");
    check("7", "fla", "safetensors", "fla");
    check("7", "fla/model.safetensors.index.json", "safetensors", "fla");
    check("7", "fla/model-00002-of-00002.safetensors", "safetensors", "fla");
    check("7", "fla-fused.safetensors", "safetensors", "fla");
    check("7", "transformers", "safetensors", "transformers");
    check("7", "transformers/model.safetensors", "safetensors", "transformers");
    check("7", "rwkv-rs", "safetensors", "rwkv-rs");
    check("7", "rwkv-rs/model-00001-of-00002.safetensors", "safetensors", "rwkv-rs");
    check("7", "web.st", "safetensors", "web-rwkv");
    check("7", "rwkvcpp.bin", "rwkv.cpp 101", "rwkv.cpp");
    check("7", "llamacpp.gguf", "gguf v3", "llama.cpp");
}

/* For tensors used in place the view records how they are stored. */
static void notes(void)
{
    tensors *t;
    if (tensors_open(&t, SAMPLES "v6-llamacpp.gguf")) {
        FAILED("%s", wkv_error());
        return;
    }
    EXPECT_NEAR(tensors_find(t, "blocks.0.att.output.weight")->scale, 1, 0);
    EXPECT_NEAR(tensors_find(t, "blocks.1.att.output.weight")->scale, 2, 0); /* rescale_every_n_layers = 1 */
    const file_tensor *f = tensors_find(t, "blocks.1.att.time_maa_w2");
    EXPECT_EQ(f->transposed, 1);
    EXPECT_EQ(f->shape[1], 8);
    EXPECT_EQ(tensor_axis(f, 1), 3);
    tensors_close(t);
    if (tensors_open(&t, SAMPLES "v7-llamacpp.gguf")) {
        FAILED("%s", wkv_error());
        return;
    }
    EXPECT(!tensors_find(t, "blocks.0.att.v1"));
    EXPECT(tensors_find(t, "blocks.1.att.v1") != NULL);
    EXPECT_EQ(tensors_find(t, "blocks.1.att.r_k")->shape[0], 2);
    tensors_close(t);
    if (tensors_open(&t, SAMPLES "v52-rwkvcpp.bin")) {
        FAILED("%s", wkv_error());
        return;
    }
    EXPECT_NEAR(tensors_number(t, "group_norm_eps", 64e-5), 1e-5, 0);
    EXPECT_EQ(tensors_find(t, "blocks.1.att.time_decay")->holds, HOLDS_EXP_NEG_EXP);
    tensors_close(t);
    if (tensors_open(&t, SAMPLES "v7-rwkvcpp.bin")) {
        FAILED("%s", wkv_error());
        return;
    }
    EXPECT_NEAR(tensors_number(t, "group_norm_eps", 64e-5), 64e-5, 0);
    tensors_close(t);
}

int main(void)
{
    RUN(rwkv4);
    RUN(rwkv5);
    RUN(rwkv6);
    RUN(rwkv7);
    RUN(notes);
    return DONE();
}
