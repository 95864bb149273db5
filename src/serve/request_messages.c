/* request_messages.c - messages of any dialect: their list, contents of parts, calls. */
#include "request.h"
#include "request_memory.h"
#include <stdlib.h>
#include <string.h>

enum { MESSAGES = 100000 };

int request_message(request *r, speaker who, const char *text, const char *calls, problem *p)
{
    if (r->n_messages == MESSAGES)
        return refuse(p, 400, "messages", "out_of_range", "the conversation has more than %d messages", MESSAGES);
    if (r->n_messages == r->cap_messages) {
        const int cap = 2 * r->cap_messages + 8;
        message *more = request_take(r, (size_t)cap * sizeof *more, p);
        if (!more) return -1;
        if (r->n_messages) memcpy(more, r->messages, (size_t)r->n_messages * sizeof *more);
        r->messages = more, r->cap_messages = cap;
    }
    r->messages[r->n_messages++] = (message){.who = who, .text = text, .calls = calls};
    return 0;
}

int request_check_last(const request *r, const char *name, problem *p)
{
    if (!r->n_messages || !r->messages[r->n_messages - 1].calls) return 0;
    return refuse(p, 400, name, "invalid_value", "the last message calls a function; expected its result behind it");
}

/* ---- contents ---------------------------------------------------------------------------------------------------- */

int request_part(const char **text, const json_t *part, const char *name, problem *p)
{
    const char *type = field_word(part, "type");
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

static int join_parts(const char **text, request *r, const json_t *parts, const char *name, problem *p)
{
    size_t bytes = 1, n = 0;
    const char *part;
    for (size_t i = 0; i < json_array_size(parts); i++) {
        if (request_part(&part, json_array_get(parts, i), name, p)) return -1;
        bytes += strlen(part);
    }
    char *all = request_take(r, bytes, p);
    if (!all) return -1;
    for (size_t i = 0; i < json_array_size(parts); i++) {
        if (request_part(&part, json_array_get(parts, i), name, p)) return -1;
        memcpy(all + n, part, strlen(part));
        n += strlen(part);
    }
    all[n] = 0;
    *text = all;
    return 0;
}

int request_content(const char **text, request *r, const json_t *content, const char *name, problem *p)
{
    if (json_is_array(content)) return join_parts(text, r, content, name, p);
    if (!json_is_string(content)) return field_refuse(p, name, "a string or an array of parts", content);
    *text = json_string_value(content);
    return 0;
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

/* The arguments of a call: JSON as a string, or an object. */
static const char *arguments_of(request *r, const json_t *v, problem *p)
{
    if (json_is_object(v)) return request_keep(r, json_dumps(v, JSON_COMPACT), p);
    const char *text = json_string_value(v);
    return text && text[strspn(text, " \t\r\n")] ? text : "{}";
}

int request_call(call_list *l, request *r, const char *function, const json_t *arguments, const char *name, problem *p)
{
    char *text;
    const char *json = arguments_of(r, arguments, p);
    if (!json) return -1;
    const int err = wkv_call_text(&text, function, json);
    if (err == WKV_EFORMAT)
        return refuse(p, 400, name, "invalid_value", "%s: the arguments of %.64s are not a JSON object", name,
                      function);
    if (err) return refuse_library(p, err, name);
    if (l->n++) out_text(&l->text, ",");
    out_text(&l->text, text);
    free(text);
    return 0;
}

/* One call is an object, several are an array. */
int request_calls_end(const char **to, call_list *l, request *r, problem *p)
{
    const int several = l->n > 1;
    char *text = l->n && !l->text.failed ? request_take(r, l->text.n + 3, p) : NULL;
    *to = text;
    if (text) {
        if (several) *text++ = '[';
        memcpy(text, l->text.at, l->text.n);
        strcpy(text + l->text.n, several ? "]" : "");
    }
    const int lost = l->n && !*to;
    out_release(&l->text);
    return lost ? refuse(p, 503, NULL, "out_of_memory", "no memory for a request") : 0;
}
