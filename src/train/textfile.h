/* textfile.h - a file of text in memory, whatever it is compressed with; a file of anything else is refused by name. */
#ifndef WKV_TRAIN_TEXTFILE_H
#define WKV_TRAIN_TEXTFILE_H

#include <stddef.h>

typedef enum { TEXT_PLAIN, TEXT_JSON_LINES, TEXT_JSON, TEXT_CSV, TEXT_TSV, TEXT_UNKNOWN } text_kind;

/* The kind of a file by its extension, in capitals or not, before a last .gz or .zst: .jsonl (.ndjson) JSON_LINES,
 * .json, .csv, .tsv (.tab); .txt (.text) PLAIN. Any other is UNKNOWN and read as plain text when it is named, and
 * passed over in a folder. */
text_kind textfile_kind(const char *path);

/* Read all of it into memory the caller frees; a zero byte is put behind the last, and a byte order mark taken away.
 * Files compressed by gzip or zstd are unpacked, whatever they are called.
 *
 * Text is UTF-8. Refused, with the way out:
 *   - by their first bytes: Parquet, Arrow, HDF5, numpy, archives, databases, documents, pictures, models and the like
 *   - UTF-16 and UTF-32
 *   - a file with a zero byte in it
 *   - a file in which more than 8 bytes and more than one in a hundred belong to no character of UTF-8
 *   - an empty file
 * WKV_EUNSUPPORTED, WKV_EFORMAT, WKV_EIO, WKV_ENOMEM; sentences begin with the path. */
int textfile_read(char **text, size_t *bytes, const char *path);

#endif
