/* test_formats.c - the reference files of others, opened as they are. */
#include "format/tensors.h"
#include "test.h"
#include "wkv.h"
#include <stdlib.h>
#include <unistd.h>

#define OPEN(t, path)                                                                                                  \
    tensors *t;                                                                                                        \
    if (access(path, R_OK)) SKIP("%s is not there", path);                                                             \
    if (tensors_open(&t, path)) { FAILED("%s", wkv_error()); return; }

static void alive_rwkv7(void)
{
    OPEN(t, SHARED_DIR "/alive/rwkv-7.pth");
    EXPECT_STR(tensors_format(t), "pth (zip)");
    EXPECT_STR(tensors_naming(t), "official");
    EXPECT_EQ(tensors_count(t), 102);
    EXPECT_EQ(tensors_refuse(t), 0);
    const file_tensor *f = tensors_find(t, "blocks.1.att.w1");
    EXPECT(f != NULL);
    EXPECT_EQ(tensor_axis(f, 0), 128);
    EXPECT_EQ(tensor_axis(f, 1), 24);
    EXPECT(tensors_find(t, "blocks.1.att.w9") == NULL);
    tensors_close(t);
}

static void vocabulary_only(void)
{
    OPEN(t, SHARED_DIR "/gguf/ggml-vocab-gpt-neox.gguf");
    EXPECT_EQ(tensors_count(t), 0);
    EXPECT_EQ(tensors_token_count(t), 50432);
    EXPECT_STR(tensors_meta(t, "general.architecture"), "gptneox");
    EXPECT_EQ(tensors_refuse(t), WKV_EUNSUPPORTED);
    EXPECT_HAS(wkv_error(), "a vocabulary of 50432 tokens");
    tensors_close(t);
}

int main(void)
{
    RUN(alive_rwkv7);
    RUN(vocabulary_only);
    return DONE();
}
