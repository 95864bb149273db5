/* test_template.c - chat templates: formatting, cleaning of texts, detection for a model. */
#include "base/error.h"
#include "base/file.h"
#include "folder.h"
#include "rwkv/api.h"
#include "rwkv/family.h"
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
    EXPECT_STR(turn("g1", 1, NULL, "xxx", WKV_THINK_OPEN), "User: xxx\n\nAssistant: <think");
    EXPECT_STR(turn("g1", 1, NULL, "xxx\n", WKV_THINK_SHORT), "User: xxx (think a bit)\n\nAssistant: <think");
    EXPECT_STR(turn("g1", 1, NULL, "xxx", WKV_THINK_MEDIUM), "User: xxx (think)\n\nAssistant: <think");
    EXPECT_STR(turn("g1", 1, NULL, "xxx", WKV_THINK_LONG), "User: xxx (think a lot)\n\nAssistant: <think");
    EXPECT_STR(turn("g1", 1, NULL, "xxx", WKV_THINK_FAKE), "User: xxx\n\nAssistant: <think>\n</think");
    EXPECT_STR(turn("g1", 1, NULL, "xxx", WKV_THINK_FAKE_INLINE), "User: xxx\n\nAssistant: <think></think");
    EXPECT_STR(turn("g1", 1, NULL, "xxx", (wkv_think)99), "User: xxx\n\nAssistant:");
    EXPECT_STR(named("g1")->stops[0], "\n\nUser:");
}

static void others(void)
{
    EXPECT_HAS(turn("world", 1, NULL, "a", WKV_THINK_LONG), "User: hi\n\nAssistant: Hi. I am your assistant");
    EXPECT_HAS(turn("world", 1, NULL, "a", WKV_THINK_LONG), "answer it.\n\nUser: a\n\nAssistant:");
    EXPECT_STR(turn("world", 0, NULL, "a", WKV_THINK_LONG), "User: a\n\nAssistant:"); /* only g1 thinks */
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
    EXPECT_HAS(wkv_error(), "world, g1, raven, pile or plain");
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
    char was[4096];
    const char *place = in_folder("template-g1");
    static const char *const paths[] = {".", "./", "pytorch_model.bin", "./model.safetensors"};
    if (!getcwd(was, sizeof was) || folder_create(place, 0700) || chdir(place)) SKIP("no folder in /tmp");
    for (int i = 0; i < 4; i++) {
        wkv_model m = {.about = {.path = paths[i], .version = "7", .vocab = 65536}};
        const wkv_template *t;
        EXPECT_EQ(wkv_template_find(&t, NULL, &m, NULL), 0);
        if (t) EXPECT_STR(t->name, "g1");
    }
    EXPECT(!chdir(was) && !rmdir(place));
}

/* "key\0text": one entry of a GGUF's metadata, at p; returns its end */
static char *put_text(char *p, const char *key, const char *text)
{
    uint64_t key_length = strlen(key), length = strlen(text);
    memcpy(p, &key_length, 8), memcpy(p + 8, key, key_length), p += 8 + key_length;
    memcpy(p, "\10\0\0\0", 4), memcpy(p + 4, &length, 8), memcpy(p + 12, text, length);
    return p + 12 + length;
}

static char *put_number(char *p, const char *key, uint32_t number)
{
    uint64_t key_length = strlen(key);
    memcpy(p, &key_length, 8), memcpy(p + 8, key, key_length), p += 8 + key_length;
    memcpy(p, "\4\0\0\0", 4), memcpy(p + 4, &number, 4);
    return p + 8;
}

