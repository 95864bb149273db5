/* regex_class.h - sets of characters inside a regular expression: classes and escapes. GBNF has them too. */
#ifndef WKV_TEXT_GRAMMAR_REGEX_CLASS_H
#define WKV_TEXT_GRAMMAR_REGEX_CLASS_H

#include "text/grammar/syntax.h"

enum { MOST_RANGES = 2048 };

typedef struct {
    code_range at[MOST_RANGES + 1];
    int n;
} code_set;

/* A text that is read, and what it is, for messages ("the regular expression"). */
typedef struct {
    const char *begin, *at, *end;
    const char *what;
} source;

int source_fail(const source *r, int code, const char *why); /* with the place; returns code */
/* The next character, which is consumed. WKV_EFORMAT: the end, or no UTF-8 */
int source_character(source *r, uint32_t *c);

int code_set_add(code_set *s, uint32_t from, uint32_t to); /* WKV_EUNSUPPORTED: too many ranges */
int code_set_complement(code_set *s);
int code_set_dot(code_set *s); /* all but the ends of lines */

/* After a backslash: the set of its characters. WKV_EFORMAT, WKV_EUNSUPPORTED */
int read_escape(source *r, code_set *s, int in_class);
/* After "[": up to and with "]". */
int read_class(source *r, code_set *s);

#endif
