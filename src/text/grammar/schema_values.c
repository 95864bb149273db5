/* schema_values.c - objects, arrays, strings and numbers of a schema. */
#include "base/error.h"
#include "text/grammar/regex.h"
#include "text/grammar/schema.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- objects ----------------------------------------------------------------------------------------------------- */

enum { MOST_PROPERTIES = 1000, MOST_NAME = 1000, MOST_NAMES = 1 << 16 /* bytes */ };

typedef struct {
    const char *name;
    int value, required;
} property;

typedef struct {
    property *at;
    int n, cap;
    int additional; /* the node of a member with another key; NOTHING: there are none */
} members;

static int add_property(schema_reader *r, members *m, const char *name, int value, int required)
{
    if (m->n == MOST_PROPERTIES)
        return schema_fail(r, WKV_EUNSUPPORTED, "more than %d properties in one object", MOST_PROPERTIES);
    if (m->n == m->cap) {
        const int cap = 2 * m->cap + 16;
        property *grown = realloc(m->at, (size_t)cap * sizeof *grown);
        if (!grown) return fail(WKV_ENOMEM, "no memory for a schema");
        m->at = grown, m->cap = cap;
    }
    m->at[m->n++] = (property){name, value, required};
    return 0;
}

static int is_required(const json_t *list, const char *name)
{
    json_t *one;
    size_t i;
    json_array_foreach(list, i, one) if (json_is_string(one) && !strcmp(json_string_value(one), name)) return 1;
    return 0;
}

static int knows(const members *m, const char *name)
{
    for (int i = 0; i < m->n; i++)
        if (!strcmp(m->at[i].name, name)) return 1;
    return 0;
}

