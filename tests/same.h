/* same.h - files compared byte for byte. */
#ifndef WKV_TESTS_SAME_H
#define WKV_TESTS_SAME_H

#include <stdio.h>

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

#endif
