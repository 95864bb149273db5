/* file_folder.c - folders: made with their parents, and their entries flushed to the disk. */
#include "base/error.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int file_make_folders(const char *path, unsigned mode)
{
    char step[4096];
    const char *end = path;
    do {
        end += strspn(end, "/");
        end += strcspn(end, "/");
        if (snprintf(step, sizeof step, "%.*s", (int)(end - path), path) >= (int)sizeof step)
            return fail(WKV_EIO, "%s: cannot be created: %s", path, strerror(ENAMETOOLONG));
        if (mkdir(step, (mode_t)mode) && errno != EEXIST)
            return fail(WKV_EIO, "%s: cannot be created: %s", path, strerror(errno));
    } while (*end);
    return 0;
}

int file_sync_folder(const char *path)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = fd < 0 || (fsync(fd) && errno != EINVAL && errno != EBADF); /* some file systems have no such sync */
    if (err) err = fail(WKV_EIO, "%s: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    return err;
}
