/* test_answer_form.c - the grammar of an answer with tools: words, thoughts and calls, and what may not come. */
#include "test.h"
#include "text/tokenizer.h"
#include "wkv_tools.h"
#include <stdlib.h>

static wkv_tokenizer *bytes;
static wkv_tools *tools;
static const wkv_template *g1;

#define TOOLS                                                                                                          \
    "[{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\"}},"              \
    "\"required\":[\"x\"]}},{\"name\":\"now\"}]"
#define CALL_F "{\"name\":\"f\",\"arguments\":{\"x\":7}}"
#define CALL_NOW "{\"name\":\"now\",\"arguments\":{}}"
#define FENCED(call) "```json\n" call "\n```"

/* Bytes of the text that the grammar allows, and whether it may end there. */
static size_t allowed(const wkv_answer_form *f, const char *text, int *complete)
{
    wkv_grammar *g;
    wkv_matcher *m;
    size_t n = 0;
    if (wkv_grammar_answer(&g, f, bytes)) {
        FAILED("%s", wkv_error());
        return 0;
    }
    EXPECT_EQ(wkv_matcher_new(&m, g), 0);
    while (text[n] && !wkv_matcher_accept(m, (unsigned char)text[n])) n++;
    *complete = wkv_matcher_complete(m);
    wkv_matcher_free(m);
    wkv_grammar_free(g);
    return n;
}

/* `text` is allowed up to its '|' or to its end; the answer may end there, must end, or goes on. */
typedef enum { GOES_ON, MAY_END, MUST_END } end;
static void expect(const wkv_answer_form *f, const char *text, end how)
{
    int complete = -1;
    const char *bar = strchr(text, '|');
    char plain[512];
    snprintf(plain, sizeof plain, "%.*s%s", bar ? (int)(bar - text) : (int)strlen(text), text, bar ? bar + 1 : "");
    const size_t n = allowed(f, plain, &complete), expected = bar ? (size_t)(bar - text) : strlen(text);
    if (n != expected) FAILED("%zu bytes of \"%s\" are allowed, expected %zu", n, plain, expected);
    if (complete != (int)how) FAILED("\"%s\" is complete %d, expected %d", plain, complete, (int)how);
}

static void choice(void)
{
    const wkv_answer_form f = {.how = g1, .tools = tools};
    expect(&f, "", MAY_END);
    expect(&f, " It is warm.\n\n- a\n`b`\n```c\n int x;\n```\n", MAY_END);
    expect(&f, " " FENCED(CALL_F), MUST_END);
    expect(&f, "\n" FENCED(CALL_NOW), MUST_END);
    expect(&f, FENCED("[" CALL_F "," CALL_NOW "]"), MUST_END);
    expect(&f, " Let me see.\n" FENCED(CALL_F), MUST_END);
    expect(&f, " Let me see: ```json {}", MAY_END); /* not at the beginning of a line */
    expect(&f, " ```json| {}", GOES_ON);
    expect(&f, " ```json\n{\"name\":\"|g\"", GOES_ON);
    expect(&f, " ```json\n{\"name\":\"f\",\"arguments\":{\"x\":|\"7\"}}", GOES_ON);
    expect(&f, " ```json\n{\"name\":\"now\",\"arguments\":{|\"x\":7}}", GOES_ON);
    expect(&f, " ```json\n[" CALL_F "|]", GOES_ON);
    expect(&f, " ```js\nlet x;\n```", MAY_END);
    expect(&f, " " FENCED(CALL_F) "|\n", MUST_END);
}

static void thoughts(void)
{
    const wkv_answer_form f = {.how = g1, .think = WKV_THINK_SHORT, .tools = tools};
    expect(&f, "> I think.\n```json\nno call\n</think>\n" FENCED(CALL_F), MUST_END);
    expect(&f, "> a < b </thin </thing <</t </think>\n It is warm.", MAY_END);
    expect(&f, "> a", GOES_ON);
    expect(&f, "| a", GOES_ON);
    const wkv_answer_form own = {.how = g1, .tools = tools};
    expect(&own, " <think>well\n```json\n</think>\n" FENCED(CALL_NOW), MUST_END);
    const wkv_answer_form fake = {.how = g1, .think = WKV_THINK_FAKE, .tools = tools};
    expect(&fake, ">\n" FENCED(CALL_NOW), MUST_END);
}

