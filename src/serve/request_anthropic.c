/* request_anthropic.c - the body of /v1/messages and of its count_tokens, of Anthropic's API. */
#include "request.h"
#include "request_memory.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the system text --------------------------------------------------------------------------------------------- */

/* Claude Code begins its system text with a line that differs in every request, so that no cache of prefixes would ever
 * find the rest (ggml-org/llama.cpp pull request 20623). The line says nothing to a model, and is left out. */
static int read_system_text(request *r, const char *text, problem *p)
{
    static const char billing[] = "x-anthropic-billing-header:";
    if (!strncmp(text, billing, strlen(billing))) {
        text += strcspn(text, "\n");
        if (*text) text++;
    }
    return *text ? request_message(r, SPEAKER_SYSTEM, text, NULL, p) : 0;
}

static int read_system(request *r, problem *p)
{
    const json_t *v = json_object_get(r->body, "system");
    const char *text;
    if (!v || json_is_null(v)) return 0;
    if (json_is_string(v)) return read_system_text(r, json_string_value(v), p);
    if (!json_is_array(v)) return field_refuse(p, "system", "a string or an array of blocks", v);
    for (size_t i = 0; i < json_array_size(v); i++)
        if (request_part(&text, json_array_get(v, i), "system", p) || read_system_text(r, text, p)) return -1;
    return 0;
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static const char *type_of(const json_t *block)
{
    const char *type = field_word(block, "type");
    return type ? type : "";
}

/* The result of a tool: a message of its own. */
static int read_result(request *r, const json_t *block, const char *name, problem *p)
{
    const json_t *content = json_object_get(block, "content");
    const char *text = "";
    if (content && !json_is_null(content) && request_content(&text, r, content, name, p)) return -1;
    return request_message(r, SPEAKER_TOOL, text, NULL, p);
}

static int read_question(request *r, speaker who, const json_t *blocks, const char *name, problem *p)
{
    const char *text;
    if (!json_array_size(blocks)) return request_message(r, who, "", NULL, p);
    for (size_t i = 0; i < json_array_size(blocks); i++) {
        const json_t *block = json_array_get(blocks, i);
        const int result = !strcmp(type_of(block), "tool_result");
        if (result ? read_result(r, block, name, p)
                   : request_part(&text, block, name, p) || request_message(r, who, text, NULL, p))
            return -1;
    }
    return 0;
}

/* Blocks of text, one after another, and calls. Earlier thoughts are not read again, as in the other dialects. */
static int read_answer_blocks(out *text, call_list *calls, request *r, const json_t *blocks, const char *name,
                              problem *p)
{
    const char *part;
    for (size_t i = 0; i < json_array_size(blocks); i++) {
        const json_t *block = json_array_get(blocks, i);
        const char *type = type_of(block), *function = field_word(block, "name");
        if (!strcmp(type, "thinking") || !strcmp(type, "redacted_thinking")) continue;
        if (!strcmp(type, "tool_use")) {
            if (!function) return refuse(p, 400, name, "missing", "%s has a block tool_use without a name", name);
            if (request_call(calls, r, function, json_object_get(block, "input"), name, p)) return -1;
            continue;
        }
        if (request_part(&part, block, name, p)) return -1;
        out_text(text, part);
    }
    return 0;
}

static int read_answer(request *r, const json_t *blocks, const char *name, problem *p)
{
    out text = {0};
    call_list list = {0};
    const char *calls;
    int bad = read_answer_blocks(&text, &list, r, blocks, name, p);
    bad |= request_calls_end(&calls, &list, r, p);
    out_put(&text, "", 1);
    char *kept = bad ? NULL : request_take(r, text.n + 1, p);
    if (kept) memcpy(kept, text.failed ? "" : text.at, text.failed ? 1 : text.n);
    out_release(&text);
    return kept ? request_message(r, SPEAKER_ASSISTANT, kept, calls, p) : -1;
}

static int read_message(request *r, const json_t *m, size_t i, problem *p)
{
    char name[64];
    const json_t *content = json_object_get(m, "content");
    const char *role = field_word(m, "role");
    snprintf(name, sizeof name, "messages[%zu]", i);
    if (!json_is_object(m)) return field_refuse(p, name, "an object", m);
    const int answer = role && !strcmp(role, "assistant"), system = role && !strcmp(role, "system");
    if (!answer && !system && (!role || strcmp(role, "user")))
        return refuse(p, 400, name, "invalid_value", "%s.role is not user or assistant", name);
    snprintf(name, sizeof name, "messages[%zu].content", i);
    if (!content) return refuse(p, 400, name, "missing", "%s is missing", name);
    const speaker who = answer ? SPEAKER_ASSISTANT : system ? SPEAKER_SYSTEM : SPEAKER_USER;
    if (json_is_string(content)) return request_message(r, who, json_string_value(content), NULL, p);
    if (!json_is_array(content)) return field_refuse(p, name, "a string or an array of blocks", content);
    return answer ? read_answer(r, content, name, p) : read_question(r, who, content, name, p);
}

static int read_messages(request *r, problem *p)
{
    const json_t *list = NULL;
    const int before = r->n_messages;
    if (field_list(&list, r->body, "messages", p)) return -1;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (read_message(r, json_array_get(list, i), i, p)) return -1;
    if (r->n_messages > before) return request_check_last(r, "messages", p);
    return refuse(p, 400, "messages", "missing", "messages is missing or empty; expected at least one message");
}

/* ---- tools ------------------------------------------------------------------------------------------------------- */

/* Append {"name", "description", "input_schema"}. Tools of a type of Anthropic's servers have no schema, and are left
 * out. */
static int add_function(json_t *functions, const json_t *tool, size_t i, problem *p)
{
    static const char *const names[][2] = {
        {"name", "name"}, {"description", "description"}, {"input_schema", "parameters"}, {"strict", "strict"}};
    char name[64];
    const char *type = field_word(tool, "type");
    const json_t *schema = json_object_get(tool, "input_schema");
    snprintf(name, sizeof name, "tools[%zu]", i);
    if (!json_is_object(tool)) return field_refuse(p, name, "an object", tool);
    if (type && strcmp(type, "custom")) return 0;
    snprintf(name, sizeof name, "tools[%zu].input_schema", i);
    if (schema && !json_is_null(schema) && !json_is_object(schema)) return field_refuse(p, name, "an object", schema);
    json_t *f = json_object();
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        json_object_set(f, names[k][1], json_object_get(tool, names[k][0])); /* none: nothing is set */
    json_array_append_new(functions, f);
    return 0;
}

/* {"type": "auto" | "any" | "tool" | "none"} */
static int read_choice(request *r, int *none, problem *p)
{
    const json_t *choice = NULL;
    const char *type = "auto", *name = NULL;
    *none = 0;
    if (field_object(&choice, r->body, "tool_choice", p)) return -1;
    if (!choice) return 0;
    if (field_text(&type, choice, "type", p) || field_text(&name, choice, "name", p) ||
        field_flag(&r->one_call, choice, "disable_parallel_tool_use", p))
        return -1;
    *none = !strcmp(type, "none");
    if (!strcmp(type, "tool"))
        return name ? request_function(r, name, p)
                    : refuse(p, 400, "tool_choice", "missing", "tool_choice.name is missing");
    r->must_call = !strcmp(type, "any");
    if (*none || r->must_call || !strcmp(type, "auto")) return 0;
    return refuse(p, 400, "tool_choice", "invalid_value",
                  "tool_choice.type is '%.40s', expected auto, any, tool or none", type);
}

static int read_tools(request *r, problem *p)
{
    const json_t *list = NULL;
    int none;
    if (field_list(&list, r->body, "tools", p)) return -1;
    json_t *functions = json_array();
    int bad = 0;
    for (size_t i = 0; i < json_array_size(list) && !bad; i++)
        bad = add_function(functions, json_array_get(list, i), i, p);
    bad = bad || request_functions(r, functions, p) || read_choice(r, &none, p);
    json_decref(functions);
    return bad || request_check_choice(r, none, p) ? -1 : 0;
}

/* ---- thoughts, the form of the answer ---------------------------------------------------------------------------- */

/* Models think at three lengths: a budget is short, medium or long. */
static int read_thinking(request *r, const char *effort, problem *p)
{
    const json_t *thinking = NULL;
    const char *type = "disabled";
    int budget = 4096;
    if (field_object(&thinking, r->body, "thinking", p)) return -1;
    if (!thinking) return 0;
    if (field_text(&type, thinking, "type", p) || field_count(&budget, thinking, "budget_tokens", 0, INT_MAX, p))
        return -1;
    if (!strcmp(type, "enabled"))
        r->think = budget < 2048 ? WKV_THINK_SHORT : budget < 8192 ? WKV_THINK_MEDIUM : WKV_THINK_LONG;
    else if (!strcmp(type, "adaptive"))
        return request_think(r, effort ? effort : "medium", "output_config", p);
    else if (strcmp(type, "disabled") && strcmp(type, "between_tools"))
        return refuse(p, 400, "thinking", "invalid_value",
                      "thinking.type is '%.40s', expected enabled, adaptive or disabled", type);
    return 0;
}

/* {"type": "json_schema", "schema": ...} */
static int read_format(request *r, const json_t *format, problem *p)
{
    const json_t *schema = NULL;
    const char *type = "";
    if (field_text(&type, format, "type", p) || field_object(&schema, format, "schema", p)) return -1;
    if (strcmp(type, "json_schema"))
        return refuse(p, 400, "output_config", "invalid_value", "output_config.format.type is '%.40s', expected %s",
                      type, "json_schema");
    return schema ? request_schema(r, schema, p)
                  : refuse(p, 400, "output_config", "missing", "output_config.format.schema is missing");
}

/* The form of an answer was a field of its own, output_format, before it came into output_config. */
static int read_output(request *r, problem *p)
{
    const json_t *output = NULL, *format = NULL;
    const char *effort = NULL;
    if (field_object(&format, r->body, "output_format", p) || field_object(&output, r->body, "output_config", p) ||
        (output && (field_text(&effort, output, "effort", p) || field_object(&format, output, "format", p))))
        return -1;
    return (format && read_format(r, format, p)) || read_thinking(r, effort, p) ? -1 : 0;
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

int request_anthropic(request *r, const char *body, size_t bytes, problem *p)
{
    if (request_begin(r, body, bytes, p)) return -1;
    const json_t *o = r->body;
    return field_text(&r->model, o, "model", p) || field_count(&r->max_tokens, o, "max_tokens", 0, INT_MAX, p) ||
                   request_sampling(r, o, p) || request_stops(r, o, "stop_sequences", p) ||
                   field_flag(&r->stream, o, "stream", p) || read_system(r, p) || read_messages(r, p) ||
                   read_tools(r, p) || read_output(r, p)
               ? -1
               : 0;
}
