/* Bodies of other dialects become the same request: messages, calls, tools, settings; and damaged bodies, which are
 * refused with a status and a sentence. */
#include "damaged.h"
#include "serve/request.h"
#include "test.h"
#include <stdlib.h>

typedef int reader(request *r, const char *body, size_t bytes, problem *p);

static int responses(request *r, const char *body, size_t bytes, problem *p)
{
    return request_responses(r, body, bytes, p) || request_items(r, NULL, p) ? -1 : 0;
}

/* The conversation in one line: S, U, A, T and the text of each message, and its calls. */
static const char *conversation(reader *read, request *r, const char *body)
{
    static char line[2048];
    problem p = {0};
    size_t n = 0;
    *line = 0;
    if (read(r, body, strlen(body), &p)) FAILED("%s: %s", body, p.message);
    for (int i = 0; i < r->n_messages; i++) {
        const message *m = &r->messages[i];
        n += (size_t)snprintf(line + n, sizeof line - n, "%c:%s%s|", "SUAT"[m->who], m->text, m->calls ? m->calls : "");
    }
    return line;
}

static void anthropic(void)
{
    request r;
    EXPECT_STR(conversation(request_anthropic, &r,
                            "{\"model\": \"m\", \"max_tokens\": 5, \"system\": [{\"type\": \"text\", \"text\":"
                            "\"x-anthropic-billing-header: cch=1;\\nBe brief.\"}, {\"type\": \"text\", \"text\": \"Be kind.\"}],"
                            "\"stop_sequences\": [\"x\"], \"top_k\": 3, \"stream\": true, \"thinking\": {\"type\": \"enabled\","
                            "\"budget_tokens\": 9000}, \"tools\": [{\"name\": \"f\", \"description\": \"d\", \"input_schema\":"
                            "{\"type\": \"object\"}}, {\"type\": \"bash_20250124\", \"name\": \"bash\"}],"
                            "\"tool_choice\": {\"type\": \"any\", \"disable_parallel_tool_use\": true}, \"messages\": ["
                            "{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": [{\"type\":"
                            "\"thinking\", \"thinking\": \"t\"}, {\"type\": \"text\", \"text\": \"b\"}, {\"type\": \"tool_use\","
                            "\"id\": \"i\", \"name\": \"f\", \"input\": {\"x\": 1}}, {\"type\": \"tool_use\", \"name\": \"g\"}]},"
                            "{\"role\": \"user\", \"content\": [{\"type\": \"tool_result\", \"tool_use_id\": \"i\", \"content\":"
                            "\"c\"}, {\"type\": \"tool_result\", \"content\": [{\"type\": \"text\", \"text\": \"d\"}]},"
                            "{\"type\": \"text\", \"text\": \"e\"}]}]}"),
               "S:Be brief.|S:Be kind.|U:a|A:b[{\"name\":\"f\",\"arguments\":{\"x\":1}},{\"name\":\"g\",\"arguments\":{}}]|"
               "T:c|T:d|U:e|");
    EXPECT_STR(r.model, "m");
    EXPECT_EQ(r.max_tokens, 5);
    EXPECT_STR(r.stops[0], "x");
    EXPECT_EQ(r.sampler.top_k, 3);
    EXPECT_EQ(r.think, WKV_THINK_LONG);
    EXPECT_EQ(wkv_tools_count(r.tools), 1);
    EXPECT(r.stream && r.must_call && r.one_call && !r.function);
    request_release(&r);
    EXPECT_STR(conversation(request_anthropic, &r,
                            "{\"messages\": [{\"role\": \"user\", \"content\": []}], \"output_format\": {\"type\":"
                            "\"json_schema\", \"schema\": {\"type\": \"array\"}}}"),
               "U:|");
    EXPECT_STR(r.schema, "{\"type\":\"array\"}");
    request_release(&r);
}

static void ollama(void)
{
    request r;
    EXPECT_STR(conversation(request_ollama_chat, &r,
                            "{\"model\": \"m\", \"options\": {\"num_predict\": -1, \"seed\": -1, \"mirostat\": 0,"
                            "\"mirostat_tau\": 5, \"temperature\": 0.5, \"stop\": \"x\", \"top_k\": -1}, \"think\": \"low\","
                            "\"format\": {\"type\": \"object\"}, \"messages\": [{\"role\": \"system\", \"content\": \"a\"},"
                            "{\"role\": \"user\", \"content\": \"b\", \"images\": []}, {\"role\": \"assistant\", \"content\": \"\","
                            "\"tool_calls\": [{\"function\": {\"name\": \"f\", \"arguments\": {\"x\": 1}}}]},"
                            "{\"role\": \"tool\", \"content\": \"c\", \"tool_name\": \"f\"}]}"),
               "S:a|U:b|A:{\"name\":\"f\",\"arguments\":{\"x\":1}}|T:c|");
    EXPECT(r.stream && !r.seeded && r.sampler.mirostat_tau == 0 && r.max_tokens == -1);
    EXPECT_NEAR(r.sampler.temperature, 0.5, 0);
    EXPECT_EQ(r.sampler.top_k, 0);
    EXPECT_EQ(r.think, WKV_THINK_SHORT);
    EXPECT_STR(r.schema, "{\"type\":\"object\"}");
    request_release(&r);
    EXPECT_STR(conversation(request_ollama_generate, &r, "{\"prompt\": \"a\", \"system\": \"b\", \"stream\": false}"), "S:b|U:a|");
    EXPECT(!r.stream);
    request_release(&r);
    EXPECT_STR(conversation(request_ollama_generate, &r, "{\"prompt\": \"a\", \"raw\": true}"), "");
    EXPECT_EQ(r.n_prompts, 1);
    EXPECT_STR(r.prompts[0].text, "a");
    request_release(&r);
    EXPECT_STR(conversation(request_ollama_chat, &r, "{}"), "");
    EXPECT(!r.n_prompts && !r.stream);
    request_release(&r);
}

/* Ollama's own package does not send empty contents. */
static void ollama_empty(void)
{
    request r;
    EXPECT_STR(conversation(request_ollama_chat, &r,
                            "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"tool_calls\":"
                            "[{\"function\": {\"name\": \"f\", \"arguments\": {}}}]}, {\"role\": \"tool\"}]}"),
               "U:a|A:{\"name\":\"f\",\"arguments\":{}}|T:|");
    request_release(&r);
}

static void llama(void)
{
    request r;
    EXPECT_STR(conversation(request_llama_completion, &r,
                            "{\"prompt\": [1, 2], \"n_predict\": 0, \"logit_bias\": [[5, 1.5], [6, false]], \"n_probs\": 2,"
                            "\"grammar\": \"\", \"seed\": 4}"),
               "");
    EXPECT_EQ(r.prompts[0].n, 2);
    EXPECT_EQ(r.max_tokens, 0);
    EXPECT_EQ(r.sampler.n_bias, 2);
    EXPECT(r.seeded && r.seed == 4 && isinf(r.sampler.bias[1]) && r.logprobs == 2);
    request_release(&r);
}

static void items(void)
{
    request r;
    EXPECT_STR(conversation(responses, &r,
                            "{\"instructions\": \"a\", \"input\": [{\"role\": \"developer\", \"content\": \"b\"},"
                            "{\"type\": \"message\", \"role\": \"user\", \"content\": [{\"type\": \"input_text\", \"text\": \"c\"}]},"
                            "{\"type\": \"reasoning\", \"summary\": []}, {\"type\": \"message\", \"role\": \"assistant\","
                            "\"content\": [{\"type\": \"output_text\", \"text\": \"d\"}]}, {\"type\": \"function_call\", \"name\":"
                            "\"f\", \"arguments\": \"{\\\"x\\\": 1}\", \"call_id\": \"i\"}, {\"type\": \"custom_tool_call\","
                            "\"name\": \"g\", \"input\": \"e\"}, {\"type\": \"function_call_output\", \"output\": \"f\"},"
                            "{\"type\": \"custom_tool_call_output\", \"output\": [{\"type\": \"input_text\", \"text\": \"g\"}]},"
                            "{\"type\": \"web_search_call\"}], \"tools\": [{\"type\": \"function\", \"name\": \"f\"},"
                            "{\"type\": \"local_shell\"}], \"tool_choice\": {\"type\": \"function\", \"name\": \"f\"},"
                            "\"parallel_tool_calls\": false, \"reasoning\": {\"effort\": \"high\"}, \"store\": false,"
                            "\"text\": {\"format\": {\"type\": \"json_schema\", \"schema\": {\"type\": \"array\"}}}}"),
               "S:a|S:b|U:c|A:d[{\"name\":\"f\",\"arguments\":{\"x\":1}},{\"name\":\"g\",\"arguments\":{\"input\":\"e\"}}]|T:f|T:g|");
    EXPECT(!r.store && r.one_call && r.must_call);
    EXPECT_STR(r.function, "f");
    EXPECT_EQ(r.think, WKV_THINK_LONG);
    EXPECT_STR(r.schema, "{\"type\":\"array\"}");
    request_release(&r);
    EXPECT_STR(conversation(responses, &r, "{\"input\": \"\", \"max_output_tokens\": 1}"), "U:|");
    EXPECT(r.store && !r.previous);
    request_release(&r);
    EXPECT_STR(conversation(responses, &r, "{\"input\": []}"), "U:|");
    request_release(&r);
    EXPECT_STR(
        conversation(responses, &r,
                     "{\"input\": [{\"type\": \"item_reference\", \"id\": \"rs_a\"}], \"tools\": [{\"type\":"
                     "\"function\", \"name\": \"f\"}, {\"type\": \"function\", \"name\": \"g\"}], \"tool_choice\":"
                     "{\"type\": \"allowed_tools\", \"mode\": \"required\", \"tools\": [{\"type\": \"function\","
                     "\"name\": \"g\"}]}}"),
        "U:|");
    EXPECT_EQ(wkv_tools_count(r.tools), 1);
    EXPECT_STR(wkv_tools_name(r.tools, 0), "g");
    EXPECT(r.must_call);
    request_release(&r);
}

static void refused(void)
{
    static const struct {
        reader *read;
        const char *body;
        int status;
        const char *param;
    } wrong[] = {
        {request_anthropic, "{\"messages\": []}", 400, "messages"},
        {request_anthropic, "{\"messages\": [{\"role\": \"tool\", \"content\": \"\"}]}", 400, "messages[0]"},
        {request_anthropic, "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image\"}]}]}", 501,
         "messages[0].content"},
        {request_anthropic, "{\"messages\": [{\"role\": \"assistant\", \"content\": [{\"type\": \"tool_use\", \"name\": \"f\"}]}]}",
         400, "messages"},
        {request_anthropic, "{\"messages\": [{\"role\": \"user\", \"content\": \"\"}], \"tools\": [{}]}", 400, "tools"},
        {request_anthropic, "{\"messages\": [{\"role\": \"user\", \"content\": \"\"}], \"thinking\": {\"type\": \"x\"}}", 400,
         "thinking"},
        {request_anthropic, "{\"system\": 1, \"messages\": [{\"role\": \"user\", \"content\": \"\"}]}", 400, "system"},
        {request_ollama_chat, "{\"options\": {\"temperature\": \"x\"}}", 400, "temperature"},
        {request_ollama_chat, "{\"options\": []}", 400, "options"},
        {request_ollama_chat, "{\"format\": \"yaml\"}", 400, "format"},
        {request_ollama_chat, "{\"think\": \"x\"}", 400, "think"},
        {request_ollama_generate, "{\"prompt\": \"a\", \"suffix\": \"b\"}", 501, "suffix"},
        {request_ollama_generate, "{\"prompt\": \"a\", \"images\": [\"\"]}", 501, "images"},
        {request_llama_completion, "{\"prompt\": \"a\", \"n_predict\": -3}", 400, "n_predict"},
        {request_llama_completion, "{\"prompt\": \"a\", \"grammar\": \"root\"}", 501, "grammar"},
        {request_llama_completion, "{}", 400, "prompt"},
        {responses, "{\"input\": 1}", 400, "input"},
        {responses, "{\"input\": [1]}", 400, "input[0]"},
        {responses, "{\"input\": [{\"role\": \"x\", \"content\": \"\"}]}", 400, "input[0]"},
        {responses, "{\"input\": [{\"type\": \"function_call\", \"name\": \"f\", \"arguments\": \"[\"}]}", 400, "input[0]"},
        {responses, "{\"input\": [{\"type\": \"function_call\", \"name\": \"f\"}]}", 400, "input"},
        {responses, "{\"input\": \"\", \"tool_choice\": \"required\"}", 400, "tool_choice"},
        {responses, "{\"input\": \"\", \"text\": {\"format\": {\"type\": \"json_schema\"}}}", 400, "text"},
        {responses, "{\"input\": \"\", \"prompt\": {}}", 501, "prompt"},
        {request_anthropic, "{\"messages\": [{\"role\": \"user\", \"content\": \"\"}], \"tools\": [\"x\"]}", 400,
         "tools[0]"},
        {request_anthropic,
         "{\"messages\": [{\"role\": \"user\", \"content\": \"\"}], "
         "\"tools\": [{\"name\": \"f\", \"input_schema\": \"x\"}]}",
         400, "tools[0].input_schema"},
        {request_anthropic, "{\"messages\": [{\"role\": \"user\", \"content\": \"\"}], \"stop_sequences\": [\"a\", 1]}",
         400, "stop_sequences[1]"},
        {request_anthropic,
         "{\"messages\": [{\"role\": \"user\", \"content\": \"\"}], "
         "\"output_config\": {\"format\": {\"type\": \"x\"}}}",
         400, "output_config"},
        {request_anthropic,
         "{\"messages\": [{\"role\": \"user\", \"content\": \"\"}], "
         "\"output_format\": {\"type\": \"json_schema\"}}",
         400, "output_config"},
        {request_ollama_chat, "{\"messages\": {}}", 400, "messages"},
        {request_ollama_chat, "{\"think\": 5}", 400, "think"},
        {request_ollama_generate, "{\"prompt\": \"a\", \"context\": [1]}", 501, "context"},
        {responses, "{\"input\": \"\", \"text\": {\"format\": {\"type\": \"x\"}}}", 400, "text"},
        {responses, "{\"input\": [{\"type\": \"item_reference\", \"id\": \"msg_a\"}]}", 501, "input[0]"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        request r;
        problem p = {0};
        if (!wrong[i].read(&r, wrong[i].body, strlen(wrong[i].body), &p)) FAILED("accepted: %s", wrong[i].body);
        EXPECT_EQ(p.status, wrong[i].status);
        EXPECT_STR(p.param, wrong[i].param);
        request_release(&r);
    }
}

static void damaged_bodies(void)
{
    static const struct {
        reader *read;
        const char *body;
    } whole[] = {
        {request_anthropic, "{\"system\": [{\"type\": \"text\", \"text\": \"a\"}], \"messages\": [{\"role\": \"assistant\", \"content\":"
                            "[{\"type\": \"tool_use\", \"name\": \"f\", \"input\": {}}]}, {\"role\": \"user\", \"content\": [{\"type\":"
                            "\"tool_result\", \"content\": \"x\"}]}], \"tools\": [{\"name\": \"f\"}], \"tool_choice\": {\"type\": \"any\"}}"},
        {request_ollama_chat, "{\"options\": {\"stop\": [\"a\"], \"num_predict\": 3}, \"format\": {}, \"messages\": [{\"role\": \"user\","
                              "\"content\": \"a\", \"images\": []}], \"think\": \"low\", \"stream\": false}"},
        {request_ollama_generate, "{\"prompt\": \"a\", \"system\": \"b\", \"raw\": false, \"options\": {\"seed\": 1}}"},
        {request_llama_completion, "{\"prompt\": [1, 2], \"logit_bias\": [[1, 2], [3, false]], \"n_probs\": 1, \"stop\": [\"a\"]}"},
        {responses, "{\"input\": [{\"role\": \"user\", \"content\": \"a\"}, {\"type\": \"function_call\", \"name\": \"f\", \"arguments\":"
                    "\"{}\"}, {\"type\": \"function_call_output\", \"output\": \"x\"}], \"text\": {\"format\": {\"type\": \"text\"}}}"},
    };
    int fine = 0;
    for (int i = 0; i < 20000; i++) {
        request r;
        problem p = {0};
        size_t n;
        char *exact = damaged(whole[i % 5].body, &n);
        const int bad = whole[i % 5].read(&r, exact, n, &p);
        if (bad && (p.status < 400 || !*p.message)) FAILED("no reason for %.*s", (int)n, exact);
        fine += !bad;
        request_release(&r);
        free(exact);
    }
    EXPECT(fine > 1000 && fine < 19000);
}

int main(void)
{
    RUN(anthropic);
    RUN(ollama);
    RUN(ollama_empty);
    RUN(llama);
    RUN(items);
    RUN(refused);
    RUN(damaged_bodies);
    return DONE();
}
