/* test_template.c - chat templates: what is written, what is cleaned, which one a model gets. */
#include "base/file.h"
#include "rwkv/api.h"
#include "test.h"
#include <stdlib.h>
#include <unistd.h>

static const wkv_template *named(const char *name)
{
    const wkv_template *t;
    if (wkv_template_find(&t, name, NULL, NULL)) FAILED("%s", wkv_error());
    return t;
}

/* the turn as a string that lives until the next call */
static const char *turn(const char *name, int first, const char *system, const char *user, wkv_think think)
{
    static char out[4096];
    size_t n = wkv_template_turn(named(name), first, system, user, think, out, sizeof out);
    EXPECT_EQ(n, strlen(out));
    return out;
}

static void g1(void)
{
    EXPECT_STR(turn("g1", 1, NULL, "xxx", WKV_THINK_OFF), "User: xxx\n\nAssistant:");
    EXPECT_STR(turn("g1", 0, "ignored", "xxx", WKV_THINK_OFF), "User: xxx\n\nAssistant:");
    EXPECT_STR(turn("g1", 1, "xxx", "xxx", WKV_THINK_OFF), "System: xxx\n\nUser: xxx\n\nAssistant:");
    EXPECT_STR(turn("g1", 1, NULL, "xxx", WKV_THINK_ON), "User: xxx\n\nAssistant: <think");
    EXPECT_STR(turn("g1", 1, NULL, "xxx", WKV_THINK_FAST), "User: xxx\n\nAssistant: <think>\n</think");
    EXPECT_STR(named("g1")->stops[0], "\n\nUser:");
}

static void others(void)
{
    EXPECT_HAS(turn("world", 1, NULL, "a", WKV_THINK_ON), "User: hi\n\nAssistant: Hi. I am your assistant");
    EXPECT_HAS(turn("world", 1, NULL, "a", WKV_THINK_ON), "answer it.\n\nUser: a\n\nAssistant:");
    EXPECT_STR(turn("world", 0, NULL, "a", WKV_THINK_ON), "User: a\n\nAssistant:"); /* only g1 thinks */
    EXPECT_STR(turn("world", 1, "s", "a", WKV_THINK_OFF), "System: s\n\nUser: a\n\nAssistant:");
    EXPECT_HAS(turn("raven", 1, NULL, "a", WKV_THINK_OFF),
               "\nThe following is a coherent verbose detailed conversation");
    EXPECT_HAS(turn("raven", 1, NULL, "a", WKV_THINK_OFF), "advices.\n\nBob: a\n\nAlice:");
    EXPECT_STR(turn("raven", 1, "A talk.", "a", WKV_THINK_OFF), "\nA talk.\n\nBob: a\n\nAlice:");
    EXPECT_STR(turn("pile", 1, NULL, "a", WKV_THINK_OFF), "\nQ: a\nA:");
    EXPECT_STR(turn("pile", 0, NULL, "a", WKV_THINK_OFF), "Q: a\nA:");
    EXPECT_STR(turn("plain", 1, NULL, "a", WKV_THINK_OFF), "User: a\n\nAssistant:");
    EXPECT_STR(named("raven")->stops[0], "\n\n");
    EXPECT_STR(named("pile")->stops[0], "\n\nQ:");
    EXPECT_STR(named("WORLD")->name, "world");
}

static void cleaning(void)
{
    EXPECT_STR(turn("g1", 1, NULL, " \n a\r\n\r\n\r\nb \n\n\n c\t\r\n", WKV_THINK_OFF),
               "User: a\nb \n c\n\nAssistant:");
    EXPECT_STR(turn("g1", 1, "\n\ns\n\nt\n", "a\rb", WKV_THINK_OFF), "System: s\nt\n\nUser: a\rb\n\nAssistant:");
    EXPECT_STR(turn("g1", 1, "", "\xe3\x80\x80\xe4\xbd\xa0\xe5\xa5\xbd\xe3\x80\x80 ", WKV_THINK_OFF),
               "User: \xe4\xbd\xa0\xe5\xa5\xbd\n\nAssistant:");
    EXPECT_STR(turn("g1", 1, NULL, "", WKV_THINK_OFF), "User: \n\nAssistant:");
}

static void room(void)
{
    char out[16];
    memset(out, '#', sizeof out);
    EXPECT_EQ(wkv_template_turn(named("g1"), 1, NULL, "a", WKV_THINK_OFF, NULL, 0), 19);
    EXPECT_EQ(wkv_template_turn(named("g1"), 1, NULL, "a", WKV_THINK_OFF, out, 8), 19);
    EXPECT_STR(out, "User: a");
    EXPECT_EQ(out[8], '#');
    const wkv_template *t;
    EXPECT_EQ(wkv_template_find(&t, "chatml", NULL, NULL), WKV_EARG);
    EXPECT_HAS(wkv_error(), "world, g1, raven, pile and plain");
    EXPECT(!t);
}

