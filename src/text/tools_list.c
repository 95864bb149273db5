/* tools_list.c - functions as lines of a prompt, in the form that the G1 models were trained on:
 *
 *     - get_weather(location: string, unit?: "celsius" | "fahrenheit"): Current weather. location: a city
 */
#include "text/tools.h"
#include "base/error.h"
#include "base/json.h"
#include "base/stream.h"
#include <stdlib.h>
#include <string.h>

enum {
    DEPTH = 8 /* of nested types and references; deeper ones are "any" */,
    PATH = 512 /* bytes; longer names are left out */
};

typedef struct {
    FILE *f;
    const json_t *root; /* the schema of all parameters, in which references are found */
    int n;              /* parameters or descriptions so far */
    int described;      /* write the descriptions, not the types */
} writer;

static void put_type(const writer *w, const json_t *schema, int depth);

/* The schema behind "#/$defs/NAME" and "#/definitions/NAME"; NULL: another form, or nothing there. */
static const json_t *resolve(const writer *w, const json_t *schema, int depth)
{
    const char *ref = json_string_value(json_object_get(schema, "$ref"));
    if (!ref || !depth) return schema;
    static const char *const places[] = {"$defs", "definitions"};
    for (int i = 0; i < 2; i++) {
        const size_t n = strlen(places[i]);
        if (strncmp(ref, "#/", 2) || strncmp(ref + 2, places[i], n) || ref[2 + n] != '/') continue;
        return resolve(w, json_object_get(json_object_get(w->root, places[i]), ref + 3 + n), depth - 1);
    }
    return NULL;
}

static const json_t *properties_of(const json_t *schema)
{
    const json_t *p = json_object_get(schema, "properties");
    return json_object_size(p) ? p : NULL;
}

/* ---- types ------------------------------------------------------------------------------------------------------- */

static void put_value(const writer *w, const json_t *value)
{
    char *text = json_text(value, JSON_ENCODE_ANY | JSON_COMPACT);
    if (text) fputs(text, w->f);
    free(text);
}

/* Types or values with " | " between them. */
static void put_choices(const writer *w, const json_t *list, int as_values, int depth)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (i) fputs(" | ", w->f);
        if (as_values)
            put_value(w, one);
        else if (json_is_string(one))
            fputs(json_string_value(one), w->f);
        else
            put_type(w, one, depth);
    }
}

static void put_array(const writer *w, const json_t *items, int depth)
{
    const json_t *of = resolve(w, items, depth);
    const int choice = json_array_size(json_object_get(of, "enum")) > 1 || json_object_get(of, "anyOf") ||
                       json_object_get(of, "oneOf") || json_is_array(json_object_get(of, "type"));
    if (choice) fputc('(', w->f);
    put_type(w, of, depth);
    fputs(choice ? ")[]" : "[]", w->f);
}

static void put_type(const writer *w, const json_t *schema, int depth)
{
    const json_t *s = depth > 0 ? resolve(w, schema, depth) : NULL, *type = json_object_get(s, "type");
    const json_t *constant = json_object_get(s, "const"), *any = json_object_get(s, "anyOf");
    const char *name = json_string_value(type);
    if (!any) any = json_object_get(s, "oneOf");
    if (!any) any = json_object_get(s, "allOf");
    if (constant)
        put_value(w, constant);
    else if (json_object_get(s, "enum"))
        put_choices(w, json_object_get(s, "enum"), 1, depth);
    else if (any)
        put_choices(w, any, 0, depth - 1);
    else if (json_is_array(type))
        put_choices(w, type, 0, depth);
    else if (name && !strcmp(name, "array"))
        put_array(w, json_object_get(s, "items"), depth - 1);
    else
        fputs(name ? name : "any", w->f);
}

/* ---- parameters -------------------------------------------------------------------------------------------------- */

static int is_required(const json_t *schema, const char *name)
{
    const json_t *list = json_object_get(schema, "required");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *one = json_string_value(json_array_get(list, i));
        if (one && !strcmp(one, name)) return 1;
    }
    return 0;
}

/* A text on one line. */
static void put_line(const writer *w, const char *text)
{
    for (int blank = 1; *text; text++) {
        const int is_blank = strchr(" \t\r\n", *text) != NULL;
        if (!is_blank || !blank) fputc(is_blank ? ' ' : *text, w->f);
        blank = is_blank;
    }
}

static void put_parameters(writer *w, const json_t *schema, const char *path, int depth);

/* A parameter or, where it has members, each of these. */
static void put_parameter(writer *w, const json_t *schema, const char *path, int required, int depth)
{
    const json_t *s = resolve(w, schema, depth), *items = resolve(w, json_object_get(s, "items"), depth);
    const char *description = json_string_value(json_object_get(schema, "description"));
    if (!description) description = json_string_value(json_object_get(s, "description"));
    char inner[PATH];
    const json_t *members = properties_of(s) ? s : properties_of(items) ? items : NULL;
    const int written =
        snprintf(inner, sizeof inner, "%s%s%s.", path, members == items ? "[]" : "", required ? "" : "?");
    const int flat = members && depth > 1 && written < PATH;
    if (w->described && description && *description) {
        fprintf(w->f, "%s%s: ", w->n++ ? "; " : " ", path);
        put_line(w, description);
    } else if (!w->described && !flat) {
        fprintf(w->f, "%s%s%s: ", w->n++ ? ", " : "", path, required ? "" : "?");
        put_type(w, s, depth);
    }
    if (flat) put_parameters(w, members, inner, depth - 1);
}

static void put_parameters(writer *w, const json_t *schema, const char *path, int depth)
{
    const char *name;
    json_t *one;
    char full[PATH];
    json_object_foreach((json_t *)properties_of(schema), name, one)
    {
        if (snprintf(full, sizeof full, "%s%s", path, name) < PATH)
            put_parameter(w, one, full, is_required(schema, name), depth);
    }
}

static void put_tool(FILE *f, const tool *t)
{
    writer w = {.f = f, .root = t->parameters};
    const json_t *schema = resolve(&w, t->parameters, DEPTH);
    fprintf(f, "- %s(", t->name);
    put_parameters(&w, schema, "", DEPTH);
    fputc(')', f);
    w.n = 0, w.described = 1;
    if (*t->description) {
        fputs(": ", f);
        put_line(&w, t->description);
    }
    put_parameters(&w, schema, "", DEPTH);
    fputc('\n', f);
}

int wkv_tools_list(char **out, const wkv_tools *t)
{
    stream s;
    REQUIRE(out, "the place for the list");
    *out = NULL;
    REQUIRE(t, "the tools");
    FILE *f = stream_open(&s);
    for (int i = 0; f && i < t->n; i++) put_tool(f, &t->at[i]);
    const int err = stream_close(f, &s, "the list of tools");
    if (!err && !s.text && !(s.text = calloc(1, 1))) return fail(WKV_ENOMEM, "no memory for the list of tools");
    *out = s.text;
    return err;
}
