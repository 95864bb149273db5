/* template.c - chat templates of each family of chat models. Sources: BlinkDL/ChatRWKV, v2/chat.py and
 * API_DEMO_WORLD.py; BlinkDL/RWKV-LM, RWKV-v7/RWKV7-G1x-templates.txt. */
#include "text/template.h"
#include "base/error.h"
#include "rwkv/api.h"
#include "rwkv/family.h"
#include "text/tokenizer.h"
#include <string.h>
#include <strings.h>

static const wkv_template plain = {
    "plain", "User", "Assistant", "", "System: ", "\n\n", "\n\n", {"\n\nUser:", "\n\nSystem:"}, CALL_END};

static const wkv_template g1 = {
    "g1", "User", "Assistant", "", "System: ", "\n\n", "\n\n", {"\n\nUser:", "\n\nSystem:"}, CALL_END};

#define WORLD_OPENING                                                                                                  \
    "User: hi\n\nAssistant: Hi. I am your assistant and I will provide expert full response in full details. "         \
    "Please feel free to ask any question and I will always answer it.\n\n"

static const wkv_template world = {"world",    "User", "Assistant", WORLD_OPENING,
                                   "System: ", "\n\n", "\n\n",      {"\n\nUser:", "\n\nSystem:", "\n\nAssistant:"},
                                   CALL_END};

/* versions 4 and 5 were trained on answers without blank lines, and continue with unrelated text after one */
static const wkv_template old_world = {
    "world", "User", "Assistant", WORLD_OPENING, "System: ", "\n\n", "\n\n", {"\n\n"}, CALL_END};

#define RAVEN_OPENING                                                                                                  \
    "\nThe following is a coherent verbose detailed conversation between a girl named Alice and her friend Bob. "      \
    "Alice is very intelligent, creative and friendly. Alice is unlikely to disagree with Bob, and Alice doesn't "     \
    "like to ask Bob questions. Alice likes to tell Bob a lot about herself and her opinions. Alice usually "          \
    "gives Bob kind, helpful and informative advices.\n\n"

static const wkv_template raven = {"raven", "Bob", "Alice", RAVEN_OPENING, "\n", "\n\n", "\n\n", {"\n\n"}, NULL};

static const wkv_template pile = {"pile", "Q", "A", "\n", "\n", "\n", "\n\n", {"\n\nQ:", "\nQ:", "\n\n"}, NULL};

static const wkv_template *const templates[] = {&world, &g1, &raven, &pile, &plain};
enum { TEMPLATES = sizeof templates / sizeof *templates };

static int answers_without_blank_line(const wkv_model *m)
{
    const arch *a = m ? arch_find(m->about.version) : NULL;
    return a && a->answers_without_blank_line;
}

static const char *by_model(const wkv_model *m, const wkv_tokenizer *t)
{
    const char *name = family_template(m);
    return !strcmp(name, "plain") && t && !strcmp(t->name, "World") ? "world" : name;
}

int wkv_template_find(const wkv_template **out, const char *name, const wkv_model *m, const wkv_tokenizer *t)
{
    REQUIRE(out, "the place for the template");
    *out = NULL;
    if (!name) name = m ? by_model(m, t) : "plain";
    for (int i = 0; i < TEMPLATES; i++)
        if (!strcasecmp(name, templates[i]->name)) *out = templates[i];
    if (!*out) return fail(WKV_EARG, "unknown chat template \"%.40s\"; expected world, g1, raven, pile or plain", name);
    if (*out == &world && answers_without_blank_line(m)) *out = &old_world;
    return 0;
}

/* ---- one turn ---------------------------------------------------------------------------------------------------- */

typedef struct {
    char *out;
    size_t cap, n;
} page;

static void put(page *p, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++, p->n++)
        if (p->n + 1 < p->cap) p->out[p->n] = text[i];
}

static stretch string(const char *text) { return (stretch){text, text ? strlen(text) : 0}; }
static void put_string(page *p, const char *text) { put(p, text, strlen(text)); }

/* Bytes of the blank at the beginning (or end) of the text: ASCII or the ideographic space. 0: none. */
static size_t blank_at(const char *p, size_t n)
{
    if (n >= 3 && !memcmp(p, "\xe3\x80\x80", 3)) return 3;
    return n && strchr(" \t\n\v\f\r", *p) && *p ? 1 : 0;
}

static size_t blank_before(const char *p, size_t n)
{
    if (n >= 3 && blank_at(p + n - 3, 3) == 3) return 3;
    return n && blank_at(p + n - 1, 1) ? 1 : 0;
}

/* The text without surrounding blanks, with "\r\n" as "\n", and one newline for several. */
static void put_clean(page *p, stretch clean)
{
    const char *text = clean.at;
    size_t n = clean.n, blank, ends = 0;
    while ((blank = blank_at(text, n))) text += blank, n -= blank;
    while ((blank = blank_before(text, n))) n -= blank;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\r' && i + 1 < n && text[i + 1] == '\n') continue;
        ends = text[i] == '\n' ? ends + 1 : 0;
        if (ends < 2) put(p, text + i, 1);
    }
}

