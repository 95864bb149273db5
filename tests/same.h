/* same.h - files compared byte for byte. */
#ifndef WKV_TESTS_SAME_H
#define WKV_TESTS_SAME_H

#include "base/file.h"
#include "test.h"
#include "wkv.h"
#include <stdio.h>
#include <stdlib.h>

/* Both files exist and have the same bytes. */
static inline int same_files(const char *a, const char *b)
{
    FILE *f = fopen(a, "rb"), *g = fopen(b, "rb");
    int same = f && g, x = 0, y;
    while (same && x != EOF) {
        x = getc(f);
        y = getc(g);
        same = x == y;
    }
    if (f) fclose(f);
    if (g) fclose(g);
    return same;
}

/* The file has this text. */
static inline void expect_text(const char *path, const char *text)
{
    char *found;
    size_t n;
    if (file_slurp(&found, &n, path)) {
        FAILED("%s", wkv_error());
        return;
    }
    EXPECT_STR(found, text);
    free(found);
}

#endif
