/* Bodies of requests: fields and their types, the name of the wrong field, and damaged bodies, which are refused with a
 * status and a sentence. */
#include "damaged.h"
#include "serve/request.h"
#include "test.h"
#include <stdlib.h>

#define MESSAGES "\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]"

static int chat(request *r, problem *p, const char *body)
{
    *p = (problem){0};
    return request_chat(r, body, strlen(body), p);
}

static void fields_of_a_chat(void)
{
    static const char body[] =
        "{\"model\": \"m\", \"messages\": [{\"role\": \"developer\", \"content\": \"a\"}, {\"role\": \"user\", \"content\":"
        "[{\"type\": \"text\", \"text\": \"b\"}, {\"type\": \"text\", \"text\": \"c\"}]}, {\"role\": \"assistant\"}],"
        "\"temperature\": 0.5, \"top_k\": 7, \"max_tokens\": 5, \"max_completion_tokens\": 6, \"n\": 3, \"stop\": [\"x\", \"\"],"
        "\"seed\": 9, \"stream\": true, \"stream_options\": {\"include_usage\": true}, \"logprobs\": true, \"top_logprobs\": 2,"
        "\"logit_bias\": {\"4\": -100, \"5\": 1.5}, \"reasoning_effort\": \"high\", \"presence_penalty\": null, \"more\": [{}]}";
    request r;
    problem p;
    if (chat(&r, &p, body)) FAILED("%s", p.message);
    EXPECT_STR(r.model, "m");
    EXPECT_EQ(r.n_messages, 3);
    EXPECT_EQ(r.messages[0].who, SPEAKER_SYSTEM);
    EXPECT_STR(r.messages[1].text, "bc");
    EXPECT_STR(r.messages[2].text, "");
    EXPECT_NEAR(r.sampler.temperature, 0.5, 0);
    EXPECT_EQ(r.sampler.top_k, 7);
    EXPECT(isnan(r.sampler.top_p) && isnan(r.sampler.presence)); /* the model's own */
    EXPECT_EQ(r.max_tokens, 6);
    EXPECT_EQ(r.n, 3);
    EXPECT_EQ(r.n_stops, 1);
    EXPECT(r.seeded && r.seed == 9 && r.stream && r.usage);
    EXPECT_EQ(r.logprobs, 2);
    EXPECT_EQ(r.sampler.n_bias, 2);
    EXPECT(isinf(r.sampler.bias[0]) && r.sampler.bias_ids[1] == 5);
    EXPECT_EQ(r.think, WKV_THINK_LONG);
    request_release(&r);
}

/* A small body of many values takes a hundred times its size of memory: it is refused before it is parsed. */
static void limits_the_values(void)
{
    enum { MANY = 1000000 };
    static const char *const repeated[] = {"[],", "{},", "\"a\":1,"};
    request r;
    problem p;
    char *body = malloc(6 * MANY + 200);
    for (size_t k = 0; k < 3; k++) {
        size_t n = (size_t)sprintf(body, "{" MESSAGES ", \"x\": %s", k < 2 ? "[" : "{");
        for (int i = 0; i < MANY; i++, n += strlen(repeated[k])) memcpy(body + n, repeated[k], strlen(repeated[k]) + 1);
        sprintf(body + n, k < 2 ? "1]}" : "\"b\":1}}");
        EXPECT(chat(&r, &p, body));
        EXPECT_EQ(p.status, 413);
        EXPECT_HAS(p.message, "of memory, expected at most 96");
        request_release(&r);
    }
    size_t n = (size_t)sprintf(body, "{" MESSAGES ", \"x\": [\"");
    memset(body + n, ',', MANY); /* in a string */
    strcpy(body + n + MANY, "\\\"[\"]}");
    EXPECT_EQ(chat(&r, &p, body), 0);
    request_release(&r);
    free(body);
}

