/* recall.c - the history file. A line end inside a line is written as \n, a backslash as \\. */
#include "recall.h"
#include "wkv_file.h"
#include "base/platform/descriptor.h"
#include "base/platform/system.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_ROOM = 4096, FILE_MOST = 16 << 20 };

static int find_folder(char path[PATH_ROOM])
{
    char own[PATH_ROOM];
    return system_folder(own, sizeof own, USER_STATE) && snprintf(path, PATH_ROOM, "%s/wkv", own) < PATH_ROOM;
}

static int find_path(char path[PATH_ROOM])
{
    char folder[PATH_ROOM];
    return find_folder(folder) && snprintf(path, PATH_ROOM, "%s/history", folder) < PATH_ROOM;
}

static int open_file(entry_info *about, open_use use)
{
    char folder[PATH_ROOM], path[PATH_ROOM];
    if (!find_path(path)) return -1;
    if (use == OPEN_APPEND && find_folder(folder) && wkv_file_make_folders(folder, 0700)) return -1;
    int f = descriptor_open(path, use, 0600);
    if (f >= 0 && !descriptor_entry(about, f) && about->kind == ENTRY_FILE) return f;
    if (f >= 0) descriptor_close(f);
    return -1;
}

static char *read_file(size_t *n)
{
    entry_info about;
    int f = open_file(&about, OPEN_READ);
    char *text = f >= 0 && about.bytes <= FILE_MOST ? malloc((size_t)about.bytes + 1) : NULL;
    const ptrdiff_t got = text ? descriptor_read(f, text, (size_t)about.bytes) : -1;
    if (f >= 0) descriptor_close(f);
    if (got < 0) {
        free(text);
        return NULL;
    }
    text[ *n = (size_t)got] = 0;
    return text;
}

static void unescape(char *line)
{
    char *to = line;
    for (const char *from = line; *from; from++) {
        if (*from == '\\' && from[1])
            *to++ = *++from == 'n' ? '\n' : *from;
        else
            *to++ = *from;
    }
    *to = 0;
}

/* Replace the file by its last lines. */
static void shorten(const char *last, size_t n)
{
    char path[PATH_ROOM];
    wkv_file *f;
    if (!find_path(path) || wkv_file_create(&f, path)) return;
    if (wkv_file_put(f, last, n))
        wkv_file_abandon(f);
    else
        wkv_file_commit(f);
}

void recall_load(void (*add)(const char *line))
{
    size_t n = 0;
    int lines = 0;
    char *text = read_file(&n), *at = text;
    if (!text) return;
    for (size_t i = 0; i < n; i++) lines += text[i] == '\n';
    const int all = lines;
    for (; lines > RECALL_MOST; lines--) at = strchr(at, '\n') + 1;
    if (all >= 2 * RECALL_MOST) shorten(at, n - (size_t)(at - text));
    for (char *end; (end = strchr(at, '\n')); at = end + 1) {
        *end = 0;
        unescape(at);
        add(at);
    }
    free(text);
}

void recall_keep(const char *line)
{
    char out[2 * RECALL_LONGEST + 2];
    size_t n = 0;
    if (!*line || strlen(line) > RECALL_LONGEST) return;
    for (; *line; line++) {
        if (*line == '\n' || *line == '\\') out[n++] = '\\';
        out[n++] = *line == '\n' ? 'n' : *line;
    }
    out[n++] = '\n';
    entry_info about;
    int f = open_file(&about, OPEN_APPEND);
    if (f < 0) return;
    descriptor_write(f, out, n); /* in one write: other sessions append too */
    descriptor_close(f);
}
