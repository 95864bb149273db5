/* documents.h - the documents of a file, or of the files in a folder: plain texts, objects of JSON, rows of a table. */
#ifndef WKV_TRAIN_DOCUMENTS_H
#define WKV_TRAIN_DOCUMENTS_H

#include "train/conversation.h"

/* Entries of folders that are no data and were passed over. */
typedef struct {
    int n;
    char first[64]; /* the name of the first one */
} passed_over;

/* fn for the path, or for each file of data in the folder of that name, in the order of their names: textfile_kind
 * knows its extension, or it is the .idx of a token file. Not 0 stops. `over` may be NULL. WKV_EARG: the folder holds
 * none. */
typedef int file_fn(void *user, const char *path);
int documents_files(const char *path, passed_over *over, file_fn *fn, void *user);

/* The functions that take documents: `text` that of a plain file, `object` those of JSON (train/jsonl.h) and of tables
 * (train/csv.h). */
typedef struct {
    int (*text)(void *user, const char *text, size_t bytes);
    int (*object)(void *user, const json_t *object);
    void *user;
} document_reader;

/* The documents of one file, which is no token file. Not 0 from a function stops. Sentences begin with the path, then
 * the line or the element. WKV_EFORMAT: there is none, or no text in it; and as textfile_read. */
int documents_of_file(const char *path, const document_reader *r);

/* The documents of text that `path` holds, written as `form` says; token files of a folder are passed over. Not 0 from
 * fn stops. */
typedef int document_fn(void *user, const char *text, size_t bytes);
int documents_read(const char *path, const document_form *form, passed_over *over, document_fn *fn, void *user);

/* WKV_EARG when `out`, which is about to be written, is the file `path` or one in the folder of that name. */
int documents_refuse_output(const char *path, const char *out);

#endif