static size_t end(const page *p)
{
    if (p->cap) p->out[p->n < p->cap ? p->n : p->cap - 1] = 0;
    return p->n;
}

/* The reasoning request after the question, and the beginning of the answer, from the official page of G1's templates;
 * it lacks the ">" that the model writes itself. */
static const struct {
    const char *ask, *prefill;
    int fake;
} thoughts[] = {
    [WKV_THINK_OFF] = {"", "", 0},
    [WKV_THINK_SHORT] = {" (think a bit)", " <think", 0},
    [WKV_THINK_MEDIUM] = {" (think)", " <think", 0},
    [WKV_THINK_LONG] = {" (think a lot)", " <think", 0},
    [WKV_THINK_OPEN] = {"", " <think", 0},
    [WKV_THINK_FAKE] = {"", " <think>\n</think", 1},
    [WKV_THINK_FAKE_INLINE] = {"", " <think></think", 1},
};
enum { THOUGHTS = sizeof thoughts / sizeof *thoughts };

static int thoughts_of(const wkv_template *t, wkv_think think)
{
    return !strcmp(t->name, "g1") && (int)think >= 0 && (int)think < THOUGHTS ? (int)think : WKV_THINK_OFF;
}

template_opening template_opening_of(const wkv_template *t, wkv_think think)
{
    const int how = thoughts_of(t, think);
    return thoughts[how].fake ? OPENING_CLOSED : *thoughts[how].prefill ? OPENING_THOUGHT : OPENING_NONE;
}

/* The text before the first question. */
static void put_opening(page *p, const wkv_template *t, stretch system, stretch tools, int call)
{
    if (!system.n && !tools.n) {
        put_string(p, t->opening);
        return;
    }
    put_string(p, t->system);
    put_clean(p, system);
    if (tools.n) {
        put_string(p, system.n ? "\nTools:\n" : "Tools:\n");
        put_clean(p, tools);
        put_string(p, call ? "\nReturn only a JSON function call."
                           : "\nReturn only a JSON function call, or an answer in words when no tool is needed.");
    }
    put_string(p, "\n\n");
}

/* The question, and the assistant's name. */
static void put_question(page *p, const wkv_template *t, stretch user, int how)
{
    put_string(p, t->user);
    put_string(p, ": ");
    put_clean(p, user);
    put_string(p, thoughts[how].ask);
    put_string(p, t->join);
    put_string(p, t->assistant);
    put_string(p, ":");
    put_string(p, thoughts[how].prefill);
}

size_t template_turn(const wkv_template *t, int first, stretch system, stretch user, wkv_think think, char *out,
                     size_t cap)
{
    page p = {out, cap, 0};
    if (first) put_opening(&p, t, system, (stretch){0}, 0);
    put_question(&p, t, user, thoughts_of(t, think));
    return end(&p);
}

size_t template_clean(stretch text, char *out, size_t cap)
{
    page p = {out, cap, 0};
    put_clean(&p, text);
    return end(&p);
}

size_t template_reply(const wkv_template *t, stretch text, char *out, size_t cap)
{
    page p = {out, cap, 0};
    put_string(&p, " ");
    put_clean(&p, text);
    put_string(&p, t->ending);
    return end(&p);
}

/* An empty output buffer. */
static size_t output_buffer(char *out, size_t cap)
{
    if (!out || !cap) return 0;
    *out = 0;
    return cap;
}

size_t wkv_template_turn(const wkv_template *t, int first, const char *system, const char *user, wkv_think think,
                         char *out, size_t cap)
{
    cap = output_buffer(out, cap);
    return t && user ? template_turn(t, first, string(system), string(user), think, out, cap) : 0;
}

size_t wkv_template_reply(const wkv_template *t, const char *text, char *out, size_t cap)
{
    cap = output_buffer(out, cap);
    return t && text ? template_reply(t, string(text), out, cap) : 0;
}

/* ---- tools ------------------------------------------------------------------------------------------------------- */

static int has_tools(const wkv_template *t) { return t && t->tool_stop; }

/* The fence of a call, unless the model reasons first and then opens it itself; a fake thought is closed before it. */
static void put_fence(page *p, int how)
{
    if (thoughts[how].fake) put_string(p, ">\n" CALL_FENCE);
    if (how == WKV_THINK_OFF) put_string(p, " " CALL_FENCE);
}

size_t wkv_template_tools_turn(const wkv_template *t, int first, const char *system, const char *tools,
                               const char *user, wkv_think think, int call, char *out, size_t cap)
{
    page p = {out, output_buffer(out, cap), 0};
    if (!has_tools(t) || !user) return 0;
    const int how = thoughts_of(t, think);
    if (first) put_opening(&p, t, string(system), string(tools), call);
    put_question(&p, t, string(user), how);
    if (call) put_fence(&p, how);
    return end(&p);
}

size_t wkv_template_tools_reply(const wkv_template *t, const char *call, char *out, size_t cap)
{
    page p = {out, output_buffer(out, cap), 0};
    if (!has_tools(t) || !call) return 0;
    put_string(&p, "\n");
    put_clean(&p, string(call));
    put_string(&p, t->tool_stop);
    put_string(&p, t->ending);
    return end(&p);
}