static void names_the_wrong_field(void)
{
    static const struct {
        const char *fields;
        int status;
        const char *param;
    } wrong[] = {
        {MESSAGES ", \"temperature\": \"1\"", 400, "temperature"},
        {MESSAGES ", \"temperature\": 1e99", 400, "temperature"},
        {MESSAGES ", \"top_p\": 1.5", 400, "top_p"},
        {MESSAGES ", \"max_tokens\": -1", 400, "max_tokens"},
        {MESSAGES ", \"max_tokens\": 0", 400, "max_tokens"},
        {MESSAGES ", \"max_tokens\": 99999999999", 400, "max_tokens"},
        {MESSAGES ", \"max_completion_tokens\": []", 400, "max_completion_tokens"},
        {MESSAGES ", \"n\": 0", 400, "n"},
        {MESSAGES ", \"stop\": 5", 400, "stop"},
        {MESSAGES ", \"seed\": 1.5", 400, "seed"},
        {MESSAGES ", \"stream\": \"true\"", 400, "stream"},
        {MESSAGES ", \"stream_options\": true", 400, "stream_options"},
        {MESSAGES ", \"logit_bias\": []", 400, "logit_bias"},
        {MESSAGES ", \"logit_bias\": {\"-5\": 1}", 400, "logit_bias"},
        {MESSAGES ", \"logit_bias\": {\"5\": 101}", 400, "logit_bias"},
        {MESSAGES ", \"logprobs\": 1", 400, "logprobs"},
        {MESSAGES ", \"logprobs\": true, \"top_logprobs\": 21", 400, "top_logprobs"},
        {MESSAGES ", \"model\": 5", 400, "model"},
        {MESSAGES ", \"response_format\": {\"type\": \"json_schema\"}", 400, "response_format"},
        {MESSAGES ", \"response_format\": {\"type\": \"json_schema\", \"json_schema\": {}}", 400, "response_format"},
        {MESSAGES ", \"response_format\": {\"type\": \"xml\"}", 400, "response_format"},
        {MESSAGES ", \"tools\": [{}]", 400, "tools"},
        {MESSAGES ", \"tools\": [{\"type\": \"web_search\"}]", 501, "tools"},
        {MESSAGES ", \"tool_choice\": \"required\"", 400, "tool_choice"},
        {MESSAGES ", \"tool_choice\": 1", 400, "tool_choice"},
        {MESSAGES ", \"parallel_tool_calls\": 1", 400, "parallel_tool_calls"},
        {MESSAGES ", \"functions\": [{}]", 501, "functions"},
        {MESSAGES ", \"tools\": 5", 400, "tools"},
        {MESSAGES ", \"modalities\": [\"audio\"]", 501, "modalities"},
        {MESSAGES ", \"return_state\": 1", 400, "return_state"},
        {MESSAGES ", \"return_state\": true, \"n\": 2", 400, "n"},
        {MESSAGES ", \"state\": \"x\", \"n\": 2", 400, "n"},
        {MESSAGES ", \"session\": \"x\", \"n\": 2", 400, "n"},
        {MESSAGES ", \"session\": \"x\", \"state\": \"y\"", 400, "state"},
        {MESSAGES ", \"session\": 1", 400, "session"},
        {MESSAGES ", \"parent\": \"msg_a\"", 400, "parent"},
        {MESSAGES ", \"edit\": \"msg_a\"", 400, "edit"},
        {MESSAGES ", \"branch\": true", 400, "branch"},
        {MESSAGES ", \"session\": \"x\", \"branch\": 1", 400, "branch"},
        {MESSAGES ", \"session\": \"x\", \"edit\": 5", 400, "edit"},
        {MESSAGES ", \"session\": \"x\", \"branch\": true, \"parent\": \"a\", \"edit\": \"b\"", 400, "parent"},
        {"\"messages\": {}", 400, "messages"},
        {"\"messages\": [5]", 400, "messages[0]"},
        {"\"messages\": [{}]", 400, "messages[0].role"},
        {"\"messages\": [{\"role\": \"king\", \"content\": \"\"}]", 400, "messages[0].role"},
        {"\"messages\": [{\"role\": \"tool\"}]", 400, "messages[0].content"},
        {"\"messages\": [{\"role\": \"assistant\", \"tool_calls\": [{}]}]", 400, "messages[0]"},
        {"\"messages\": [{\"role\": \"user\"}]", 400, "messages[0].content"},
        {"\"messages\": [{\"role\": \"user\", \"content\": [{}]}]", 400, "messages[0].content"},
        {"\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\"}]}]", 501, "messages[0].content"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char body[1024];
        request r;
        problem p;
        snprintf(body, sizeof body, "{%s}", wrong[i].fields);
        EXPECT_EQ(chat(&r, &p, body), -1);
        EXPECT_EQ(p.status, wrong[i].status);
        EXPECT_STR(p.param, wrong[i].param);
        request_release(&r);
    }
}

/* The library's reader has these bodies, not jansson's. */
static void bodies(void)
{
    static const char *const wrong[] = {
        "", "{", "[]", "5", "{} {}", "{\"a\": \"\\u0000\"}", "{\"a\": \"\xff\"}", "{\"a\": \"\\ud800\"}"};
    static char deep[4096] = "{\"a\": ";
    request r;
    problem p;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        EXPECT_EQ(chat(&r, &p, wrong[i]), -1);
        EXPECT_EQ(p.status, 400);
        EXPECT_STR(p.code, "invalid_json");
        request_release(&r);
    }
    memset(deep + 6, '[', 1000);
    EXPECT_EQ(chat(&r, &p, deep), -1);
    EXPECT_HAS(p.message, "maximum parsing depth reached");
    request_release(&r);
}

