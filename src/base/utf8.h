/* utf8.h - code points and their bytes. */
#ifndef WKV_BASE_UTF8_H
#define WKV_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Encode a code point to out, at most 4 bytes; returns their number, 0 above U+10FFFF. Surrogates are encoded too. */
int utf8_put(char *out, uint32_t c);

/* The length of the character at the start of the n > 0 bytes at p; 0 if it is incomplete, -1 if it is invalid.
 * Well-formed UTF-8 only: no overlong forms, no surrogates, nothing above U+10FFFF. */
int utf8_length(const char *p, size_t n);

/* The code point at *text, which is not at its zero byte, and *text moves behind it; U+FFFD for one invalid byte. */
uint32_t utf8_next(const char **text);

/* The offset of the first byte that is not part of a complete character; n: there is none. */
size_t utf8_check(const char *p, size_t n);

/* The number of characters of a zero-terminated text that is UTF-8. */
int utf8_count(const char *text);

/* The offset of the first control character, which a terminal may obey: ASCII's, DEL, U+0080 to U+009F; n: none. */
size_t utf8_control(const char *p, size_t n);
/* Put `by` in place of each byte of a control character. */
void utf8_replace_control(char *text, char by);

/* Copy a text as far as it fits, in whole characters. */
void utf8_copy(char *out, size_t capacity, const char *text);

#endif
