/* wkv_file.h - files as the library reads and writes them, for programs that write results of their own.
 *
 * Reading: regular files only. A directory, FIFO, device or socket is refused, and opening one never waits.
 *
 * Writing: everything goes to a part file beside `path`, PATH.part-<process id>, which wkv_file_commit renames to
 * `path` once it is on the disk: a reader never sees half a file, and a writer that is killed leaves the old file. A
 * symbolic link stays, and its target is replaced; a replaced file keeps its mode; a FIFO or a device is written to as
 * it is. The next writer of the same path removes part files that dead processes left of it, and no other file.
 *
 * Conventions are those of wkv.h: 0 or a negative code with a sentence in wkv_error(). */
#ifndef WKV_FILE_H
#define WKV_FILE_H

#include "wkv.h"
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A stream to read from; fclose closes it. WKV_EIO: missing, no permission, no regular file. */
WKV_API int wkv_file_open(FILE **out, const char *path);

/* All of a file and a zero byte behind it; the caller frees it. WKV_EIO; WKV_ENOMEM with the bytes needed and free. */
WKV_API int wkv_file_read(char **out, size_t *bytes, const char *path);

/* 1 when both paths exist and are the same file (device and inode), through links too. */
WKV_API int wkv_file_same(const char *a, const char *b);

/* WKV_EARG when `path`, which is about to be written, is the same file as `input`, which is read (NULL: 0). `role`
 * names the input in the sentence: "the model". */
WKV_API int wkv_file_refuse_input(const char *path, const char *input, const char *role);

/* Create a folder and its parents where they are missing, with this mode (0755). WKV_EIO. */
WKV_API int wkv_file_make_folders(const char *path, unsigned mode);

typedef struct wkv_file wkv_file;

/* Begin to write `path`. WKV_EIO, WKV_ENOMEM. */
WKV_API int wkv_file_create(wkv_file **out, const char *path);
WKV_API int wkv_file_put(wkv_file *f, const void *data, size_t bytes); /* WKV_EIO once the disk is full */
WKV_API int wkv_file_commit(wkv_file *f);                              /* always frees f; WKV_EIO: the old file stays */
WKV_API void wkv_file_abandon(wkv_file *f);                            /* NULL is accepted; the old file stays */

/* An array of float32, or of int32, row-major. */
typedef struct {
    const char *name;   /* at most 200 bytes, without slashes */
    const float *values;
    const int32_t *ids; /* in place of values                 */
    int dims;           /* at most 4                          */
    int64_t shape[4];
} wkv_array;

/* Write n arrays; the extension of `path` selects .safetensors, or .npz, which numpy.load opens. meta: key, text, ...,
 * NULL, or NULL for none: the metadata of the safetensors header; in an .npz the entry metadata.json. WKV_EARG: another
 * extension, a name twice, a text that is not UTF-8; WKV_EIO, WKV_ENOMEM. */
WKV_API int wkv_arrays_write(const char *path, const wkv_array *arrays, int n, const char *const *meta);

#ifdef __cplusplus
}
#endif
#endif
