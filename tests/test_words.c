/* test_words.c - vocabularies made from text: the chosen words, that they are reproducible, and that the file reads
 * back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"
#include "text/words.h"
#include "wkv_train.h"
#include "folder.h"
#include "test.h"

static int has(const table *t, const char *word)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->at[i].bytes == strlen(word) && !memcmp(t->text + t->at[i].at, word, strlen(word))) return 1;
    return 0;
}

static void text_is_split_into_chunks(void)
{
    static const char text[] = "The cat's 2023 hats,  said\n\nLi: \xe4\xbd\xa0\xe5\xa5\xbd\xe3\x80\x82 a_b \xff";
    static const char *const expected[] = {"The",
                                           " cat's",
                                           " 2023",
                                           " hats",
                                           ",",
                                           " ",
                                           " said",
                                           "\n\n",
                                           "Li",
                                           ":",
                                           " \xe4\xbd\xa0\xe5\xa5\xbd",
                                           "\xe3\x80\x82",
                                           " a",
                                           "_",
                                           "b",
                                           " \xff"};
    table t = {0};
    EXPECT_EQ(words_read(&t, text, sizeof text - 1), 0);
    EXPECT_EQ(t.n, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        if (!has(&t, expected[i])) FAILED("no chunk \"%s\"", expected[i]);
    EXPECT_EQ(words_read(&t, "The The", 7), 0);
    EXPECT_EQ(t.at[0].count, 2); /* " The" is another */
    table_release(&t);
}

/* The substrings of "abab" and "abc" that save most. */
static void the_words_that_save_most_are_chosen(void)
{
    table chunks = {0}, words = {0};
    EXPECT_EQ(table_add(&chunks, "abab", 4, 10), 0);
    EXPECT_EQ(table_add(&chunks, "abc", 3, 7), 0);
    EXPECT_EQ(table_add(&chunks, "zq", 2, 2), 0);
    EXPECT_EQ(words_find(&words, &chunks, 2, NULL, 24, NULL, NULL), 0);
    EXPECT(words.n == 2 && has(&words, "abab") && has(&words, "abc"));
    table_release(&words);
    EXPECT_EQ(words_find(&words, &chunks, 1, NULL, 24, NULL, NULL), 0);
    EXPECT(words.n == 1 && has(&words, "abab")); /* saves 30; "ab" saves 27 */
    table_release(&words);
    static const char *const always[] = {"zq", NULL};
    EXPECT_EQ(words_find(&words, &chunks, 2, always, 24, NULL, NULL), 0);
    EXPECT(words.n == 2 && has(&words, "zq") && has(&words, "abab"));
    table_release(&words);
    EXPECT_EQ(words_find(&words, &chunks, 100, NULL, 24, NULL, NULL), 0); /* as many as there are */
    EXPECT(words.n > 2 && words.n < 100 && has(&words, "abab"));
    table_release(&words);
    EXPECT_EQ(words_find(&words, &(table){0}, 100, NULL, 24, NULL, NULL), WKV_EARG);
    table_release(&words);
    table_release(&chunks);
}

static void write_text(const char *path)
{
    static const char *const parts[] = {"the",   " quick", " brown", " fox's", "\n",       " \xe4\xbd\xa0\xe5\xa5\xbd",
                                        " 1234", " \\\"",  "'",      "\t",     " jumping", " over"};
    FILE *f = fopen(path, "w");
    unsigned seed = 1;
    for (int i = 0; i < 4000; i++, seed = seed * 1103515245 + 12345)
        fputs(parts[seed >> 16 & 7 ? (seed >> 20) % 12 : 0], f);
    fclose(f);
}

static void a_vocabulary_file_reads_back(void)
{
    write_text(in_folder("t.txt"));
    const char *data[] = {in_folder("t.txt"), NULL};
    wkv_vocabulary_options o = {.size = 280};
    char *a = NULL, *b = NULL;
    size_t n = 0, m = 0;
    EXPECT_EQ(wkv_vocabulary_train(in_folder("a.vocab.txt"), data, &o), 0);
    EXPECT_EQ(wkv_vocabulary_train(in_folder("b.vocab.txt"), data, &o), 0);
    EXPECT_EQ(file_slurp(&a, &n, in_folder("a.vocab.txt")), 0);
    EXPECT_EQ(file_slurp(&b, &m, in_folder("b.vocab.txt")), 0);
    EXPECT(n == m && !memcmp(a, b, n));
    free(a);
    free(b);
    wkv_tokenizer *t;
    EXPECT_EQ(wkv_tokenizer_open(&t, in_folder("a.vocab.txt"), NULL), 0);
    EXPECT_EQ(wkv_tokenizer_size(t), 280);
    EXPECT_EQ(wkv_tokenizer_end(t), 0);
    for (int i = 0; i < 256; i++) {
        size_t bytes;
        const char *word = wkv_token_bytes(t, i + 1, &bytes);
        EXPECT(bytes == 1 && (unsigned char)*word == i);
    }
    char *text;
    int32_t *ids = malloc(40000 * sizeof *ids);
    EXPECT_EQ(file_slurp(&text, &n, in_folder("t.txt")), 0);
    int count = wkv_encode(t, text, n, ids, 40000);
    EXPECT(count > 0 && (double)n / count > 3);
    free(text);
    free(ids);
    wkv_tokenizer_close(t);
    o.size = 256;
    EXPECT_EQ(wkv_vocabulary_train(in_folder("c.vocab.txt"), data, &o), WKV_EARG);
    EXPECT(access(in_folder("c.vocab.txt"), F_OK) != 0);
}

static void words_have_a_length(void)
{
    static char most[1026];
    memset(most, 'a', 1025);
    const char *const long_word[] = {most, NULL}, *const none[] = {"", NULL}, *const data[] = {"/nowhere/text", NULL};
    EXPECT_EQ(wkv_vocabulary_train("/nowhere/vocab", data, &(wkv_vocabulary_options){.always = long_word}), WKV_EARG);
    EXPECT_HAS(wkv_error(), "a token of 1025 bytes, expected 1 to 1024");
    EXPECT_EQ(wkv_vocabulary_train("/nowhere/vocab", data, &(wkv_vocabulary_options){.always = none}), WKV_EARG);
}

int main(void)
{
    folder_begin("words");
    RUN(text_is_split_into_chunks);
    RUN(the_words_that_save_most_are_chosen);
    RUN(a_vocabulary_file_reads_back);
    RUN(words_have_a_length);
    folder_end();
    return DONE();
}
