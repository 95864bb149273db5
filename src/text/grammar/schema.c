/* schema.c - one schema: its alternatives, references and given values. */
#include "text/grammar/schema.h"
#include "base/error.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DEPTH = 256 };

int schema_fail(const schema_reader *r, int code, const char *fmt, ...)
{
    char text[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return fail(code, "schema %s: %s", r->path, text);
}

/* ---- children ---------------------------------------------------------------------------------------------------- */

static void enter(schema_reader *r, const char *keyword, const char *name)
{
    const int n =
        snprintf(r->path + r->path_used, sizeof r->path - r->path_used, name ? "/%s/%s" : "/%s", keyword, name);
    r->path_used += (size_t)n;
    if (r->path_used >= sizeof r->path) r->path_used = sizeof r->path - 1;
}

int schema_child(schema_reader *r, const json_t *schema, const char *keyword, const char *name, int *node)
{
    const size_t before = r->path_used;
    if (keyword) enter(r, keyword, name);
    int err =
        r->depth >= MOST_DEPTH ? schema_fail(r, WKV_EUNSUPPORTED, "more than %d schemas in each other", MOST_DEPTH) : 0;
    r->depth++;
    if (!err) err = schema_node(r, schema, node);
    r->depth--;
    r->path[r->path_used = before] = 0;
    return err;
}

int schema_any(schema_reader *r)
{
    if (r->any < 0) r->any = syntax_json_any(r->s);
    return r->any;
}

int schema_count(const schema_reader *r, const json_t *schema, const char *keyword, int otherwise, int *n)
{
    const json_t *value = json_object_get(schema, keyword);
    *n = otherwise;
    if (!value) return 0;
    const double x = json_number_value(value);
    if (!json_is_number(value) || x < 0 || x != (double)(int64_t)(x < 1e15 ? x : 1e15))
        return schema_fail(r, WKV_EFORMAT, "%s is not a natural number", keyword);
    *n = x < NO_LIMIT ? (int)x : NO_LIMIT;
    return 0;
}

/* ---- references -------------------------------------------------------------------------------------------------- */

static uint32_t slot_of(const schema_reader *r, const json_t *schema)
{
    uint32_t at = (uint32_t)((uintptr_t)schema >> 4) * 0x9e3779b1u;
    at = (at ^ at >> 15) & (uint32_t)(r->table_cap - 1);
    while (r->table[at] && r->rules[r->table[at] - 1].schema != schema) at = (at + 1) & (uint32_t)(r->table_cap - 1);
    return at;
}

static int grow_rules(schema_reader *r)
{
    if (r->n < r->cap) return 0;
    const int cap = 2 * r->cap + 64;
    schema_rule *rules = realloc(r->rules, (size_t)cap * sizeof *rules);
    if (rules) r->rules = rules;
    int *table = calloc(4 * (size_t)cap, sizeof *table);
    if (!rules || !table) {
        free(table);
        return fail(WKV_ENOMEM, "no memory for a schema");
    }
    r->cap = cap;
    free(r->table);
    for (r->table = table, r->table_cap = 1; r->table_cap < 3 * cap;) r->table_cap *= 2;
    if (r->table_cap > 4 * cap) r->table_cap /= 2;
    for (int i = 0; i < r->n; i++) r->table[slot_of(r, r->rules[i].schema)] = i + 1;
    return 0;
}

/* A reference to a schema: its rule, which is read later. */
static int refer(schema_reader *r, const json_t *schema, const char *path, int *node)
{
    int err = grow_rules(r);
    if (err) return err;
    const uint32_t at = slot_of(r, schema);
    if (!r->table[at]) {
        char *copy = strdup(path);
        if (!copy) return fail(WKV_ENOMEM, "no memory for a schema");
        r->rules[r->n] = (schema_rule){schema, copy, syntax_new_rule(r->s)};
        r->table[at] = ++r->n;
    }
    *node = syntax_rule(r->s, r->rules[r->table[at] - 1].rule);
    return 0;
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* One step of a JSON pointer in a fragment: up to the next "/", with ~0, ~1 and %XX decoded. */
static const char *read_step(const char *from, char *out, size_t cap)
{
    size_t n = 0;
    for (; *from && *from != '/'; from++) {
        char c = *from;
        if (c == '%' && hex(from[1]) >= 0 && hex(from[2]) >= 0) c = (char)(hex(from[1]) << 4 | hex(from[2])), from += 2;
        if (c == '~' && (from[1] == '0' || from[1] == '1')) c = *++from == '0' ? '~' : '/';
        if (n + 1 < cap) out[n++] = c;
    }
    out[n] = 0;
    return from;
}

static int find_target(const schema_reader *r, const json_t *ref, const json_t **target)
{
    const char *text = json_string_value(ref), *at = text;
    const json_t *now = r->root;
    char step[512];
    if (!text) return schema_fail(r, WKV_EFORMAT, "$ref is not a string");
    if (*at != '#' || (at[1] && at[1] != '/'))
        return schema_fail(r, WKV_EUNSUPPORTED, "$ref \"%s\" is not supported, only those within the schema, \"#/...\"",
                           text);
    for (at++; now && *at == '/';) {
        at = read_step(at + 1, step, sizeof step);
        now = json_is_array(now) ? json_array_get(now, (size_t)strtoul(step, NULL, 10)) : json_object_get(now, step);
    }
    if (!now) return schema_fail(r, WKV_EFORMAT, "$ref \"%s\" leads to nothing", text);
    *target = now;
    return 0;
}

/* ---- alternatives ------------------------------------------------------------------------------------------------ */

static const char *const combiners[] = {"$ref", "allOf", "anyOf", "oneOf"};
enum { COMBINERS = 4 };

static int alternatives(schema_reader *r, const json_t *list, const char *keyword, const json_t *beside, int *node)
{
    const size_t n = json_array_size(list);
    if (!n) return schema_fail(r, WKV_EFORMAT, "%s is not a list of schemas", keyword);
    int *nodes = malloc(n * sizeof *nodes), err = nodes ? 0 : fail(WKV_ENOMEM, "no memory for a schema");
    for (size_t i = 0; i < n && !err; i++) {
        const json_t *one = json_array_get(list, i);
        char number[24];
        snprintf(number, sizeof number, "%zu", i);
        if (beside) err = schema_merge(r, beside, one, &one);
        if (!err) err = schema_child(r, one, keyword, number, nodes + i);
    }
    if (!err) *node = syntax_list(r->s, SYNTAX_CHOICE, nodes, (int)n);
    free(nodes);
    return err;
}

/* All schemas of the list, and `beside` unless NULL, as one. */
static int all_of(schema_reader *r, const json_t *list, const json_t *beside, int *node)
{
    const json_t *both = beside;
    const size_t n = json_array_size(list);
    int err = n ? 0 : schema_fail(r, WKV_EFORMAT, "allOf is not a list of schemas");
    for (size_t i = 0; i < n && !err; i++) {
        const json_t *one = json_array_get(list, i);
        if (!both)
            both = one;
        else
            err = schema_merge(r, both, one, &both);
    }
    return err ? err : schema_child(r, both, NULL, NULL, node);
}

/* A schema with one of the combiners, and others beside it, or none. */
static int combine(schema_reader *r, const json_t *schema, const char *combiner, int alone, int *node)
{
    const json_t *value = json_object_get(schema, combiner), *target, *rest = NULL;
    int err = 0;
    if (!alone) {
        json_t *copy = json_copy((json_t *)schema);
        if (!copy || json_object_del(copy, combiner) || json_array_append_new(r->made, copy))
            return fail(WKV_ENOMEM, "no memory for a schema");
        rest = copy;
    }
    if (!strcmp(combiner, "allOf")) return all_of(r, value, rest, node);
    if (strcmp(combiner, "$ref")) return alternatives(r, value, combiner, rest, node);
    err = find_target(r, value, &target);
    if (err || alone) return err ? err : refer(r, target, json_string_value(value), node);
    err = schema_merge(r, target, rest, &target); /* the target's properties come first */
    return err ? err : schema_child(r, target, NULL, NULL, node);
}

/* ---- given values ------------------------------------------------------------------------------------------------ */

static int type_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: return TYPE_OBJECT;
    case JSON_ARRAY: return TYPE_ARRAY;
    case JSON_STRING: return TYPE_STRING;
    case JSON_INTEGER: return TYPE_INTEGER | TYPE_NUMBER;
    case JSON_REAL: {
        const double x = json_real_value(value);
        return x > -1e15 && x < 1e15 && x == (double)(int64_t)x ? TYPE_INTEGER | TYPE_NUMBER : TYPE_NUMBER;
    }
    case JSON_NULL: return TYPE_NULL;
    default: return TYPE_BOOLEAN;
    }
}

