/* test_train_data.c - training data: text, conversations and token files as one row of tokens, and their
 * orders. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "train/data.h"
#include "train/order.h"
#include "wkv_train.h"
#include "folder.h"
#include "test.h"

/* ---- text -------------------------------------------------------------------------------------------------------- */

/* a file added by add() */
static int add(tokens *d, const char *path, const char *chat)
{
    wkv_tokenizer *bytes;
    text_form form = {.documents = {.chat = NULL}};
    EXPECT_EQ(wkv_tokenizer_open(&bytes, "bytes", NULL), 0);
    EXPECT_EQ(wkv_template_find(&form.documents.chat, chat, NULL, NULL), 0);
    form.vocab = bytes;
    int err = tokens_add(d, path, &form);
    wkv_tokenizer_close(bytes);
    return err;
}

static const char *spelt(const tokens *d)
{
    static char text[512];
    int32_t ids[512];
    tokens_copy(d, 0, d->n, ids);
    for (int i = 0; i < d->n; i++) text[i] = (char)ids[i];
    text[d->n] = 0;
    return text;
}

static void text_becomes_tokens(void)
{
    tokens d = {0};
    write_file(in_folder("a.jsonl"), "{\"text\": \"ab\"}\n\n{\"meta\": 1, \"text\": \"c\\u00e9\"}");
    EXPECT_EQ(add(&d, in_folder("a.jsonl"), NULL), 0);
    EXPECT_STR(spelt(&d), "abc\303\251");
    write_file(in_folder("b.txt"), "more");
    uint64_t sum = tokens_sum(&d);
    EXPECT_EQ(add(&d, in_folder("b.txt"), NULL), 0); /* behind it */
    EXPECT_STR(spelt(&d), "abc\303\251more");
    EXPECT(tokens_sum(&d) != sum);
    int32_t across[4];
    tokens_copy(&d, 3, 4, across);
    EXPECT(across[0] == 0xc3 && across[1] == 0xa9 && across[2] == 'm' && across[3] == 'o');
    tokens_release(&d);
    write_file(in_folder("b.jsonl"), "{\"text\": \"ab\"}\n{\"txt\": \"c\"}\n");
    EXPECT_EQ(add(&d, in_folder("b.jsonl"), NULL), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "line 2");
    write_file(in_folder("c.jsonl"), "{\"text\": \n");
    EXPECT_EQ(add(&d, in_folder("c.jsonl"), NULL), WKV_EFORMAT);
    EXPECT_EQ(add(&d, in_folder("none.txt"), NULL), WKV_EIO);
    write_file(in_folder("d.jsonl"), "{\"text\": \"\"}\n{\"text\": \"x\"}\n"); /* a document without a byte */
    EXPECT_EQ(add(&d, in_folder("d.jsonl"), NULL), 0);
    EXPECT_STR(spelt(&d), "x");
    tokens_release(&d);
}

static void conversations_become_text(void)
{
    tokens d = {0};
    write_file(
        in_folder("m.jsonl"),
        "{\"messages\": [{\"role\": \"system\", \"content\": \"Be brief.\"}, {\"role\": \"user\", \"content\": \"Hi\"},"
        " {\"role\": \"assistant\", \"content\": \"Hello.\\n\\nYes? \"}, {\"role\": \"user\", \"content\": \"So\"},"
        " {\"role\": \"assistant\", \"content\": \"No\"}]}\n");
    EXPECT_EQ(add(&d, in_folder("m.jsonl"), "world"), 0);
    EXPECT_STR(spelt(&d), "System: Be brief.\n\nUser: Hi\n\nAssistant: Hello.\nYes?\n\nUser: So\n\nAssistant: No\n\n");
    tokens_release(&d);
    EXPECT_EQ(add(&d, in_folder("m.jsonl"), "pile"), 0);
    EXPECT_HAS(spelt(&d), "Q: So\nA: No\n\n");
    tokens_release(&d);
    write_file(in_folder("n.jsonl"), "{\"messages\": [{\"role\": \"assistant\", \"content\": \"Hi\"}]}");
    EXPECT_EQ(add(&d, in_folder("n.jsonl"), NULL), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "message 1");
    write_file(in_folder("n.jsonl"), "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}");
    EXPECT_EQ(add(&d, in_folder("n.jsonl"), NULL), WKV_EFORMAT);
    tokens_release(&d);
}

