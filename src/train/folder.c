/* folder.c - the output folder of a run: paths, and the check that results and inputs are not overwritten. */
#include "train/folder.h"
#include "base/error.h"
#include "base/file.h"
#include "base/platform/entry.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *path_in(const char *folder, const char *name)
{
    size_t n = strlen(folder) + strlen(name) + 2;
    char *path = malloc(n);
    if (path)
        snprintf(path, n, "%s/%s", folder, name);
    else
        fail(WKV_ENOMEM, "no memory for a path");
    return path;
}

int folder_make(const char *folder)
{
    if (folder_create(folder, 0777) && errno != EEXIST) return fail(WKV_EIO, "%s: %s", folder, strerror(errno));
    return 0;
}

static int refuse(const char *path, const char *const *inputs, const char *way)
{
    entry_info about;
    for (; *inputs; inputs++)
        if (file_same(path, *inputs))
            return fail(WKV_EARG,
                        "%s: is an input of this run, %s, and would be replaced; choose another output folder", path,
                        *inputs);
    if (!way || entry_read(&about, path) || (about.kind == ENTRY_FILE && !about.bytes)) return 0;
    return fail(WKV_EARG, "%s: is the result of another run; %s", path, way);
}

int folder_refuse(const char *folder, const char *const *names, const char *const *inputs, const char *way)
{
    int err = 0;
    for (; !err && *names; names++) {
        char *path = path_in(folder, *names);
        err = path ? refuse(path, inputs, way) : WKV_ENOMEM;
        free(path);
    }
    return err;
}