/* a GGUF of some metadata and nothing else */
static const char *by_metadata(const char *name, const char *chat_template, uint32_t context, int *tokens)
{
    char file[1024], *p = file;
    uint64_t counts[] = {0, 4};
    memcpy(p, "GGUF\3\0\0\0", 8), memcpy(p + 8, counts, 16), p += 24;
    p = put_text(p, "general.architecture", "rwkv7");
    p = put_text(p, "general.name", name);
    p = put_text(p, "tokenizer.chat_template", chat_template);
    p = put_number(p, "rwkv7.context_length", context);
    wkv_model m = {.about = {.path = "x.gguf", .version = "7", .vocab = 256}};
    const wkv_template *t = NULL;
    if (tensors_open_memory(&m.file, file, (size_t)(p - file), "x.gguf"))
        FAILED("%s", wkv_error());
    else {
        wkv_template_find(&t, NULL, &m, NULL);
        *tokens = family_context(&m);
    }
    tensors_close(m.file);
    return t ? t->name : "none";
}

static const char *by_chat_template(const char *text)
{
    int tokens;
    return by_metadata("x", text, 0, &tokens);
}

static void metadata(void)
{
    EXPECT_STR(by_chat_template("rwkv-world"), "world");
    EXPECT_STR(by_chat_template("{% if enable_thinking %} <think{% endif %}"), "g1");
    EXPECT_STR(by_chat_template("{{ 'User: ' }} {{ enable_thinking }}"), "world");
    EXPECT_STR(by_chat_template("{{ 'User\xe2\x9c\xbf' }}"), "g1");
    EXPECT_STR(by_chat_template("{{ '### User' }}"), "g1");
    EXPECT_STR(by_chat_template("<|im_start|>user"), "plain");
    int tokens = -1;
    EXPECT_STR(by_metadata("Rwkv7 G1i 1.5b 20260805 Ctx16384", "rwkv-world", 1048576, &tokens), "g1");
    EXPECT_EQ(tokens, 16384);
    by_metadata("Rwkv7", "", 8192, &tokens);
    EXPECT_EQ(tokens, 8192);
    by_metadata("Rwkv7", "", 1048576, &tokens); /* llama.cpp's for any */
    EXPECT_EQ(tokens, 0);
}

static const char *tools_turn(int first, const char *system, const char *tools, const char *user, wkv_think think)
{
    static char out[4096];
    EXPECT_EQ(wkv_template_tools_turn(named("g1"), first, system, tools, user, think, 1, out, sizeof out), strlen(out));
    return out;
}

#define ASKED "System: Tools:\n- f(x: number)\nReturn only a JSON function call.\n\nUser: hi"

static void tools(void)
{
    char out[256];
    EXPECT_STR(tools_turn(1, NULL, "- f(x: number)\n", "hi", WKV_THINK_OFF), ASKED "\n\nAssistant: ```json");
    EXPECT_STR(
        tools_turn(1, "Be brief.", "[\n\n{}\n]", "hi", WKV_THINK_OFF),
        "System: Be brief.\nTools:\n[\n{}\n]\nReturn only a JSON function call.\n\nUser: hi\n\nAssistant: ```json");
    EXPECT_STR(tools_turn(0, NULL, "- f(x: number)", "hi", WKV_THINK_OFF), "User: hi\n\nAssistant: ```json");
    EXPECT_STR(tools_turn(1, NULL, "- f(x: number)", "hi", WKV_THINK_OPEN), ASKED "\n\nAssistant: <think");
    EXPECT_STR(tools_turn(1, NULL, "- f(x: number)", "hi", WKV_THINK_SHORT),
               ASKED " (think a bit)\n\nAssistant: <think");
    EXPECT_STR(tools_turn(1, NULL, "- f(x: number)", "hi", WKV_THINK_FAKE),
               ASKED "\n\nAssistant: <think>\n</think>\n```json");
    EXPECT_STR(tools_turn(1, NULL, NULL, "hi", WKV_THINK_OFF), "User: hi\n\nAssistant: ```json");
    EXPECT_EQ(wkv_template_tools_reply(named("g1"), " {\"name\":\"f\"}\n", out, sizeof out), 19);
    EXPECT_STR(out, "\n{\"name\":\"f\"}\n```\n\n");
    EXPECT_STR(tools_turn(0, NULL, NULL, "Function output:\n{\"x\":1}", WKV_THINK_OFF),
               "User: Function output:\n{\"x\":1}\n\nAssistant: ```json");
    wkv_template_tools_turn(named("world"), 1, NULL, "- f(x: number)", "hi", WKV_THINK_OFF, 0, out, sizeof out);
    EXPECT_STR(out, "System: Tools:\n- f(x: number)\nReturn only a JSON function call, or an answer in words when no "
                    "tool is needed.\n\nUser: hi\n\nAssistant:");
    EXPECT_STR(named("g1")->tool_stop, "\n```");
    EXPECT(!named("raven")->tool_stop);
    EXPECT_EQ(wkv_template_tools_turn(named("raven"), 1, NULL, "f", "hi", WKV_THINK_OFF, 1, out, sizeof out), 0);
    EXPECT_STR(out, "");
}

