/* file.h - whole files: mapped for reading, written beside and renamed into place. */
#ifndef WKV_BASE_FILE_H
#define WKV_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct {
    const uint8_t *data; /* the whole file, read-only; NULL when size is 0 */
    size_t size;
} file_map;

/* Map `path` for reading. WKV_EIO with the system's reason: missing, a directory, no permission. */
int file_open(file_map *out, const char *path);
void file_close(file_map *m);
/* Say how a mapping is about to be read: a little here and there, or, as every mapping begins, in long runs. Here and there
 * means that nothing around is read from the disk, and that what was touched so far leaves the process's memory: said again
 * after each small read it keeps little resident, where the system would map 2 MB for a few bytes. */
void file_expect(const file_map *m, int long_runs);
/* The pages that lie in [data, data + bytes) leave the process's memory; nothing happens when that is not in the mapping. */
void file_forget(const file_map *m, const void *data, size_t bytes);

/* A file being written: everything goes to `path`.part-<pid>, which file_commit renames to `path` after fsync, so that a
 * reader never sees half a file and an interrupted write loses nothing. file_abandon removes it. */
typedef struct {
    FILE *f;
    char *path, *part;
} file_out;

int file_create(file_out *out, const char *path);
int file_put(file_out *o, const void *data, size_t bytes); /* WKV_EIO once the disk is full */
int file_commit(file_out *o);                              /* closes in either case */
void file_abandon(file_out *o);
int file_write(const char *path, const void *data, size_t bytes); /* all of that in one go */

/* Read all of `path` into memory the caller frees; a zero byte is put behind the last. */
int file_slurp(char **out, size_t *size, const char *path);

#endif