/* NAME.bin and NAME.idx of uint16 (8) or int32 (4) tokens 0, 1, 2, ... in sequences of the given lengths */
static void write_binidx(const char *name, int type, const int32_t *lengths, uint64_t n)
{
    char path[256];
    uint64_t head[] = {1, n, n + 1};
    int64_t at = 0;
    snprintf(path, sizeof path, "%s.idx", name);
    FILE *idx = fopen(path, "wb");
    snprintf(path, sizeof path, "%s.bin", name);
    FILE *bin = fopen(path, "wb");
    fwrite("MMIDIDX\0", 9, 1, idx);
    fwrite(&head[0], 8, 1, idx);
    fputc(type, idx);
    fwrite(&head[1], 8, 2, idx);
    fwrite(lengths, 4, n, idx);
    for (uint64_t i = 0; i < n; at += lengths[i++] * (type == 8 ? 2 : 4)) fwrite(&at, 8, 1, idx);
    for (int64_t i = 0; i <= (int64_t)n; i++) fwrite(&i, 8, 1, idx);
    int64_t count = 0;
    for (uint64_t i = 0; i < n; i++) count += lengths[i];
    for (int32_t i = 0; i < count; i++) fwrite(&i, type == 8 ? 2 : 4, 1, bin);
    fclose(idx);
    fclose(bin);
}

static void token_files_are_mapped(void)
{
    static const char *const names[] = {"tok", "tok.idx", "tok.bin"};
    static const int32_t lengths[] = {3, 500, 0, 97};
    for (int type = 4; type <= 8; type += 4) {
        write_binidx(in_folder("tok"), type, lengths, 4);
        for (int i = 0; i < 3; i++) {
            tokens d = {0};
            int32_t ids[600];
            EXPECT_EQ(add(&d, in_folder(names[i]), NULL), 0);
            EXPECT_EQ(d.n, 600);
            tokens_copy(&d, 0, d.n, ids);
            for (int k = 0; k < d.n; k++) EXPECT_EQ(ids[k], k);
            EXPECT(d.parts[0].map.data != NULL);
            tokens_release(&d);
        }
    }
    tokens d = {0};
    EXPECT_EQ(tokens_add(&d, in_folder("tok"), &(text_form){0}), 0); /* without any vocabulary */
    EXPECT_EQ(tokens_add(&d, in_folder("a.jsonl"), &(text_form){0}), WKV_EARG);
    tokens_release(&d);
    if (truncate(in_folder("tok.bin"), 1199)) FAILED("truncate");
    EXPECT_EQ(add(&d, in_folder("tok"), NULL), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "1199 bytes");
    write_binidx(in_folder("tok"), 8, lengths, 4);
    if (truncate(in_folder("tok.idx"), 60)) FAILED("truncate");
    EXPECT_EQ(add(&d, in_folder("tok.idx"), NULL), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "4 sequences");
    write_binidx(in_folder("tok"), 6, lengths, 4);
    EXPECT_EQ(add(&d, in_folder("tok"), NULL), WKV_EUNSUPPORTED);
    tokens_release(&d);
}

