/* test_tools.c - the list of functions for a prompt, and calls that are read in pieces of any size. */
#include "test.h"
#include "wkv_tools.h"
#include <stdlib.h>

static char *list_of(const char *json)
{
    wkv_tools *t;
    char *list;
    EXPECT_EQ(wkv_tools_new(&t, json, strlen(json)), 0);
    EXPECT_EQ(wkv_tools_list(&list, t), 0);
    wkv_tools_free(t);
    return list;
}

#define TYPED(type) "[{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{\"x\":" type "}}}]"

static void expect_type(const char *json, const char *type)
{
    char line[512], *list = list_of(json);
    snprintf(line, sizeof line, "- f(%s)\n", type);
    EXPECT_STR(list, line);
    free(list);
}

static void types(void)
{
    expect_type("[{\"name\":\"f\"}]", "");
    expect_type("[{\"name\":\"f\",\"description\":null,\"parameters\":null}]", "");
    expect_type("[{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}]", "");
    expect_type(TYPED("{\"type\":\"string\"}"), "x?: string");
    expect_type(TYPED("{}"), "x?: any");
    expect_type(TYPED("true"), "x?: any");
    expect_type(TYPED("{\"type\":[\"integer\",\"null\"]}"), "x?: integer | null");
    expect_type(TYPED("{\"enum\":[\"a\",1,null]}"), "x?: \"a\" | 1 | null");
    expect_type(TYPED("{\"const\":\"a\"}"), "x?: \"a\"");
    expect_type(TYPED("{\"type\":\"array\"}"), "x?: any[]");
    expect_type(TYPED("{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"), "x?: string[]");
    expect_type(TYPED("{\"type\":\"array\",\"items\":{\"enum\":[1,2]}}"), "x?: (1 | 2)[]");
    expect_type(TYPED("{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}"), "x?: string | null");
    expect_type(TYPED("{\"type\":\"object\"}"), "x?: object");
    expect_type(TYPED("{\"$ref\":\"#/elsewhere\"}"), "x?: any");
    expect_type(TYPED("{\"$ref\":\"#/$defs/none\"}"), "x?: any");
    expect_type(
        TYPED("{\"type\":\"object\",\"required\":[\"y\"],\"properties\":{\"y\":{\"type\":\"string\"},\"z\":{}}}"),
        "x?.y: string, x?.z?: any");
    expect_type(
        TYPED("{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"y\":{\"type\":\"string\"}}}}"),
        "x[]?.y?: string");
}

/* A type that contains itself ends after some levels. */
static void recursion(void)
{
    char *list =
        list_of("[{\"name\":\"f\",\"parameters\":{\"$ref\":\"#/$defs/P\",\"$defs\":{\"P\":{\"type\":\"object\","
                "\"properties\":{\"next\":{\"$ref\":\"#/$defs/P\"}}}}}}]");
    EXPECT_HAS(list, "- f(next?.next?.next?.");
    EXPECT(strlen(list) < 200);
    free(list);
    list = list_of(
        "[{\"name\":\"f\",\"parameters\":{\"$ref\":\"#/$defs/P\",\"$defs\":{\"P\":{\"$ref\":\"#/$defs/P\"}}}}]");
    EXPECT_STR(list, "- f()\n");
    free(list);
}

/* The first function of the official page of the G1 templates, and descriptions. */
static void lines(void)
{
    char *list = list_of(
        "[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"parameters\":{\"type\":\"object\",\"properties\":{"
        "\"location\":{\"type\":\"string\"},\"unit\":{\"type\":\"string\",\"enum\":[\"celsius\",\"fahrenheit\"]}},"
        "\"required\":[\"location\"]}}},"
        "{\"name\":\"now\",\"description\":\"The time,\\n\\n in words.\"},"
        "{\"name\":\"find\",\"description\":\"Search.\",\"parameters\":{\"type\":\"object\",\"required\":[\"q\"],"
        "\"properties\":{\"q\":{\"type\":\"string\",\"description\":\"a text\"},"
        "\"n\":{\"type\":\"integer\",\"description\":\"at most\"}}}}]");
    EXPECT_STR(list, "- get_weather(location: string, unit?: \"celsius\" | \"fahrenheit\")\n"
                     "- now(): The time, in words.\n"
                     "- find(q: string, n?: integer): Search. q: a text; n: at most\n");
    free(list);
}

