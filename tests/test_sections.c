/* The sections of an answer, whole and byte by byte: reasoning, tool calls, the blanks around them, marks that are cut
 * or only begin; and stop strings. */
#include <stdlib.h>
#include "session/sections.h"
#include "session/stops.h"
#include "test.h"

static const struct {
    const char *prompt, *answer, *text, *reasoning, *call;
    size_t used; /* bytes up to the end of a tool call; 0: all */
} cases[] = {
    {"Assistant:", " Hello,\n\n you. \n\n", "Hello,\n\n you.", "", "", 0},
    {"Assistant:", "", "", "", "", 0},
    {"Assistant: <think", ">\nWell. So\n</think>\nYes.", "Yes.", "Well. So", "", 0},
    {"Assistant: <think", "> a </thin </think>b", "b", "a </thin", "", 0},
    {"Assistant: <think", ">never closed </thi", "", "never closed </thi", "", 0},
    {"Assistant: <think>\n</think", ">\n\nYes.", "Yes.", "", "", 0},
    {"Assistant: <think>\n</think", "x > y", "x > y", "", "", 0},
    {"Assistant:", " <think>Hm.</think> Yes <think> no", "Yes <think> no", "Hm.", "", 0},
    {"Assistant:", " <thin ice>", "<thin ice>", "", "", 0},
    {"Assistant:", "<<think>x</think>", "<<think>x</think>", "", "", 0},
    {"Assistant: ```json", "\n{\"name\": \"f\"}\n```\n\nUser:", "", "", "{\"name\": \"f\"}", 18},
    {"Assistant: ```json", "\n{\n``x\n```", "", "", "{\n``x", 10},
    {"Assistant: <think", ">Call it.</think>\n```json\n[1]\n``` ", "", "Call it.", "[1]", 33},
    {"Assistant:", " I call:\n```json\n{}\n```", "I call:", "", "{}", 23},
    {"Assistant:", " as ```json\n{}\n```", "as ```json\n{}\n```", "", "", 0},
    {"Assistant:", " code:\n```c\nx\n```\n.", "code:\n```c\nx\n```\n.", "", "", 0},
};
enum { CASES = sizeof cases / sizeof *cases };

static void check(int i, size_t step)
{
    sections s;
    events e = {0};
    char got[3][256] = {""};
    const size_t n = strlen(cases[i].answer), expected = cases[i].used ? cases[i].used : n;
    size_t at = 0, used = step;
    sections_begin(&s, cases[i].prompt, "\n```");
    for (; at < n && s.kind != WKV_EVENT_DONE; at += used) {
        EXPECT_EQ(sections_put(&s, &e, cases[i].answer + at, n - at < step ? n - at : step, &used), 0);
        wkv_event next; /* taken at once: pieces stay in order and are not joined */
        while (i % 2 && events_next(&e, &next)) strcat(got[next.kind], next.text);
    }
    EXPECT_EQ(sections_end(&s, &e), 0);
    wkv_event next;
    while (events_next(&e, &next)) strcat(got[next.kind], next.text);
    if (at != expected || strcmp(got[WKV_EVENT_TEXT], cases[i].text) ||
        strcmp(got[WKV_EVENT_REASONING], cases[i].reasoning) || strcmp(got[WKV_EVENT_TOOL_CALL], cases[i].call))
        FAILED("case %d, %zu bytes at once: used %zu of %zu, text \"%s\", reasoning \"%s\", call \"%s\"", i, step, at,
               expected, got[0], got[1], got[2]);
    sections_release(&s);
    events_release(&e);
}

static void divides(void)
{
    for (int i = 0; i < CASES; i++)
        for (size_t step = 1; step < 12; step++) check(i, step);
}

/* Without a tool_stop a fence is text. */
static void no_tools(void)
{
    sections s;
    events e = {0};
    wkv_event next;
    size_t used;
    sections_begin(&s, "Assistant: ```json", NULL);
    EXPECT_EQ(sections_put(&s, &e, "```json\n{}\n```", 14, &used), 0);
    EXPECT_EQ(used, 14);
    EXPECT_EQ(sections_end(&s, &e), 0);
    EXPECT(events_next(&e, &next));
    EXPECT_EQ(next.kind, WKV_EVENT_TEXT);
    EXPECT_STR(next.text, "```json\n{}\n```");
    EXPECT(!events_next(&e, &next));
    sections_release(&s);
    events_release(&e);
}

static void finds_stops(void)
{
    stops s;
    EXPECT_EQ(stops_copy(&s, (const char *[]){"\n\nUser:", "", "aab"}, 3), 0);
    EXPECT_EQ(s.n, 2);
    EXPECT_EQ(stops_find(&s, "xaaab", 5), 2);
    EXPECT_EQ(stops_find(&s, "x\n\nUser:aab", 11), 1);
    EXPECT_EQ(stops_find(&s, "aa", 2), 2);
    EXPECT_EQ(stops_at(&s, "aab", 3), 2); /* as the caller numbers them */
    EXPECT_EQ(stops_at(&s, "aa", 2), -1);
    EXPECT_EQ(stops_begun(&s, "xaaa", 4), 2);
    EXPECT_EQ(stops_begun(&s, "x\n\n", 3), 2);
    EXPECT_EQ(stops_begun(&s, "\n\nUser", 6), 6);
    EXPECT_EQ(stops_begun(&s, "\n\nUsers", 7), 0);
    EXPECT_EQ(stops_begun(&s, "", 0), 0);
    stops_release(&s);
    EXPECT_EQ(stops_copy(&s, (const char *[]){"a", NULL}, 2), WKV_EARG);
    stops_release(&s);
    EXPECT_EQ(stops_copy(&s, NULL, 1), WKV_EARG);
    stops_release(&s);
}

int main(void)
{
    RUN(divides);
    RUN(no_tools);
    RUN(finds_stops);
    return DONE();
}
