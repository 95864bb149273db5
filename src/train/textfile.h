/* textfile.h - read a text file, compressed or not, into memory; other types of file are refused by name. */
#ifndef WKV_TRAIN_TEXTFILE_H
#define WKV_TRAIN_TEXTFILE_H

#include <stddef.h>

typedef enum { TEXT_PLAIN, TEXT_JSON_LINES, TEXT_JSON, TEXT_CSV, TEXT_TSV, TEXT_UNKNOWN } text_kind;

/* Kind of a file by its extension, ignoring case and a final .gz or .zst: .jsonl (.ndjson) JSON_LINES, .json, .csv,
 * .tsv (.tab); .txt (.text) PLAIN. Others are UNKNOWN: read as plain text if named, skipped in a folder. */
text_kind textfile_kind(const char *path);

/* Read the file into memory that the caller frees; appends a zero byte and removes a byte order mark. Unpacks gzip and
 * zstd, whatever the extension.
 *
 * Text is UTF-8. Refused, with advice:
 *   - by the first bytes: Parquet, Arrow, HDF5, numpy, archives, databases, documents, pictures, models and the like
 *   - UTF-16 and UTF-32
 *   - a file with a zero byte
 *   - a file with invalid UTF-8 in more than 8 bytes and more than 1 % of its bytes
 *   - an empty file
 * WKV_EUNSUPPORTED, WKV_EFORMAT, WKV_EIO, WKV_ENOMEM; messages begin with the path. */
int textfile_read(char **text, size_t *bytes, const char *path);

#endif