static void must_call(void)
{
    const wkv_answer_form f = {.how = g1, .tools = tools, .must_call = 1};
    expect(&f, "\n" CALL_F "\n```", MUST_END);
    expect(&f, "\n[" CALL_F "," CALL_F "]\n```", MUST_END);
    expect(&f, "| It", GOES_ON);
    const wkv_answer_form one = {.how = g1, .tools = tools, .must_call = 1, .one_call = 1, .function = "now"};
    expect(&one, "\n|[", GOES_ON);
    expect(&one, "\n{\"name\":\"|f\"", GOES_ON);
    expect(&one, "\n" CALL_NOW "\n```", MUST_END);
    const wkv_answer_form thinks = {.how = g1, .think = WKV_THINK_LONG, .tools = tools, .must_call = 1};
    expect(&thinks, "> a </think>\n" FENCED(CALL_F), MUST_END);
    expect(&thinks, "> a </think>\n|Words", GOES_ON);
    const wkv_answer_form fake = {.how = g1, .think = WKV_THINK_FAKE, .tools = tools, .must_call = 1};
    expect(&fake, "\n" CALL_F "\n```", MUST_END);
}

static void schemas(void)
{
    const wkv_answer_form f = {.how = g1, .schema = "{\"type\":\"array\",\"items\":{\"type\":\"boolean\"}}"};
    expect(&f, " [true,false]", MUST_END);
    expect(&f, "[]", MUST_END);
    expect(&f, "|words", GOES_ON);
    const wkv_answer_form both = {.how = g1, .tools = tools, .schema = "{\"const\":\"a\"}"};
    expect(&both, " \"a\"", MUST_END);
    expect(&both, " " FENCED(CALL_F), MUST_END);
    expect(&both, " |It", GOES_ON);
    const wkv_answer_form thinks = {.how = g1, .think = WKV_THINK_OPEN, .schema = "{\"const\":1}"};
    expect(&thinks, "> a </think>\n1", MUST_END);
}

static void refusals(void)
{
    wkv_grammar *g;
    wkv_tools *odd;
    const char *json = "[{\"name\":\"f\",\"strict\":true,\"parameters\":{\"type\":\"object\",\"not\":{}}}]";
    EXPECT_EQ(wkv_tools_new(&odd, json, strlen(json)), 0);
    EXPECT_EQ(wkv_grammar_answer(&g, &(wkv_answer_form){.how = g1, .tools = odd}, bytes), WKV_EUNSUPPORTED);
    EXPECT_HAS(wkv_error(), "f: schema #");
    EXPECT_HAS(wkv_error(), "not");
    wkv_tools_free(odd);
}

/* Without "strict" the parts of a schema that are not supported hold nothing; the others hold. */
static void loose(void)
{
    static const char json[] =
        "[{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{\"format\":{\"type\":\"number\",\"minimum\":0.5},"
        "\"pattern\":{\"type\":\"array\",\"uniqueItems\":true,\"items\":{\"type\":\"string\",\"format\":\"regex\"}},"
        "\"m\":{\"type\":\"object\",\"propertyNames\":{\"type\":\"string\"},\"additionalProperties\":{\"type\":\"boolean\"}}},"
        "\"required\":[\"format\",\"pattern\",\"m\"],\"additionalProperties\":false}},"
        "{\"name\":\"g\",\"parameters\":{\"$ref\":\"http://example.org/x\"}},"
        "{\"name\":\"h\",\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"pattern\":\"^x+$\"},"
        "\"b\":{\"type\":\"array\",\"uniqueItems\":true}},\"required\":[\"a\",\"b\"]}}]";
    wkv_tools *odd;
    EXPECT_EQ(wkv_tools_new(&odd, json, strlen(json)), 0);
    const wkv_answer_form f = {.how = g1, .tools = odd};
    expect(&f, FENCED("{\"name\":\"f\",\"arguments\":{\"format\":0.25,\"pattern\":[\"a\",\"a\"],\"m\":{\"k\":true}}}"), MUST_END);
    expect(&f, "```json\n{\"name\":\"f\",\"arguments\":{\"format\":|\"x\"", GOES_ON);
    expect(&f, "```json\n{\"name\":\"f\",\"arguments\":{\"format\":1,\"pattern\":[\"a\"],\"m\":{\"k\":|7", GOES_ON);
    expect(&f, "```json\n{\"name\":\"h\",\"arguments\":{\"a\":\"x|y", GOES_ON); /* beside b */
    expect(&f, FENCED("{\"name\":\"g\",\"arguments\":{\"any\":[1]}}"), MUST_END);
    wkv_tools_free(odd);
}

