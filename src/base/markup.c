/* markup.c - text in HTML, SVG and XML. */
#include "base/markup.h"
#include "base/utf8.h"

/* XML 1.0, section 2.2, Char; U+0080 to U+009F are controls in HTML; U+200E to U+2069 are those of Unicode's
 * bidirectional algorithm (UAX 9, section 2). */
static int is_excluded(uint32_t c)
{
    return (c < 32 && c != '\t' && c != '\n' && c != '\r') || (c >= 127 && c < 160) || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || (c & 0xfffe) == 0xfffe ||
           (c >= 0xfdd0 && c < 0xfdf0);
}

uint32_t markup_next(const char **text)
{
    const uint32_t c = utf8_next(text);
    return is_excluded(c) ? 0xfffd : c;
}

static void put_character(FILE *f, uint32_t c)
{
    char bytes[4];
    fwrite(bytes, 1, (size_t)utf8_put(bytes, c), f);
}

void markup_put(FILE *f, const char *text, size_t n)
{
    for (const char *begin = text; *text && (size_t)(text - begin) < n;) {
        const uint32_t c = markup_next(&text);
        switch (c) {
        case '<': fputs("&lt;", f); break;
        case '>': fputs("&gt;", f); break;
        case '&': fputs("&amp;", f); break;
        case '"': fputs("&quot;", f); break;
        case '\'': fputs("&#39;", f); break;
        default: put_character(f, c);
        }
    }
}

void markup_clean(FILE *f, const char *text)
{
    while (*text) put_character(f, markup_next(&text));
}