static void expect_profile(const wkv_template *t, wkv_think think, const wkv_model *m, const char *name, const float *v)
{
    wkv_profile p;
    wkv_template_profile(&p, t, think, m);
    const wkv_sampler_options *o = &p.sampler;
    const float got[] = {o->temperature, o->top_p, (float)o->top_k, o->presence, o->frequency, o->penalty_decay};
    EXPECT_STR(p.name, name);
    for (int i = 0; i < 6; i++)
        if (got[i] != v[i]) FAILED("%s: value %d is %g, expected %g", name, i, (double)got[i], (double)v[i]);
}

/* temperature, top-p, top-k, presence, frequency, decay */
#define VALUES(...)                                                                                                    \
    (const float[]) { __VA_ARGS__ }

static void profiles(void)
{
    const float *open = VALUES(0.96f, 0.76f, 32, 1, 0.1f, 0.988f), *chat = VALUES(1, 0.3f, 0, 0.5f, 0.5f, 0.996f);
    for (int think = WKV_THINK_SHORT; think <= WKV_THINK_OPEN; think++)
        expect_profile(named("g1"), (wkv_think)think, NULL, "g1 open think", open);
    expect_profile(named("g1"), WKV_THINK_FAKE, NULL, "g1 fake think", VALUES(1, 0.28f, 32, 0, 0, 0.996f));
    expect_profile(named("g1"), WKV_THINK_FAKE_INLINE, NULL, "g1 fake think", VALUES(1, 0.28f, 32, 0, 0, 0.996f));
    expect_profile(named("g1"), WKV_THINK_OFF, NULL, "g1", chat);
    expect_profile(named("world"), WKV_THINK_OFF, NULL, "world", chat);
    expect_profile(named("world"), WKV_THINK_LONG, NULL, "world", chat);
    expect_profile(named("raven"), WKV_THINK_OFF, NULL, "raven", VALUES(1.2f, 0.5f, 0, 0.4f, 0.4f, 0.996f));
    expect_profile(named("pile"), WKV_THINK_OFF, NULL, "pile", VALUES(1, 0.8f, 0, 0.2f, 0.2f, 1));
    expect_profile(named("plain"), WKV_THINK_OFF, NULL, "plain", VALUES(1, 0.7f, 0, 0, 0, 0.996f));
}

/* ---- a folder and its files ------------------------------------------------------------------------------- */

static wkv_model *open_folder(void)
{
    wkv_model *m;
    if (wkv_model_open(&m, folder, &(wkv_model_options){.as_stored = 1})) FAILED("%s", wkv_error());
    return m;
}

