/* utf8.c - code points and their bytes. */
#include "base/utf8.h"
#include <string.h>

int utf8_put(char *out, uint32_t c)
{
    if (c < 0x80) return out[0] = (char)c, 1;
    if (c < 0x800) return out[0] = (char)(0xc0 | c >> 6), out[1] = (char)(0x80 | (c & 63)), 2;
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12), out[1] = (char)(0x80 | (c >> 6 & 63)), out[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    if (c >= 0x110000) return 0;
    out[0] = (char)(0xf0 | c >> 18), out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63)), out[3] = (char)(0x80 | (c & 63));
    return 4;
}

int utf8_length(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    int length = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? -1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : -1;
    for (int i = 1; i < length && (size_t)i < n; i++) {
        unsigned char low = 0x80, high = 0xbf;
        if (i == 1) {
            if (p[0] == 0xe0) low = 0xa0;
            if (p[0] == 0xed) high = 0x9f;
            if (p[0] == 0xf0) low = 0x90;
            if (p[0] == 0xf4) high = 0x8f;
        }
        if (p[i] < low || p[i] > high) return -1;
    }
    return length < 0 || (size_t)length <= n ? length : 0;
}

uint32_t utf8_next(const char **text)
{
    const unsigned char *p = (const unsigned char *)*text;
    const int length = utf8_length(*text, strnlen(*text, 4));
    *text += length > 0 ? length : 1;
    if (length <= 0) return 0xfffd;
    uint32_t c = length == 1 ? p[0] : p[0] & (0x7fu >> length);
    for (int i = 1; i < length; i++) c = c << 6 | (p[i] & 63);
    return c;
}

size_t utf8_check(const char *p, size_t n)
{
    size_t i = 0;
    while (i < n) {
        int length = utf8_length(p + i, n - i);
        if (length <= 0) break;
        i += (size_t)length;
    }
    return i;
}

int utf8_count(const char *text)
{
    int n = 0;
    for (; *text; text++) n += (*text & 0xc0) != 0x80;
    return n;
}

size_t utf8_control(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned char a = (unsigned char)p[i], b = i + 1 < n ? (unsigned char)p[i + 1] : 0;
        if (a < ' ' || a == 127 || (a == 0xc2 && b >= 0x80 && b < 0xa0)) return i;
    }
    return n;
}

void utf8_replace_control(char *text, char by)
{
    const size_t n = strlen(text);
    for (size_t at; (at = utf8_control(text, n)) < n; text[at] = by)
        if ((unsigned char)text[at] == 0xc2) text[at + 1] = by; /* of two bytes */
}

void utf8_copy(char *out, size_t capacity, const char *text)
{
    const size_t n = strlen(text) < capacity ? strlen(text) : utf8_check(text, capacity - 1);
    memcpy(out, text, n);
    out[n] = 0;
}
