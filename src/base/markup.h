/* markup.h - text in HTML, SVG and XML. */
#ifndef WKV_BASE_MARKUP_H
#define WKV_BASE_MARKUP_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The next code point, as a page may contain it: U+FFFD for control characters except tabs and line ends, for the
 * characters that change the direction of a line, and for those that XML excludes. */
uint32_t markup_next(const char **text);

/* Write a text, at most n bytes of it, with & < > " ' as entities. */
void markup_put(FILE *f, const char *text, size_t n);

/* The same without entities, as other formats have it. */
void markup_clean(FILE *f, const char *text);

#endif
