/* cache_folder.h - the states of a cache on disk: state files (wkv_state.h) named by their contents.
 *
 *     FOLDER/<16 hexadecimal digits of the identity>/<SHA-256 of identity and ids>.safetensors
 *
 * The time of the latest use is the file's modification time. Other processes may add and remove files at any time. */
#ifndef WKV_SESSION_CACHE_FOLDER_H
#define WKV_SESSION_CACHE_FOLDER_H

#include "session/checkpoints.h"
#include <stdint.h>

typedef struct {
    char *root; /* FOLDER; NULL: no folder                       */
    char *path; /* of the files with this identity               */
    wkv_identity identity;
    int64_t limit;  /* bytes of all files below the root            */
    int64_t listed; /* modification time of `path` when it was read */
} cache_folder;

/* Make both folders. WKV_EIO, WKV_ENOMEM. */
int cache_folder_open(cache_folder *f, const char *root, int64_t limit, const wkv_identity *identity);
void cache_folder_release(cache_folder *f);

/* Add the files to the tree that came since the last call, the most recently used ones first, up to a number. Their
 * states stay on disk. WKV_ENOMEM */
int cache_folder_list(cache_folder *f, checkpoint *root);

/* Give node c the state in its file, checked whole. 1: it has it; 0: the file was of no use, is removed, and c has none
 * (it must be pruned); WKV_ENOMEM. */
int cache_folder_read(cache_folder *f, checkpoint *c, const wkv_model *m);

/* Write the state of c, and remove the least recently used files beyond the limit. A state larger than the limit is not
 * written. WKV_EIO, WKV_ENOMEM. */
int cache_folder_write(cache_folder *f, checkpoint *c);

void cache_folder_touch(const cache_folder *f, const checkpoint *c); /* its file, if any, is used now */

/* Remove the file of c. */
void cache_folder_remove(const cache_folder *f, checkpoint *c);

#endif
