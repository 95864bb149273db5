/* request_tools.c - the functions that an answer may call, and the form that it must have. */
#include "request.h"
#include "request_memory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- tools ------------------------------------------------------------------------------------------------------- */

int request_function(request *r, const char *name, problem *p)
{
    r->must_call = 1;
    for (int i = 0; i < wkv_tools_count(r->tools); i++)
        if (!strcmp(wkv_tools_name(r->tools, i), name)) {
            r->function = wkv_tools_name(r->tools, i);
            return 0;
        }
    return refuse(p, 400, "tool_choice", "invalid_value",
                  "tool_choice names the function '%.64s', which is not in tools", name);
}

int request_choice(request *r, int *none, const char *word, problem *p)
{
    *none = !strcmp(word, "none");
    r->must_call = !strcmp(word, "required");
    if (*none || r->must_call || !strcmp(word, "auto")) return 0;
    return refuse(p, 400, "tool_choice", "invalid_value",
                  "tool_choice is '%.40s', expected none, auto, required or a function", word);
}

int request_mode(request *r, int *none, const json_t *choice, problem *p)
{
    const char *mode = field_word(request_allowed(choice), "mode");
    return mode ? request_choice(r, none, mode, p)
                : refuse(p, 400, "tool_choice", "missing", "tool_choice.mode is missing, expected auto or required");
}

static const json_t *name_of(const json_t *tool)
{
    const json_t *f = json_object_get(tool, "function");
    return json_object_get(f ? f : tool, "name");
}

const json_t *request_allowed(const json_t *choice)
{
    const char *type = field_word(choice, "type");
    if (!type || strcmp(type, "allowed_tools")) return NULL;
    const json_t *inner = json_object_get(choice, "allowed_tools");
    return inner ? inner : choice;
}

int request_is_allowed(const json_t *choice, const json_t *tool)
{
    const json_t *allowed = request_allowed(choice), *list = json_object_get(allowed, "tools"), *name = name_of(tool);
    if (!allowed) return 1;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (name && json_equal((json_t *)name_of(json_array_get(list, i)), (json_t *)name)) return 1;
    return 0;
}

/* "none", "auto", "required", {"type": "function", "function": {"name": ...}}, or {"type": "allowed_tools",
 * "allowed_tools": {"mode": "auto" | "required", "tools": [...]}}. *none: no tools are used. */
static int read_choice(request *r, int *none, problem *p)
{
    const json_t *v = json_object_get(r->body, "tool_choice");
    *none = 0;
    if (!v || json_is_null(v)) return 0;
    if (request_allowed(v)) return request_mode(r, none, v, p);
    if (json_is_object(v)) {
        const char *type = json_string_value(json_object_get(v, "type"));
        if (type && strcmp(type, "function"))
            return refuse(p, 501, "tool_choice", "unsupported",
                          "tool_choice.type is '%.40s'; only function is supported", type);
        const json_t *name = json_object_get(json_object_get(v, "function"), "name");
        if (!json_is_string(name))
            return refuse(p, 400, "tool_choice", "missing", "tool_choice.function.name is missing");
        return request_function(r, json_string_value(name), p);
    }
    if (!json_is_string(v)) return field_refuse(p, "tool_choice", "a string or an object", v);
    return request_choice(r, none, json_string_value(v), p);
}

int request_functions(request *r, const json_t *list, problem *p)
{
    char *text = NULL;
    if (!json_array_size(list)) return 0;
    if (!(r->tools_text = request_keep(r, json_dumps(list, JSON_COMPACT), p))) return -1;
    int err = wkv_tools_new(&r->tools, r->tools_text, strlen(r->tools_text));
    if (!err) err = wkv_tools_list(&text, r->tools);
    if (err == WKV_EFORMAT) return refuse(p, 400, "tools", "invalid_value", "%s", wkv_error());
    if (err) return refuse_library(p, err, "tools");
    return (r->tool_list = request_keep(r, text, p)) ? 0 : -1;
}

static int read_list(request *r, problem *p)
{
    const json_t *list = NULL;
    if (field_list(&list, r->body, "tools", p)) return -1;
    json_t *functions = json_array();
    int bad = 0;
    for (size_t i = 0; i < json_array_size(list) && !bad; i++) {
        json_t *tool = json_array_get(list, i);
        const char *type = field_word(tool, "type");
        if (!type)
            bad = refuse(p, 400, "tools", "missing", "tools[%zu].type is missing, expected \"function\"", i);
        else if (strcmp(type, "function"))
            bad = refuse(p, 501, "tools", "unsupported", "tools[%zu].type is '%.40s'; only functions are supported", i,
                         type);
        else if (request_is_allowed(json_object_get(r->body, "tool_choice"), tool))
            json_array_append(functions, tool);
    }
    if (!bad) bad = request_functions(r, functions, p);
    json_decref(functions);
    return bad;
}

int request_check_choice(request *r, int none, problem *p)
{
    if (r->must_call && !r->tools)
        return refuse(p, 400, "tool_choice", "invalid_value", "tool_choice demands a call, but tools is missing");
    if (!none) return 0;
    wkv_tools_free(r->tools);
    r->tools = NULL, r->tool_list = r->tools_text = NULL;
    return 0;
}

int request_tools(request *r, problem *p)
{
    const json_t *functions = NULL;
    int none, parallel = 1;
    if (field_list(&functions, r->body, "functions", p)) return -1;
    if (json_array_size(functions))
        return refuse(p, 501, "functions", "unsupported", "functions are not supported; send them as tools");
    if (read_list(r, p) || read_choice(r, &none, p) || field_flag(&parallel, r->body, "parallel_tool_calls", p))
        return -1;
    r->one_call = !parallel;
    return request_check_choice(r, none, p);
}

/* ---- the form of the answer -------------------------------------------------------------------------------------- */

int request_schema(request *r, const json_t *schema, problem *p)
{
    return (r->schema = request_keep(r, json_dumps(schema, JSON_COMPACT), p)) ? 0 : -1;
}

static int read_schema(request *r, const json_t *format, problem *p)
{
    const json_t *inner = json_object_get(format, "json_schema"), *schema = json_object_get(inner, "schema");
    if (!json_is_object(inner))
        return refuse(p, 400, "response_format", "missing", "response_format.json_schema is missing");
    if (!json_is_object(schema))
        return refuse(p, 400, "response_format", "missing", "response_format.json_schema.schema is missing");
    return request_schema(r, schema, p);
}

int request_format(request *r, problem *p)
{
    const json_t *format = NULL;
    const char *type = "text";
    if (field_object(&format, r->body, "response_format", p)) return -1;
    if (format && field_text(&type, format, "type", p))
        return refuse(p, 400, "response_format", "invalid_type", "response_format.type is not a string");
    if (!strcmp(type, "text")) return 0;
    if (!strcmp(type, "json_schema")) return read_schema(r, format, p);
    if (strcmp(type, "json_object"))
        return refuse(p, 400, "response_format", "invalid_value",
                      "response_format.type is '%.40s', expected text, json_object or json_schema", type);
    r->schema = "{\"type\":\"object\"}";
    return 0;
}