static void detection(void)
{
    static const struct {
        const char *path, *version;
        int vocab;
        const char *name;
    } cases[] = {{"models/RWKV-x070-World-0.1B-v2.8.pth", "7", 65536, "world"},
                 {"rwkv7-g1a-0.4b-20250905-ctx4096.pth", "7", 65536, "g1"},
                 {"/g1/RWKV7-G0-7.2B.gguf", "7", 65536, "g1"},
                 {"rwkv-7-g1-1.5b.gguf", "7", 65536, "g1"},
                 {"big1.pth", "7", 65536, "world"},
                 {"RWKV-4-Raven-7B-v12.pth", "4", 50277, "raven"},
                 {"RWKV-4-World-7B.pth", "4", 65536, "world"},
                 {"RWKV-4-Pile-169M.pth", "4", 50277, "pile"},
                 {"rwkv-final.pth", "4", 50277, "pile"},
                 {"rwkv-final.pth", "7", 50304, "pile"},
                 {"rwkv-final.pth", "6", 65536, "world"},
                 {"world/x.pth", "7", 256, "plain"},
                 {"world/model.safetensors", "7", 256, "world"},
                 {"rwkv7-g1a-tiny-hf", "7", 256, "g1"}, /* folders */
                 {"rwkv7-g1a-tiny-hf/", "7", 65536, "g1"},
                 {"some/rwkv7-g1a-tiny-hf//", "7", 65536, "g1"},
                 {"rwkv7-g1a-tiny-hf/pytorch_model.bin", "7", 65536, "g1"},
                 {"rwkv7-g1a-tiny-hf/model-00001-of-00002.safetensors", "7", 65536, "g1"},
                 {"rwkv7-g1a-tiny-hf/model.safetensors.index.json", "7", 65536, "g1"},
                 {"rwkv7-g1a-tiny-hf/RWKV-4-Raven.pth", "4", 50277, "raven"},
                 {"model.safetensors", "7", 65536, "world"},
                 {"/", "7", 65536, "world"},
                 {"x.pth", "7", 65530, "world"},
                 {"x.pth", "7", 65529, "world"},
                 {"x.pth", "7", 65528, "plain"},
                 {"built-in", "7", 6144, "plain"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wkv_model m = {.about = {.path = cases[i].path, .version = cases[i].version, .vocab = cases[i].vocab}};
        const wkv_template *t;
        EXPECT_EQ(wkv_template_find(&t, NULL, &m, NULL), 0);
        if (t && strcmp(t->name, cases[i].name)) FAILED("%s: %s, expected %s", cases[i].path, t->name, cases[i].name);
        if (t && !strcmp(t->name, "world")) EXPECT_STR(t->stops[0], cases[i].version[0] == '4' ? "\n\n" : "\n\nUser:");
    }
}

/* "." is the folder's own name. */
static void here(void)
{
    char was[4096], folder[64] = "/tmp/wkv-template-g1-XXXXXX";
    static const char *const paths[] = {".", "./", "pytorch_model.bin", "./model.safetensors"};
    if (!getcwd(was, sizeof was) || !mkdtemp(folder) || chdir(folder)) SKIP("no folder in /tmp");
    for (int i = 0; i < 4; i++) {
        wkv_model m = {.about = {.path = paths[i], .version = "7", .vocab = 65536}};
        const wkv_template *t;
        EXPECT_EQ(wkv_template_find(&t, NULL, &m, NULL), 0);
        if (t) EXPECT_STR(t->name, "g1");
    }
    EXPECT(!chdir(was) && !rmdir(folder));
}

/* a GGUF of one text and nothing else */
static const char *by_chat_template(const char *chat_template)
{
    char file[512], *p = file;
    static const char key[] = "tokenizer.chat_template";
    uint64_t counts[] = {0, 1}, key_length = sizeof key - 1, length = strlen(chat_template);
    memcpy(p, "GGUF\3\0\0\0", 8), p += 8;
    memcpy(p, counts, 16), p += 16;
    memcpy(p, &key_length, 8), memcpy(p + 8, key, key_length), p += 8 + key_length;
    memcpy(p, "\10\0\0\0", 4), memcpy(p + 4, &length, 8), memcpy(p + 12, chat_template, length), p += 12 + length;
    wkv_model m = {.about = {.path = "x.gguf", .version = "7", .vocab = 256}};
    const wkv_template *t = NULL;
    if (tensors_open_memory(&m.file, file, (size_t)(p - file), "x.gguf"))
        FAILED("%s", wkv_error());
    else
        wkv_template_find(&t, NULL, &m, NULL);
    tensors_close(m.file);
    return t ? t->name : "none";
}

static void metadata(void)
{
    EXPECT_STR(by_chat_template("rwkv-world"), "world");
    EXPECT_STR(by_chat_template("{% if enable_thinking %} <think{% endif %}"), "g1");
}

/* a turn stands, as it is, between quotes on the official page of templates */
static void expect_on_page(const char *page, const char *text)
{
    char escaped[256] = "\"", *p = escaped + 1;
    for (; *text; text++)
        if (*text == '\n') *p++ = '\\', *p++ = 'n';
        else *p++ = *text;
    *p = '"';
    EXPECT_HAS(page, escaped);
}

static void official(void)
{
    char *page;
    size_t n;
    if (file_slurp(&page, &n, SHARED_DIR "/prompts/RWKV7-G1x-templates.txt"))
        SKIP("the official templates are not in " SHARED_DIR);
    expect_on_page(page, turn("g1", 1, NULL, "xxx", WKV_THINK_OFF));
    expect_on_page(page, turn("g1", 1, "xxx", "xxx", WKV_THINK_OFF));
    expect_on_page(page, turn("g1", 1, NULL, "xxx (think a bit)", WKV_THINK_ON));
    expect_on_page(page, strchr(turn("g1", 1, NULL, "xxx", WKV_THINK_FAST), 'A')); /* "Assistant: <think>\n</think" */
    free(page);
}

int main(void)
{
    RUN(g1);
    RUN(others);
    RUN(cleaning);
    RUN(room);
    RUN(detection);
    RUN(here);
    RUN(metadata);
    RUN(official);
    return DONE();
}
