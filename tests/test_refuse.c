/* test_refuse.c - an invalid or foreign file is refused with one sentence that names its kind. */
#include "archive.h"
#include "format/tensors.h"
#include "format/write.h"
#include "test.h"
#include "wkv.h"
#include "base/platform/entry.h"
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The bytes, under that name, fail to open, and the message begins with the name and contains the words. */
static void refused(const void *data, size_t n, const char *name, const char *words)
{
    char *copy = malloc(n + 1), start[128]; /* of its own, so that reading past it would show */
    memcpy(copy, data, n);
    tensors *t;
    if (!tensors_open_memory(&t, copy, n, name))
        FAILED("%s was accepted", name);
    else {
        snprintf(start, sizeof start, "%s: ", name);
        EXPECT(!t && !strncmp(wkv_error(), start, strlen(start)));
        EXPECT_HAS(wkv_error(), words);
    }
    tensors_close(t);
    free(copy);
}

#define REFUSED(text, name, words) refused(text, sizeof(text) - 1, name, words)

static void other_files(void)
{
    REFUSED("", "empty.pth", "is empty");
    REFUSED("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3063134371\n", "lfs.pth",
            "is a git-lfs pointer of 73 bytes, not the file itself (3063134371 bytes)");
    REFUSED("\n <!DOCTYPE html><html><body>Sign in</body></html>", "page.pth", "is an HTML page of 50 bytes");
    REFUSED("<HTML>Not found", "page.pth", "is an HTML page");
    REFUSED("Entry not found", "error.pth", "is a text file of 15 bytes, not a checkpoint");
    REFUSED("{\"error\": \"gated\"}", "error.json", "is a JSON file of 18 bytes");
    REFUSED("\x1f\x8b\x08\0\0\0\0\0\0", "x.gz", "is compressed by gzip");
    REFUSED("\xa3\x65model\xff\xff\xff", "x.prefab", "is a web-rwkv .prefab");
    REFUSED("\x01\x02\x03\x04\x05\x06\x07\x08\x09", "x.bin", "is not a checkpoint: it begins with 01 02 03 04");
    REFUSED("\x80\x04\x95\x02", "x.pkl", "is a pickle, but not one of torch.save");
    REFUSED("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80", "cut.pth",
            "the pickle is damaged: a number beyond its end");
    char zeros[4096] = {0}, tar[512] = "archive/pickle";
    refused(zeros, sizeof zeros, "zeros.pth", "begins with zeros only: an unfinished download");
    memcpy(tar + 257, "ustar", 5);
    refused(tar, sizeof tar, "old.pth", "is a tar archive");
    REFUSED("tjgg\1\0\0\0", "llama.bin", "is a ggjt file of old llama.cpp");
}

