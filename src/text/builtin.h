/* builtin.h - the vocabularies inside the library: World and GPT-NeoX 20B, as published, compressed with gzip. */
#ifndef WKV_TEXT_BUILTIN_H
#define WKV_TEXT_BUILTIN_H

#include "text/tokenizer.h"

/* The vocabulary of that name ("world", "20B", in small letters or capitals) as a tokenizer that has the name as its
 * path. WKV_EARG: there is none of that name; WKV_EUNSUPPORTED: a build without byte pair encoding, for 20B. */
int tokenizer_open_builtin(wkv_tokenizer **out, const char *name);
/* The file itself, unpacked, freed by the caller. */
int builtin_text(char **text, size_t *bytes, const char *name);
int builtin_has(const char *name);

#endif
