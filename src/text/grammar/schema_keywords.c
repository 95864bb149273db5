/* schema_keywords.c - the keywords of JSON Schema: which are supported, which say nothing about values, and how two
 * schemas are one. */
#include "base/error.h"
#include "text/grammar/schema.h"
#include <string.h>

static int is_in(const char *const *list, const char *word)
{
    for (; *list; list++)
        if (!strcmp(*list, word)) return 1;
    return 0;
}

static const char *const supported[] = {"type",
                                        "enum",
                                        "const",
                                        "$ref",
                                        "allOf",
                                        "anyOf",
                                        "oneOf",
                                        "properties",
                                        "required",
                                        "additionalProperties",
                                        "items",
                                        "prefixItems",
                                        "additionalItems",
                                        "minItems",
                                        "maxItems",
                                        "minLength",
                                        "maxLength",
                                        "pattern",
                                        "format",
                                        "minimum",
                                        "maximum",
                                        "exclusiveMinimum",
                                        "exclusiveMaximum",
                                        NULL};
static const char *const refused[] = {"not",
                                      "if",
                                      "then",
                                      "else",
                                      "patternProperties",
                                      "unevaluatedItems",
                                      "unevaluatedProperties",
                                      "dependentSchemas",
                                      "dependentRequired",
                                      "dependencies",
                                      "contains",
                                      "minContains",
                                      "maxContains",
                                      "uniqueItems",
                                      "multipleOf",
                                      "propertyNames",
                                      "minProperties",
                                      "maxProperties",
                                      "$dynamicRef",
                                      "$recursiveRef",
                                      "extends",
                                      "disallow",
                                      "divisibleBy",
                                      NULL};

int schema_is_refused(const char *keyword) { return is_in(refused, keyword); }
int schema_is_annotation(const char *keyword) { return !is_in(supported, keyword) && !schema_is_refused(keyword); }

static int is_type(const json_t *value, const char *type)
{
    return json_is_string(value) && !strcmp(json_string_value(value), type);
}

/* Some have a value with which they say nothing. */
static int says_nothing(const char *keyword, const json_t *value)
{
    if (!strcmp(keyword, "uniqueItems")) return json_is_false(value);
    if (!strcmp(keyword, "minProperties")) return json_is_integer(value) && !json_integer_value(value);
    if (!strcmp(keyword, "propertyNames")) /* zod's z.record() writes that keys are strings */
        return json_is_true(value) || (json_is_object(value) && !json_object_size(value)) ||
               (json_object_size(value) == 1 && is_type(json_object_get(value, "type"), "string"));
    if (!strcmp(keyword, "unevaluatedProperties") || !strcmp(keyword, "unevaluatedItems")) return json_is_true(value);
    return 0;
}

int schema_check_keywords(const schema_reader *r, const json_t *schema)
{
    const char *keyword;
    json_t *value;
    json_object_foreach((json_t *)schema, keyword, value) if (
        is_in(refused, keyword) &&
        !says_nothing(
            keyword, value)) return schema_fail(r, WKV_EUNSUPPORTED,
                                                "keyword %s is not supported; leave it out and check the output for it",
                                                keyword);
    return 0;
}

/* ---- types ------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int types;
} type_names[] = {{"object", TYPE_OBJECT},   {"array", TYPE_ARRAY},
                  {"string", TYPE_STRING},   {"number", TYPE_NUMBER | TYPE_INTEGER},
                  {"integer", TYPE_INTEGER}, {"boolean", TYPE_BOOLEAN},
                  {"null", TYPE_NULL}};
enum { TYPE_NAMES = sizeof type_names / sizeof *type_names };

int schema_type_set(const schema_reader *r, const json_t *type, int *types)
{
    const size_t n = json_is_array(type) ? json_array_size(type) : 1;
    *types = 0;
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_is_array(type) ? json_array_get(type, i) : type);
        int k = 0;
        while (k < TYPE_NAMES && (!name || strcmp(name, type_names[k].name))) k++;
        if (k == TYPE_NAMES)
            return schema_fail(r, WKV_EFORMAT, "type \"%s\" is none of JSON Schema", name ? name : "?");
        *types |= type_names[k].types;
    }
    return 0;
}

json_t *schema_type_names(int types)
{
    json_t *names = json_array();
    for (int i = 0; i < TYPE_NAMES; i++)
        if ((types & type_names[i].types) == type_names[i].types)
            json_array_append_new(names, json_string(type_names[i].name));
    return names;
}

/* Keywords that are not supported are among them: loosen.c drops these, and keeps the type. */
int schema_types(const schema_reader *r, const json_t *schema, int *types)
{
    static const char
        *const of_objects[] = {"properties",    "required",         "additionalProperties",  "patternProperties",
                               "propertyNames", "minProperties",    "maxProperties",         "dependentRequired",
                               "dependencies",  "dependentSchemas", "unevaluatedProperties", NULL},
               *const of_arrays[] = {"items",    "prefixItems", "minItems",         "maxItems",
                                     "contains", "uniqueItems", "unevaluatedItems", NULL},
               *const of_strings[] = {"minLength", "maxLength", "pattern", "format", NULL},
               *const of_numbers[] = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", NULL};
    const json_t *type = json_object_get(schema, "type");
    const char *keyword;
    json_t *value;
    if (type) return schema_type_set(r, type, types);
    *types = 0;
    json_object_foreach((json_t *)schema, keyword, value)
    {
        if (is_in(of_objects, keyword)) *types |= TYPE_OBJECT;
        if (is_in(of_arrays, keyword)) *types |= TYPE_ARRAY;
        if (is_in(of_strings, keyword)) *types |= TYPE_STRING;
        if (is_in(of_numbers, keyword)) *types |= TYPE_NUMBER | TYPE_INTEGER;
    }
    if (!*types) *types = ALL_TYPES;
    return 0;
}

