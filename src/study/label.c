/* label.c - the width of texts in a picture. */
#include "study/label.h"
#include "base/markup.h"
#include <math.h>
#include <string.h>

static const char more[] = "\xe2\x80\xa6"; /* … */

/* Hundredths of the font size: the advance widths of DejaVu Sans, U+0020 to U+007E, rounded up. */
static const unsigned char ascii[] = {
    32, 41, 46, 84, 64, 96, 78, 28, 40,  40, 50, 84, 32, 37, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 34, 34, 84, 84, 84, 54, 100, 69, 69, 70, 78, 64, 58, 78, 76, 30, 30, 66, 56, 87, 75, 79,
    61, 79, 70, 64, 62, 74, 69, 99, 69,  62, 69, 40, 34, 40, 84, 50, 50, 62, 64, 55, 64, 62, 36, 64,
    64, 28, 28, 58, 28, 98, 64, 62, 64,  64, 42, 53, 40, 64, 60, 82, 60, 60, 53, 64, 34, 64, 84,
};

/* The rest of Unicode by the widest letters of its scripts; East Asian wide characters (UAX 11) are one em. */
static int hundredths(uint32_t c)
{
    if (c < 32) return ascii[0]; /* tabs and line ends are blanks in SVG */
    if (c < 127) return ascii[c - 32];
    if (c >= 0x300 && c < 0x370) return 0; /* combining */
    if (c < 0x250) return 100;             /* Latin: 1.00 em but for a few digraphs */
    if (c < 0x370) return 75;
    if (c < 0x400) return 94;
    if (c < 0x530) return 118;
    if (c < 0x1100) return 125;
    if (c >= 0x2010 && c <= 0x2026) return 100;
    if (c >= 0x2070 && c < 0x20a0) return 63;
    if (c >= 0x1f000) return 140; /* emoji */
    if (c >= 0x2100 && c < 0x2e80) return 145;
    if (c >= 0x2e80 && c < 0xfe00) return 102;
    if (c >= 0xff00 && c < 0xfff0) return 102;
    return 110;
}

double label_width(const char *text, double size)
{
    double sum = 0;
    while (*text) sum += hundredths(markup_next(&text));
    return sum * size / 100;
}

double label_widest(const char *const *texts, int n, double size)
{
    double widest = 0;
    for (int i = 0; i < n; i++)
        if (texts[i]) widest = fmax(widest, label_width(texts[i], size));
    return widest;
}

/* Bytes of the longest start of the text of at most `width`, and at most LABEL_BYTES with "…" behind it. */
static size_t fitting(const char *text, double size, double width)
{
    const char *at = text, *last = text;
    for (double sum = 0; *at; last = at) {
        sum += hundredths(markup_next(&at)) * size / 100;
        if (sum > width || (size_t)(at - text) > LABEL_BYTES - sizeof more) break;
    }
    return (size_t)((*at ? last : at) - text);
}

static const char *copy(char out[LABEL_BYTES], const char *text, size_t n, const char *end)
{
    memcpy(out, text, n);
    strcpy(out + n, end);
    return out;
}

const char *label_cut(char out[LABEL_BYTES], const char *text, double size, double width)
{
    const size_t bytes = strlen(text);
    if (bytes <= LABEL_BYTES - sizeof more && label_width(text, size) <= width) return copy(out, text, bytes, "");
    const size_t n = fitting(text, size, width - label_width(more, size));
    return copy(out, text, n, n || label_width(more, size) <= width ? more : "");
}

/* The sign of a byte that a label would hide, NULL: it is shown as it is. */
static const char *sign_of(char c, int at_an_end)
{
    switch (c) {
    case '\n': return "\xe2\x86\xb5";                   /* ↵ */
    case '\r': return "\xe2\x90\x8d";                   /* ␍ */
    case '\t': return "\xe2\x87\xa5";                   /* ⇥ */
    case ' ': return at_an_end ? "\xe2\x90\xa3" : NULL; /* ␣ */
    default: return NULL;
    }
}

const char *label_token(char out[LABEL_BYTES], const char *text)
{
    size_t n = 0, first = strspn(text, " "), last = strlen(text);
    while (last && text[last - 1] == ' ') last--;
    for (size_t i = 0; text[i] && n < LABEL_BYTES - 4; i++) {
        const char *sign = sign_of(text[i], i < first || i >= last);
        memcpy(out + n, sign ? sign : text + i, sign ? 3 : 1);
        n += sign ? 3 : 1;
    }
    out[n] = 0;
    return out;
}

const char *label_line(char out[LABEL_BYTES], const char *text, double size, double width)
{
    text += strspn(text, " \n");
    size_t n = fitting(text, size, width);
    if (text[n]) { /* back to a blank, if there is one */
        size_t blank = n;
        while (blank && text[blank] != ' ' && text[blank] != '\n') blank--;
        if (blank) n = blank;
        if (!n) { /* a character that is too wide */
            const char *at = text;
            markup_next(&at);
            n = (size_t)(at - text);
        }
    }
    copy(out, text, n, "");
    text += n;
    return text + strspn(text, " \n");
}
