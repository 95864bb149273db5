/* cache_files.c - the files of a cache, of this model or of all. */
#include "session/cache_files.h"
#include "base/error.h"
#include "base/file.h"
#include "session/digest.h"
#include "base/platform/entry.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *cache_path(const char *folder, const char *name, const char *end)
{
    const size_t n = strlen(folder) + strlen(name) + strlen(end) + 2;
    char *path = malloc(n);
    if (path)
        snprintf(path, n, "%s/%s%s", folder, name, end);
    else
        fail(WKV_ENOMEM, "%s: no memory for a path", folder);
    return path;
}

void cache_files_release(file_list *l)
{
    for (size_t i = 0; i < l->n; i++) free(l->at[i].path);
    free(l->at);
}

static int is_hexadecimal(const char *name, size_t n) { return strspn(name, "0123456789abcdef") == n; }

static int is_state_name(const char *name)
{
    return is_hexadecimal(name, DIGEST_TEXT - 1) && !strcmp(name + DIGEST_TEXT - 1, CACHE_EXTENSION);
}

/* A part file that a killed writer left is removed. */
static void clean(const char *folder, const char *name)
{
    const char *part = strstr(name, ".part-");
    char *path = part && is_hexadecimal(name, DIGEST_TEXT - 1) ? cache_path(folder, name, "") : NULL;
    if (path) {
        path[strlen(folder) + 1 + (size_t)(part - name)] = 0;
        file_clean(path);
    }
    free(path);
}

/* A file that is gone, and a link, is left out. */
static int add(file_list *l, const char *folder, const char *name)
{
    entry_info about;
    if (l->n == l->cap) {
        const size_t cap = 2 * l->cap + 64;
        cached_file *at = realloc(l->at, cap * sizeof *at);
        if (!at) return fail(WKV_ENOMEM, "%s: no memory for the list of its files", folder);
        l->at = at, l->cap = cap;
    }
    char *path = cache_path(folder, name, "");
    if (!path) return WKV_ENOMEM;
    if (entry_read_link(&about, path) || about.kind != ENTRY_FILE)
        free(path);
    else
        l->at[l->n++] = (cached_file){path, about.stored, about.changed};
    return 0;
}

static int list_folder(file_list *l, const char *folder)
{
    name_list *names = listing_open(folder);
    int err = 0;
    for (const char *name; !err && names && (name = listing_next(names));) {
        if (is_state_name(name))
            err = add(l, folder, name);
        else
            clean(folder, name);
    }
    listing_close(names);
    return err;
}

static int compare_ages(const void *a, const void *b)
{
    const int64_t x = ((const cached_file *)a)->used, y = ((const cached_file *)b)->used;
    return (x < y) - (x > y);
}

static int sorted(file_list *l, int err)
{
    if (l->n) qsort(l->at, l->n, sizeof *l->at, compare_ages);
    return err;
}

int cache_files_list(file_list *l, const char *folder) { return sorted(l, list_folder(l, folder)); }

int cache_files_list_all(file_list *l, const char *root)
{
    name_list *folders = listing_open(root);
    int err = 0;
    for (const char *name; !err && folders && (name = listing_next(folders));) {
        if (strlen(name) != CACHE_FOLDER_TEXT || !is_hexadecimal(name, CACHE_FOLDER_TEXT)) continue;
        char *folder = cache_path(root, name, "");
        err = folder ? list_folder(l, folder) : WKV_ENOMEM;
        free(folder);
    }
    listing_close(folders);
    return sorted(l, err);
}