/* ---- two schemas as one ------------------------------------------------------------------------------------------ */

enum { MOST_MERGED = 100000 /* keywords, properties and required names: each copy is kept */ };

static int no_memory(void) { return fail(WKV_ENOMEM, "no memory for a schema"); }

static int twice(const schema_reader *r, const char *keyword)
{
    return schema_fail(
        r, WKV_EUNSUPPORTED,
        "keyword %s is on both sides of a $ref, allOf, anyOf or oneOf with different values, which is not "
        "supported",
        keyword);
}

static int merge_types(const schema_reader *r, json_t *out, const json_t *a, const json_t *b)
{
    int x, y, err = schema_type_set(r, a, &x);
    if (!err) err = schema_type_set(r, b, &y);
    if (err) return err;
    json_t *list = json_array();
    for (int k = 0; list && k < TYPE_NAMES; k++) {
        const int types = type_names[k].types;
        if ((x & y & types) != types || (types == TYPE_INTEGER && (x & y & TYPE_NUMBER))) continue;
        if (json_array_append_new(list, json_string(type_names[k].name))) return no_memory();
    }
    return list && !json_object_set_new(out, "type", list) ? 0 : no_memory();
}

static int merge_lists(schema_reader *r, json_t *out, const char *keyword, const json_t *a, const json_t *b)
{
    r->merged += json_array_size(a) + json_array_size(b);
    json_t *list = json_copy((json_t *)a);
    if (!list || json_array_extend(list, (json_t *)b)) return no_memory();
    return json_object_set_new(out, keyword, list) ? no_memory() : 0;
}

static int merge_properties(schema_reader *r, json_t *out, const json_t *a, const json_t *b)
{
    json_t *all = json_copy((json_t *)a), *value;
    const char *name;
    if (!all || json_object_set_new(out, "properties", all)) return no_memory();
    r->merged += json_object_size(a) + json_object_size(b);
    json_object_foreach((json_t *)b, name, value)
    {
        const json_t *known = json_object_get(all, name);
        if (known && !json_equal((json_t *)known, value)) return twice(r, name);
        if (!known && json_object_set(all, name, value)) return no_memory();
    }
    return 0;
}

static int merge_keyword(schema_reader *r, json_t *out, const char *keyword, json_t *value)
{
    const json_t *known = json_object_get(out, keyword);
    if (!known) return json_object_set(out, keyword, value) ? no_memory() : 0;
    if (json_equal((json_t *)known, value)) return 0;
    if (!strcmp(keyword, "type")) return merge_types(r, out, known, value);
    if (!strcmp(keyword, "required") && json_is_array(known) && json_is_array(value))
        return merge_lists(r, out, keyword, known, value);
    if (!strcmp(keyword, "properties") && json_is_object(known) && json_is_object(value))
        return merge_properties(r, out, known, value);
    return twice(r, keyword);
}

/* additionalProperties, items and the like are about what the keywords beside them leave. */
static int keeps_apart(const json_t *a, const json_t *b, const char *keyword, const char *rest)
{
    return (!json_object_get(a, rest) || !json_object_get(b, keyword)) &&
           (!json_object_get(b, rest) || !json_object_get(a, keyword));
}

int schema_merge(schema_reader *r, const json_t *a, const json_t *b, const json_t **both)
{
    const char *keyword;
    json_t *value;
    if (json_is_true(a) || json_is_false(b)) {
        *both = b;
        return 0;
    }
    if (json_is_true(b) || json_is_false(a)) {
        *both = a;
        return 0;
    }
    if (!json_is_object(a) || !json_is_object(b))
        return schema_fail(r, WKV_EFORMAT, "a schema is an object, true or false");
    if (!keeps_apart(a, b, "properties", "additionalProperties")) return twice(r, "additionalProperties");
    if (!keeps_apart(a, b, "prefixItems", "items")) return twice(r, "items");
    r->merged += json_object_size(a) + json_object_size(b);
    if (r->merged > MOST_MERGED)
        return schema_fail(r, WKV_EUNSUPPORTED,
                           "schemas refer to each other in a circle, or are combined in too many ways");
    json_t *out = json_copy((json_t *)a);
    if (!out || json_array_append_new(r->made, out)) return no_memory();
    int err = 0;
    json_object_foreach((json_t *)b, keyword, value)
    {
        if (!err && !schema_is_annotation(keyword)) err = merge_keyword(r, out, keyword, value);
    }
    *both = out;
    return err;
}
