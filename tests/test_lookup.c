/* test_lookup.c - the vocabulary that a model gets: inside its GGUF, beside it, in $WKV_DATA, in the user's folder, in
 * the library. */
#include "folder.h"
#include "rwkv/api.h"
#include "test.h"
#include "text/tokenizer.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char one[] = "1 'a' 1\n";

static void put(const char *name, const char *text) { write_file(in_folder(name), text); }

/* a model of that size at folder/models/m.pth, as far as a tokenizer sees it */
static wkv_model model(int vocab)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/models/m.v1.pth", folder);
    return (wkv_model){.about = {.path = path, .format = "pth (zip)", .version = "7", .vocab = vocab}};
}

/* the tokenizer of such a model is folder/name */
static void expect_at(int vocab, const char *name)
{
    wkv_model m = model(vocab);
    wkv_tokenizer *t;
    if (wkv_tokenizer_open(&t, NULL, &m))
        FAILED("%s", wkv_error());
    else
        EXPECT_STR(wkv_tokenizer_path(t), in_folder(name));
    wkv_tokenizer_close(t);
}

static void expect_none(int vocab, int code, const char *words)
{
    wkv_model m = model(vocab);
    wkv_tokenizer *t;
    EXPECT_EQ(wkv_tokenizer_open(&t, NULL, &m), code);
    EXPECT_HAS(wkv_error(), words);
    EXPECT_HAS(wkv_error(), "m.v1.pth");
    EXPECT(!t);
}

static void expect_named(int vocab, const char *name, const char *path)
{
    wkv_model m = model(vocab);
    wkv_tokenizer *t;
    if (wkv_tokenizer_open(&t, NULL, &m))
        FAILED("%s", wkv_error());
    else {
        EXPECT_STR(wkv_tokenizer_name(t), name);
        EXPECT_STR(wkv_tokenizer_path(t), path);
    }
    wkv_tokenizer_close(t);
}

/* Without any file the library gives the official vocabularies, for every padded number of logits. */
static void nothing(void)
{
    static const int world[] = {65529, 65530, 65533, 65536, 65544};
    for (size_t i = 0; i < sizeof world / sizeof *world; i++) expect_named(world[i], "World", "world");
    expect_named(256, "bytes", "bytes");
    expect_none(65528, WKV_EIO, "has its own vocabulary (65528 ids)");
    expect_none(65545, WKV_EIO, "has its own vocabulary (65545 ids)");
    expect_none(6064, WKV_EIO, "has its own vocabulary (6064 ids)");
    expect_none(6064, WKV_EIO, in_folder("data"));
    wkv_tokenizer *t;
    if (wkv_tokenizer_open(&t, "20B", NULL) == WKV_EUNSUPPORTED) SKIP("%s", wkv_error());
    wkv_tokenizer_close(t);
    expect_named(50277, "GPT-NeoX 20B", "20B");
    expect_named(50304, "GPT-NeoX 20B", "20B");
}

/* General names apply only in a folder that is the model. */
static void general_names(void)
{
    static const char letters[] = "{\"0\": \"a\", \"1\": \"b\"}";
    char path[256];
    wkv_tokenizer *t;
    put("models/tokenizer.json", letters);
    expect_named(65536, "World", "world");
    snprintf(path, sizeof path, "%s", in_folder("models/model-00001-of-00002.safetensors"));
    wkv_model m = {.about = {.path = path, .format = "safetensors", .version = "7", .vocab = 65536}};
    if (wkv_tokenizer_open(&t, NULL, &m))
        FAILED("%s", wkv_error());
    else
        EXPECT_STR(wkv_tokenizer_path(t), in_folder("models/tokenizer.json"));
    wkv_tokenizer_close(t);
    snprintf(path, sizeof path, "%s", in_folder("models"));
    if (wkv_tokenizer_open(&t, NULL, &m))
        FAILED("%s", wkv_error());
    else
        EXPECT_STR(wkv_tokenizer_path(t), in_folder("models/tokenizer.json"));
    wkv_tokenizer_close(t);
    unlink(in_folder("models/tokenizer.json"));
}

