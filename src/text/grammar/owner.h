/* owner.h - the tokenizer that a grammar is compiled for. */
#ifndef WKV_TEXT_GRAMMAR_OWNER_H
#define WKV_TEXT_GRAMMAR_OWNER_H

#include "wkv_grammar.h"

const wkv_tokenizer *grammar_tokenizer(const wkv_grammar *g);

#endif
