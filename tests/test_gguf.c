/* test_gguf.c - metadata and vocabulary of files written by the gguf package. */
#include "format/tensors.h"
#include "test.h"
#include "wkv.h"
#include <unistd.h>

static void metadata(void)
{
    tensors *t;
    if (tensors_open(&t, TEST_DIR "/golden/formats/v7-llamacpp.gguf")) {
        FAILED("%s", wkv_error());
        return;
    }
    EXPECT_STR(tensors_meta(t, "general.architecture"), "rwkv7");
    EXPECT_STR(tensors_meta(t, "general.name"), "sample");
    EXPECT_STR(tensors_meta(t, "tokenizer.ggml.model"), "rwkv");
    EXPECT(!tensors_meta(t, "no.such.key"));
    EXPECT(!tensors_meta(t, "rwkv7.block_count")); /* a number is not text */
    EXPECT_NEAR(tensors_number(t, "rwkv7.block_count", -1), 2, 0);
    EXPECT_NEAR(tensors_number(t, "rwkv7.attention.layer_norm_epsilon", -1), 1e-5f, 0);
    EXPECT_NEAR(tensors_number(t, "sample.flag", -1), 1, 0);
    EXPECT_NEAR(tensors_number(t, "sample.negative", -1), -5, 0);
    EXPECT_NEAR(tensors_number(t, "no.such.key", 7), 7, 0);
    EXPECT_NEAR(tensors_number(t, "general.name", 7), 7, 0);
    tensors_close(t);
}

static void token(const tensors *t, int i, const char *want)
{
    size_t len = 0;
    const char *s = tensors_token(t, i, &len);
    if (!s || len != strlen(want) || memcmp(s, want, len))
        FAILED("token %d is \"%.*s\", expected \"%s\"", i, (int)len, s ? s : "", want);
}

static void vocabulary(void)
{
    tensors *t;
    if (tensors_open(&t, TEST_DIR "/golden/formats/v7-llamacpp.gguf")) {
        FAILED("%s", wkv_error());
        return;
    }
    size_t len;
    EXPECT_EQ(tensors_token_count(t), 5);
    token(t, 0, "<s>");
    token(t, 1, "\\x00"); /* as stored: Python's escapes */
    token(t, 4, "[PAD4]");
    EXPECT(!tensors_token(t, 5, &len));
    EXPECT(!tensors_token(t, -1, &len));
    tensors_close(t);
}

static void vocabulary_only(void)
{
    tensors *t;
    const char *path = SHARED_DIR "/gguf/ggml-vocab-gpt-neox.gguf";
    if (access(path, R_OK)) SKIP("%s is not there", path);
    if (tensors_open(&t, path)) {
        FAILED("%s", wkv_error());
        return;
    }
    EXPECT_STR(tensors_format(t), "gguf v3");
    EXPECT_STR(tensors_meta(t, "general.architecture"), "gptneox");
    EXPECT_EQ(tensors_count(t), 0);
    EXPECT_EQ(tensors_token_count(t), 50432);
    token(t, 1000, "err");
    token(t, 50431, "[PAD50431]");
    EXPECT_EQ(tensors_refuse(t), WKV_EUNSUPPORTED);
    EXPECT_HAS(wkv_error(), "a vocabulary of 50432 tokens and no tensors");
    tensors_close(t);
}

int main(void)
{
    RUN(metadata);
    RUN(vocabulary);
    RUN(vocabulary_only);
    return DONE();
}
