/* folder.h - a test's own folder, removed when the test ends. */
#ifndef WKV_TESTS_FOLDER_H
#define WKV_TESTS_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static void folder_begin(const char *name)
{
    snprintf(folder, sizeof folder, "/tmp/wkv-%s-XXXXXX", name);
    if (mkdtemp(folder)) return;
    perror(folder);
    exit(1);
}

static void folder_end(void)
{
    char clean[96];
    snprintf(clean, sizeof clean, "rm -r %s", folder);
    if (system(clean)) printf("%s is left behind\n", folder);
}

/* The path of a file in it; the last eight results stay valid. */
static inline const char *in_folder(const char *name)
{
    static char path[8][160];
    static int turn;
    turn = (turn + 1) % 8;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static inline void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
}

#endif
