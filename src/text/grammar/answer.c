/* answer.c - the grammar of an answer: reasoning, then words, or JSON of a schema, or calls of functions.
 *
 * It agrees with session/sections.c, which divides the answer: a thought ends at the first "</think>", and a line that
 * begins with the fence begins a call. */
#include "base/error.h"
#include "base/json.h"
#include "text/grammar/grammar.h"
#include "text/grammar/schema.h"
#include "text/template.h"
#include "text/tools.h"
#include <stdio.h>
#include <string.h>

enum { CALLS = 16 /* of an answer */, BLANKS = 8 };

static const char thought_begin[] = "<think>", thought_end[] = "</think>";

/* ---- characters -------------------------------------------------------------------------------------------------- */

/* Any character but those of `out`, in ASCII. */
static int other_than(syntax *s, const char *out)
{
    code_range without[16], ranges[17];
    int n = 0;
    for (; out[n]; n++) without[n] = (code_range){(unsigned char)out[n], (unsigned char)out[n]};
    return syntax_class(s, ranges, ranges_complement(ranges, without, n));
}

static int one_of(syntax *s, const char *in)
{
    code_range ranges[16];
    int n = 0;
    for (; in[n]; n++) ranges[n] = (code_range){(unsigned char)in[n], (unsigned char)in[n]};
    return syntax_class(s, ranges, n);
}

static int character(syntax *s, char c) { return syntax_bytes(s, &c, 1); }
static int blanks(syntax *s, int most) { return syntax_repeat(s, one_of(s, " \t\r\n"), 0, most); }

/* ---- words ------------------------------------------------------------------------------------------------------- */

/* The rest of a line after a part of `mark`, from its byte `at` on: the line ends, or leaves the mark. */
static int leave_mark(syntax *s, const char *mark, size_t at, int rest)
{
    const char out[] = {mark[at], '\n', 0};
    int ways[3] = {EMPTY, sequence_of(s, other_than(s, out), rest)}, n = 2;
    if (mark[at + 1]) ways[n++] = sequence_of(s, character(s, mark[at]), leave_mark(s, mark, at + 1, rest));
    return syntax_list(s, SYNTAX_CHOICE, ways, n);
}

/* A line with text that does not begin with a mark; `marks` differ in their first byte. without: bytes that do not begin it. */
static int line(syntax *s, const char *const *marks, int n, const char *without)
{
    const int rest = syntax_repeat(s, other_than(s, "\n"), 0, NO_LIMIT);
    char out[16];
    int ways[4], used = 0;
    strcpy(out, without);
    for (int i = 0; i < n; i++) {
        const size_t end = strlen(out);
        out[end] = *marks[i], out[end + 1] = 0;
        ways[used++] = sequence_of(s, character(s, *marks[i]), leave_mark(s, marks[i], 1, rest));
    }
    ways[used++] = sequence_of(s, other_than(s, out), rest);
    return syntax_list(s, SYNTAX_CHOICE, ways, used);
}

/* Text up to the end of a thought. After "<" it is R: not the rest of the mark, or another "<". */
static int thought(syntax *s)
{
    const int rule = syntax_new_rule(s), again = sequence_of(s, character(s, '<'), syntax_rule(s, rule));
    int way = NOTHING;
    for (size_t at = strlen(thought_end); --at > 0;) {
        const char out[] = {thought_end[at], '<', 0};
        const int more = way == NOTHING ? NOTHING : sequence_of(s, character(s, thought_end[at]), way);
        way = choice_of(s, other_than(s, out), again, more);
    }
    syntax_set_rule(s, rule, way);
    return sequence_of(s, syntax_repeat(s, choice_of(s, other_than(s, "<"), again), 0, NO_LIMIT),
                       syntax_text(s, thought_end));
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

/* Arguments are an object, also where the schema does not say so, and {} without properties. */
static json_t *parameters_of(const tool *t)
{
    json_t *own = t->parameters ? json_copy((json_t *)t->parameters) : json_object();
    static const char *const kinds[] = {
        "$ref",          "anyOf",        "oneOf", "allOf", "enum", "const", "additionalProperties", "patternProperties",
        "propertyNames", "minProperties"};
    int simple = 1;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) simple &= !json_object_get(own, kinds[i]);
    if (!json_object_get(own, "type") && simple) json_object_set_new(own, "type", json_string("object"));
    if (!json_object_size(json_object_get(own, "properties")) && simple)
        json_object_set_new(own, "additionalProperties", json_false());
    return own;
}

/* Programs list tools whose schemas their users did not write. Unless the function is strict, the parts of its schema that
 * are not supported do not hold its arguments; where even the rest is not supported, they are any object. */