/* Properties in the order of the schema, and behind them those that are only required. rest: of another key's value */
static int read_properties(schema_reader *r, const json_t *schema, const json_t *rest, members *m)
{
    const json_t *list = json_object_get(schema, "properties"), *required = json_object_get(schema, "required");
    const char *name;
    json_t *value;
    size_t i;
    int err = 0, node;
    if (list && !json_is_object(list)) return schema_fail(r, WKV_EFORMAT, "properties is not an object");
    if (required && !json_is_array(required)) return schema_fail(r, WKV_EFORMAT, "required is not a list");
    if (json_array_size(required) > MOST_PROPERTIES)
        return schema_fail(r, WKV_EUNSUPPORTED, "more than %d names in required", MOST_PROPERTIES);
    json_object_foreach((json_t *)list, name, value)
    {
        if (err) return err;
        err = schema_child(r, value, "properties", name, &node);
        if (!err) err = add_property(r, m, name, node, is_required(required, name));
    }
    json_array_foreach(required, i, value)
    {
        name = json_string_value(value);
        if (err || !name) return err ? err : schema_fail(r, WKV_EFORMAT, "required is not a list of strings");
        if (knows(m, name)) continue;
        node = schema_any(r);
        if (rest) err = schema_child(r, rest, "additionalProperties", NULL, &node);
        if (!err) err = add_property(r, m, name, node, 1);
    }
    return err;
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* A key that is none of the properties, and its value. */
static int other_member(schema_reader *r, const members *m, int value)
{
    const char **names = malloc(((size_t)m->n + 1) * sizeof *names);
    if (!names) {
        r->s->err = fail(WKV_ENOMEM, "no memory for a schema");
        return NOTHING;
    }
    size_t bytes = 0;
    for (int i = 0; i < m->n; i++) {
        names[i] = m->at[i].name;
        bytes += strlen(names[i]);
        if (strlen(names[i]) > MOST_NAME && !r->s->err)
            r->s->err = schema_fail(r, WKV_EUNSUPPORTED,
                                    "a property with more than %d bytes beside additionalProperties", MOST_NAME);
    }
    if (bytes > MOST_NAMES && !r->s->err)
        r->s->err = schema_fail(r, WKV_EUNSUPPORTED,
                                "properties with names of %zu bytes beside additionalProperties, expected at most %d",
                                bytes, MOST_NAMES);
    if (r->s->err) {
        free(names);
        return NOTHING;
    }
    qsort(names, (size_t)m->n, sizeof *names, by_text);
    const int key = syntax_json_other_string(r->s, names, m->n);
    free(names);
    return sequence_of(r->s, key, syntax_json_separator(r->s, ":"), value);
}

static int member_of(syntax *s, const property *p)
{
    json_t *key = json_string(p->name);
    const int name = key ? syntax_json_given(s, key) : EMPTY;
    if (!key) s->err = fail(WKV_ENOMEM, "no memory for a schema");
    json_decref(key);
    return sequence_of(s, name, syntax_json_separator(s, ":"), p->value);
}

/* From the last property to the first: the rest of the object where a member is next (`begun`), and where a comma and
 * one more, or the end, are (`ended`). */
static int join_members(schema_reader *r, const members *m)
{
    syntax *s = r->s;
    const int comma = syntax_json_separator(s, ","), close = syntax_text(s, "}");
    const int more = syntax_repeat(s, sequence_of(s, comma, m->additional), 0, NO_LIMIT);
    int ended = m->additional == NOTHING ? close : sequence_of(s, more, close), may_end = 1;
    int begun = m->additional == NOTHING ? NOTHING : sequence_of(s, m->additional, ended);
    for (int i = m->n - 1; i >= 0; i--) {
        const int with = sequence_of(s, member_of(s, m->at + i), ended);
        begun = m->at[i].required || begun == NOTHING ? with : choice_of(s, with, begun);
        may_end = may_end && !m->at[i].required;
        ended = sequence_of(s, comma, begun);
        if (may_end) ended = choice_of(s, ended, close);
    }
    return sequence_of(s, syntax_text(s, "{"), may_end ? choice_of(s, begun, close) : begun);
}

int schema_object(schema_reader *r, const json_t *schema, int *node)
{
    const json_t *rest = json_object_get(schema, "additionalProperties");
    members m = {.additional = NOTHING};
    int value = NOTHING, err = read_properties(r, schema, rest, &m);
    if (!err && rest) err = schema_child(r, rest, "additionalProperties", NULL, &value);
    if (!err && !rest && !m.n) value = schema_any(r);
    if (!err && value != NOTHING) m.additional = other_member(r, &m, value);
    if (!err) *node = join_members(r, &m);
    free(m.at);
    return err;
}

/* ---- arrays ------------------------------------------------------------------------------------------------------ */

/* The items of a list at the front, each with the rest behind it, from the last to the first. */
static int join_items(schema_reader *r, const int *front, int n, int item, int min, int max)
{
    syntax *s = r->s;
    const int comma = syntax_json_separator(s, ","), close = syntax_text(s, "]"), more = sequence_of(s, comma, item);
    const int shown = n < max ? n : max, others = max == NO_LIMIT ? NO_LIMIT : max - shown,
              least = min > shown ? min - shown : 0;
    int rest, begun = NOTHING;
    if (item == NOTHING || !others)
        rest = least ? NOTHING : close;
    else {
        rest = sequence_of(s, syntax_repeat(s, more, least, others), close);
        begun = sequence_of(
            s, item, syntax_repeat(s, more, least ? least - 1 : 0, others == NO_LIMIT ? others : others - 1), close);
    }
    for (int i = shown - 1; i >= 0; i--) {
        begun = sequence_of(s, front[i], rest);
        rest = sequence_of(s, comma, begun);
        if (i >= min) rest = choice_of(s, rest, close);
    }
    return sequence_of(s, syntax_text(s, "["), min > 0 ? begun : choice_of(s, begun, close));
}

int schema_array(schema_reader *r, const json_t *schema, int *node)
{
    const json_t *front = json_object_get(schema, "prefixItems"), *items = json_object_get(schema, "items");
    int min, max, item = NOTHING, err = schema_count(r, schema, "minItems", 0, &min);
    if (!err) err = schema_count(r, schema, "maxItems", NO_LIMIT, &max);
    if (!err && json_is_array(items)) { /* the form before 2020-12 */
        if (front) return schema_fail(r, WKV_EFORMAT, "items is a list beside prefixItems");
        front = items;
        items = json_object_get(schema, "additionalItems");
    }
    if (err) return err;
    if (front && !json_is_array(front)) return schema_fail(r, WKV_EFORMAT, "prefixItems is not a list");
    const int n = (int)json_array_size(front);
    int *nodes = malloc(((size_t)n + 1) * sizeof *nodes);
    if (!nodes) return fail(WKV_ENOMEM, "no memory for a schema");
    if (n > MOST_PROPERTIES) err = schema_fail(r, WKV_EUNSUPPORTED, "more than %d prefixItems", MOST_PROPERTIES);
    for (int i = 0; i < n && !err; i++)
        err = schema_child(r, json_array_get(front, (size_t)i), "prefixItems", NULL, nodes + i);
    if (!err && items) err = schema_child(r, items, "items", NULL, &item);
    if (!err && !items && (!front || min > n)) item = schema_any(r);
    if (!err) *node = join_items(r, nodes, n, item, min, max);
    free(nodes);
    return err;
}

/* ---- strings ----------------------------------------------------------------------------------------------------- */

#define LABEL "[A-Za-z0-9]{1,15}(-[A-Za-z0-9]{1,15}){0,2}"
#define HOST LABEL "(\\." LABEL "){0,4}"
#define DATE                                                                                                           \
    "[12]\\d{3}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)|02-(0[1-9]|1\\d|2[0-8]))"
#define TIME "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,6})?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)"
#define H4 "[0-9a-fA-F]{1,4}"
#define COUNT "\\d{1,4}"
#define CLOCK "T(" COUNT "H(" COUNT "M(" COUNT "S)?)?|" COUNT "M(" COUNT "S)?|" COUNT "S)"
#define URI_TEXT "([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*"

/* Texts that are of the format; not all of them. */
static const struct {
    const char *name, *pattern;
} formats[] = {
    {"date", DATE},
    {"time", TIME},
    {"date-time", DATE "T" TIME},
    {"duration",
     "P(" COUNT "W|" CLOCK "|(" COUNT "Y(" COUNT "M(" COUNT "D)?)?|" COUNT "M(" COUNT "D)?|" COUNT "D)(" CLOCK ")?)"},
    {"uuid", "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"},
    {"email", "[A-Za-z0-9_+-]{1,20}(\\.[A-Za-z0-9_+-]{1,20}){0,2}@" LABEL "(\\." LABEL "){0,3}\\.[A-Za-z]{2,12}"},
    {"hostname", HOST},
    {"ipv4", "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)(\\.(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)){3}"},
    {"ipv6",
     H4 "(:" H4 "){7}|::(" H4 "(:" H4 "){0,5})?|" H4 "::(" H4 "(:" H4 "){0,4})?|(" H4 ":){2}:(" H4 "(:" H4 "){0,3})?"},
    {"uri", "[a-z][a-z0-9+.-]{1,15}://" HOST "(:[1-9]\\d{0,3})?(/" URI_TEXT ")*(\\?" URI_TEXT ")?(#" URI_TEXT ")?"}};

static const char *const other_formats[] = {"idn-email",     "idn-hostname",          "iri",
                                            "iri-reference", "uri-reference",         "uri-template",
                                            "json-pointer",  "relative-json-pointer", "regex"};

/* The pattern of a format; NULL: of JSON Schema's formats it is none, which then says nothing. */
static int find_format(const schema_reader *r, const json_t *format, const char **pattern)
{
    const char *name = json_string_value(format);
    *pattern = NULL;
    if (!name) return schema_fail(r, WKV_EFORMAT, "format is not a string");
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (!strcmp(name, formats[i].name)) *pattern = formats[i].pattern;
    for (size_t i = 0; i < sizeof other_formats / sizeof *other_formats; i++)
        if (!strcmp(name, other_formats[i]))
            return schema_fail(r, WKV_EUNSUPPORTED, "format %s is not supported", name);
    return 0;
}

int schema_string(schema_reader *r, const json_t *schema, int *node)
{
    const json_t *pattern = json_object_get(schema, "pattern"), *format = json_object_get(schema, "format");
    const char *text = pattern ? json_string_value(pattern) : NULL;
    int inside, err;
    regex_use use = {syntax_json_characters, pattern != NULL, 0, NO_LIMIT};
    if (pattern && !text) return schema_fail(r, WKV_EFORMAT, "pattern is not a string");
    err = schema_count(r, schema, "minLength", 0, &use.min);
    if (!err) err = schema_count(r, schema, "maxLength", NO_LIMIT, &use.max);
    if (!err && format) {
        const char *of_format;
        err = find_format(r, format, &of_format);
        if (!err && text && of_format) err = schema_fail(r, WKV_EUNSUPPORTED, "pattern beside format is not supported");
        if (of_format) text = of_format;
    }
    if (err) return err;
    if (!text) {
        *node = syntax_json_string(r->s, use.min, use.max);
        return 0;
    }
    err = regex_read(&inside, r->s, text, strlen(text), &use);
    const int quote = syntax_text(r->s, "\"");
    *node = sequence_of(r->s, quote, inside, quote);
    return err ? fail_prefix(err, "schema %s: %s", r->path, pattern ? "pattern" : "format") : 0;
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

static const char *const bounds[] = {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"};

/* 10^15 - 1 unless a bound is beyond; then 10^18 - 1. */
static const int64_t usual = 999999999999999, farthest = 999999999999999999;

/* Narrow [*least, *most] by one keyword, the number `which` of the bounds. */
static int narrow(const schema_reader *r, const json_t *value, int which, int64_t *least, int64_t *most)
{
    const int below = which < 2, exclusive = which & 1;
    double x = json_number_value(value);
    if (!json_is_number(value)) return schema_fail(r, WKV_EFORMAT, "%s is not a number", bounds[which]);
    if (x > 1e18) x = 1e18;
    if (x < -1e18) x = -1e18;
    int64_t bound = below ? (int64_t)ceil(x) : (int64_t)floor(x);
    if (json_is_integer(value) && json_number_value(value) == x) bound = json_integer_value(value);
    if (exclusive && (double)bound == x) bound += below ? 1 : -1;
    if (below && bound > *least) *least = bound;
    if (!below && bound < *most) *most = bound;
    return 0;
}

int schema_integer(schema_reader *r, const json_t *schema, int *node)
{
    int64_t least = -farthest, most = farthest;
    int any_bound = 0, err = 0;
    for (int i = 0; i < 4 && !err; i++) {
        const json_t *value = json_object_get(schema, bounds[i]);
        if (value) err = narrow(r, value, i, &least, &most), any_bound = 1;
    }
    if (err) return err;
    if (least == -farthest && most >= -usual) least = -usual;
    if (most == farthest && least <= usual) most = usual;
    *node = any_bound ? syntax_json_integer_between(r->s, least, most) : syntax_json_integer(r->s);
    return 0;
}

/* ---- all types --------------------------------------------------------------------------------------------------- */

static int schema_number(schema_reader *r, const json_t *schema, int *node)
{
    for (int i = 0; i < 4; i++)
        if (json_object_get(schema, bounds[i]))
            return schema_fail(r, WKV_EUNSUPPORTED, "keyword %s is supported for type integer only", bounds[i]);
    *node = syntax_json_number(r->s);
    return 0;
}

int schema_typed(schema_reader *r, const json_t *schema, int *node)
{
    int types, nodes[7], n = 0, err = schema_types(r, schema, &types);
    if (err) return err;
    if (types == ALL_TYPES && !json_object_get(schema, "type")) {
        *node = schema_any(r);
        return 0;
    }
    if (types & TYPE_OBJECT && !err) err = schema_object(r, schema, nodes + n++);
    if (types & TYPE_ARRAY && !err) err = schema_array(r, schema, nodes + n++);
    if (types & TYPE_STRING && !err) err = schema_string(r, schema, nodes + n++);
    if (types & TYPE_NUMBER && !err) err = schema_number(r, schema, nodes + n++);
    if (types & TYPE_INTEGER && !(types & TYPE_NUMBER) && !err) err = schema_integer(r, schema, nodes + n++);
    if (types & TYPE_BOOLEAN) nodes[n++] = choice_of(r->s, syntax_text(r->s, "true"), syntax_text(r->s, "false"));
    if (types & TYPE_NULL) nodes[n++] = syntax_text(r->s, "null");
    if (!err) *node = syntax_list(r->s, SYNTAX_CHOICE, nodes, n);
    return err;
}
