/* documents.h - documents of a file or folder: plain texts, JSON objects, table rows. */
#ifndef WKV_TRAIN_DOCUMENTS_H
#define WKV_TRAIN_DOCUMENTS_H

#include "train/conversation.h"

/* Entries of folders that are not data and were skipped. */
typedef struct {
    int n;
    char first[64]; /* the name of the first one */
} skipped_entries;

/* Call fn for the path, or for each data file of a folder in the order of their names: a file with an extension known
 * to textfile_kind, or the .idx of a token file. Not 0 stops. `over` may be NULL. WKV_EARG: the folder has none. */
typedef int file_fn(void *user, const char *path);
int documents_files(const char *path, skipped_entries *over, file_fn *fn, void *user);

/* Callbacks: `text` for a plain file, `object` for JSON objects (train/jsonl.h) and table rows (train/csv.h). */
typedef struct {
    int (*text)(void *user, const char *text, size_t bytes);
    int (*object)(void *user, const json_t *object);
    void *user;
} document_reader;

/* Read the documents of one file, not a token file. Not 0 from a callback stops. Messages begin with the path, then
 * line or element. WKV_EFORMAT: no document, or a document without text; others as textfile_read. */
int documents_of_file(const char *path, const document_reader *r);

/* Call fn for the text of each document of `path`, formatted by `form`; skips token files of a folder. Not 0 from fn
 * stops. */
typedef int document_fn(void *user, const char *text, size_t bytes);
int documents_read(const char *path, const document_form *form, skipped_entries *over, document_fn *fn, void *user);

/* WKV_EARG: the output file `out` is the file `path` or in the folder `path`. */
int documents_refuse_output(const char *path, const char *out);

#endif