static int read_loosely(syntax *s, int rule, const json_t *parameters)
{
    int err = WKV_EUNSUPPORTED;
    for (int keeps = 1; keeps >= 0 && err == WKV_EUNSUPPORTED; keeps--) {
        json_t *looser = schema_loosened(parameters, keeps);
        err = looser ? schema_read_value(s, rule, looser) : fail(WKV_ENOMEM, "no memory for a function");
        json_decref(looser);
    }
    if (err != WKV_EUNSUPPORTED) return err;
    json_t *any = json_pack("{s:s}", "type", "object");
    err = any ? schema_read_value(s, rule, any) : fail(WKV_ENOMEM, "no memory for a function");
    json_decref(any);
    return err;
}

static int one_call(int *node, syntax *s, const tool *t)
{
    json_t *parameters = parameters_of(t);
    const int rule = syntax_new_rule(s);
    int err = parameters ? schema_read_value(s, rule, parameters) : fail(WKV_ENOMEM, "no memory for a function");
    if (err == WKV_EUNSUPPORTED && !t->strict) err = read_loosely(s, rule, parameters);
    json_decref(parameters);
    *node = sequence_of(s, syntax_text(s, "{\"name\":\""), syntax_text(s, t->name), syntax_text(s, "\",\"arguments\":"),
                        syntax_rule(s, rule), syntax_text(s, "}"));
    return err ? fail_prefix(err, "%s", t->name) : 0;
}

/* A call of any of the functions, or an array of calls. */
static int any_calls(int *node, syntax *s, const wkv_answer_form *f)
{
    int any = NOTHING, call, err = 0;
    for (int i = 0; i < f->tools->n && !err; i++) {
        const tool *t = &f->tools->at[i];
        if (f->function && strcmp(f->function, t->name)) continue;
        err = one_call(&call, s, t);
        any = choice_of(s, any, call);
    }
    const int rule = syntax_new_rule(s), one = syntax_rule(s, rule);
    syntax_set_rule(s, rule, any);
    const int more = syntax_repeat(s, sequence_of(s, syntax_text(s, ","), one), 1, CALLS - 1);
    const int several = sequence_of(s, syntax_text(s, "["), one, more, syntax_text(s, "]"));
    *node = f->one_call ? one : choice_of(s, one, several);
    return err;
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

/* Words, of which a line with the fence begins calls, or none. thinks: the model may open a thought by itself. */
static int words_or_calls(syntax *s, int calls)
{
    static const char *const marks[] = {CALL_FENCE, thought_begin};
    const int lead = blanks(s, BLANKS), more = optional_of(s, line(s, marks, 1, "\n"));
    const int lines = syntax_repeat(s, sequence_of(s, character(s, '\n'), more), 0, NO_LIMIT);
    const int last = optional_of(s, sequence_of(s, character(s, '\n'), calls));
    const int words = sequence_of(s, line(s, marks, 2, " \t\r\n"), lines, last);
    const int own_thought = optional_of(s, sequence_of(s, syntax_text(s, thought_begin), thought(s), lead));
    return sequence_of(s, lead, own_thought, choice_of(s, calls, words, EMPTY));
}

static int form_node(int *node, syntax *s, const wkv_answer_form *f)
{
    const template_opening opening = template_opening_of(f->how, f->think);
    int calls = NOTHING, words = NOTHING, err = 0;
    const int fenced = f->tools && f->must_call && opening != OPENING_THOUGHT; /* by the prompt */
    s->compact = 1; /* a call is written in one form, so that the cache knows it again */
    if (f->tools) err = any_calls(&calls, s, f);
    s->compact = 0;
    if (!err && f->schema && !f->must_call) {
        const int rule = syntax_new_rule(s);
        err = schema_read(s, rule, f->schema, strlen(f->schema));
        words = syntax_rule(s, rule);
    }
    if (err) return err;
    calls = sequence_of(s, syntax_text(s, fenced ? "\n" : CALL_FENCE "\n"), calls, syntax_text(s, CALL_END));
    if (!f->tools) calls = NOTHING;
    const int few = blanks(s, 2);
    int rest = f->schema || f->must_call ? sequence_of(s, fenced ? EMPTY : few, choice_of(s, words, calls))
                                         : words_or_calls(s, calls);
    if (opening == OPENING_THOUGHT) rest = sequence_of(s, syntax_text(s, ">"), thought(s), rest);
    if (opening == OPENING_CLOSED && !fenced) rest = sequence_of(s, syntax_text(s, ">"), rest);
    *node = rest;
    return 0;
}

int wkv_grammar_answer(wkv_grammar **out, const wkv_answer_form *f, const wkv_tokenizer *t)
{
    syntax s;
    int node = NOTHING;
    REQUIRE(out, "the place for the grammar");
    *out = NULL;
    REQUIRE(f, "the form of the answer");
    REQUIRE(f->how, "the chat template");
    REQUIRE(t, "the tokenizer");
    if (f->tools && !f->how->tool_stop)
        return fail(WKV_EARG, "the chat template %s has no form for tools; g1, world and plain have one", f->how->name);
    int err = syntax_init(&s);
    if (!err) err = form_node(&node, &s, f);
    if (!err) err = s.err;
    if (!err) {
        syntax_set_rule(&s, 0, node);
        err = grammar_new(out, &s, t);
    }
    syntax_release(&s);
    return err;
}
