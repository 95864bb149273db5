/* csv.h - CSV and TSV tables (RFC 4180). */
#ifndef WKV_TRAIN_CSV_H
#define WKV_TRAIN_CSV_H

#include "train/jsonl.h"

/* Call fn for each row as a JSON object: the fields of the first row are its keys, all values are strings. A field in
 * double quotes may contain separators, line breaks, and doubled quotes. Lines end in LF or CRLF; empty lines are
 * skipped. Not 0 from fn stops. Messages begin with the first line of the row. WKV_EFORMAT: more or fewer fields than
 * the first row, an unclosed quote, text after a closing quote, invalid UTF-8. */
int csv_each(const char *text, size_t bytes, char separator, object_fn *fn, void *user);

/* The separator of a .csv: a comma; a semicolon if the first line has semicolons and no comma. */
char csv_separator(const char *text, size_t bytes);

#endif
