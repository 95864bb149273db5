/* listing.c - the names in a folder, in order. */
#include "base/platform/entry.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

int listing_sorted(char ***names, const char *folder, int (*take)(const char *name))
{
    int n = 0, lost = 0;
    *names = NULL;
    name_list *l = listing_open(folder);
    if (!l) return -1;
    for (const char *name; !lost && (name = listing_next(l));) {
        if (!take(name)) continue;
        char **more = realloc(*names, sizeof *more * ((size_t)n + 1));
        if (more) *names = more;
        lost = !more || !(more[n] = strdup(name));
        n += !lost;
    }
    listing_close(l);
    if (lost) {
        for (int i = 0; i < n; i++) free((*names)[i]);
        free(*names);
        *names = NULL;
        errno = ENOMEM;
        return -1;
    }
    if (n) qsort(*names, (size_t)n, sizeof **names, compare);
    return n;
}
