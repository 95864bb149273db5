/* columns.c - wide and combining characters counted as terminals do. */
#include "columns.h"
#include "base/platform/terminal.h"
#include "wkv_base.h"
#include <stdlib.h>
#include <string.h>

/* The bytes of the character at p, and its columns. Invalid bytes are one column each. */
static size_t next(const char *p, int *columns)
{
    static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07}; /* bits of a character in its first byte */
    const int n = wkv_utf8_length(p, strlen(p));
    *columns = 1;
    if (n <= 0) return 1;
    uint32_t c = (unsigned char)p[0] & first[n];
    for (int i = 1; i < n; i++) c = c << 6 | ((unsigned char)p[i] & 0x3f);
    const int w = terminal_width_of(c);
    if (w >= 0) *columns = w;
    return (size_t)n;
}

/* ASCII's, U+0080 to U+009F, and bytes that are no character: a terminal may obey them. */
static int is_control(const char *p, size_t n)
{
    const unsigned char a = (unsigned char)p[0], b = n > 1 ? (unsigned char)p[1] : 0;
    return a < ' ' || a == 127 || (n == 1 && a > 127) || (a == 0xc2 && b < 0xa0);
}

int columns_of(const char *text)
{
    int sum = 0, w;
    for (; *text; sum += w) text += next(text, &w);
    return sum;
}

void columns_cut(char *out, size_t capacity, const char *text, int most)
{
    static const char more[] = "\xe2\x80\xa6";
    const int cut = columns_of(text) > most;
    const size_t room = capacity - sizeof more;
    size_t n = 0;
    int used = 0, w;
    for (size_t bytes; *text; text += bytes, used += w) {
        bytes = next(text, &w);
        if (n + bytes > room || used + w > most - cut) break;
        if (strchr("\n\r\t", *text))
            out[n++] = ' ';
        else if (is_control(text, bytes))
            out[n++] = '?';
        else
            memcpy(out + n, text, bytes), n += bytes;
    }
    strcpy(out + n, *text ? more : "");
}
