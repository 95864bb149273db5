/* csv.h - tables as text: CSV and TSV, as RFC 4180 has them. */
#ifndef WKV_TRAIN_CSV_H
#define WKV_TRAIN_CSV_H

#include "train/jsonl.h"

/* fn for each row of a table as an object of JSON: the fields of the first row are its keys, all values are strings. A
 * field in double quotes may hold separators, line breaks, and quotes written twice. Lines end in LF or CRLF; empty
 * ones are passed over. Not 0 from fn stops. Sentences begin with the line on which the row begins. WKV_EFORMAT: more
 * or fewer fields than the first row has, a quote that is not closed, text behind a closing quote, bytes that are no
 * UTF-8. */
int csv_each(const char *text, size_t bytes, char separator, object_fn *fn, void *user);

/* The separator of a .csv: a comma; a semicolon when the first line has some and no comma. */
char csv_separator(const char *text, size_t bytes);

#endif