/* enum and const: the values of the types that the schema has. */
static int given(schema_reader *r, const json_t *schema, int *node)
{
    const json_t *one = json_object_get(schema, "const"), *list = json_object_get(schema, "enum"), *value;
    const char *keyword;
    int types = ALL_TYPES, n = 0, err = 0;
    size_t i;
    json_object_foreach((json_t *)schema, keyword, value)
    {
        if (!strcmp(keyword, "const") || !strcmp(keyword, "enum") || schema_is_annotation(keyword)) continue;
        if (strcmp(keyword, "type"))
            return schema_fail(r, WKV_EUNSUPPORTED, "keyword %s beside enum or const is not supported", keyword);
        err = schema_type_set(r, value, &types);
    }
    if (err) return err;
    if (list && !json_is_array(list)) return schema_fail(r, WKV_EFORMAT, "enum is not a list");
    if (!list) {
        *node = type_of(one) & types ? syntax_json_given(r->s, one) : NOTHING;
        return 0;
    }
    int *nodes = malloc((json_array_size(list) + 1) * sizeof *nodes);
    if (!nodes) return fail(WKV_ENOMEM, "no memory for a schema");
    json_array_foreach(list, i, value) if ((type_of(value) & types) && (!one || json_equal(one, value))) nodes[n++] =
        syntax_json_given(r->s, value);
    *node = syntax_list(r->s, SYNTAX_CHOICE, nodes, n);
    free(nodes);
    return 0;
}

