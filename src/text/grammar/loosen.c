/* loosen.c - a schema without the parts that are not supported. Values of the schema are values of the looser one. */
#include "text/grammar/schema.h"
#include <string.h>

static json_t *loosened_list(const json_t *list, int limits)
{
    json_t *looser = json_array();
    for (size_t i = 0; i < json_array_size(list); i++)
        json_array_append_new(looser, schema_loosened(json_array_get(list, i), limits));
    return looser;
}

/* Schemas by name: their keys are no keywords. */
static json_t *loosened_map(const json_t *map, int limits)
{
    json_t *looser = json_object(), *schema;
    const char *name;
    json_object_foreach((json_t *)map, name, schema) json_object_set_new(looser, name, schema_loosened(schema, limits));
    return looser;
}

/* The limits of strings and numbers are dropped together: some of them are supported for integers only. */
static int is_dropped(const char *keyword, int limits)
{
    static const char *const dropped[] = {"pattern", "format",           "minimum",
                                         "maximum", "exclusiveMinimum", "exclusiveMaximum"};
    for (size_t i = 0; !limits && i < sizeof dropped / sizeof *dropped; i++)
        if (!strcmp(keyword, dropped[i])) return 1;
    return schema_is_refused(keyword);
}

static json_t *loosened_value(const char *keyword, json_t *value, int limits)
{
    static const char *const maps[] = {"properties", "$defs", "definitions"};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        if (!strcmp(keyword, maps[i]) && json_is_object(value)) return loosened_map(value, limits);
    if (!strcmp(keyword, "anyOf") || !strcmp(keyword, "oneOf") || !strcmp(keyword, "allOf") ||
        !strcmp(keyword, "prefixItems"))
        return loosened_list(value, limits);
    if (!strcmp(keyword, "items") || !strcmp(keyword, "additionalProperties") || !strcmp(keyword, "additionalItems"))
        return schema_loosened(value, limits);
    return json_incref(value);
}

json_t *schema_loosened(const json_t *schema, int limits)
{
    json_t *value, *given = json_object_get(schema, "enum"), *looser;
    const char *keyword;
    if (json_is_array(schema)) return loosened_list(schema, limits);
    if (!json_is_object(schema)) return json_incref((json_t *)schema);
    if (given) return json_pack("{s:O}", "enum", given); /* no keyword may be beside it */
    if (!(looser = json_object())) return NULL;
    json_object_foreach((json_t *)schema, keyword, value) if (!is_dropped(keyword, limits))
        json_object_set_new(looser, keyword, loosened_value(keyword, value, limits));
    return looser;
}
