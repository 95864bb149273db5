/* folders.c - mkdir -p. */
#include "folders.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int make_folders(const char *path, mode_t mode)
{
    char step[4096];
    const char *end = path;
    do {
        end += strspn(end, "/");
        end += strcspn(end, "/");
        if (snprintf(step, sizeof step, "%.*s", (int)(end - path), path) >= (int)sizeof step) {
            errno = ENAMETOOLONG;
            return -1;
        }
        if (mkdir(step, mode) && errno != EEXIST) return -1;
    } while (*end);
    return 0;
}
