/* request_responses.c - the body of /v1/responses of OpenAI's API: a conversation is a list of items. */
#include "request.h"
#include "request_memory.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* ---- items ------------------------------------------------------------------------------------------------------- */

/* An answer under way: its words, and the calls that come as items behind them. */
typedef struct {
    int open;
    const char *text;
    call_list calls;
} answer;

static int end_answer(request *r, answer *a, problem *p)
{
    const char *calls;
    if (!a->open) return 0;
    if (request_calls_end(&calls, &a->calls, r, p)) return -1;
    const char *text = a->text ? a->text : "";
    *a = (answer){0};
    return request_message(r, SPEAKER_ASSISTANT, text, calls, p);
}

static int read_message(request *r, answer *a, const json_t *item, const char *name, problem *p)
{
    const char *role = field_word(item, "role"), *text = "";
    const json_t *content = json_object_get(item, "content");
    if (!role) return refuse(p, 400, name, "missing", "%s.role is missing", name);
    if (content && !json_is_null(content) && request_content(&text, r, content, name, p)) return -1;
    if (!strcmp(role, "assistant")) {
        if (a->open && end_answer(r, a, p)) return -1;
        a->open = 1, a->text = text;
        return 0;
    }
    const int system = !strcmp(role, "system") || !strcmp(role, "developer");
    if (!system && strcmp(role, "user"))
        return refuse(p, 400, name, "invalid_value",
                      "%s.role is '%.40s', expected user, assistant, system or developer", name, role);
    return end_answer(r, a, p) || request_message(r, system ? SPEAKER_SYSTEM : SPEAKER_USER, text, NULL, p) ? -1 : 0;
}

/* function_call has arguments in JSON; custom_tool_call has a text. */
static int read_call(request *r, answer *a, const json_t *item, const char *name, problem *p)
{
    const char *function = field_word(item, "name");
    const json_t *input = json_object_get(item, "input");
    if (!function) return refuse(p, 400, name, "missing", "%s.name is missing", name);
    json_t *wrapped = input ? json_pack("{s:O}", "input", input) : NULL;
    a->open = 1;
    const int bad =
        request_call(&a->calls, r, function, wrapped ? wrapped : json_object_get(item, "arguments"), name, p);
    json_decref(wrapped);
    return bad;
}

static int read_output(request *r, answer *a, const json_t *item, const char *name, problem *p)
{
    const json_t *output = json_object_get(item, "output");
    const char *text = "";
    if (output && !json_is_null(output) && request_content(&text, r, output, name, p)) return -1;
    return end_answer(r, a, p) || request_message(r, SPEAKER_TOOL, text, NULL, p) ? -1 : 0;
}

static int ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), k = strlen(end);
    return n >= k && !strcmp(text + n - k, end);
}

/* A message or a call that only its id stands for, which is in a response that may be forgotten. */
static int read_reference(const json_t *item, const char *name, problem *p)
{
    const char *id = field_word(item, "id");
    if (id && !strncmp(id, "rs_", 3)) return 0; /* a thought */
    return refuse(p, 501, name, "unsupported",
                  "%s is an item_reference, which is not supported; send the item, or previous_response_id", name);
}

/* Thoughts and items of tools that this server does not have are not read. */
static int read_item(request *r, answer *a, const json_t *item, size_t i, problem *p)
{
    char name[64];
    snprintf(name, sizeof name, "input[%zu]", i);
    if (!json_is_object(item)) return field_refuse(p, name, "an object", item);
    const char *type = field_word(item, "type");
    if (!type || !strcmp(type, "message")) return read_message(r, a, item, name, p);
    if (!strcmp(type, "function_call") || !strcmp(type, "custom_tool_call")) return read_call(r, a, item, name, p);
    if (!strcmp(type, "item_reference")) return read_reference(item, name, p);
    return ends_with(type, "_call_output") ? read_output(r, a, item, name, p) : 0;
}

static int read_items(request *r, const json_t *list, problem *p)
{
    answer a = {0};
    int bad = 0;
    for (size_t i = 0; i < json_array_size(list) && !bad; i++) bad = read_item(r, &a, json_array_get(list, i), i, p);
    if (!bad) bad = end_answer(r, &a, p);
    out_release(&a.calls.text);
    return bad;
}

