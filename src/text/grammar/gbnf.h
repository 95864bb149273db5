/* gbnf.h - GBNF, the grammars of llama.cpp, into a syntax tree. */
#ifndef WKV_TEXT_GRAMMAR_GBNF_H
#define WKV_TEXT_GRAMMAR_GBNF_H

#include "text/grammar/syntax.h"

/* Read a grammar; its rule "root" becomes rule 0. WKV_EFORMAT, WKV_EUNSUPPORTED, WKV_ENOMEM */
int gbnf_read(syntax *s, const char *text, size_t bytes);

#endif
