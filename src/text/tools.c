/* tools.c - read the functions of a request. */
#include "text/tools.h"
#include "base/error.h"
#include "base/json.h"
#include "text/grammar/syntax.h"
#include <stdlib.h>
#include <string.h>

enum { NAME = 64, MOST_TOOLS = 1000 };

static int is_name(const char *name)
{
    const size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");
    return n > 0 && n <= NAME && !name[n];
}

/* `within`: ".function", or "" where the fields are in the element itself. */
static int read_text(const char **to, const json_t *o, const char *field, const char *within, int i)
{
    const json_t *v = json_object_get(o, field);
    *to = "";
    if (!v || json_is_null(v)) return 0;
    if (!json_is_string(v)) return fail(WKV_EFORMAT, "tools[%d]%s.%s is not a string", i, within, field);
    *to = json_string_value(v);
    return 0;
}

static int read_tool(wkv_tools *t, int i)
{
    const json_t *element = json_array_get(t->root, (size_t)i);
    const json_t *f = json_object_get(element, "function");
    const char *within = f ? ".function" : "";
    tool *to = &t->at[i];
    if (!f) f = element;
    if (!json_is_object(f)) return fail(WKV_EFORMAT, "tools[%d] is not an object with a function", i);
    int err = read_text(&to->name, f, "name", within, i);
    if (!err) err = read_text(&to->description, f, "description", within, i);
    if (err) return err;
    if (!is_name(to->name))
        return fail(WKV_EFORMAT,
                    "tools[%d]%s.name is \"%.80s\", expected 1 to %d letters, digits, \"_\", \"-\" or \".\"", i, within,
                    to->name, NAME);
    for (int k = 0; k < i; k++)
        if (!strcmp(t->at[k].name, to->name))
            return fail(WKV_EFORMAT, "tools[%d]%s.name is \"%s\", the name of tools[%d]", i, within, to->name, k);
    to->parameters = json_object_get(f, "parameters");
    to->strict = json_is_true(json_object_get(f, "strict"));
    if (json_is_null(to->parameters)) to->parameters = NULL;
    if (to->parameters && !json_is_object(to->parameters))
        return fail(WKV_EFORMAT, "tools[%d]%s.parameters is not a JSON Schema, an object", i, within);
    const char *type = json_string_value(json_object_get(to->parameters, "type"));
    if (type && strcmp(type, "object"))
        return fail(WKV_EFORMAT, "tools[%d]%s.parameters has the type %.40s, expected object", i, within, type);
    return 0;
}

int wkv_tools_new(wkv_tools **out, const char *json, size_t bytes)
{
    REQUIRE(out, "the place for the tools");
    *out = NULL;
    REQUIRE(json, "the list of tools");
    if (bytes > MOST_TEXT)
        return fail(WKV_EFORMAT, "the list of tools has %zu bytes, expected at most %d", bytes, MOST_TEXT);
    wkv_tools *t = calloc(1, sizeof *t);
    if (!t) return fail(WKV_ENOMEM, "no memory for tools");
    int err = json_read(&t->root, json, bytes, 0);
    if (!err && !json_is_array(t->root)) err = fail(WKV_EFORMAT, "tools is not an array");
    if (!err && json_array_size(t->root) > MOST_TOOLS)
        err = fail(WKV_EFORMAT, "%zu tools, expected at most %d", json_array_size(t->root), MOST_TOOLS);
    const size_t n = json_array_size(t->root);
    if (!err && n && !(t->at = calloc(n, sizeof *t->at))) err = fail(WKV_ENOMEM, "no memory for %zu tools", n);
    for (; !err && t->n < (int)n; t->n++) err = read_tool(t, t->n);
    if (err)
        wkv_tools_free(t);
    else
        *out = t;
    return err;
}

void wkv_tools_free(wkv_tools *t)
{
    if (!t) return;
    json_decref(t->root);
    free(t->at);
    free(t);
}

int wkv_tools_count(const wkv_tools *t) { return t ? t->n : 0; }

const char *wkv_tools_name(const wkv_tools *t, int i) { return t && i >= 0 && i < t->n ? t->at[i].name : NULL; }
