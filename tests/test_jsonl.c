/* test_jsonl.c - lines and lists of JSON as Python writes them: training, tuning, vocabularies and tokenize read the
 * same text. */
#include "base/file.h"
#include "folder.h"
#include "test.h"
#include "train/data.h"
#include "train/jsonl.h"
#include "train/samples.h"
#include "train/vocabulary.h"

static wkv_tokenizer *bytes_of;
static document_form form;

static void put(const char *name, const char *text, size_t n)
{
    if (file_write(in_folder(name), text, n)) FAILED("%s", wkv_error());
}

/* The ids as bytes, -1 or not. */
static size_t spell(char *out, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = (char)ids[i];
    return n;
}

/* Training and tuning read the same text of a file, which ends in `want`; a vocabulary finds words in it. */
static void expect_text(const char *name, const char *want, size_t n)
{
    char path[160], text[8192];
    int32_t ids[8192];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    tokens d = {0};
    samples s = {0};
    table words = {0};
    if (tokens_add(&d, path, &(text_form){bytes_of, form}))
        FAILED("train: %s", wkv_error());
    else {
        tokens_copy(&d, 0, d.n, ids);
        size_t all = spell(text, ids, (size_t)d.n);
        if (all < n || memcmp(text + all - n, want, n)) FAILED("%s: train reads %.*s", name, (int)all, text);
    }
    if (samples_add(&s, path, bytes_of, &form, 0))
        FAILED("tune: %s", wkv_error());
    else {
        size_t all = spell(text, s.ids, s.n);
        if (all < n || memcmp(text + all - n, want, n)) FAILED("%s: tune reads %.*s", name, (int)all, text);
    }
    if (vocabulary_read(&words, path, &form, NULL) || !words.n) FAILED("vocab train: %s", wkv_error());
    tokens_release(&d);
    samples_release(&s);
    table_release(&words);
}

static void expect_line(const char *line, size_t n, const char *want, size_t want_n)
{
    char *text;
    size_t bytes;
    put("line.jsonl", line, n);
    expect_text("line.jsonl", want, want_n);
    if (wkv_jsonl_text(&text, &bytes, line, n))
        FAILED("%s: %s", line, wkv_error());
    else if (!text || bytes != want_n || memcmp(text, want, bytes))
        FAILED("%s gives %s", line, text ? text : "nothing");
    else
        free(text);
}

#define TEXT(name, want) expect_text(name, want, sizeof want - 1)
#define LINE(line, want) expect_line(line, sizeof line - 1, want, sizeof want - 1)

static void lines(void)
{
    LINE("{\"text\": \"the king\"}", "the king");
    LINE("\xef\xbb\xbf{\"text\": \"the king\"}\r\n", "the king");
    char *text;
    size_t bytes = 1;
    EXPECT_EQ(wkv_jsonl_text(&text, &bytes, "\xef\xbb\xbf \r\n", 6), 0); /* nothing on it */
    EXPECT(!text && bytes == 0);
    /* files put together */
    static const char two[] = "\xef\xbb\xbf\n{\"text\": \"ab\"}\n \t\n\xef\xbb\xbf{\"text\": \"cd\"}";
    put("two.jsonl", two, sizeof two - 1);
    expect_text("two.jsonl", "abcd", 4);
}

static void python(void)
{
    LINE("{\"id\": 12345678901234567890, \"text\": \"a 12345678901234567890 NaN\"}", "a 12345678901234567890 NaN");
    LINE("{\"id\": -12345678901234567890123.5e+10, \"text\": \"the b\", \"x\": [1e999, -1E999, 0, -0, 1.50]}", "the b");
    LINE("{\"score\": NaN, \"text\": \"c\\\" NaN\", \"more\": [Infinity, -Infinity]}", "c\" NaN");
    LINE("{\"meta\": 1, \"text\": \"first\", \"meta\": 2, \"text\": \"last\"}", "last");
    LINE("{\"text\": \"the \\u0000 king\"}", "the \0 king");
    LINE("{\"text\": \"the e\", \"deep\": {\"x\": [[NaN]], \"text\": \"no\"}}", "the e");
}

static void refuses(const char *line, const char *words)
{
    char both[400], *text;
    size_t bytes;
    snprintf(both, sizeof both, "\n{\"text\": \"sound\"}\n%s\n", line);
    put("bad.jsonl", both, strlen(both));
    tokens d = {0};
    samples s = {0};
    table chunks = {0};
    EXPECT_EQ(tokens_add(&d, in_folder("bad.jsonl"), &(text_form){bytes_of, form}), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "bad.jsonl: line 3: ");
    EXPECT_HAS(wkv_error(), words);
    EXPECT_EQ(samples_add(&s, in_folder("bad.jsonl"), bytes_of, &form, 0), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "bad.jsonl: line 3: ");
    EXPECT_EQ(vocabulary_read(&chunks, in_folder("bad.jsonl"), &form, NULL), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "bad.jsonl: line 3: ");
    EXPECT_EQ(wkv_jsonl_text(&text, &bytes, line, strlen(line)), WKV_EFORMAT);
    tokens_release(&d);
    samples_release(&s);
    table_release(&chunks);
}

