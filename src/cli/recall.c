/* recall.c - the history file. A line end inside a line is written as \n, a backslash as \\. */
#include "recall.h"
#include "wkv_file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_ROOM = 4096, FILE_MOST = 16 << 20 };

static int find_folder(char path[PATH_ROOM])
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state && *state == '/') return snprintf(path, PATH_ROOM, "%s/wkv", state) < PATH_ROOM;
    return home && *home && snprintf(path, PATH_ROOM, "%s/.local/state/wkv", home) < PATH_ROOM;
}

static int find_path(char path[PATH_ROOM])
{
    char folder[PATH_ROOM];
    return find_folder(folder) && snprintf(path, PATH_ROOM, "%s/history", folder) < PATH_ROOM;
}

static int open_file(int flags)
{
    char folder[PATH_ROOM], path[PATH_ROOM];
    struct stat s;
    if (!find_path(path)) return -1;
    if (flags & O_CREAT && find_folder(folder) && wkv_file_make_folders(folder, 0700)) return -1;
    int f = open(path, flags | O_CLOEXEC | O_NONBLOCK, 0600);
    if (f >= 0 && !fstat(f, &s) && S_ISREG(s.st_mode)) return f;
    if (f >= 0) close(f);
    return -1;
}

static char *read_file(size_t *n)
{
    struct stat s;
    int f = open_file(O_RDONLY);
    char *text = f >= 0 && !fstat(f, &s) && s.st_size <= FILE_MOST ? malloc((size_t)s.st_size + 1) : NULL;
    ssize_t got = text ? read(f, text, (size_t)s.st_size) : -1;
    if (f >= 0) close(f);
    if (got < 0) {
        free(text);
        return NULL;
    }
    text[*n = (size_t)got] = 0;
    return text;
}

static void unescape(char *line)
{
    char *to = line;
    for (const char *from = line; *from; from++) {
        if (*from == '\\' && from[1]) *to++ = *++from == 'n' ? '\n' : *from;
        else *to++ = *from;
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
    int f = open_file(O_WRONLY | O_APPEND | O_CREAT);
    if (f < 0) return;
    ssize_t ignored = write(f, out, n); /* in one write: other sessions append too */
    (void)ignored;
    close(f);
}
