/* builtin.h - the vocabularies inside the library: World and GPT-NeoX 20B, as published, compressed with gzip. */
#ifndef WKV_TEXT_BUILTIN_H
#define WKV_TEXT_BUILTIN_H

#include "text/tokenizer.h"

/* The vocabulary of that name ("world", "20B", ignoring case) as a tokenizer with the name as its path. WKV_EARG:
 * unknown name; WKV_EUNSUPPORTED: a build without byte pair encoding, for 20B. */
int tokenizer_open_builtin(wkv_tokenizer **out, const char *name);
/* The uncompressed file; the caller frees it. */
int builtin_text(char **text, size_t *bytes, const char *name);
int builtin_has(const char *name);

#endif
