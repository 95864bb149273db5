/* terminal.c - the terminal of POSIX. */
#define _GNU_SOURCE
#include "base/platform/terminal.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <unistd.h>
#include <wchar.h>

int terminal_is(int fd) { return isatty(fd); }

int terminal_columns(void)
{
    struct winsize w;
    return ioctl(1, TIOCGWINSZ, &w) ? 0 : w.ws_col;
}

int terminal_shows_colours(void)
{
    const char *name = getenv("TERM");
    return name && strcmp(name, "dumb");
}

int output_is_left(int why) { return why == EPIPE; }

int terminal_waits(int ms)
{
    struct timeval most = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    fd_set in; /* poll of macOS does not know terminals */
    FD_ZERO(&in);
    FD_SET(0, &in);
    return select(1, &in, NULL, NULL, &most) > 0;
}

ptrdiff_t terminal_line(char **line, size_t *capacity) { return getline(line, capacity, stdin); }
int terminal_width_of(uint32_t character) { return wcwidth((wchar_t)character); }
