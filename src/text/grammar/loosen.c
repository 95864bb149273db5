/* loosen.c - a schema without the parts that are not supported. Values of the schema are values of the looser one. */
#include "text/grammar/schema.h"
#include <string.h>

static json_t *loosened_list(const json_t *list, int keeps)
{
    json_t *looser = json_array();
    for (size_t i = 0; i < json_array_size(list); i++)
        json_array_append_new(looser, schema_loosened(json_array_get(list, i), keeps));
    return looser;
}

/* Schemas by name: their keys are no keywords. */
static json_t *loosened_map(const json_t *map, int keeps)
{
    json_t *looser = json_object(), *schema;
    const char *name;
    json_object_foreach((json_t *)map, name, schema) json_object_set_new(looser, name, schema_loosened(schema, keeps));
    return looser;
}

static json_t *loosened_value(const char *keyword, json_t *value, int keeps)
{
    static const char *const lists[] = {"anyOf", "oneOf", "allOf", "prefixItems"},
                             *const schemas[] = {"items", "additionalProperties", "additionalItems"},
                             *const values[] = {"type", "required"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (!strcmp(keyword, lists[i])) return loosened_list(value, keeps);
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++)
        if (!strcmp(keyword, schemas[i])) return schema_loosened(value, keeps);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (!strcmp(keyword, values[i])) return json_incref(value);
    return json_is_object(value) ? loosened_map(value, keeps)
                                 : json_incref(value); /* "properties", and what a $ref names */
}

/* ---- keywords that stay ------------------------------------------------------------------------------------------ */

/* Is there nothing in the schema that only its surroundings can tell? */
static int is_leaf(const json_t *schema)
{
    const char *keyword;
    json_t *value;
    json_object_foreach((json_t *)schema, keyword, value)
    {
        if (json_is_object(value) || !strcmp(keyword, "$ref")) return 0;
        if (json_is_array(value) && strcmp(keyword, "type") && strcmp(keyword, "required")) return 0;
    }
    return 1;
}

static int is_supported(const json_t *schema)
{
    syntax s;
    const int err = syntax_init(&s) ? -1 : schema_read_value(&s, 0, schema);
    syntax_release(&s);
    return !err;
}

static int is_dropped(const char *keyword, const json_t *value)
{
    static const char *const limits[] = {"pattern", "format",           "minimum",
                                         "maximum", "exclusiveMinimum", "exclusiveMaximum"};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (!strcmp(keyword, limits[i])) return 1;
    if (!strcmp(keyword, "$ref")) return json_is_string(value) && *json_string_value(value) != '#';
    return schema_is_refused(keyword);
}

/* The values that are given, and the type beside them: no other keyword may be there. */
static json_t *given_alone(const json_t *schema)
{
    static const char *const kept[] = {"enum", "const", "type"};
    json_t *looser = json_object();
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        json_object_set(looser, kept[i], json_object_get(schema, kept[i])); /* none: nothing is set */
    return looser;
}

/* Members with other names than the properties: where only those of the patterns are allowed, values of one of these. */
static json_t *others_of(const json_t *schema, int keeps)
{
    const json_t *patterns = json_object_get(schema, "patternProperties");
    json_t *one, *list;
    const char *pattern;
    if (!json_is_false(json_object_get(schema, "additionalProperties")) || !json_object_size(patterns))
        return json_true();
    list = json_array();
    json_object_foreach((json_t *)patterns, pattern, one) json_array_append_new(list, schema_loosened(one, keeps));
    return json_pack("{s:o}", "anyOf", list);
}

/* Without "type" a schema has the types of its keywords, also of those that are dropped. */
static void keep_types(json_t *looser, const json_t *schema)
{
    static const char *const combiners[] = {"type", "$ref", "anyOf", "oneOf", "allOf"};
    int types;
    for (size_t i = 0; i < sizeof combiners / sizeof *combiners; i++)
        if (json_object_get(schema, combiners[i])) return;
    if (!schema_types(NULL, schema, &types) && types != ALL_TYPES)
        json_object_set_new(looser, "type", schema_type_names(types));
}

json_t *schema_loosened(const json_t *schema, int keeps)
{
    json_t *value, *looser;
    const char *keyword;
    if (json_is_array(schema)) return loosened_list(schema, keeps);
    if (!json_is_object(schema) || (keeps && is_leaf(schema) && is_supported(schema)))
        return json_incref((json_t *)schema);
    if (json_object_get(schema, "enum") || json_object_get(schema, "const")) return given_alone(schema);
    if (!(looser = json_object())) return NULL;
    json_object_foreach((json_t *)schema, keyword, value) if (!is_dropped(keyword, value))
        json_object_set_new(looser, keyword, loosened_value(keyword, value, keeps));
    if (json_is_object(json_object_get(schema, "patternProperties")))
        json_object_set_new(looser, "additionalProperties", others_of(schema, keeps));
    keep_types(looser, schema);
    return looser;
}