/* Names, texts and numbers beside the weights, each in the place of the one before. */
static void beside(void)
{
    wkv_model *m, *made;
    folder_begin("template");
    CHECK(!wkv_model_open(&made, TEST_DIR "/golden/models/v7-n16-bf16.pth", &(wkv_model_options){.as_stored = 1}));
    CHECK(!wkv_convert(made, in_folder("model.safetensors"), NULL));
    wkv_model_close(made);
    if (!(m = open_folder())) return;
    EXPECT_STR(wkv_model_about(m)->chat, "plain");
    EXPECT_STR(wkv_model_about(m)->profile->name, "plain");
    EXPECT_EQ(wkv_model_about(m)->context_length, 0);
    wkv_model_close(m);

    write_file(in_folder("tokenizer_config.json"),
               "{\"model_max_length\": 1000000000000000019884624838656, \"chat_template\": "
               "[{\"name\": \"bot\", \"template\": \"\"}, {\"name\": \"default\", \"template\": "
               "\"{{ 'User: ' + m }}\"}]}");
    if (!(m = open_folder())) return;
    EXPECT_STR(wkv_model_about(m)->chat, "world");
    EXPECT_EQ(wkv_model_about(m)->context_length, 0);
    wkv_model_close(m);

    write_file(in_folder("tokenizer_config.json"),
               "{\"model_max_length\": 8192, \"chat_template\": \"User: <|im_end|> <think\"}");
    write_file(in_folder("generation_config.json"),
               "{\"temperature\": 0.5, \"top_k\": 7, \"top_p\": 3.5, \"do_sample\": true}");
    if (!(m = open_folder())) return;
    EXPECT_STR(wkv_model_about(m)->chat, "g1");
    EXPECT_EQ(wkv_model_about(m)->context_length, 8192);
    EXPECT_STR(wkv_model_about(m)->profile->name, "generation_config.json");
    expect_profile(named("g1"), WKV_THINK_OFF, m, "generation_config.json", VALUES(0.5f, 0.3f, 7, 0.5f, 0.5f, 0.996f));
    expect_profile(named("g1"), WKV_THINK_OPEN, m, "generation_config.json", VALUES(0.5f, 0.76f, 7, 1, 0.1f, 0.988f));
    wkv_model_close(m);

    write_file(in_folder("config.json"), "{\"max_position_embeddings\": 16384, \"num_hidden_layers\": 3}");
    write_file(in_folder("chat_template.jinja"), "{{ 'User: ' }}");
    write_file(in_folder("fake_think_generation_config.json"), "{\"temperature\": 0.25, \"penalty_decay\": 0.5}");
    if (!(m = open_folder())) return;
    EXPECT_STR(wkv_model_about(m)->chat, "world");
    EXPECT_EQ(wkv_model_about(m)->context_length, 16384);
    expect_profile(named("g1"), WKV_THINK_FAKE, m, "fake_think_generation_config.json",
                   VALUES(0.25f, 0.28f, 7, 0, 0, 0.5f));
    expect_profile(named("g1"), WKV_THINK_OPEN, m, "generation_config.json", VALUES(0.5f, 0.76f, 7, 1, 0.1f, 0.988f));
    wkv_model_close(m);
    folder_end();
}

static void contexts(void)
{
    static const struct {
        const char *path;
        int tokens;
    } cases[] = {{"rwkv7-g1i-1.5b-20260805-ctx16384.pth", 16384},
                 {"RWKV-5-World-7B-v2-20240128-ctx4096.pth", 4096},
                 {"RWKV-4-Pile-14B-20230313-ctx8192-test1050.pth", 8192},
                 {"rwkv7-g1i-13.3b-20260805-CTX16384-Q8_0.gguf", 16384},
                 {"rwkv7-g1h-ctx10240/model.safetensors", 10240},
                 {"rwkv7-g1h-ctx10240/x.safetensors", 0},
                 {"actx512.pth", 0},
                 {"ctx-ctx128.pth", 128},
                 {"ctx99999999999999.pth", 999999999},
                 {"ctx.pth", 0},
                 {"built-in", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wkv_model m = {.about = {.path = cases[i].path, .version = "7", .vocab = 256}};
        if (family_context(&m) != cases[i].tokens)
            FAILED("%s: %d, expected %d", cases[i].path, family_context(&m), cases[i].tokens);
    }
}

/* ---- the official page ------------------------------------------------------------------------------------------- */

/* The text as C writes it in a string, between quotes on the page. */
static void escape(char *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n' || *text == '"') *out++ = '\\';
        *out++ = *text == '\n' ? 'n' : *text;
    }
    *out = 0;
}

/* a text occurs verbatim between quotes on the official page of templates */
static void expect_on_page(const char *page, const char *text)
{
    char escaped[4096] = "\"";
    escape(escaped + 1, text);
    strcat(escaped, "\"");
    EXPECT_HAS(page, escaped);
}