static void folders(void)
{
    put("home/.local/share/wkv/rwkv_vocab_v20230424.txt", one);
    expect_at(65536, "home/.local/share/wkv/rwkv_vocab_v20230424.txt");
    put("xdg/wkv/rwkv_vocab_v20230424.txt", one);
    expect_at(65536, "xdg/wkv/rwkv_vocab_v20230424.txt");
    put("pulled/rwkv_vocab_v20230424.txt", one);
    expect_at(65536, "pulled/rwkv_vocab_v20230424.txt");
    put("data/rwkv_vocab_v20230424.txt", one);
    expect_at(65536, "data/rwkv_vocab_v20230424.txt");
    expect_at(65530, "data/rwkv_vocab_v20230424.txt"); /* ids end at 65529 */
    expect_at(65535, "data/rwkv_vocab_v20230424.txt");
    expect_at(65529, "data/rwkv_vocab_v20230424.txt"); /* the last word is out of reach */
    expect_at(65544, "data/rwkv_vocab_v20230424.txt");
    expect_none(65545, WKV_EIO, "has its own vocabulary (65545 ids)");
    put("models/rwkv_vocab_v20230424.txt", one);
    expect_at(65536, "models/rwkv_vocab_v20230424.txt");
    put("models/vocab.json", "{\"0\": \"a\", \"1\": \"b\"}");
    expect_at(6064, "models/vocab.json");
    put("models/vocab.txt", one);
    expect_at(6064, "models/vocab.txt");
    put("models/m.v1.vocab.json", "{\"0\": \"a\"}");
    expect_at(6064, "models/m.v1.vocab.json"); /* the model's own is first */
    put("models/m.v1.vocab.txt", "1 'a' 1\n255 'b' 1\n");
    expect_at(6064, "models/m.v1.vocab.txt"); /* the model's own is first */
    expect_at(256, "models/m.v1.vocab.txt");
    expect_none(200, WKV_EARG, "its largest id is 255");
    expect_at(65536, "models/m.v1.vocab.txt");
}

static void named(void)
{
    wkv_model m = model(65536);
    wkv_tokenizer *t;
    EXPECT_EQ(wkv_tokenizer_open(&t, in_folder("data/rwkv_vocab_v20230424.txt"), &m), 0);
    EXPECT_EQ(wkv_tokenizer_size(t), 2);
    wkv_tokenizer_close(t);
    put("data/empty.txt", "");
    EXPECT_EQ(wkv_tokenizer_open(&t, in_folder("data/empty.txt"), &m), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "empty");
    EXPECT_EQ(wkv_tokenizer_open(&t, in_folder("data"), &m), WKV_EIO);
    m = model(200);
    EXPECT_EQ(wkv_tokenizer_open(&t, "bytes", &m), WKV_EARG);
    EXPECT_HAS(wkv_error(), "largest id is 255");
}

static void built_in(void)
{
    wkv_model *m;
    wkv_tokenizer *t;
    EXPECT_EQ(wkv_model_open(&m, NULL, NULL), 0);
    EXPECT_EQ(wkv_tokenizer_open(&t, NULL, m), 0);
    EXPECT(wkv_encode(t, "any \xff text", 10, NULL, 0) > 0);
    EXPECT_EQ(wkv_tokenizer_end(t), 0);
    wkv_tokenizer_close(t);
    wkv_model_close(m);
}

/* ---- GGUF -------------------------------------------------------------------------------------------------------- */

static char *put_string(char *p, const char *s)
{
    uint64_t n = strlen(s);
    memcpy(p, &n, 8);
    memcpy(p + 8, s, n);
    return p + 8 + n;
}

/* a GGUF of no tensors: the kind of its tokenizer, and its tokens */
static size_t make_gguf(char *file, const char *kind, const char *const *tokens, uint64_t count)
{
    uint64_t counts[] = {0, 2};
    uint32_t string = 8, array = 9;
    char *p = file;
    memcpy(p, "GGUF\3\0\0\0", 8), p += 8;
    memcpy(p, counts, 16), p += 16;
    p = put_string(p, "tokenizer.ggml.model");
    memcpy(p, &string, 4), p = put_string(p + 4, kind);
    p = put_string(p, "tokenizer.ggml.tokens");
    memcpy(p, &array, 4), memcpy(p + 4, &string, 4), memcpy(p + 8, &count, 8), p += 16;
    for (uint64_t i = 0; i < count; i++) p = put_string(p, tokens[i]);
    return (size_t)(p - file);
}