/* ---- a schema ---------------------------------------------------------------------------------------------------- */

/* Is there nothing but the keyword that says something about values? */
static int is_alone(const json_t *schema, const char *keyword)
{
    const char *other;
    json_t *value;
    json_object_foreach((json_t *)schema, other,
                        value) if (strcmp(other, keyword) && !schema_is_annotation(other)) return 0;
    return 1;
}

static int node_of(schema_reader *r, const json_t *schema, int *node)
{
    for (int i = 0; i < COMBINERS; i++)
        if (json_object_get(schema, combiners[i]))
            return combine(r, schema, combiners[i], is_alone(schema, combiners[i]), node);
    if (json_object_get(schema, "enum") || json_object_get(schema, "const")) return given(r, schema, node);
    return schema_typed(r, schema, node);
}

int schema_node(schema_reader *r, const json_t *schema, int *node)
{
    *node = NOTHING;
    if (json_is_false(schema)) return 0;
    if (json_is_true(schema)) {
        *node = schema_any(r);
        return 0;
    }
    if (!json_is_object(schema)) return schema_fail(r, WKV_EFORMAT, "a schema is an object, true or false");
    int err = schema_check_keywords(r, schema);
    if (err) return err;
    /* what is beside a $ref is merged with its target, which may contain the same place again */
    if (json_object_get(schema, "$ref") && !is_alone(schema, "$ref")) return refer(r, schema, r->path, node);
    err = node_of(r, schema, node);
    return err ? err : r->s->err;
}

/* The schema and, behind it, all that it refers to. */
static int read_all(schema_reader *r, int *root)
{
    int node, err = schema_node(r, r->root, root);
    for (; r->done < r->n && !err; r->done++) {
        const json_t *schema = r->rules[r->done].schema;
        snprintf(r->path, sizeof r->path, "%s", r->rules[r->done].path);
        r->path_used = strlen(r->path);
        /* a schema with more beside its $ref is here to be merged */
        const int merges = json_is_object(schema) && json_object_get(schema, "$ref") && !is_alone(schema, "$ref");
        err = merges ? node_of(r, schema, &node) : schema_node(r, schema, &node);
        if (!err) syntax_set_rule(r->s, r->rules[r->done].rule, node);
    }
    return err ? err : r->s->err;
}

static int is_word(const char *text, size_t bytes, const char *word)
{
    while (bytes && strchr(" \t\r\n", *text) && *text) text++, bytes--;
    while (bytes && strchr(" \t\r\n", text[bytes - 1]) && text[bytes - 1]) bytes--;
    return bytes == strlen(word) && !memcmp(text, word, bytes);
}

int schema_read_value(syntax *s, int rule, const json_t *root)
{
    schema_reader r = {.s = s, .root = root, .any = -1, .path = "#", .path_used = 1};
    int node = NOTHING;
    r.made = json_array();
    const int err = r.made ? read_all(&r, &node) : fail(WKV_ENOMEM, "no memory for a schema");
    if (!err) syntax_set_rule(s, rule, node);
    json_decref(r.made);
    for (int i = 0; i < r.n; i++) free(r.rules[i].path);
    free(r.rules);
    free(r.table);
    return err;
}

int schema_read(syntax *s, int rule, const char *text, size_t bytes)
{
    if (bytes > MOST_TEXT)
        return fail(WKV_EUNSUPPORTED, "the schema has %zu bytes, expected at most %d", bytes, MOST_TEXT);
    json_t *root = is_word(text, bytes, "true") ? json_true() : is_word(text, bytes, "false") ? json_false() : NULL;
    int err = root ? 0 : json_read(&root, text, bytes, JSON_ALLOW_NUL);
    if (err) return fail_prefix(err, "schema");
    err = schema_read_value(s, rule, root);
    json_decref(root);
    return err;
}
