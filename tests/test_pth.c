/* test_pth.c - what torch.save writes besides plain tensors, in both of its containers. */
#include "format/tensors.h"
#include "archive.h"
#include "test.h"
#include "wkv.h"
#include <stdlib.h>
#include <unistd.h>

#define SAMPLES TEST_DIR "/golden/formats/"

/* The values of a tensor of at most 16, in official order. */
static const float *values(const tensors *t, const char *name)
{
    static float x[16];
    const file_tensor *f = tensors_find(t, name);
    memset(x, 0, sizeof x);
    if (!f || tensor_values(f) > 16)
        FAILED("no %s, or too big", name);
    else
        tensor_read(f, x, 16);
    return x;
}

#define EXPECT_VALUES(t, name, ...)                                                                                    \
    do {                                                                                                               \
        const float want_[] = {__VA_ARGS__}, *x_ = values(t, name);                                                    \
        const int n_ = sizeof want_ / sizeof *want_;                                                                   \
        EXPECT_EQ(tensor_values(tensors_find(t, name)), n_);                                                           \
        for (int i_ = 0; i_ < n_; i_++) EXPECT_NEAR(x_[i_], want_[i_], 0);                                             \
    } while (0)

/* made by odd() in tools/make-format-samples.py */
static void check_odd(const char *path, int torch)
{
    tensors *t;
    if (tensors_open(&t, path)) {
        FAILED("%s", wkv_error());
        return;
    }
    EXPECT_EQ(tensors_count(t), 16);
    EXPECT_VALUES(t, "transposed", 0, 3, 1, 4, 2, 5);
    EXPECT_EQ(tensors_find(t, "transposed")->shape[0], 3);
    EXPECT_EQ(tensors_find(t, "transposed")->contiguous, !torch);
    EXPECT_VALUES(t, "slice", 2, 3, 4);
    EXPECT_VALUES(t, "steps", 4, 6, 8);
    EXPECT_VALUES(t, "scalar", 3.5);
    EXPECT_EQ(tensors_find(t, "scalar")->dims, 0);
    EXPECT_VALUES(t, "expanded", 1, 1, 1);
    EXPECT_VALUES(t, "parameter", 0.25, 0.25, 0.25, 0.25);
    EXPECT_EQ(tensor_values(tensors_find(t, "empty")), 0);
    values(t, "empty");
    static const char *const whole[] = {"f64", "f16", "bf16", "i64", "i32", "i16", "i8", "u8"};
    for (int i = 0; i < 8; i++) {
        EXPECT_VALUES(t, whole[i], 0, 1, 100);
        EXPECT_STR(dtypes[tensors_find(t, whole[i])->type].name, whole[i]);
    }
    EXPECT_VALUES(t, "bool", 0, 1, 1);
    EXPECT_STR(tensors_meta(t, "note"), "a text");
    EXPECT(!tensors_meta(t, "epoch"));
    EXPECT_EQ(tensors_refuse(t), WKV_EUNSUPPORTED);
    EXPECT_HAS(wkv_error(), "is no RWKV of versions 4 to 7: 16 tensors");
    tensors_close(t);
}

static void zip(void) { check_odd(SAMPLES "odd.pth", 1); }
static void legacy(void) { check_odd(SAMPLES "odd-legacy.pth", 1); }
static void safetensors(void) { check_odd(SAMPLES "odd.safetensors", 0); }

/* The same small checkpoint as PyTorch writes it, with zip64 fields as over 4 GiB, and packed again with compression. */
static void zip_variants(void)
{
    static const char pickle[] = DICT(KEY VECTOR "s");
    for (int i = 0; i < 4; i++) {
        bytes b = make_pth(pickle, sizeof pickle - 1, i & 1, i >> 1);
        tensors *t;
        if (tensors_open_memory(&t, b.data, b.size, "small.pth"))
            FAILED("%s", wkv_error());
        else {
            EXPECT_EQ(tensors_count(t), 1);
            EXPECT_VALUES(t, "x", 1, 2, 3, 4);
        }
        tensors_close(t);
        free(b.data);
    }
}

/* What newer PyTorch writes for types without a storage class: bytes, and the type as an argument. */
static void untyped(void)
{
    static const char pickle[] =
        DICT(KEY "ctorch._utils\n_rebuild_tensor_v3\n((X\7\0\0\0storagectorch.storage\nUntypedStorage\nX\1\0\0\0"
                 "0X\3\0\0\0cpuK\20tQK\1K\3\x85K\2\x85\x89" HOOKS "ctorch\nuint16\ntRs");
    bytes b = make_pth(pickle, sizeof pickle - 1, 0, 0);
    tensors *t;
    if (tensors_open_memory(&t, b.data, b.size, "untyped.pth"))
        FAILED("%s", wkv_error());
    else
        EXPECT_VALUES(t, "x", 0x3f80, 0x4000, 0x4040); /* the upper halves of 1, 2, 3 */
    tensors_close(t);
    free(b.data);
}

/* A file cut anywhere is refused, never read beyond its end (the sanitizers would say). */
static void cut_anywhere(void)
{
    static const char *const file[] = {SAMPLES "odd.pth",     SAMPLES "odd-legacy.pth", SAMPLES "odd.safetensors",
                                       SAMPLES "quants.gguf", SAMPLES "v7-rwkvcpp.bin", SAMPLES "v7-llamacpp.gguf"};
    for (int i = 0; i < 6; i++) {
        static char whole[1 << 16];
        FILE *f = fopen(file[i], "rb");
        size_t size = f ? fread(whole, 1, sizeof whole, f) : 0;
        if (f) fclose(f);
        EXPECT(size > 1000);
        int accepted = 0;
        for (size_t n = 0; n < size; n += 1 + n / 97) {
            char *copy = malloc(n + 1);
            memcpy(copy, whole, n);
            tensors *t = NULL;
            if (!tensors_open_memory(&t, copy, n, "cut")) {
                accepted++;
                printf("%s cut to %zu of %zu bytes was accepted\n", file[i], n, size);
            } else
                EXPECT_HAS(wkv_error(), "cut: ");
            tensors_close(t);
            free(copy);
        }
        EXPECT_EQ(accepted, 0);
    }
}

/* A real file whose pickle has _rebuild_parameter: readable, not a model. */
static void rosa(void)
{
    tensors *t;
    const char *path = SHARED_DIR "/pth-samples/251016_rosa_1bit_run.pth";
    if (access(path, R_OK)) SKIP("%s is not there", path);
    if (tensors_open(&t, path)) {
        FAILED("%s", wkv_error());
        return;
    }
    EXPECT_EQ(tensors_count(t), 10);
    EXPECT_EQ(tensors_find(t, "e.weight")->shape[1], 32);
    EXPECT_NEAR(values(t, "o.bias")[0], 0.124578, 1e-6);
    EXPECT_EQ(tensors_refuse(t), WKV_EUNSUPPORTED);
    EXPECT_HAS(wkv_error(), "is an RWKV-8 experiment with ROSA");
    tensors_close(t);
}

int main(void)
{
    RUN(zip);
    RUN(legacy);
    RUN(safetensors);
    RUN(zip_variants);
    RUN(untyped);
    RUN(cut_anywhere);
    RUN(rosa);
    return DONE();
}
