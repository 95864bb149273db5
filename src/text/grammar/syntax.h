/* syntax.h - the syntax tree of a grammar, which JSON Schema, regular expressions and GBNF are read into.
 *
 * Nodes are indices, and may be shared: the tree is a directed acyclic graph, but for SYNTAX_RULE, which refers to a
 * rule by its number and so allows recursion. A failure (memory, size) is kept in `err`; until it is looked at, the
 * functions return nodes that are safe to use. */
#ifndef WKV_TEXT_GRAMMAR_SYNTAX_H
#define WKV_TEXT_GRAMMAR_SYNTAX_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    SYNTAX_BYTES,    /* bytes[from .. from + n)                                  */
    SYNTAX_CLASS,    /* one character of ranges[from .. from + n), as UTF-8      */
    SYNTAX_SEQUENCE, /* parts[from .. from + n) in order                         */
    SYNTAX_CHOICE,   /* one of parts[from .. from + n)                           */
    SYNTAX_REPEAT,   /* node `from`, min to max times; max NO_LIMIT: or more     */
    SYNTAX_RULE      /* the rule `from`                                          */
} syntax_kind;

enum { MOST_TEXT = 1 << 19 /* bytes of a grammar, a schema or a list of functions */ };
enum { NO_LIMIT = INT32_MAX, EMPTY = 0 /* the node of the empty text */, NOTHING = 1 /* of no text at all */ };

typedef struct {
    syntax_kind kind;
    int from, n;
    int min, max;
} syntax_node;

typedef struct {
    uint32_t from, to; /* code points, both included */
} code_range;

typedef struct {
    syntax_node *nodes;
    int *parts, *rules; /* rules: the node of each */
    char *bytes;
    code_range *ranges;
    int n_nodes, n_parts, n_rules, n_bytes, n_ranges;
    int cap_nodes, cap_parts, cap_rules, cap_bytes, cap_ranges;
    int compact; /* JSON has no space after "," and ":" */
    int err;
} syntax;

int syntax_init(syntax *s); /* rule 0 is the whole output. WKV_ENOMEM */
void syntax_release(syntax *s);

int syntax_bytes(syntax *s, const char *bytes, size_t n);
int syntax_text(syntax *s, const char *text);
int syntax_class(syntax *s, const code_range *ranges, int n); /* ranges in any order; surrogates are left out */
int syntax_list(syntax *s, syntax_kind kind, const int *parts, int n);
int syntax_repeat(syntax *s, int node, int min, int max);
int syntax_rule(syntax *s, int rule);
int syntax_new_rule(syntax *s); /* its number; its node is NOTHING until syntax_set_rule */
void syntax_set_rule(syntax *s, int rule, int node);

#define SYNTAX_PARTS(...) (const int[]){__VA_ARGS__}, (int)(sizeof((const int[]){__VA_ARGS__}) / sizeof(int))
#define sequence_of(s, ...) syntax_list(s, SYNTAX_SEQUENCE, SYNTAX_PARTS(__VA_ARGS__))
#define choice_of(s, ...) syntax_list(s, SYNTAX_CHOICE, SYNTAX_PARTS(__VA_ARGS__))
static inline int optional_of(syntax *s, int node) { return syntax_repeat(s, node, 0, 1); }

/* The code points that are not in the n ranges, which are sorted in place; out has n + 1 places. Returns their number.
 * */
int ranges_complement(code_range *out, code_range *ranges, int n);
int ranges_sort(code_range *ranges, int n); /* in order and apart; returns the new number */

#endif
