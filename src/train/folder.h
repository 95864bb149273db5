/* folder.h - the folder that a run leaves its results in. */
#ifndef WKV_TRAIN_FOLDER_H
#define WKV_TRAIN_FOLDER_H

/* folder/name, freed by the caller; NULL without memory, after fail() */
char *path_in(const char *folder, const char *name);

/* Make it where it is missing; WKV_EIO. */
int folder_make(const char *folder);

/* WKV_EARG when a file that is to be written, folder/name for each of `names`, is one of `inputs` (device and
 * inode), or, unless `way` is NULL, when it is there already and not empty; `way` ends the sentence with the way out.
 * Both lists end with NULL; an input that is not given is "". */
int folder_refuse(const char *folder, const char *const *names, const char *const *inputs, const char *way);

#endif
