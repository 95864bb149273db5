/* utf8.h - code points and their bytes. */
#ifndef WKV_BASE_UTF8_H
#define WKV_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The bytes of a code point, at most 4, into out; returns how many, 0 above U+10FFFF. Surrogates are encoded, too. */
int utf8_put(char *out, uint32_t c);

/* The character at the beginning of the n > 0 bytes at p: its length when it is complete, 0 when more bytes may still
 * make one, -1 when they cannot. Well-formed UTF-8 only: no overlong forms, no surrogates, nothing above U+10FFFF. */
int utf8_length(const char *p, size_t n);

/* The offset of the first byte that is not part of a whole character; n when there is none. */
size_t utf8_check(const char *p, size_t n);

#endif