static void directories(void)
{
    tensors *t;
    EXPECT_EQ(tensors_open(&t, "no-such-file.pth"), WKV_EIO);
    EXPECT_STR(wkv_error(), "no-such-file.pth: No such file or directory");
    folder_create("test_refuse.d", 0777);
    EXPECT_EQ(tensors_open(&t, "test_refuse.d"), WKV_EIO);
    EXPECT_HAS(wkv_error(), "test_refuse.d: a directory without a model");
    static const float one = 1;
    const tensor_out x = {"x", F32, 1, {1}, .data = &one};
    EXPECT_EQ(safetensors_write("test_refuse.d/a.safetensors", &x, 1, NULL), 0);
    EXPECT_EQ(tensors_open(&t, "test_refuse.d"), 0);
    tensors_close(t);
    EXPECT_EQ(safetensors_write("test_refuse.d/b.st", &x, 1, NULL), 0);
    EXPECT_EQ(tensors_open(&t, "test_refuse.d"), WKV_EARG);
    EXPECT_HAS(wkv_error(), "test_refuse.d: a directory with several models");
    EXPECT_HAS(wkv_error(), "a.safetensors");
    EXPECT_HAS(wkv_error(), "b.st");
    EXPECT(!strstr(wkv_error(), "..."));
    static const char *const more[] = {"test_refuse.d/c.st", "test_refuse.d/d.st", "test_refuse.d/e.st"};
    for (int i = 0; i < 3; i++) EXPECT_EQ(safetensors_write(more[i], &x, 1, NULL), 0);
    EXPECT_EQ(tensors_open(&t, "test_refuse.d"), WKV_EARG);
    EXPECT_HAS(wkv_error(), ", ...); name one of them");
    for (int i = 0; i < 3; i++) remove(more[i]);
    static const struct {
        const char *index, *words;
    } indices[] = {
        {"{\"weight_map\":{\"x\":\"a.safetensors\",\"y\":\"a.safetensors\"}}",
         "tensor y is not in a.safetensors where the index says"},
        {"{\"weight_map\":{\"x\":\"a.safetensors\",\"y\":\"gone.safetensors\"}}",
         "gone.safetensors: No such file or directory"},
        {"{\"weight_map\":{\"x\":\"../a.safetensors\"}}", "tensor x is assigned to no file of the folder"},
        {"{\"weight_map\":{}}", "its weight_map is empty"},
        {"{}", "has no weight_map"},
        {"{", "is not JSON"},
    };
    for (size_t i = 0; i < sizeof indices / sizeof *indices; i++) {
        FILE *f = fopen("test_refuse.d/model.safetensors.index.json", "wb");
        fputs(indices[i].index, f);
        fclose(f);
        EXPECT(tensors_open(&t, "test_refuse.d") < 0);
        EXPECT_HAS(wkv_error(), indices[i].words);
    }
    FILE *many = fopen("test_refuse.d/model.safetensors.index.json", "wb");
    fputs("{\"weight_map\":{\"x\":\"a\"", many);
    for (int i = 0; i <= 4096; i++) fprintf(many, ",\"y%d\":\"s%d\"", i, i);
    fputs("}}", many);
    fclose(many);
    EXPECT_EQ(tensors_open(&t, "test_refuse.d"), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "index.json: names over 4096 files");
    remove("test_refuse.d/model.safetensors.index.json");
    remove("test_refuse.d/a.safetensors");
    remove("test_refuse.d/b.st");
    rmdir("test_refuse.d");
}

/* ---- .pth -------------------------------------------------------------------------------------------------------- */

