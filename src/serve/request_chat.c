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

/* The text of a part of a content. */
static int part_text(const char **text, const json_t *part, const char *name, problem *p)
{
    const char *type = json_string_value(json_object_get(part, "type"));
    if (!type) return refuse(p, 400, name, "invalid_type", "%s has a part without a type", name);
    if (strcmp(type, "text") && strcmp(type, "input_text") && strcmp(type, "output_text") && strcmp(type, "refusal"))
        return refuse(p, 501, name, "unsupported", "%s has a part of type '%.40s'; this server reads text only", name,
                      type);
    const json_t *v = json_object_get(part, strcmp(type, "refusal") ? "text" : "refusal");
    if (!json_is_string(v))
        return refuse(p, 400, name, "invalid_type", "%s has a part of type '%.40s' without a text", name, type);
    *text = json_string_value(v);
    return 0;
}

/* A content of several parts, one after another. */
static int join_parts(const char **text, request *r, const json_t *parts, const char *name, problem *p)
{
    size_t bytes = 1, n = 0;
    const char *part;
    for (size_t i = 0; i < json_array_size(parts); i++) {
        if (part_text(&part, json_array_get(parts, i), name, p)) return -1;
        bytes += strlen(part);
    }
    char *all = request_take(r, bytes, p);
    if (!all) return -1;
    for (size_t i = 0; i < json_array_size(parts); i++) {
        if (part_text(&part, json_array_get(parts, i), name, p)) return -1;
        memcpy(all + n, part, strlen(part));
        n += strlen(part);
    }
    all[n] = 0;
    *text = all;
    return 0;
}

static int read_message(message *to, request *r, const json_t *m, size_t i, problem *p)
{
    char name[64];
    snprintf(name, sizeof name, "messages[%zu]", i);
    if (!json_is_object(m)) return field_refuse(p, name, "an object", m);
    if (read_role(&to->who, m, i, p)) return -1;
    const json_t *calls = json_object_get(m, "tool_calls");
    if (to->who == SPEAKER_ASSISTANT && json_array_size(calls) && request_calls(&to->calls, r, calls, name, p))
        return -1;
    const json_t *content = json_object_get(m, "content");
    snprintf(name, sizeof name, "messages[%zu].content", i);
    to->text = "";
    if (json_is_array(content)) return join_parts(&to->text, r, content, name, p);
    if (json_is_string(content)) {
        to->text = json_string_value(content);
        return 0;
    }
    if (to->who == SPEAKER_ASSISTANT && (!content || json_is_null(content))) return 0;
    if (!content) return refuse(p, 400, name, "missing", "%s is missing", name);
    return field_refuse(p, name, "a string or an array of parts", content);
}

static int read_messages(request *r, problem *p)
{
    const json_t *list = NULL;
    if (field_list(&list, r->body, "messages", p)) return -1;
    const size_t n = json_array_size(list);
    if (!n) return refuse(p, 400, "messages", "missing", "messages is missing or empty; expected at least one message");
    if (n > 100000)
        return refuse(p, 400, "messages", "out_of_range", "messages has %zu elements, expected at most 100000", n);
    if (!(r->messages = request_take(r, n * sizeof *r->messages, p))) return -1;
    memset(r->messages, 0, n * sizeof *r->messages);
    for (size_t i = 0; i < n; i++)
        if (read_message(&r->messages[i], r, json_array_get(list, i), i, p)) return -1;
    r->n_messages = (int)n;
    return 0;
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

static int read_effort(request *r, problem *p)
{
    static const struct {
        const char *word;
        wkv_think think;
    } efforts[] = {{"none", WKV_THINK_OFF},      {"minimal", WKV_THINK_OFF}, {"low", WKV_THINK_SHORT},
                   {"medium", WKV_THINK_MEDIUM}, {"high", WKV_THINK_LONG},   {"xhigh", WKV_THINK_LONG}};
    const char *word = NULL;
    if (field_text(&word, r->body, "reasoning_effort", p)) return -1;
    if (!word) return 0;
    for (size_t i = 0; i < sizeof efforts / sizeof *efforts; i++)
        if (!strcmp(word, efforts[i].word)) {
            r->think = efforts[i].think;
            return 0;
        }
    return refuse(p, 400, "reasoning_effort", "invalid_value",
                  "reasoning_effort is '%.40s', expected none, minimal, low, medium or high", word);
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

/* The last message is a question, the results of calls, or an answer to go on with. */
static int check_last(const request *r, problem *p)
{
    if (!r->messages[r->n_messages - 1].calls) return 0;
    return refuse(p, 400, "messages", "invalid_value",
                  "the last message calls a function; expected its result behind it, a message of role tool");
}

static int check_limit(const request *r, problem *p)
{
    if (r->max_tokens) return 0;
    return refuse(p, 400, "max_tokens", "out_of_range", "max_tokens is 0, expected at least 1");
}

int request_chat(request *r, const char *body, size_t bytes, problem *p)
{
    return request_begin(r, body, bytes, p) || request_settings(r, p) || read_messages(r, p) || read_effort(r, p) ||
                   read_logprobs(r, p) || request_tools(r, p) || check_unsupported(r, p) || check_last(r, p) ||
                   check_limit(r, p)
               ? -1
               : 0;
}
