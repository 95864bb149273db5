/* test_pth.c - files of torch.save beyond plain tensors, in both containers. */
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
    EXPECT_HAS(wkv_error(), "is not an RWKV of versions 4 to 7: 16 tensors");
    tensors_close(t);
}

static void zip(void) { check_odd(SAMPLES "odd.pth", 1); }
static void legacy(void) { check_odd(SAMPLES "odd-legacy.pth", 1); }
static void safetensors(void) { check_odd(SAMPLES "odd.safetensors", 0); }

/* The same small checkpoint as PyTorch writes it, with zip64 fields as over 4 GiB, and packed again with
 * compression. */
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

/* Newer PyTorch writes types without a storage class as bytes, with the type as an argument. */
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

/* Objects that trainers leave beside the weights are read as data, each name with the opcodes that Python writes for
 * it. */
static void leavings(void)
{
#define LEFT(text)                                                                                                     \
    {DICT("X\4\0\0\0left" text "s" KEY VECTOR "s"), sizeof DICT("X\4\0\0\0left" text "s" KEY VECTOR "s") - 1}
#define LATIN "c_codecs\nencode\nX\4\0\0\0abcdX\6\0\0\0latin1\x86R"
    static const struct {
        const char *pickle;
        size_t n;
    } cases[] = {
        LEFT("ccollections\ndefaultdict\nc__builtin__\ndict\n\x85R(X\1\0\0\0aK\1u"),
        LEFT("ccollections\ndefaultdict\ncbuiltins\nlist\n\x85R"),
        LEFT("ccollections\ndefaultdict\nc__builtin__\nlong\n\x85R"),
        LEFT("ccollections\ndefaultdict\nc__builtin__\nunicode\n\x85R"),
        LEFT("ccollections\ndefaultdict\ncbuiltins\nfloat\n\x85R"),
        LEFT("ccollections\ndefaultdict\nccollections\nCounter\n\x85R"),
        LEFT("ccollections\nCounter\n}X\1\0\0\0aK\1s\x85R"),
        LEFT("ccollections\ndeque\n)K\4\x86R(K\1K\2e"),
        LEFT("cpathlib\nPosixPath\nX\1\0\0\0/X\1\0\0\0a\x86R"),
        LEFT("cpathlib._local\nPosixPath\nX\1\0\0\0/X\1\0\0\0a\x86R"),
        LEFT("cpathlib\nWindowsPath\nX\1\0\0\0a\x85R"),
        LEFT("cpathlib._local\nPureWindowsPath\nX\1\0\0\0a\x85R"),
        LEFT("cdatetime\ndatetime\n" LATIN "cdatetime\ntimezone\ncdatetime\ntimedelta\nK\0K\0K\0\x87R\x85R\x86R"),
        LEFT("cdatetime\ndate\n" LATIN "\x85R"),
        LEFT("ctorch.torch_version\nTorchVersion\nX\5\0\0\0" "2.9.1\x85\x81"),
        LEFT("cuuid\nUUID\n)\x81}X\3\0\0\0intK\1sb"),
        LEFT("\x8c\7decimal\x8c\7Decimal\x93X\3\0\0\0" "1.5\x85R"),
        LEFT("cbuiltins\ncomplex\nG?\xf0\0\0\0\0\0\0G?\xf0\0\0\0\0\0\0\x86R"),
        LEFT("c__builtin__\nslice\nK\1K\2N\x87R"),
        LEFT("c__builtin__\nxrange\nK\0K\3K\1\x87R"),
        LEFT("c__builtin__\nfrozenset\n]K\1a\x85R"),
        LEFT("cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85" LATIN "\x87R(K\1tb"),
        LEFT("ctorch._utils\n_rebuild_meta_tensor_no_storage\n(ctorch\nfloat32\nK\4\x85K\1\x85\x89tR"),
        LEFT("ctorch\nFloatTensor\n"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bytes b = make_pth(cases[i].pickle, cases[i].n, 0, 0);
        tensors *t;
        if (tensors_open_memory(&t, b.data, b.size, "left.pth"))
            FAILED("leaving %zu: %s", i, wkv_error());
        else {
            EXPECT_EQ(tensors_count(t), 1);
            EXPECT_VALUES(t, "x", 1, 2, 3, 4);
        }
        tensors_close(t);
        free(b.data);
    }
}

/* A tensor with attributes or of a class of its own, a parameter of such, one that was on another device: the tensor
 * inside. */
static void wrapped(void)
{
#define ARGUMENTS "(" STORAGE "K\0K\4\x85K\1\x85\x89" HOOKS "t"
#define FROM_TYPE(function, arguments)                                                                                 \
    "ctorch._tensor\n_rebuild_from_type_v2\n(" function "ctorch\nTensor\n" arguments "}X\1\0\0\0aK\3stR"
#define CASE(text) {DICT(KEY text "s"), sizeof DICT(KEY text "s") - 1}
    static const struct {
        const char *pickle;
        size_t n;
    } cases[] = {
        CASE(FROM_TYPE("ctorch._utils\n_rebuild_tensor_v2\n", ARGUMENTS)),
        CASE(FROM_TYPE("ctorch._utils\n_rebuild_parameter\n", "(" VECTOR "\x88" HOOKS "t")),
        CASE("ctorch._utils\n_rebuild_parameter\n("
             FROM_TYPE("ctorch._utils\n_rebuild_tensor_v2\n", ARGUMENTS) "\x88" HOOKS "tR"),
        CASE("ctorch._utils\n_rebuild_device_tensor_from_cpu_tensor\n(" VECTOR "ctorch\nfloat32\nX\3\0\0\0mps\x89tR"),
        {"\x80\2ccollections\ndefaultdict\ncbuiltins\nlist\n\x85R(" KEY VECTOR "u.",
         sizeof "\x80\2ccollections\ndefaultdict\ncbuiltins\nlist\n\x85R(" KEY VECTOR "u." - 1},
        {"\x80\2cbuiltins\ndict\n}" KEY VECTOR "s\x85R.", sizeof "\x80\2cbuiltins\ndict\n}" KEY VECTOR "s\x85R." - 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bytes b = make_pth(cases[i].pickle, cases[i].n, 0, 0);
        tensors *t;
        if (tensors_open_memory(&t, b.data, b.size, "wrapped.pth"))
            FAILED("%zu: %s", i, wkv_error());
        else
            EXPECT_VALUES(t, "x", 1, 2, 3, 4);
        tensors_close(t);
        free(b.data);
    }
    static const struct {
        const char *pickle;
        size_t n;
        const char *words;
    } wrong[] = {
#define WRONG(text, words) {DICT(KEY text "s"), sizeof DICT(KEY text "s") - 1, words}
        WRONG(FROM_TYPE("ccollections\nOrderedDict\n", ")"),
              "calls torch._tensor._rebuild_from_type_v2 in a way that torch does not"),
        WRONG(FROM_TYPE("ctorch._tensor\n_rebuild_from_type_v2\n", ARGUMENTS), "in a way that torch does not"),
        WRONG(FROM_TYPE("K\1", ARGUMENTS), "in a way that torch does not"),
        WRONG(FROM_TYPE("cposix\nsystem\n", ARGUMENTS), "imports posix.system"),
        WRONG("cbuiltins\ngetattr\n", "imports builtins.getattr"),
        WRONG("c__builtin__\neval\n", "imports __builtin__.eval"),
        WRONG("cfunctools\npartial\n", "imports functools.partial"),
        WRONG("cpathlib._local\nos\n", "imports pathlib._local.os"),
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        bytes b = make_pth(wrong[i].pickle, wrong[i].n, 0, 0);
        tensors *t;
        EXPECT_EQ(tensors_open_memory(&t, b.data, b.size, "wrong.pth"), WKV_EFORMAT);
        EXPECT_HAS(wkv_error(), wrong[i].words);
        tensors_close(t);
        free(b.data);
    }
}

/* A file truncated anywhere is refused, never read beyond its end (sanitizers check). */
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
    RUN(leavings);
    RUN(wrapped);
    RUN(cut_anywhere);
    RUN(rosa);
    return DONE();
}
