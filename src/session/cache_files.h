/* cache_files.h - lists of the files below a cache's folder, in the order of their latest use. */
#ifndef WKV_SESSION_CACHE_FILES_H
#define WKV_SESSION_CACHE_FILES_H

#include <stddef.h>
#include <stdint.h>

#define CACHE_EXTENSION ".safetensors"

enum { CACHE_FOLDER_TEXT = 16 /* characters of the name of a model's folder */ };

typedef struct {
    char *path;
    int64_t bytes; /* on the disk */
    int64_t used;  /* nanoseconds since 1970 */
} cached_file;

typedef struct {
    cached_file *at; /* the most recently used first */
    size_t n, cap;
} file_list;

/* FOLDER/NAME and an extension, which the caller frees; NULL, with an error: no memory. */
char *cache_path(const char *folder, const char *name, const char *end);

/* The states in a folder, and in the folders of all models below the root; l is empty before. Part files that killed
 * writers left are removed. A folder that cannot be read has no files. WKV_ENOMEM: the caller releases l anyway. */
int cache_files_list(file_list *l, const char *folder);
int cache_files_list_all(file_list *l, const char *root);
void cache_files_release(file_list *l);

#endif
