/* regex.h - regular expressions in the dialect of ECMA 262, without what no automaton decides. */
#ifndef WKV_TEXT_GRAMMAR_REGEX_H
#define WKV_TEXT_GRAMMAR_REGEX_H

#include "text/grammar/syntax.h"

/* The node of characters: the class itself, or what stands for it in a JSON string. */
typedef int regex_characters(syntax *s, const code_range *ranges, int n);

typedef struct {
    regex_characters *characters;
    int anywhere; /* the text has a match somewhere, unless ^ and $ are at its ends; 0: all of it is the match */
    int min, max; /* characters of the text; 0 and NO_LIMIT: any */
} regex_use;

/* *node: the texts of the expression. WKV_EFORMAT, WKV_EUNSUPPORTED, WKV_ENOMEM: without the name of the expression. */
int regex_read(int *node, syntax *s, const char *text, size_t bytes, const regex_use *use);

#endif
