/* path.c - parts of a file's path. */
#include "base/path.h"
#include "base/platform/entry.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int path_has_extension(const char *path, const char *extension)
{
    size_t n = strlen(path), m = strlen(extension);
    return n > m && !path_is_slash(path[n - m - 1]) && !strcasecmp(path + n - m, extension);
}

/* Bytes of a path without slashes at its end; of "/" 1. */
static size_t trimmed(const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path_is_slash(path[n - 1])) n--;
    return n;
}

/* The offset of the last name in n bytes. */
static size_t last(const char *path, size_t n)
{
    while (n && !path_is_slash(path[n - 1])) n--;
    return n;
}

void path_name(char *out, size_t capacity, const char *path)
{
    size_t n = trimmed(path), from = last(path, n);
    char *whole = NULL;
    if ((n - from == 1 && path[from] == '.') || (n - from == 2 && !memcmp(path + from, "..", 2))) {
        if ((whole = entry_absolute(path))) path = whole, n = trimmed(path), from = last(path, n);
    }
    snprintf(out, capacity, "%.*s", (int)(n - from), path + from);
    free(whole);
}

void path_folder(char *out, size_t capacity, const char *path)
{
    size_t n = last(path, trimmed(path));
    while (n > 1 && path_is_slash(path[n - 1])) n--;
    if (n)
        snprintf(out, capacity, "%.*s", (int)n, path);
    else
        snprintf(out, capacity, ".");
}