static void gguf(void)
{
    static const char *const tokens[] = {"<s>",    "<",      "s",     ">",        "\\x00",   "\\xe4\\xb8\\xad",
                                         "\\n\\n", "it\\'s", "\\\\n", "\xc3\xa9", "[PAD10]", "[PAD1]",
                                         "["};
    char file[1024];
    size_t size = make_gguf(file, "rwkv", tokens, 13), n;
    wkv_model m = model(13);
    wkv_tokenizer *t;
    int32_t ids[16];
    if (tensors_open_memory(&m.file, file, size, "m.gguf")) {
        FAILED("%s", wkv_error());
        return;
    }
    EXPECT_EQ(wkv_tokenizer_open(&t, NULL, &m), 0);
    EXPECT_STR(wkv_tokenizer_path(t), "m.gguf");
    EXPECT_EQ(wkv_tokenizer_size(t), 12 + 1);
    EXPECT_EQ(wkv_tokenizer_end(t), 0);
    EXPECT_EQ(wkv_encode(t, "<s>", 3, ids, 16), 3); /* not the end of the text */
    EXPECT_EQ(wkv_encode(t, "\0\xe4\xb8\xad\n\nit's\\n\xc3\xa9[PAD1]", 20, ids, 16), 7);
    for (int i = 0; i < 6; i++) EXPECT_EQ(ids[i], 4 + i);
    EXPECT_EQ(ids[6], 11); /* [PAD1] is filler only where it is number 1 */
    EXPECT_EQ(wkv_encode(t, "[PAD10]", 7, NULL, 0), WKV_EARG);
    wkv_token_bytes(t, 10, &n);
    EXPECT_EQ(n, 0);
    wkv_tokenizer_close(t);
    tensors_close(m.file);
    size = make_gguf(file, "gpt2", tokens, 13); /* of another kind: looked for elsewhere */
    EXPECT_EQ(tensors_open_memory(&m.file, file, size, "m.gguf"), 0);
    m.about.vocab = 6064;
    EXPECT_EQ(wkv_tokenizer_open(&t, NULL, &m), 0);
    EXPECT_STR(wkv_tokenizer_path(t), in_folder("models/m.v1.vocab.txt"));
    wkv_tokenizer_close(t);
    tensors_close(m.file);
}

static void long_word_in_gguf(void)
{
    char letters[1026], file[2048];
    const char *const tokens[] = {"<s>", letters};
    wkv_model m = model(2);
    wkv_tokenizer *t;
    for (size_t n = 1024; n <= 1025; n++) {
        memset(letters, 'a', n);
        letters[n] = 0;
        size_t size = make_gguf(file, "rwkv", tokens, 2);
        EXPECT_EQ(tensors_open_memory(&m.file, file, size, "m.gguf"), 0);
        EXPECT_EQ(wkv_tokenizer_open(&t, NULL, &m), n == 1024 ? 0 : WKV_EFORMAT);
        if (n == 1025) EXPECT_HAS(wkv_error(), "m.gguf: id 1 has 1025 bytes, expected at most 1024");
        wkv_tokenizer_close(t);
        tensors_close(m.file);
    }
}

/* the real GGUF has a vocabulary of a kind that RWKV's converter does not write */
static void gguf_file(void)
{
    wkv_tokenizer *t;
    int e = wkv_tokenizer_open(&t, SHARED_DIR "/gguf/ggml-vocab-gpt-neox.gguf", NULL);
    if (e == WKV_EIO) SKIP("%s", wkv_error());
    EXPECT_EQ(e, WKV_EUNSUPPORTED);
    EXPECT_HAS(wkv_error(), "of kind \"gpt2\", expected \"rwkv\"");
}

int main(void)
{
    static const char *const made[] = {
        "models", "data",    "home",  "home/.local", "home/.local/share", "home/.local/share/wkv",
        "xdg",    "xdg/wkv", "pulled"};
    folder_begin("lookup");
    for (int i = 0; i < 9; i++) folder_create(in_folder(made[i]), 0700);
    setenv("WKV_DATA", in_folder("data"), 1);
    setenv("HOME", in_folder("home"), 1);
    setenv("XDG_DATA_HOME", in_folder("xdg"), 1);
    setenv("WKV_MODELS", in_folder("pulled"), 1);
    RUN(nothing);
    RUN(general_names);
    RUN(folders);
    RUN(named);
    RUN(built_in);
    RUN(gguf);
    RUN(long_word_in_gguf);
    RUN(gguf_file);
    folder_end();
    return DONE();
}
