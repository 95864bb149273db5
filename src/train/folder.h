/* folder.h - the output folder of a run. */
#ifndef WKV_TRAIN_FOLDER_H
#define WKV_TRAIN_FOLDER_H

/* folder/name; the caller frees it. NULL: out of memory, reported by fail() */
char *path_in(const char *folder, const char *name);

/* Create it if missing; WKV_EIO. */
int folder_make(const char *folder);

/* WKV_EARG: an output file, folder/name for each of `names`, is one of `inputs` (same device and inode), or, unless
 * `way` is NULL, exists already and is not empty; `way` is the advice at the end of the message. Both lists are
 * NULL-terminated; a missing input is "". */
int folder_refuse(const char *folder, const char *const *names, const char *const *inputs, const char *way);

#endif
