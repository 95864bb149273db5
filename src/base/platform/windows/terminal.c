/* terminal.c - the console of Windows. */
#include "base/platform/windows/windows.h"
#include "base/platform/system.h"
#include "base/platform/terminal.h"
#include <errno.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_console(int fd)
{
    DWORD mode;
    return GetConsoleMode((HANDLE)_get_osfhandle(fd), &mode) != 0; /* NUL is a device too */
}

int terminal_is(int fd) { return is_console(fd); }

int terminal_columns(void)
{
    CONSOLE_SCREEN_BUFFER_INFO i;
    if (!GetConsoleScreenBufferInfo(GetStdHandle(STD_OUTPUT_HANDLE), &i)) return 0;
    return i.srWindow.Right - i.srWindow.Left + 1;
}

int terminal_shows_colours(void)
{
    DWORD mode;
    return GetConsoleMode(GetStdHandle(STD_OUTPUT_HANDLE), &mode) && mode & ENABLE_VIRTUAL_TERMINAL_PROCESSING;
}

/* The C library has "invalid argument" for a pipe without a reader. */
int output_is_left(int why)
{
    return why == EPIPE || (why == EINVAL && GetFileType(GetStdHandle(STD_OUTPUT_HANDLE)) == FILE_TYPE_PIPE);
}

/* Events of a console are also keys that are released, and windows that move. */
int terminal_waits(int ms)
{
    INPUT_RECORD events[64];
    DWORD n = 0;
    HANDLE in = GetStdHandle(STD_INPUT_HANDLE);
    if (WaitForSingleObject(in, (DWORD)ms) != WAIT_OBJECT_0) return 0;
    if (!PeekConsoleInputW(in, events, 64, &n)) return 1; /* a file or a pipe */
    for (DWORD i = 0; i < n; i++)
        if (events[i].EventType == KEY_EVENT && events[i].Event.KeyEvent.bKeyDown &&
            events[i].Event.KeyEvent.uChar.UnicodeChar)
            return 1;
    return 0;
}

/* A console is read as UTF-16, which has every character in every code page. */
ptrdiff_t terminal_line(char **line, size_t *capacity)
{
    enum { PART = 512 };
    wchar_t part[PART + 1];
    size_t n = 0;
    if (!is_console(0)) return text_line(line, capacity, stdin);
    for (;;) {
        DWORD got;
        if (!ReadConsoleW(GetStdHandle(STD_INPUT_HANDLE), part, PART, &got, NULL) || !got) return n ? (ptrdiff_t)n : -1;
        if (!n && part[0] == 26) return -1; /* Ctrl-Z */
        const int bytes = WideCharToMultiByte(CP_UTF8, 0, part, (int)got, NULL, 0, NULL, NULL);
        char *more = realloc(*line, *capacity = n + (size_t)bytes + 2);
        if (!more) return -1;
        *line = more;
        WideCharToMultiByte(CP_UTF8, 0, part, (int)got, more + n, bytes, NULL, NULL);
        n += (size_t)bytes;
        more[n] = 0;
        if (n >= 2 && !strcmp(more + n - 2, "\r\n")) more[--n] = 0, more[n - 1] = '\n';
        if (more[n - 1] == '\n') return (ptrdiff_t)n;
    }
}

/* The wide and the combining ranges of Unicode's East Asian Width, as consoles show them. */
int terminal_width_of(uint32_t c)
{
    static const struct {
        uint32_t from, to;
        int width;
    } ranges[] = {{0x300, 0x36f, 0},     {0x200b, 0x200f, 0},   {0xfe00, 0xfe0f, 0},  {0xe0100, 0xe01ef, 0},
                  {0x1100, 0x115f, 2},   {0x2e80, 0x303e, 2},   {0x3041, 0xa4cf, 2},  {0xac00, 0xd7a3, 2},
                  {0xf900, 0xfaff, 2},   {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},  {0xffe0, 0xffe6, 2},
                  {0x1f300, 0x1f64f, 2}, {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2}};
    if (c < 32 || (c >= 127 && c < 160)) return c ? -1 : 0;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i].from && c <= ranges[i].to) return ranges[i].width;
    return 1;
}
