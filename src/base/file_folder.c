/* file_folder.c - folders: made with their parents, and their entries flushed to the disk. */
#include "base/error.h"
#include "base/file.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

int file_make_folders(const char *path, unsigned mode)
{
    char step[4096];
    const char *end = path;
    do {
        while (path_is_slash(*end)) end++;
        while (*end && !path_is_slash(*end)) end++;
        if (snprintf(step, sizeof step, "%.*s", (int)(end - path), path) >= (int)sizeof step)
            return fail(WKV_EIO, "%s: cannot be created: %s", path, strerror(ENAMETOOLONG));
        if (folder_create(step, mode) && errno != EEXIST)
            return fail(WKV_EIO, "%s: cannot be created: %s", path, strerror(errno));
    } while (*end);
    return 0;
}

int file_sync_folder(const char *path)
{
    return folder_flush(path) ? fail(WKV_EIO, "%s: %s", path, strerror(errno)) : 0;
}