static void expect_refused(const char *json, const char *why)
{
    wkv_tools *t = (wkv_tools *)&t;
    EXPECT_EQ(wkv_tools_new(&t, json, strlen(json)), WKV_EFORMAT);
    EXPECT(!t);
    EXPECT_HAS(wkv_error(), why);
}

static void refusals(void)
{
    expect_refused("{}", "tools is not an array");
    expect_refused("[1]", "tools[0] is not an object");
    expect_refused("[{}]", "tools[0].name is \"\"");
    expect_refused("[{\"name\":\"a b\"}]", "tools[0].name is \"a b\"");
    expect_refused("[{\"name\":7}]", "tools[0].name is not a string");
    expect_refused("[{\"name\":\"a\",\"description\":[]}]", "tools[0].description is not a string");
    expect_refused("[{\"name\":\"a\"},{\"function\":{\"name\":\"a\"}}]",
                   "tools[1].function.name is \"a\", the name of");
    expect_refused("[{\"name\":\"a\",\"parameters\":[]}]", "tools[0].parameters");
    expect_refused("[{\"name\":\"a\",\"parameters\":{\"type\":\"array\"}}]", "has the type array, expected object");
    expect_refused("[", "");
    static char many[1 << 20];
    size_t n = (size_t)sprintf(many, "[1");
    for (int i = 0; i < 1000; i++) n += (size_t)sprintf(many + n, ",1");
    sprintf(many + n, "]");
    expect_refused(many, "1001 tools, expected at most 1000");
    memset(many, ' ', sizeof many - 1);
    expect_refused(many, "bytes, expected at most 524288");
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

/* The parts of a text that comes in pieces of `step` bytes: "0:name=arguments;1:". */
static void read_calls(char *out, const char *text, size_t step)
{
    wkv_call_reader *r;
    wkv_call_part p;
    *out = 0;
    EXPECT_EQ(wkv_call_reader_new(&r), 0);
    for (size_t i = 0, n = strlen(text); i < n; i += step) {
        EXPECT_EQ(wkv_call_reader_put(r, text + i, n - i < step ? n - i : step), 0);
        while (wkv_call_reader_next(r, &p)) {
            if (p.kind == WKV_CALL_NAME) out += sprintf(out, "%d:", p.call);
            if (p.kind != WKV_CALL_END) out += sprintf(out, "%.*s", (int)p.bytes, p.text);
            if (p.kind == WKV_CALL_NAME) out += sprintf(out, "=");
            if (p.kind == WKV_CALL_END) out += sprintf(out, "%d;", p.call);
        }
    }
    wkv_call_reader_free(r);
}

static void calls(void)
{
    static const char text[] = "[{\"name\":\"a\",\"arguments\":{\"x\":\"}\\\"{\\\\\",\"y\":[{}]}},"
                               "{\"name\":\"long_name\",\"arguments\":{}},{\"name\":\"c\",\"argume";
    char out[512];
    for (size_t step = 1; step <= sizeof text; step++) {
        read_calls(out, text, step);
        EXPECT_STR(out, "0:a={\"x\":\"}\\\"{\\\\\",\"y\":[{}]}0;1:long_name={}1;2:c=");
    }
    read_calls(out, "{\"name\":\"f\",\"arguments\":{\"a\":1}}", 7);
    EXPECT_STR(out, "0:f={\"a\":1}0;");
    read_calls(out, "no call", 3);
    EXPECT_STR(out, "");
}

static void expect_call(const char *arguments, const char *text)
{
    char *call;
    EXPECT_EQ(wkv_call_text(&call, "f", arguments), 0);
    EXPECT_STR(call, text);
    free(call);
}

static void written(void)
{
    char *call;
    expect_call("{}", "{\"name\":\"f\",\"arguments\":{}}");
    expect_call(" { \"a\" : [ 1.50 , \"x \\\" y\\\\\" ] ,\n\"b\": 1e3 } ",
                "{\"name\":\"f\",\"arguments\":{\"a\":[1.50,\"x \\\" y\\\\\"],\"b\":1e3}}");
    EXPECT_EQ(wkv_call_text(&call, "f", "[]"), WKV_EFORMAT);
    EXPECT_EQ(wkv_call_text(&call, "f", "{"), WKV_EFORMAT);
    EXPECT(!call);
}

int main(void)
{
    RUN(types);
    RUN(recursion);
    RUN(lines);
    RUN(refusals);
    RUN(calls);
    RUN(written);
    return DONE();
}
