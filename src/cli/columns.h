/* columns.h - texts by the columns that they take on a terminal. */
#ifndef WKV_CLI_COLUMNS_H
#define WKV_CLI_COLUMNS_H

#include <stddef.h>

int columns_of(const char *text);

/* Copy the text as one line of at most `most` columns: line ends and tabs become blanks, other control
 * characters "?"; a longer text ends in "…". */
void columns_cut(char *out, size_t capacity, const char *text, int most);

#endif
