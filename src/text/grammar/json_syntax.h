/* json_syntax.h - JSON values in a syntax tree: strings, numbers, a given value, any value.
 *
 * Values are written without blanks, but for at most one space after "," and ":", unless the tree is `compact`. */
#ifndef WKV_TEXT_GRAMMAR_JSON_SYNTAX_H
#define WKV_TEXT_GRAMMAR_JSON_SYNTAX_H

#include "base/json.h"
#include "text/grammar/syntax.h"

/* Digits of numbers: before the point, behind it, and of the exponent. */
enum { JSON_DIGITS = 15, JSON_FRACTION = 15, JSON_EXPONENT = 2 };

/* One character of a string, in every form that JSON has for it; a string of so many. */
int syntax_json_character(syntax *s);
int syntax_json_string(syntax *s, int min, int max);
/* Some characters of a string (regex_characters): escaped only where JSON demands it, so that each has one form. */
int syntax_json_characters(syntax *s, const code_range *ranges, int n);
/* A string that is none of n texts, each ended by a zero byte and in order. Characters have one form. */
int syntax_json_other_string(syntax *s, const char *const *texts, int n);

int syntax_json_integer(syntax *s);
int syntax_json_integer_between(syntax *s, int64_t least, int64_t most);
int syntax_json_number(syntax *s);
int syntax_json_any(syntax *s); /* any value; call once for a tree */
int syntax_json_given(syntax *s, const json_t *value);
int syntax_json_separator(syntax *s, const char *mark); /* "," or ":", and perhaps a space */

#endif