static void zips(void)
{
    archive plain = {0}, script = {0}, foreign = {0};
    archive_add(&plain, "readme.txt", "hello", 5, 0);
    bytes b = archive_end(&plain);
    refused(b.data, b.size, "plain.zip", "is a zip archive, but not of torch.save: there is no data.pkl in it");
    refused(b.data, b.size - 1, "cut.zip", "the end of the zip archive is missing after");
    free(b.data);
    archive_add(&script, "m/data.pkl", DICT(""), 4, 0);
    archive_add(&script, "m/constants.pkl", DICT(""), 4, 0);
    b = archive_end(&script);
    refused(b.data, b.size, "script.pt", "is a TorchScript archive");
    free(b.data);
    archive_add(&foreign, "m/data.pkl", DICT(""), 4, 0);
    archive_add(&foreign, "m/byteorder", "big", 3, 0);
    b = archive_end(&foreign);
    refused(b.data, b.size, "big.pth", "was written on a big-endian machine");
    free(b.data);
    refused("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22, "nothing.zip", "there is no data.pkl in it");
}

static void pickle(const char *text, size_t n, const char *words)
{
    bytes b = make_pth(text, n, 0, 0);
    refused(b.data, b.size, "made.pth", words);
    free(b.data);
}

#define PICKLE(text, words) pickle(text, sizeof(text) - 1, words)

static void hostile_pickles(void)
{
    PICKLE("\x80\2cposix\nsystem\nX\7\0\0\0rm -rf \x85R.",
           "the pickle imports posix.system, which no checkpoint needs; nothing in it was executed");
    PICKLE("\x80\4\x8c\10builtins\x8c\4eval\x93.", "imports builtins.eval");
    PICKLE("\x80\2c\x1b[31m\nred\n.", "imports ?[31m.red"); /* no escape codes in the sentence */
    PICKLE("\x80\2ios\nsystem\n.", "opcode 0x69");          /* INST */
    PICKLE(DICT(KEY "ctorch\nFloatStorage\n)Rs"), "calls torch.FloatStorage in a way that torch does not");
    PICKLE(DICT(KEY "K\1)Rs"), "a call of a value that is not a function");
    PICKLE("\x80\2j\xff\xff\xff\xff.", "an unset memo");
    PICKLE("\x80\2}r\xff\xff\xff\xff.", "an impossible memo index");
    PICKLE("\x80\2X\xff\xff\xff\xff"
           "abc.",
           "a text beyond its end");
    PICKLE("\x80\2(((((((", "no STOP opcode");
    PICKLE("\x80\2.", "no result");
    PICKLE("\x80\2(.", "no result");
    PICKLE("\x80\2s.", "an item without a container");
    PICKLE("\x80\2K\1K\2K\3s.", "an item put into a value that is not a container");
    PICKLE("\x80\11.", "a protocol newer than 5");
    PICKLE("\x80\2\x8a\11\1\2\3\4\5\6\7\10\11.", "contains no tensors");  /* an integer of nine bytes */
    PICKLE("\x80\2]q\0h\0a.", "contains a list, expected named tensors"); /* a list that holds itself */
    PICKLE("\x80\2" VECTOR ".", "contains one tensor without a name");
    size_t n = 10 << 20; /* a value per byte */
    char *flood = malloc(n);
    memset(flood, ']', n);
    memcpy(flood, "\x80\2", 2);
    pickle(flood, n, "a stack deeper than any checkpoint needs");
    free(flood);
}

static void hostile_tensors(void)
{
    PICKLE(DICT(KEY TENSOR("\0", "K\5\x85", "K\1\x85") "s"), "tensor x: reaches beyond its storage 0 of 16 bytes");
    PICKLE(DICT(KEY TENSOR("\1", "K\4\x85", "K\1\x85") "s"), "tensor x: reaches beyond its storage 0 of 16 bytes");
    PICKLE(DICT(KEY TENSOR("\0", "K\2\x85", "K\4\x85") "s"), "tensor x: reaches beyond its storage 0 of 16 bytes");
    PICKLE(DICT(KEY TENSOR("\0", "K\2\x85", "J\xff\xff\xff\xff\x85") "s"),
           "tensor x: reaches beyond its storage 0 of 16 bytes");
    PICKLE(DICT(KEY TENSOR("\0", "J\xff\xff\xff\xff\x85", "K\1\x85") "s"), "tensor x: axis 0 is -1");
    PICKLE(DICT(KEY TENSOR("\0", "\x8a\10\0\0\0\0\0\0\0\x40K\4\x86", "K\0K\0\x86") "s"),
           "tensor x: axis 0 is 4611686018427387904");
    PICKLE(DICT(KEY TENSOR("\0", "K\2\x85", "\x8a\10\xff\xff\xff\xff\xff\xff\xff\x7f\x85") "s"),
           "tensor x: reaches beyond its storage 0 of 16 bytes");
    PICKLE(DICT(KEY TENSOR("\0", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t") "s"),
           "a tensor of 9 axes, expected at most 8");
    PICKLE(DICT(KEY TENSOR("\0", "K\4\x85", "K\1K\1\x86") "s"), "a tensor without storage");
    PICKLE(DICT(KEY "ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
                    "0X\3\0\0\0cpuK\5tQK\0K\4\x85K\1\x85\x89" HOOKS "tRs"),
           "data/0 has 16 bytes, expected 5 f32 values");
    PICKLE(DICT(KEY "ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
                    "9X\3\0\0\0cpuK\4tQK\0K\4\x85K\1\x85\x89" HOOKS "tRs"),
           "the zip has no entry data/9");
    PICKLE(DICT(KEY "ctorch._utils\n_rebuild_tensor_v3\n((X\7\0\0\0storagectorch.storage\nUntypedStorage\nX\1\0\0\0"
                    "0X\3\0\0\0cpuK\20tQK\0K\4\x85K\1\x85\x89" HOOKS "ctorch\nfloat8_e5m2\ntRs"),
           "a tensor of torch.float8_e5m2, a type that is not supported");
    PICKLE(DICT(KEY VECTOR "s" KEY VECTOR "s"), "two tensors are named x");
}

/* The directory may claim any sizes and offsets. */
static void hostile_directories(void)
{
    static const struct {
        uint64_t packed, size, at;
        const char *words;
    } cases[] = {
        {1 << 20, 1 << 20, 0, "m/data.pkl needs 1048576 bytes at 45 of the zip"},
        {UINT64_MAX - 44, UINT64_MAX - 44, 0, "data.pkl has 18446744073709551571 bytes"},
        {4, 5, 0, "m/data.pkl is stored in 4 bytes, but its directory says 5"},
        {4, 4, 1 << 20, "m/data.pkl is not at byte 1048576 of the zip where its directory says"},
        {4, 4, 1, "m/data.pkl is not at byte 1 of the zip"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        archive a = {.zip64 = 1};
        put_local(&a.file, "m/data.pkl", 0);
        put(&a.file, DICT(""), 4);
        put_entry(&a, "m/data.pkl", 0, cases[i].packed, cases[i].size, cases[i].at);
        bytes b = archive_end(&a);
        refused(b.data, b.size, "made.pth", cases[i].words);
        free(b.data);
    }
    archive bomb = {0};
    put_local(&bomb.file, "m/data.pkl", 8);
    put(&bomb.file, DICT(""), 4);
    put_entry(&bomb, "m/data.pkl", 8, 4, 1 << 20, 0);
    bytes b = archive_end(&bomb);
    refused(b.data, b.size, "bomb.pth", "m/data.pkl in the zip is compressed (1048576 bytes unpacked)");
    free(b.data);
}

/* The old stream: its pickles, then a count and the values of storage '0'. */
static void legacy(int64_t count, size_t values, const char *words)
{
    static const char head[] = "\x80\2\x8a\12\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\2M\xe9\3.\x80\2}." DICT(
        KEY VECTOR "s") "\x80\2]X\1\0\0\0"
                        "0a.";
    static const float four[4] = {1, 2, 3, 4};
    bytes b = {0};
    put(&b, head, sizeof head - 1);
    put(&b, &count, 8);
    put(&b, four, values * sizeof *four);
    tensors *t;
    if (words)
        refused(b.data, b.size, "old.pth", words);
    else if (tensors_open_memory(&t, b.data, b.size, "old.pth"))
        FAILED("%s", wkv_error());
    else
        tensors_close(t);
    free(b.data);
}

static void old_streams(void)
{
    legacy(4, 4, NULL);
    legacy(3, 3, "storage 0 has 3 values of 4 bytes, expected 4 of 4");
    legacy(4, 3, "storage 0 of 1 needs 4 values of 4 bytes, the file has 12 bytes left: truncated");
    legacy(-1, 4, "storage 0 of 1 needs -1 values");
    legacy(INT64_MAX, 4, "needs 9223372036854775807 values");
    static const char many[] =
        "\x80\2\x8a\12\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\2M\xe9\3.\x80\2}.\x80\2}.\x80\2](NNe.";
    REFUSED(many, "many.pth", "lists 2 storages, the file has 0 bytes left: truncated");
}

/* ---- GGUF and rwkv.cpp ------------------------------------------------------------------------------------------- */

#define U32(x) put_number(&b, x, 4)
#define U64(x) put_number(&b, x, 8)
#define TEXT(s) (U64(sizeof(s) - 1), put(&b, s, sizeof(s) - 1))

static bytes gguf(const char *arch, uint64_t n)
{
    bytes b = {0};
    put(&b, "GGUF", 4);
    U32(3), U64(n), U64(1);
    TEXT("general.architecture"), U32(8), U64(strlen(arch)), put(&b, arch, strlen(arch));
    return b;
}

/* A tensor "t" of n x rows values of that type at `offset`, then 64 bytes of data. */
static void gguf_tensor(uint64_t n, uint64_t rows, uint32_t type, uint64_t offset, const char *words)
{
    bytes b = gguf("rwkv7", 1);
    TEXT("t"), U32(2), U64(n), U64(rows), U32(type), U64(offset);
    while (b.size % 32) put(&b, "", 1);
    char room[64] = {0};
    put(&b, room, sizeof room);
    refused(b.data, b.size, "made.gguf", words);
    free(b.data);
}

static void ggufs(void)
{
    gguf_tensor(4, 4, 0, 32, "has 192 bytes, expected 224: truncated");
    gguf_tensor(4, 4, 0, 8, "tensor t: at 8, expected a multiple of 32");
    gguf_tensor(4, 4, 0, UINT64_MAX - 31, "beyond any file");
    gguf_tensor(33, 1, 8, 0, "tensor t: rows of 33 values cannot be q8_0, which comes in blocks of 32");
    gguf_tensor(4, 1, 10, 0, "tensor t: rows of 4 values cannot be q2_K");
    gguf_tensor(4, 1, 18, 0, "tensor t: of ggml type 18 (IQ3_XXS), which is not supported; F32, F16, BF16,");
    gguf_tensor(4, 1, 99, 0, "of ggml type 99 (unknown)");
    gguf_tensor(4, (uint64_t)-4, 0, 0, "tensor t: axis 0 is -4");
    bytes b = gguf("rwkv7", 1 << 20);
    refused(b.data, b.size, "cut.gguf", "1048576 tensors, too many for its 69 bytes");
    put(&b, "", 0);
    b.data[4] = 1;
    refused(b.data, b.size, "old.gguf", "is GGUF version 1, expected 2 or 3");
    memcpy(b.data + 4, "\0\0\0\3", 4);
    refused(b.data, b.size, "big.gguf", "is a big-endian GGUF");
    free(b.data);
    b = (bytes){0};
    put(&b, "GGUF", 4);
    U32(3), U64(0), U64(2), TEXT("a"), U32(7), put(&b, "\1", 1), TEXT("a"), U32(7), put(&b, "\1", 1);
    refused(b.data, b.size, "twice.gguf", "metadata a occurs twice");
    free(b.data);
    b = (bytes){0};
    put(&b, "GGUF", 4);
    U32(3), U64(0), U64(2), TEXT("split.no"), U32(2), put(&b, "\1\0", 2), TEXT("split.count"), U32(2),
        put(&b, "\3\0", 2);
    refused(b.data, b.size, "split.gguf", "is part 2 of 3 of a split GGUF");
    free(b.data);
    b = (bytes){0};
    put(&b, "GGUF", 4);
    U32(3), U64(0), U64(1), TEXT("tokenizer.ggml.tokens"), U32(9), U32(8), U64(1ull << 61), U64(0);
    refused(b.data, b.size, "flood.gguf", "ends inside its metadata: truncated");
    free(b.data);
    b = gguf("rwkv7", 2); /* both at the same 4096 bytes */
    TEXT("a"), U32(1), U64(1024), U32(0), U64(0), TEXT("b"), U32(1), U64(1024), U32(0), U64(0);
    while (b.size % 32) put(&b, "", 1);
    for (int i = 0; i < 4096; i++) put(&b, "", 1);
    refused(b.data, b.size, "overlap.gguf", "its tensors take 8192: they overlap");
    free(b.data);
    b = (bytes){0}; /* an input-major weight with the type of an interleaved one */
    put(&b, "GGUF", 4);
    U32(3), U64(2), U64(2), TEXT("general.architecture"), U32(8), TEXT("rwkv7"), TEXT("wkv.ffn_value"), U32(8),
        TEXT(LAYOUT_GGUF_INPUT_MAJOR);
    TEXT("token_embd.weight"), U32(2), U64(32), U64(1), U32(0), U64(0);
    TEXT("blk.0.channel_mix_value.weight"), U32(2), U64(32), U64(64), U32(1008), U64(128);
    while (b.size % 32) put(&b, "", 1);
    for (int i = 0; i < 128 + 64 * 34; i++) put(&b, "", 1);
    refused(b.data, b.size, "both.gguf", "tensor blocks.0.ffn.value.weight: 64 x 32 of q8_0 cannot be input-major");
    free(b.data);
}

static void other_architectures(void)
{
    static const char *const arch[] = {"llama", "rwkv6qwen2", "arwkv7"};
    for (int i = 0; i < 3; i++) {
        bytes b = gguf(arch[i], 1);
        TEXT("token_embd.weight"), U32(1), U64(1), U32(0), U64(0);
        while (b.size % 32 != 4) put(&b, "", 1);
        tensors *t;
        char words[100];
        snprintf(words, sizeof words, "other.gguf: is a GGUF of architecture %s, not an RWKV", arch[i]);
        if (tensors_open_memory(&t, b.data, b.size, "other.gguf"))
            FAILED("%s", wkv_error());
        else {
            EXPECT_EQ(tensors_refuse(t), WKV_EUNSUPPORTED);
            EXPECT_HAS(wkv_error(), words);
        }
        tensors_close(t);
        free(b.data);
    }
}

static void rwkvcpps(void)
{
    bytes b = {0};
    put(&b, "fmgg", 4);
    refused(b.data, b.size, "cut.bin", "has 4 bytes, expected at least 24: truncated");
    U32(100), U32(2), U32(32), U32(1), U32(2);
    U32(1), U32(1), U32(2), U32(32), put(&b, "x", 1);
    refused(b.data, b.size, "old.bin", "tensor x: quantised in the old layout of rwkv.cpp's version 100");
    b.data[4] = 101;
    refused(b.data, b.size, "cut.bin", "tensor x: needs 18 bytes, the file has 0 left: truncated");
    b.data[32] = 5;
    refused(b.data, b.size, "gone.bin", "tensor x: of type 5, which rwkv.cpp no longer has");
    b.data[40] = 27; /* the name */
    refused(b.data, b.size, "escape.bin", "tensor ?: of type 5");
    b.data[24] = 9;
    refused(b.data, b.size, "axes.bin", "has 9 axes, expected 1 to 3");
    b.size = 24;
    refused(b.data, b.size, "layers.bin", "has 0 layers, expected 1: truncated between two tensors");
    b.data[4] = 99;
    refused(b.data, b.size, "new.bin", "is of version 99 of rwkv.cpp's format");
    free(b.data);
}

/* ---- readable, but not an RWKV of versions 4 to 7 ---------------------------------------------------------------- */

static void strangers(void)
{
    static const struct {
        const char *names[4], *words;
    } cases[] = {
        {{"emb.weight", "blocks.0.att.key.weight"}, NULL},
        {{"emb.weight", "blocks.0.att.r_k", "blocks.0.att.time_state"}, NULL},
        {{"emb.weight", "blocks.0.att.key.weight", "blocks.1.tiny_att.weight"}, "is an RWKV-4a with tiny attention"},
        {{"emb.weight", "blocks.0.att.key.weight", "blocks.0.att.qq.weight"}, "is an RWKV-4b with an extra attention"},
        {{"emb.weight", "blocks.0.ffnPre.key.weight"}, "is an RWKV-4 with ffnPre"},
        {{"emb.weight", "blocks.0.att.key.weight", "head_q.weight"}, "is an RWKV-4 with head-QK"},
        {{"emb.weight", "blocks.0.att.time_maa_x", "blocks.0.att.gate_w1"}, "variants x060a to c"},
        {{"emb.weight", "blocks.0.att.time_maa_x", "blocks.0.att.time_maa_rkvw_w1"}, "variants x060a to c"},
        {{"emb.weight", "blocks.0.att.r_k", "blocks.0.ffn.s_emb.weight"}, NULL},
        {{"emb.weight", "blocks.0.att.r_k", "blocks.0.ffn.s_emb.weight", "blocks.0.qkv.k_emb.weight"},
         "is an RWKV-7b (DeepEmbed and an attention whose memory grows with the text)"},
        {{"emb.weight", "blocks.0.att.r_k", "blocks.0.ffn.enn.weight", "blocks.0.qkv.qq.weight"}, "is an RWKV-8 rc00"},
        {{"emb.weight", "blocks.0.att.key.weight", "blocks.0.rosa_q.weight"}, "is an RWKV-8 experiment with ROSA"},
        {{"blocks.0.att.key.lora_A", "blocks.0.att.key.lora_B"},
         "is an adapter (it has blocks.0.att.key.lora_A), not a model"},
        {{"blocks.0.att.key.lora.0", "blocks.0.att.key.lora.1"}, "is an adapter"},
        {{"blocks.0.att.key.disha"}, "is an adapter"},
        {{"emb.weight", "blocks.0.att.key.weight", "blocks.0.att.key.lora_A"}, "with an unmerged adapter"},
        {{"blocks.0.att.time_state", "blocks.1.att.time_state"}, "is a tuned state of 2 layers, not a model"},
        {{"model.layers.0.self_attn.q_proj.weight"},
         "is not an RWKV of versions 4 to 7: 1 tensors (the first is layers.0.self_attn.q_proj.weight)"},
        {{"emb.weight", "blocks.0.attn.weight"}, "it has emb.weight, but no tensor in blocks.0.att"},
        {{NULL}, "has no tensors"},
    };
    static const float one = 1;
    const char *path = "test_refuse.safetensors";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tensor_out out[4];
        int n = 0;
        for (; n < 4 && cases[i].names[n]; n++) out[n] = (tensor_out){cases[i].names[n], F32, 2, {1, 1}, .data = &one};
        tensors *t;
        if (safetensors_write(path, out, n, NULL) || tensors_open(&t, path)) {
            FAILED("%s", wkv_error());
            continue;
        }
        int e = tensors_refuse(t);
        EXPECT_EQ(e, cases[i].words ? WKV_EUNSUPPORTED : 0);
        if (cases[i].words) {
            EXPECT_HAS(wkv_error(), "test_refuse.safetensors: ");
            EXPECT_HAS(wkv_error(), cases[i].words);
        }
        tensors_close(t);
    }
    remove(path);
}

/* MLX packs codes of 4 bits into numbers of 32, with scales and biases in tensors of their own. */
static void mlx(void)
{
    static const char head[] =
        "{\"model.layers.0.attn.r_proj.weight\":{\"dtype\":\"U32\",\"shape\":[1,8],\"data_offsets\":[0,32]},"
        "\"model.layers.0.attn.r_proj.scales\":{\"dtype\":\"F16\",\"shape\":[1,1],\"data_offsets\":[32,34]},"
        "\"model.layers.0.attn.r_proj.biases\":{\"dtype\":\"F16\",\"shape\":[1,1],\"data_offsets\":[34,36]}}";
    char data[8 + sizeof head - 1 + 36] = {0};
    uint64_t n = sizeof head - 1;
    memcpy(data, &n, 8);
    memcpy(data + 8, head, sizeof head - 1);
    refused(data, sizeof data, "model.safetensors",
            "is a model quantized for MLX (model.layers.0.attn.r_proj.weight is packed into U32");
}

/* The rwkv package's converted models carry their strategy beside the weights. */
static void converted(void)
{
    static const char pickled[] = DICT(KEY VECTOR "sX\11\0\0\0_strategyX\11\0\0\0cuda fp16s");
    bytes b = make_pth(pickled, sizeof pickled - 1, 0, 0);
    tensors *t;
    if (tensors_open_memory(&t, b.data, b.size, "converted.pth"))
        FAILED("%s", wkv_error());
    else {
        EXPECT_EQ(tensors_refuse(t), WKV_EUNSUPPORTED);
        EXPECT_HAS(wkv_error(), "was converted by the rwkv package for the strategy \"cuda fp16\"");
    }
    tensors_close(t);
    free(b.data);
}

int main(void)
{
    RUN(other_files);
    RUN(directories);
    RUN(zips);
    RUN(hostile_pickles);
    RUN(hostile_tensors);
    RUN(hostile_directories);
    RUN(old_streams);
    RUN(ggufs);
    RUN(other_architectures);
    RUN(rwkvcpps);
    RUN(strangers);
    RUN(mlx);
    RUN(converted);
    return DONE();
}