static void prompts(void)
{
    static const struct {
        const char *body;
        int n; /* prompts; -1: refused */
    } cases[] = {{"{\"prompt\": \"a\"}", 1},
                 {"{\"prompt\": [\"a\", \"b\"]}", 2},
                 {"{\"prompt\": [1, 2]}", 1},
                 {"{\"prompt\": [[1, 2], [3]]}", 2},
                 {"{\"prompt\": \"\"}", 1},
                 {"{\"prompt\": []}", -1},
                 {"{\"prompt\": [1, \"a\"]}", -1},
                 {"{\"prompt\": [-1]}", -1},
                 {"{\"prompt\": {}}", -1},
                 {"{\"prompt\": [9999999999]}", -1},
                 {"{}", -1},
                 {"{\"prompt\": \"a\", \"max_tokens\": 0}", -1},
                 {"{\"prompt\": \"a\", \"best_of\": 2}", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        request r;
        problem p = {0};
        const int bad = request_completion(&r, cases[i].body, strlen(cases[i].body), &p);
        if (bad) EXPECT(p.status >= 400 && *p.message);
        EXPECT_EQ(bad ? -1 : r.n_prompts, cases[i].n);
        request_release(&r);
    }
}

static void damaged_bodies(void)
{
    static const char *const bodies[] = {
        "{" MESSAGES
        ", \"stop\": [\"a\"], \"n\": 1, \"logit_bias\": {\"5\": 3}, \"stream_options\": {\"include_usage\": true}}",
        "{\"prompt\": [[1, 2], [3]], \"max_tokens\": 1, \"logprobs\": 2, \"echo\": true}",
        "{\"input\": [\"a\", \"b\"], \"encoding_format\": \"base64\"}"};
    int fine = 0;
    for (int i = 0; i < 30000; i++) {
        request r;
        problem p = {0};
        int base64;
        size_t n;
        char *exact = damaged(bodies[i % 3], &n);
        const int bad = i % 3 == 0   ? request_chat(&r, exact, n, &p)
                        : i % 3 == 1 ? request_completion(&r, exact, n, &p)
                                     : request_embeddings(&r, "input", &base64, exact, n, &p);
        if (bad && (p.status < 400 || !*p.message)) FAILED("no reason for %.*s", (int)n, exact);
        fine += !bad;
        request_release(&r);
        free(exact);
    }
    EXPECT(fine > 1000 && fine < 29000);
}

static void texts(void)
{
    out o = {0};
    out_string(&o, "a\"\\\n\x01 \xc3\xa9 \xff \xe4\xbd \xf0\x9f\x98\x80", 18);
    out_put(&o, "", 1);
    EXPECT_STR(o.at, "\"a\\\"\\\\\\n\\u0001 \xc3\xa9 \\ufffd \\ufffd\\ufffd \xf0\x9f\x98\x80\"");
    EXPECT(out_is_utf8("\xc3\xa9", 2) && !out_is_utf8("\xc3", 1) && !out_is_utf8("\xed\xa0\x80", 3) &&
           !out_is_utf8("\xc0\x80", 2));
    out_release(&o);
}

int main(void)
{
    RUN(fields_of_a_chat);
    RUN(limits_the_values);
    RUN(names_the_wrong_field);
    RUN(bodies);
    RUN(prompts);
    RUN(damaged_bodies);
    RUN(texts);
    return DONE();
}