static void damaged(void)
{
    refuses("{\"text\": \"cut", "not JSON");
    refuses("{\"text\": \"cut\"", "not JSON");
    refuses("{\"text\": \"caf\xe9\"}", "not JSON"); /* Latin-1 */
    refuses("{\"txt\": \"a\"}", "no \"text\"");
    refuses("{\"text\": NaN}", "no \"text\"");
    refuses("{\"text\": 12345678901234567890}", "no \"text\"");
    refuses("{\"text\": \"a\", \"x\": NaNs}", "not JSON");
    refuses("{\"text\": \"a\", \"x\": 01234567890123456789012}", "not JSON");
    refuses("{\"text\": \"a\", \"x\": -}", "not JSON");
    refuses("{\"text\": \"a\", \"x\": 1.e5}", "not JSON");
    refuses("{\"text\": \"a\\ud800\"}", "not JSON"); /* half a surrogate pair */
    refuses("{\"text\": \"a\"} {\"text\": \"b\"}", "not JSON");
    refuses("5", "not JSON");
    refuses("[1]", "no \"text\"");
}

static void conversations(void)
{
    static const char line[] =
        "{\"id\": 98765432109876543210, \"messages\": [{\"role\": \"user\", \"content\": \"a\\u0000b\"}, "
        "{\"role\": \"assistant\", \"content\": \"c\\u0000d\", \"loss\": Infinity}]}";
    put("talk.jsonl", line, sizeof line - 1);
    TEXT("talk.jsonl", "User: a\0b\n\nAssistant: c\0d\n\n");
    static const char task[] = "{\"instruction\": \"a\\u0000b\", \"input\": \"c\\u0000d\", \"output\": \"e\\u0000f\"}";
    put("task.jsonl", task, sizeof task - 1);
    TEXT("task.jsonl", "User: a\0b\nc\0d\n\nAssistant: e\0f\n\n");
}

static void extensions(void)
{
    static const char lines_of[] = "{\"text\": \"one\"}\n{\"text\": \"two\"}\n";
    static const char *const names[] = {"A.JSONL", "a.Jsonl", "a.json", "A.JSON"};
    for (int i = 0; i < 4; i++) {
        put(names[i], lines_of, sizeof lines_of - 1);
        expect_text(names[i], "onetwo", 6);
    }
    static const char list[] =
        "\xef\xbb\xbf[\n {\"instruction\": \"Add.\", \"input\": \"1 2\", \"output\": \"3\", \"id\": NaN},\n"
        " {\"text\": \"end\"}\n]\n";
    put("alpaca.json", list, sizeof list - 1);
    TEXT("alpaca.json", "User: Add.\n1 2\n\nAssistant: 3\n\nend");
    tokens d = {0};
    put("bad.json", "[{\"text\": \"a\"}, {\"txt\": 1}]", 27);
    EXPECT_EQ(tokens_add(&d, in_folder("bad.json"), &(text_form){bytes_of, form}), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "bad.json: element 2: no \"text\"");
    put("bad.json", "[{\"text\": \"a\"}, ", 16);
    EXPECT_EQ(tokens_add(&d, in_folder("bad.json"), &(text_form){bytes_of, form}), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "not JSON");
    put("bad.json", "Once upon a time", 16);
    EXPECT_EQ(tokens_add(&d, in_folder("bad.json"), &(text_form){bytes_of, form}), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "bad.json: line 1: not JSON");
    put("list.jsonl", "[{\"text\": \"a\"}]", 15); /* a list is a .json */
    EXPECT_EQ(tokens_add(&d, in_folder("list.jsonl"), &(text_form){bytes_of, form}), WKV_EFORMAT);
    tokens_release(&d);

    folder_create(in_folder("texts"), 0777);
    put("texts/A.TXT", "x", 1);
    put("texts/B.JSONL", lines_of, sizeof lines_of - 1);
    EXPECT_EQ(tokens_add(&d, in_folder("texts"), &(text_form){bytes_of, form}), 0);
    EXPECT_EQ(d.n, 7);
    tokens_release(&d);
}

int main(void)
{
    folder_begin("jsonl");
    if (wkv_tokenizer_open(&bytes_of, "bytes", NULL) || wkv_template_find(&form.chat, "g1", NULL, NULL)) return 1;
    RUN(lines);
    RUN(python);
    RUN(damaged);
    RUN(conversations);
    RUN(extensions);
    wkv_tokenizer_close(bytes_of);
    folder_end();
    return DONE();
}