/* A part that is not supported takes no other with it, nor the type of the value. */
static void loose_parts(void)
{
    static const char json[] =
        "[{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{"
        "\"i\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":9},\"p\":{\"pattern\":\"(?=x)\",\"maxLength\":2},"
        "\"c\":{\"const\":\"x\",\"minLength\":1},\"n\":{\"multipleOf\":2},\"l\":{\"uniqueItems\":true},"
        "\"r\":{\"$ref\":\"#/components/R\"},\"a\":{\"allOf\":[{\"minimum\":3},{\"minimum\":5}]}},"
        "\"required\":[\"i\",\"p\",\"c\",\"n\",\"l\",\"r\"],\"additionalProperties\":false,"
        "\"components\":{\"R\":{\"type\":\"string\",\"pattern\":\"(?=x)\"}}}},"
        "{\"name\":\"g\",\"parameters\":{\"type\":\"object\",\"patternProperties\":{\"^x\":{\"type\":\"integer\"},"
        "\"^y\":{\"type\":\"null\"}},\"additionalProperties\":false}},"
        "{\"name\":\"h\",\"parameters\":{\"type\":\"object\",\"patternProperties\":{\"^x\":{\"type\":\"integer\"}}}},"
        "{\"name\":\"k\",\"parameters\":{\"properties\":{\"i\":{\"type\":\"integer\",\"maximum\":9},"
        "\"p\":{\"not\":{}}}}}]";
    wkv_tools *odd;
    EXPECT_EQ(wkv_tools_new(&odd, json, strlen(json)), 0);
    const wkv_answer_form f = {.how = g1, .tools = odd};
    expect(&f, FENCED("{\"name\":\"f\",\"arguments\":{\"i\":9,\"p\":\"ab\",\"c\":\"x\",\"n\":3,\"l\":[1,1],\"r\":\"a\"}}"),
           MUST_END);
    expect(&f, "```json\n{\"name\":\"f\",\"arguments\":{\"i\":9,\"p\":\"ab|c", GOES_ON);
    expect(&f, "```json\n{\"name\":\"f\",\"arguments\":{\"i\":9,\"p\":|7", GOES_ON);
    expect(&f, "```json\n{\"name\":\"f\",\"arguments\":{\"i\":9,\"p\":\"\",\"c\":\"x\",\"n\":|\"a\"", GOES_ON);
    expect(&f, "```json\n{\"name\":\"f\",\"arguments\":{\"i\":9,\"p\":\"\",\"c\":\"x\",\"n\":1,\"l\":|{", GOES_ON);
    expect(&f, FENCED("{\"name\":\"g\",\"arguments\":{\"x\":7,\"y\":null}}"), MUST_END);
    expect(&f, "```json\n{\"name\":\"g\",\"arguments\":{\"x\":|\"a\"", GOES_ON);
    expect(&f, FENCED("{\"name\":\"h\",\"arguments\":{\"other\":[true]}}"), MUST_END);
    expect(&f, "```json\n{\"name\":\"k\",\"arguments\":{\"i\":1|0", GOES_ON);
    wkv_tools_free(odd);
}

int main(void)
{
    if (tokenizer_open_file(&bytes, "bytes") || wkv_tools_new(&tools, TOOLS, strlen(TOOLS)) ||
        wkv_template_find(&g1, "g1", NULL, NULL))
        return 1;
    RUN(choice);
    RUN(thoughts);
    RUN(must_call);
    RUN(schemas);
    RUN(refusals);
    RUN(loose);
    RUN(loose_parts);
    wkv_tools_free(tools);
    wkv_tokenizer_close(bytes);
    return DONE();
}
