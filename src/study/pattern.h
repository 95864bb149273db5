/* pattern.h - texts with the fields of an item in them: "Question: {goal}\nAnswer:".
 *
 * {NAME} is a field, {NAME.NAME} a field of an object, or of each object of a list. {{ and }} are braces. Filters
 * follow, from left to right: {sentence|before(_)|strip}
 *
 *   strip, strip_left          remove white space
 *   before(X), after(X)        the text before, after the first X; before_last(X), after_last(X): the last one
 *   drop_last                  remove the last character
 *   lower_first, capitalize    ASCII: first letter lower; first letter upper and the others lower
 *   map(A=B,C=D)               B for the text A
 *   replace(A,B)               B for every A
 *   clean                      as lm-evaluation-harness cleans HellaSwag: " [title]" becomes ". ", brackets with their
 *                              contents and double spaces go
 */
#ifndef WKV_STUDY_PATTERN_H
#define WKV_STUDY_PATTERN_H

#include <jansson.h>

/* The text of a pattern, which the caller frees. WKV_EFORMAT: no such field, a list, or text that a filter cannot take;
 * WKV_ENOMEM. */
int pattern_fill(char **out, const char *pattern, const json_t *item);

/* A pattern that is one field with a list in it: each element as a text. The caller frees list and texts. */
int pattern_list(char ***out, int *n, const char *pattern, const json_t *item);

/* Apply filters to a text: "strip|lower_first". Takes *text and replaces it. */
int pattern_filter(char **text, const char *filters);

/* WKV_EFORMAT: braces that do not match, or a filter that does not exist. */
int pattern_check(const char *pattern);

void pattern_free_list(char **list, int n);

/* The length of the filter that p begins with. WKV_EFORMAT: no filter has this name, or its parentheses are wrong. */
int pattern_filter_length(const char *p);

int pattern_no_memory(void); /* WKV_ENOMEM and its sentence */

#endif