/* Clients probe a server with an empty input: it is a question without words. */
int request_items(request *r, const json_t *earlier, problem *p)
{
    const json_t *input = json_object_get(r->body, "input");
    if (read_items(r, earlier, p)) return -1;
    const int before = r->n_messages;
    if (json_is_string(input) && request_message(r, SPEAKER_USER, json_string_value(input), NULL, p)) return -1;
    if (input && !json_is_null(input) && !json_is_string(input)) {
        if (!json_is_array(input)) return field_refuse(p, "input", "a string or an array of items", input);
        if (read_items(r, input, p)) return -1;
    }
    if (r->n_messages == before && request_message(r, SPEAKER_USER, "", NULL, p)) return -1;
    return request_check_last(r, "input", p);
}

/* ---- tools ------------------------------------------------------------------------------------------------------- */

/* "auto", "none", "required", {"type": "function", "name": ...}. Another object names tools that are left out. */
static int read_choice(request *r, int *none, problem *p)
{
    const json_t *v = json_object_get(r->body, "tool_choice");
    const char *word = json_string_value(v), *name = field_word(v, "name");
    *none = 0;
    if (request_allowed(v)) return request_mode(r, none, v, p);
    if (json_is_object(v)) return name ? request_function(r, name, p) : 0;
    if (!word) return v && !json_is_null(v) ? field_refuse(p, "tool_choice", "a string or an object", v) : 0;
    return request_choice(r, none, word, p);
}

/* Functions, with their fields beside "type"; tools of other types are left out, since clients always list theirs. */
static int read_tools(request *r, problem *p)
{
    const json_t *list = NULL;
    int none, parallel = 1;
    if (field_list(&list, r->body, "tools", p) || field_flag(&parallel, r->body, "parallel_tool_calls", p)) return -1;
    r->one_call = !parallel;
    json_t *functions = json_array();
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *tool = json_array_get(list, i);
        const char *type = field_word(tool, "type");
        if (type && strcmp(type, "function")) continue;
        if (request_is_allowed(json_object_get(r->body, "tool_choice"), tool)) json_array_append(functions, tool);
    }
    const int bad = request_functions(r, functions, p) || read_choice(r, &none, p);
    json_decref(functions);
    return bad || request_check_choice(r, none, p) ? -1 : 0;
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

/* {"format": {"type": "text" | "json_object" | "json_schema", "schema": ...}} */
static int read_text(request *r, problem *p)
{
    const json_t *text = NULL, *format = NULL, *schema = NULL;
    const char *type = "text";
    if (field_object(&text, r->body, "text", p) || (text && field_object(&format, text, "format", p))) return -1;
    if (!format) return 0;
    if (field_text(&type, format, "type", p) || field_object(&schema, format, "schema", p)) return -1;
    if (!strcmp(type, "json_schema"))
        return schema ? request_schema(r, schema, p)
                      : refuse(p, 400, "text", "missing", "text.format.schema is missing");
    if (!strcmp(type, "json_object")) r->schema = "{\"type\":\"object\"}";
    if (r->schema || !strcmp(type, "text")) return 0;
    return refuse(p, 400, "text", "invalid_value",
                  "text.format.type is '%.40s', expected text, json_object or json_schema", type);
}

static int read_reasoning(request *r, problem *p)
{
    const json_t *reasoning = NULL;
    const char *effort = NULL;
    if (field_object(&reasoning, r->body, "reasoning", p)) return -1;
    if (reasoning && field_text(&effort, reasoning, "effort", p)) return -1;
    return effort ? request_think(r, effort, "reasoning", p) : 0;
}

static int refuse_other(const request *r, problem *p)
{
    static const char *const names[] = {"conversation", "prompt"};
    int background = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *v = json_object_get(r->body, names[i]);
        if (v && !json_is_null(v))
            return refuse(p, 501, names[i], "unsupported", "%s is not supported; send input, or previous_response_id",
                          names[i]);
    }
    if (field_flag(&background, r->body, "background", p)) return -1;
    return background ? refuse(p, 501, "background", "unsupported", "background is not supported; stream the response")
                      : 0;
}

int request_responses(request *r, const char *body, size_t bytes, problem *p)
{
    const char *instructions = NULL;
    if (request_begin(r, body, bytes, p)) return -1;
    const json_t *o = r->body;
    r->store = 1;
    if (field_text(&r->model, o, "model", p) || request_sampling(r, o, p) ||
        field_count(&r->max_tokens, o, "max_output_tokens", 1, INT_MAX, p) || field_flag(&r->stream, o, "stream", p) ||
        field_flag(&r->store, o, "store", p) || field_text(&r->previous, o, "previous_response_id", p) ||
        field_text(&instructions, o, "instructions", p) || refuse_other(r, p) || read_tools(r, p) || read_text(r, p) ||
        read_reasoning(r, p))
        return -1;
    return instructions && *instructions ? request_message(r, SPEAKER_SYSTEM, instructions, NULL, p) : 0;
}
