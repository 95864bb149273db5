/* file.h - whole files: mapped or read into memory, and written to a part file and renamed into place. */
#ifndef WKV_BASE_FILE_H
#define WKV_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "base/platform/entry.h"

/* ---- reading: file.c --------------------------------------------------------------------------------------------- */

/* Regular files only: a directory, FIFO, device or socket is refused, and opening one never waits (O_NONBLOCK). */

typedef struct {
    const uint8_t *data; /* the whole file, read-only; NULL when size is 0 */
    size_t size;
    file_id id;
    int in_memory; /* data is a copy, independent of later changes of the file */
} file_map;

/* Map `path` for reading. WKV_EIO with the system's reason: missing, a directory, no permission. */
int file_open(file_map *out, const char *path);
/* Read `path` into memory, aligned to pages. WKV_ENOMEM, with the needed and the available bytes. */
int file_load(file_map *out, const char *path);
void file_close(file_map *m);
/* Announce how a mapping is about to be read. */
typedef enum {
    /* no read-ahead, and the pages touched so far are released: called again after each small read, this keeps little
     * resident, although the system would map 2 MB for a few bytes */
    SMALL_READS,
    LONG_READS,     /* in long runs, the default              */
    SCATTERED_READS /* no read-ahead; resident pages stay so  */
} file_reads;
void file_expect(const file_map *m, file_reads next);
/* Release the pages within [data, data + bytes), if they are in the mapping. */
void file_forget(const file_map *m, const void *data, size_t bytes);

/* Read all of `path` into memory that the caller frees, followed by a zero byte. WKV_ENOMEM, with the needed and the
 * available bytes. */
int file_slurp(char **out, size_t *size, const char *path);

/* A stream for reading, for files that are read line by line. */
int file_stream(FILE **out, const char *path);

/* 1 when `path` exists and is that file; 1 when both paths exist and are one file. */
int file_is(const char *path, file_id id);
int file_same(const char *a, const char *b);
/* WKV_EARG when the output `path` is the input file `input`; `role`: "the model", "the text". */
int file_refuse_input(const char *path, const char *input, const char *role);

/* ---- writing: file_write.c --------------------------------------------------------------------------------------- */

/* A file being written: data are written to a part file beside it, NAME.part-<pid>, which file_commit renames to `path`
 * after fsync, so that a reader never sees half a file and an interrupted write loses nothing. file_abandon removes it.
 *
 *   - A symbolic link is followed: its target is replaced, or created, and the link stays.
 *   - A replaced file keeps its mode (and its owner and group if the system allows it).
 *   - A FIFO, a device or a terminal is written directly.
 *   - A name too long for ".part-<pid>" is truncated and gets a hash.
 *   - The writer holds a lock (flock) on its part file. Part files of the same path without one belong to dead
 *     processes: the next writer of the path removes them, and nothing else. */
typedef struct {
    FILE *f;
    char *path;   /* as given, for messages                     */
    char *target; /* after following links                      */
    char *part;   /* NULL: not a regular file, written directly */
} file_out;

/* REGULAR: the writer seeks, or its file is read back before the rename; other kinds of files are refused. */
typedef enum { FILE_ANY, FILE_REGULAR } file_kind;

int file_create(file_out *out, const char *path, file_kind kind);
int file_put(file_out *o, const void *data, size_t bytes); /* WKV_EIO once the disk is full */
int file_sync(file_out *o);   /* flush all to the disk; o->part may then be opened and verified before file_commit */
int file_commit(file_out *o); /* closes in either case */
void file_abandon(file_out *o);
int file_write(const char *path, const void *data, size_t bytes); /* create, put and commit */

/* Remove the part files of `path` that dead processes left, without writing it. */
void file_clean(const char *path);

/* Create a log, or open it at its beginning; it is written in place, and locked against other processes while open.
 * WKV_EARG: another process has it open. */
int file_log(FILE **out, const char *path);

/* ---- folders: file_folder.c -------------------------------------------------------------------------------------- */

/* Create a folder and its parents where they are missing. WKV_EIO. */
int file_make_folders(const char *path, unsigned mode);
/* Flush the names in a folder to the disk: a renamed file stays after a power failure. WKV_EIO. */
int file_sync_folder(const char *path);

#endif
