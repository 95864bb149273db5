/* folder.h - a test's own folder, removed when the test ends. */
#ifndef WKV_TESTS_FOLDER_H
#define WKV_TESTS_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/platform/system.h"
#include "base/platform/entry.h"

static char folder[64];

static inline void folder_begin(const char *name)
{
    uint32_t number;
    if (!system_random(&number, sizeof number)) {
        snprintf(folder, sizeof folder, "/tmp/wkv-%s-%08x", name, (unsigned)number);
        if (!folder_create(folder, 0700)) return;
    }
    perror(folder);
    exit(1);
}

static inline void remove_all(const char *path)
{
    char below[512];
    name_list *l = listing_open(path);
    for (const char *name; l && (name = listing_next(l));) {
        entry_info about;
        if (!strcmp(name, ".") || !strcmp(name, "..")) continue;
        if (snprintf(below, sizeof below, "%s/%s", path, name) >= (int)sizeof below) continue;
        if (!entry_read_link(&about, below) && about.kind == ENTRY_FOLDER)
            remove_all(below);
        else
            entry_remove(below);
    }
    listing_close(l);
    if (folder_remove(path)) printf("%s is left behind\n", path);
}

static inline void folder_end(void) { remove_all(folder); }

/* The path of a file in it; the last eight results stay valid. */
static inline const char *in_folder(const char *name)
{
    static char path[8][160];
    static int turn;
    turn = (turn + 1) % 8;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

/* The number of part files in a folder: those of files that are still being written. */
static inline int part_files(const char *path)
{
    int n = 0;
    name_list *l = listing_open(path);
    for (const char *name; l && (name = listing_next(l));) n += strstr(name, ".part-") != NULL;
    listing_close(l);
    return n;
}

static inline void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
}

#endif