#define PLAIN_TOOLS                                                                                                    \
    "- get_weather(location: string, unit?: \"celsius\" | \"fahrenheit\")\n- get_stock_price(ticker: string)\n"        \
    "- translate_text(text: string, target_language: string)"
#define JSON_TOOLS                                                                                                     \
    "[\n{\"name\":\"find_free_slots\",\"description\":\"Find free calendar "                                           \
    "slots\",\"arguments\":{\"date\":{\"type\":\"string\"},"                                                           \
    "\"duration_minutes\":{\"type\":\"integer\"},\"time_window\":{\"type\":\"string\"}}},\n{\"name\":\"create_"        \
    "calendar_event\","                                                                                                \
    "\"description\":\"Create a calendar "                                                                             \
    "event\",\"arguments\":{\"title\":{\"type\":\"string\"},\"start_time\":{\"type\":\"string\"},"                     \
    "\"end_time\":{\"type\":\"string\"},\"attendees\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}\n]"
#define CALL                                                                                                           \
    "{\"name\":\"find_free_slots\",\"arguments\":{\"date\":\"2026-05-08\",\"duration_minutes\":30,\"time_window\":"    \
    "\"afternoon\"}}"
#define OUTPUT                                                                                                         \
    "{\"free_slots\":[{\"start\":\"2026-05-08T15:00:00+09:00\",\"end\":\"2026-05-08T15:30:00+09:00\"}],\"bob_email\":" \
    "\"bob@example.com\"}"

static void official(void)
{
    char *page, talk[4096];
    size_t n;
    if (file_slurp(&page, &n, SHARED_DIR "/prompts/RWKV7-G1x-templates.txt"))
        SKIP("the official templates are not in " SHARED_DIR);
    expect_on_page(page, turn("g1", 1, NULL, "xxx", WKV_THINK_OFF));
    expect_on_page(page, turn("g1", 1, "xxx", "xxx", WKV_THINK_OFF));
    expect_on_page(page, turn("g1", 1, NULL, "xxx", WKV_THINK_SHORT));
    expect_on_page(page, turn("g1", 1, NULL, "xxx", WKV_THINK_MEDIUM));
    expect_on_page(page, turn("g1", 1, NULL, "xxx", WKV_THINK_LONG));
    expect_on_page(page, strchr(turn("g1", 1, NULL, "xxx", WKV_THINK_OPEN), 'A')); /* "Assistant: <think" */
    expect_on_page(page, strchr(turn("g1", 1, NULL, "xxx", WKV_THINK_FAKE), 'A'));
    expect_on_page(page, strchr(turn("g1", 1, NULL, "xxx", WKV_THINK_FAKE_INLINE), 'A'));
    n = wkv_template_turn(named("g1"), 1, "xxx", "xxx", WKV_THINK_OFF, talk, sizeof talk);
    n += wkv_template_reply(named("g1"), "xxx", talk + n, sizeof talk - n);
    wkv_template_turn(named("g1"), 0, NULL, "xxx", WKV_THINK_OFF, talk + n, sizeof talk - n);
    expect_on_page(page, talk);
    expect_on_page(
        page, tools_turn(1, NULL, PLAIN_TOOLS, "Translate \"Will it rain tomorrow?\" into Japanese.", WKV_THINK_OFF));
    n = (size_t)snprintf(
        talk, sizeof talk, "%s",
        tools_turn(1, NULL, JSON_TOOLS, "Schedule a 30-minute sync with Bob on 2026-05-08 afternoon.", WKV_THINK_OFF));
    n += wkv_template_tools_reply(named("g1"), CALL, talk + n, sizeof talk - n);
    strcpy(talk + n, tools_turn(0, NULL, NULL, "Function output:\n" OUTPUT, WKV_THINK_OFF));
    expect_on_page(page, talk);
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
    RUN(tools);
    RUN(profiles);
    RUN(beside);
    RUN(contexts);
    RUN(official);
    return DONE();
}
