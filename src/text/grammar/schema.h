/* schema.h - JSON Schema into a syntax tree. */
#ifndef WKV_TEXT_GRAMMAR_SCHEMA_H
#define WKV_TEXT_GRAMMAR_SCHEMA_H

#include "text/grammar/json_syntax.h"

/* Read a schema into a rule. WKV_EFORMAT: no JSON, or a keyword with a value that the standard does not have;
 * WKV_EUNSUPPORTED: a keyword, with its place; WKV_ENOMEM */
int schema_read(syntax *s, int rule, const char *text, size_t bytes);
int schema_read_value(syntax *s, int rule, const json_t *schema);

/* ---- inside ------------------------------------------------------------------------------------------------------ */

typedef struct {
    const json_t *schema;
    char *path; /* for messages */
    int rule;
} schema_rule;

typedef struct {
    syntax *s;
    const json_t *root;
    json_t *made;  /* an array of the schemas that were merged, which live as long */
    size_t merged; /* keywords, properties and required names of them */
    int any;       /* the node of any value; -1: not made yet */
    int depth;
    int n, cap, done; /* rules, those before `done` have their node */
    schema_rule *rules;
    int *table, table_cap; /* of rules by their schema */
    size_t path_used;
    char path[400]; /* of the schema, "#/properties/a" */
} schema_reader;

/* All return 0 and the node, or a code with a sentence. */
int schema_node(schema_reader *r, const json_t *schema, int *node);
int schema_typed(schema_reader *r, const json_t *schema,
                 int *node); /* without $ref, allOf, anyOf, oneOf, enum, const */
int schema_object(schema_reader *r, const json_t *schema, int *node);
int schema_array(schema_reader *r, const json_t *schema, int *node);
int schema_string(schema_reader *r, const json_t *schema, int *node);
int schema_integer(schema_reader *r, const json_t *schema, int *node);
int schema_child(schema_reader *r, const json_t *schema, const char *keyword, const char *name, int *node);
int schema_any(schema_reader *r);

/* "schema #/properties/a: ..." */
int schema_fail(const schema_reader *r, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A limit that is a natural number, or `otherwise`. WKV_EFORMAT */
int schema_count(const schema_reader *r, const json_t *schema, const char *keyword, int otherwise, int *n);

/* Does the keyword say nothing about values? Those that no vocabulary of JSON Schema has do not either. */
int schema_is_annotation(const char *keyword);
int schema_is_refused(const char *keyword);
/* A new schema without keywords that are not supported. keeps: parts without schemas in them stay as they are, if they
 * are supported alone; else limits of strings and numbers are dropped everywhere. NULL: no memory. */
json_t *schema_loosened(const json_t *schema, int keeps);
/* Refuse keywords that are not supported. */
int schema_check_keywords(const schema_reader *r, const json_t *schema);
/* A new schema for what satisfies both. The reader keeps it. */
int schema_merge(schema_reader *r, const json_t *a, const json_t *b, const json_t **both);
/* The types that a schema has or, without "type", those that its keywords are about; all if there are none. */
enum {
    TYPE_OBJECT = 1,
    TYPE_ARRAY = 2,
    TYPE_STRING = 4,
    TYPE_NUMBER = 8,
    TYPE_INTEGER = 16,
    TYPE_BOOLEAN = 32,
    TYPE_NULL = 64,
    ALL_TYPES = 127
};
int schema_types(const schema_reader *r, const json_t *schema, int *types);
int schema_type_set(const schema_reader *r, const json_t *type, int *types); /* of the value of "type" */
json_t *schema_type_names(int types);                                        /* a new value of "type" */

#endif
