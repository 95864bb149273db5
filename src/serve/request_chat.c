/* request_chat.c - the body of /v1/chat/completions. */
#include "request.h"
#include "request_memory.h"
#include <stdio.h>
#include <string.h>

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static int read_role(speaker *who, const json_t *m, size_t i, problem *p)
{
    static const struct {
        const char *name;
        speaker who;
    } roles[] = {{"system", SPEAKER_SYSTEM},       {"developer", SPEAKER_SYSTEM}, {"user", SPEAKER_USER},
                 {"assistant", SPEAKER_ASSISTANT}, {"tool", SPEAKER_TOOL},        {"function", SPEAKER_TOOL}};
    char name[64];
    const json_t *v = json_object_get(m, "role");
    snprintf(name, sizeof name, "messages[%zu].role", i);
    if (!json_is_string(v))
        return v ? field_refuse(p, name, "a string", v) : refuse(p, 400, name, "missing", "%s is missing", name);
    const char *role = json_string_value(v);
    for (size_t k = 0; k < sizeof roles / sizeof *roles; k++)
        if (!strcmp(role, roles[k].name)) {
            *who = roles[k].who;
            return 0;
        }
    return refuse(p, 400, name, "invalid_value", "%s is '%.40s', expected system, developer, user, assistant or tool",
                  name, role);
}

static int read_calls(const char **to, request *r, const json_t *list, const char *name, problem *p)
{
    call_list calls = {0};
    int bad = 0;
    for (size_t i = 0; i < json_array_size(list) && !bad; i++) {
        const json_t *f = json_object_get(json_array_get(list, i), "function");
        const char *function = field_word(f, "name");
        bad = function ? request_call(&calls, r, function, json_object_get(f, "arguments"), name, p)
                       : refuse(p, 400, name, "missing", "%s has a call without function.name", name);
    }
    return request_calls_end(to, &calls, r, p) || bad ? -1 : 0;
}

static int read_message(request *r, const json_t *m, size_t i, problem *p)
{
    char name[64];
    speaker who = SPEAKER_USER;
    const char *text = "", *calls = NULL;
    snprintf(name, sizeof name, "messages[%zu]", i);
    if (!json_is_object(m)) return field_refuse(p, name, "an object", m);
    if (read_role(&who, m, i, p)) return -1;
    const json_t *list = json_object_get(m, "tool_calls");
    if (who == SPEAKER_ASSISTANT && read_calls(&calls, r, list, name, p)) return -1;
    const json_t *content = json_object_get(m, "content");
    const int empty = who == SPEAKER_ASSISTANT && (!content || json_is_null(content));
    snprintf(name, sizeof name, "messages[%zu].content", i);
    if (!content && !empty) return refuse(p, 400, name, "missing", "%s is missing", name);
    if (!empty && request_content(&text, r, content, name, p)) return -1;
    return request_message(r, who, text, calls, p);
}

int request_messages(request *r, problem *p)
{
    const json_t *list = NULL;
    if (field_list(&list, r->body, "messages", p)) return -1;
    const size_t n = json_array_size(list);
    if (!n) return refuse(p, 400, "messages", "missing", "messages is missing or empty; expected at least one message");
    for (size_t i = 0; i < n; i++)
        if (read_message(r, json_array_get(list, i), i, p)) return -1;
    return 0;
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

static int read_effort(request *r, problem *p)
{
    const char *word = NULL;
    if (field_text(&word, r->body, "reasoning_effort", p)) return -1;
    return word ? request_think(r, word, "reasoning_effort", p) : 0;
}

static int read_logprobs(request *r, problem *p)
{
    int with = 0, top = -1;
    if (field_flag(&with, r->body, "logprobs", p) || field_count(&top, r->body, "top_logprobs", 0, REQUEST_TOP, p))
        return -1;
    if (top > 0 && !with)
        return refuse(p, 400, "top_logprobs", "invalid_value", "top_logprobs is %d, but logprobs is not true", top);
    r->logprobs = with ? top > 0 ? top : 0 : -1;
    return 0;
}

/* Requests that only another kind of server can answer. */
static int check_unsupported(const request *r, problem *p)
{
    const json_t *modes = json_object_get(r->body, "modalities");
    for (size_t i = 0; i < json_array_size(modes); i++) {
        const char *mode = json_string_value(json_array_get(modes, i));
        if (!mode || strcmp(mode, "text"))
            return refuse(p, 501, "modalities", "unsupported", "this server answers in text only");
    }
    return 0;
}

static int check_limit(const request *r, problem *p)
{
    if (r->max_tokens) return 0;
    return refuse(p, 400, "max_tokens", "out_of_range", "max_tokens is 0, expected at least 1");
}

int request_chat(request *r, const char *body, size_t bytes, problem *p)
{
    return request_begin(r, body, bytes, p) || request_settings(r, p) || request_messages(r, p) || read_effort(r, p) ||
                   read_logprobs(r, p) || request_tools(r, p) || check_unsupported(r, p) ||
                   request_check_last(r, "messages", p) || check_limit(r, p)
               ? -1
               : 0;
}