/* Ids beyond the vocabulary are refused before a step, with the file and the place; tokens alone need no vocabulary. */
static void ids_are_checked_first(void)
{
    static const int32_t lengths[] = {60, 40};
    char run[200];
    snprintf(run, sizeof run, "%s/run", folder);
    const wkv_train_options set = {
        .out = run, .layers = 1, .width = 32, .head_size = 32, .context = 8, .batch = 1, .steps = 1, .threads = 1};
    for (int type = 4; type <= 8; type += 4) {
        write_binidx(in_folder("tok"), type, lengths, 2);
        write_binidx(in_folder("more"), type, lengths, 2);
        const char *data[] = {in_folder("tok.bin"), in_folder("more"), NULL};
        wkv_train_options o = set;
        tokens d = {0};
        EXPECT_EQ(tokens_add(&d, data[0], &(text_form){0}), 0);
        EXPECT_EQ(tokens_check(&d, 100), 0);
        EXPECT_EQ(tokens_check(&d, 99), WKV_EFORMAT);
        EXPECT_HAS(wkv_error(), "tok.bin: token 99 of 100 is 99; the model's ids are 0 to 98");
        tokens_release(&d);
        o.data = data, o.vocab_size = 42;
        EXPECT_EQ(wkv_train(&o), WKV_EFORMAT);
        EXPECT_HAS(wkv_error(), "tok.bin: token 42 of 100 is 42; the model's ids are 0 to 41");
        const char *text[] = {in_folder("b.txt"), NULL};
        write_file(text[0], "some words and some more words, and again some words");
        o.data = text, o.vocab = "bytes", o.vocab_size = 0, o.valid = in_folder("tok.idx");
        write_binidx(in_folder("tok"), type, (int32_t[]){300, 0}, 2);
        EXPECT_EQ(wkv_train(&o), WKV_EFORMAT); /* held out */
        EXPECT_HAS(wkv_error(), "tok.bin: token 256 of 300 is 256");
        EXPECT(access(o.out, F_OK)); /* nothing was begun */
        char idx[200];
        snprintf(idx, sizeof idx, "%s", in_folder("tok.idx"));
        const char *only[] = {idx, NULL};
        EXPECT_EQ(wkv_train(&(wkv_train_options){
                      .method = "lora", .samples = 1, .data = only, .out = o.out, .vocab = "bytes"}),
                  WKV_EARG);
        EXPECT_HAS(wkv_error(), "tok.idx: token files contain no samples");
    }
    if (truncate(in_folder("tok.bin"), 0)) FAILED("truncate");
    FILE *f = fopen(in_folder("tok.bin"), "wb");
    for (int32_t i = 0; i < 300; i++) fwrite(&(int32_t){i == 77 ? -5 : 1}, 4, 1, f);
    fclose(f);
    write_binidx(in_folder("low"), 4, (int32_t[]){300, 0}, 2);
    entry_rename(in_folder("tok.bin"), in_folder("low.bin"));
    tokens d = {0};
    EXPECT_EQ(tokens_add(&d, in_folder("low"), &(text_form){0}), 0);
    EXPECT_EQ(tokens_check(&d, 256), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "low.bin: token 77 of 300 is -5");
    tokens_release(&d);
    rename(in_folder("low.idx"), in_folder("LOW.IDX"));
    rename(in_folder("low.bin"), in_folder("LOW.BIN"));
    for (int i = 0; i < 2; i++) {
        EXPECT_EQ(tokens_add(&d, in_folder(i ? "LOW.IDX" : "LOW.BIN"), &(text_form){0}), 0);
        tokens_release(&d);
    }

    /* a checkpoint with a vocabulary that is not at hand */
    write_binidx(in_folder("few"), 8, (int32_t[]){48, 0}, 2);
    const char *few[] = {in_folder("few"), NULL};
    for (int i = 0; i < 2; i++) {
        char out[200];
        snprintf(out, sizeof out, "%s/few-%d", folder, i);
        wkv_train_options o = {.data = few,
                               .init = TEST_DIR "/golden/models/v7-n32-f32.pth",
                               .out = out,
                               .context = 8,
                               .batch = 1,
                               .steps = 1,
                               .vocab_size = i ? 48 : 0,
                               .threads = 1};
        if (wkv_train(&o)) FAILED("%s", wkv_error());
        o.data = (const char *[]){in_folder("b.txt"), NULL}, o.out = run;
        EXPECT_EQ(wkv_train(&o), WKV_EIO); /* text needs one */
        EXPECT_HAS(wkv_error(), "has its own vocabulary (48 ids)");
    }
}

