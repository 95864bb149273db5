/* test_safetensors.c - the container's rules, and the writer. */
#include "base/file.h"
#include "format/tensors.h"
#include "format/write.h"
#include "test.h"
#include "wkv.h"
#include <stdlib.h>
#include <unistd.h>

/* A file of this header and n bytes of data; reading it must fail with these words (NULL: must not fail). */
static void header(const char *json, size_t n, const char *words)
{
    const uint64_t len = strlen(json);
    char *file = calloc(1, 8 + len + n);
    memcpy(file, &len, 8);
    memcpy(file + 8, json, len);
    tensors *t;
    int e = tensors_open_memory(&t, file, 8 + len + n, "made.safetensors");
    if (!words && e) FAILED("%s", wkv_error());
    if (words && !e) FAILED("%s was accepted", json);
    if (words && e) EXPECT_HAS(wkv_error(), words);
    tensors_close(t);
    free(file);
}

#define ONE(dtype, shape, from, to)                                                                                    \
    "{\"x\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #from "," #to "]}}"

static void rules(void)
{
    header(ONE("F32", "[2,2]", 0, 16), 16, NULL);
    header(ONE("F32", "[]", 0, 4) "   ", 4, NULL);
    header(ONE("F32", "[0,7]", 0, 0), 0, NULL);
    header("{}", 0, NULL);
    header("{\"__metadata__\":{\"a\":\"b\"}}", 0, NULL);
    header(ONE("F32", "[2,2]", 0, 16), 12, "has 77 bytes, expected 81: truncated");
    header(ONE("F32", "[2,2]", 0, 16), 20, "has 4 bytes after its last tensor");
    header(ONE("F32", "[2,2]", 0, 12), 12, "tensor x: is at bytes 0 to 12, expected 16 bytes of F32");
    header(ONE("F32", "[2,2]", 4, 20), 20, "tensor x: begins at byte 4 of the data, expected 0");
    header(ONE("F32", "[2,2]", 16, 0), 16, "tensor x: is at bytes 16 to 0");
    header(ONE("F32", "[-2,-2]", 0, 16), 16, "axis 1 is -2");
    header(ONE("F32", "[4611686018427387904,4]", 0, 16), 16, "tensor x");
    header(ONE("F32", "[4611686018427387904,1]", 0, 16), 16, "more bytes than any file");
    header(ONE("U8", "[4611686018427387904]", 0, 4611686018427387904), 16, "truncated");
    header(ONE("U8", "[4]", 9223372036854775803, 9223372036854775807), 16, "truncated");
    header(ONE("F32", "[1,1,1,1,1,1,1,1,1]", 0, 4), 4, "has 9 axes, expected at most 8");
    header(ONE("F32", "[1.5]", 0, 4), 4, "its shape is not a list of integers");
    header(ONE("F32", "\"ab\"", 0, 4), 4, "expected dtype, shape and data_offsets");
    header(ONE("F8_E4M3", "[4]", 0, 4), 4, "of type F8_E4M3, which is not supported");
    header("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],"
           "\"data_offsets\":[2,6]}}",
           6, "tensor b: begins at byte 2 of the data, expected 4");
    header("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"U8\",\"shape\":[4],"
           "\"data_offsets\":[4,8]}}",
           8, "its header is not a JSON object: duplicate object key");
    header("{\"__metadata__\":{\"a\":1}}", 0, "its __metadata__ has a that is not text");
    header("{\"__metadata__\":[]}", 0, "its __metadata__ is not a JSON object");
    header("{\"x\":7}", 0, "tensor x: expected dtype");
    header("{nonsense}", 0, "its header is not a JSON object");
    header("{\"\\n\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
           "the name of tensor 0 contains byte 0x0a");
    header("{\"\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "tensor 0 has no name");
    char huge[16] = "\xff\xff\xff\xff\xff\xff\xff\x7f{}";
    tensors *t;
    EXPECT_EQ(tensors_open_memory(&t, huge, sizeof huge, "huge"), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "its header claims 9223372036854775807 bytes");
    uint64_t million = 1000000;
    memcpy(huge, &million, 8);
    EXPECT_EQ(tensors_open_memory(&t, huge, sizeof huge, "huge"), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "has 16 bytes, expected 1000008 for its header alone");
}

/* The lengths of these headers begin with the first two bytes of a pickle. */
static void lengths_of_pickles(void)
{
    char json[0x600];
    for (int n = 0x280; n <= 0x580; n += 0x100) {
        memset(json, ' ', sizeof json);
        memcpy(json, "{}", 2);
        json[n] = 0;
        header(json, 0, NULL);
    }
}

static void writes(void)
{
    static const float f[6] = {1, 2, 3, 4, 5, 6};
    static const uint16_t b[3] = {0x3f80, 0x4000, 0x4040}, h[1] = {0x3c00};
    static const uint8_t u[3] = {7, 8, 9};
    const tensor_out out[] = {{"small", BF16, 1, {3}, .data = b},
                              {"one", F16, 0, {0}, .data = h},
                              {"bytes", U8, 1, {3}, .data = u},
                              {"f", F32, 2, {2, 3}, .data = f},
                              {"name with \"quotes\"", F32, 1, {2}, .data = f},
                              {"empty", F32, 2, {0, 3}, .data = f}};
    const char *meta[] = {"format", "pt", "text", "\xe4\xb8\xad\n", NULL};
    const char *path = "test_safetensors.tmp";
    if (safetensors_write(path, out, 6, meta)) FAILED("%s", wkv_error());
    tensors *t;
    if (tensors_open(&t, path)) {
        FAILED("%s", wkv_error());
        return;
    }
    EXPECT_EQ(tensors_count(t), 6);
    EXPECT_STR(tensors_at(t, 0)->name, "f"); /* widest first, then as given */
    EXPECT_STR(tensors_at(t, 3)->name, "small");
    EXPECT_STR(tensors_meta(t, "text"), "\xe4\xb8\xad\n");
    for (int i = 0; i < 6; i++) {
        const file_tensor *x = tensors_find(t, out[i].name);
        EXPECT(x && x->type == out[i].type && x->dims == out[i].dims);
        if (x) EXPECT(!memcmp(x->data, out[i].data, (size_t)dtype_bytes(x->type, tensor_values(x))));
        if (x) EXPECT_EQ((uintptr_t)x->data % (unsigned)dtypes[x->type].bytes, 0);
    }
    EXPECT_EQ((uintptr_t)tensors_find(t, "f")->data % 8, 0);
    tensors_close(t);
    /* nothing but the file is left, and a second write replaces it */
    if (safetensors_write(path, out, 1, NULL) || tensors_open(&t, path)) {
        FAILED("%s", wkv_error());
        return;
    }
    EXPECT_EQ(tensors_count(t), 1);
    tensors_close(t);
    remove(path);
}

static void writes_nothing(void)
{
    static const float f[1] = {1};
    const tensor_out out = {"x", F32, 1, {1}, .data = f};
    EXPECT_EQ(safetensors_write("no/such/folder/x.safetensors", &out, 1, NULL), WKV_EIO);
    EXPECT_HAS(wkv_error(), "no/such/folder/x.safetensors: cannot be written: No such file or directory");
    const tensor_out bad = {"\xff\xfe", F32, 1, {1}, .data = f};
    EXPECT_EQ(safetensors_write("bad.tmp", &bad, 1, NULL), WKV_EARG);
    EXPECT(access("bad.tmp", F_OK));
}

static void full_disk(void)
{
    if (access("/dev/full", W_OK)) SKIP("no /dev/full");
    static char much[1 << 16];
    file_out o = {.f = fopen("/dev/full", "wb"),
                  .path = strdup("full"),
                  .target = strdup("full"),
                  .part = strdup("no-such-part")};
    int e = WKV_OK;
    for (int i = 0; !e && i < 4; i++) e = file_put(&o, much, sizeof much);
    EXPECT_EQ(e, WKV_EIO);
    EXPECT_HAS(wkv_error(), "full: cannot be written: No space left on device");
    EXPECT_EQ(file_commit(&o), WKV_EIO); /* a failed file is never renamed into place */
    EXPECT(access("full", F_OK));
}

static void whole_files(void)
{
    const char *path = "test_file.tmp";
    file_out o;
    char *text;
    size_t size;
    file_map map;
    EXPECT_EQ(file_create(&o, path, FILE_ANY), 0);
    EXPECT_EQ(file_put(&o, "abc", 3), 0);
    EXPECT(access(path, F_OK)); /* not there before commit */
    EXPECT_EQ(file_commit(&o), 0);
    EXPECT_EQ(file_slurp(&text, &size, path), 0);
    EXPECT_EQ(size, 3);
    EXPECT_STR(text, "abc");
    free(text);
    EXPECT_EQ(file_open(&map, path), 0);
    EXPECT_EQ(map.size, 3);
    file_close(&map);
    EXPECT_EQ(file_create(&o, path, FILE_ANY), 0);
    EXPECT_EQ(file_put(&o, "no", 2), 0);
    file_abandon(&o);
    EXPECT_EQ(file_slurp(&text, &size, path), 0);
    EXPECT_STR(text, "abc"); /* an abandoned write loses nothing */
    free(text);
    remove(path);
    EXPECT_EQ(file_open(&map, path), WKV_EIO);
    EXPECT_HAS(wkv_error(), "test_file.tmp: No such file or directory");
    EXPECT_EQ(file_open(&map, "."), WKV_EIO);
    EXPECT_HAS(wkv_error(), ".: is a directory, expected a file");
    EXPECT_EQ(file_open(&map, "/dev/null"), WKV_EIO);
    EXPECT_HAS(wkv_error(), "/dev/null: is a device, expected a regular file");
}

int main(void)
{
    RUN(rules);
    RUN(lengths_of_pickles);
    RUN(writes);
    RUN(writes_nothing);
    RUN(full_disk);
    RUN(whole_files);
    return DONE();
}