static void folders_are_read_by_name(void)
{
    tokens d = {0};
    folder_create(in_folder("texts"), 0777);
    EXPECT_EQ(add(&d, in_folder("texts"), NULL), WKV_EARG);
    write_file(in_folder("texts/b.txt"), "two");
    write_file(in_folder("texts/a.jsonl"), "{\"text\": \"one\"}");
    write_file(in_folder("texts/c.md"), "not this");
    EXPECT_EQ(add(&d, in_folder("texts"), NULL), 0);
    EXPECT_STR(spelt(&d), "onetwo");
    tokens_release(&d);
}

static void an_epoch_visits_every_chunk_once(void)
{
    order o;
    EXPECT_EQ(order_init(&o, 1000, 32, 9, 0), 0);
    EXPECT_EQ(o.chunks, 30);
    int in_order = 0;
    int64_t at = 0;
    for (int epoch = 0; epoch < 3; epoch++) {
        int seen[30] = {0};
        for (int i = 0; i < 30; i++) {
            at = order_next(&o);
            EXPECT(at >= o.shift && (at - o.shift) % 32 == 0 && at + 32 < 1000);
            seen[(at - o.shift) / 32]++;
            in_order += (at - o.shift) / 32 == i;
        }
        for (int i = 0; i < 30; i++) EXPECT_EQ(seen[i], 1);
    }
    EXPECT(in_order < 15);
    order other; /* from the middle */
    EXPECT_EQ(order_init(&other, 1000, 32, 9, 0), 0);
    order_seek(&other, 89);
    EXPECT_EQ(order_next(&other), at);
    order_release(&other);
    order_release(&o);
    EXPECT_EQ(order_init(&o, 32, 32, 9, 0), WKV_EARG);
}

/* docs/training.md 10: the published primes, and the first pieces of MiniPile. */
static void magic_primes_and_first_samples_are_the_official_ones(void)
{
    static const int64_t minipile = 1498226207, pile = 332115325534;
    EXPECT_EQ(magic_prime(minipile, 512), 2926181);
    EXPECT_EQ(magic_prime(minipile, 4096), 365759);
    EXPECT_EQ(magic_prime(pile, 1024), 324331313);
    EXPECT_EQ(magic_prime(pile, 2048), 162165671);
    EXPECT_EQ(magic_prime(pile, 4096), 81082817);
    EXPECT_EQ(magic_prime(pile, 8192), 40541399);
    static const int64_t first[] = {1808479, 2763108, 2010037, 1621597, 743938, 1449391};
    EXPECT_EQ(magic_phi(2926181), 1808479);
    for (int i = 0; i < 6; i++) EXPECT_EQ(magic_piece(2926181, 1808479, i + 1), first[i]);

    order o;
    EXPECT_EQ(order_init(&o, 1000, 16, 0, 1), 0);
    EXPECT_EQ(o.prime, 59); /* 1000 div 16 - 1 = 61 */
    int seen[59] = {0};
    for (int i = 0; i < 59; i++) {
        int64_t at = order_next(&o);
        EXPECT(at % 16 == 0);
        seen[at / 16]++;
    }
    for (int i = 0; i < 59; i++) EXPECT_EQ(seen[i], 1);
    order_release(&o);
}

int main(void)
{
    folder_begin("train-data");
    RUN(text_becomes_tokens);
    RUN(conversations_become_text);
    RUN(token_files_are_mapped);
    RUN(folders_are_read_by_name);
    RUN(ids_are_checked_first);
    RUN(an_epoch_visits_every_chunk_once);
    RUN(magic_primes_and_first_samples_are_the_official_ones);
    folder_end();
    return DONE();
}
