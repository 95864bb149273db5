/* lines.c - a vocabulary in the lines of World's format. */
#include "base/error.h"
#include "base/utf8.h"
#include "text/tokenizer.h"
#include <stdlib.h>
#include <string.h>

void vocabulary_put_line(FILE *f, int id, const char *p, size_t n)
{
    int whole = utf8_check(p, n) == n, quote = memchr(p, '\'', n) && !memchr(p, '"', n) ? '"' : '\'';
    fprintf(f, "%d %s%c", id, whole ? "" : "b", quote);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c == '\n')
            fputs("\\n", f);
        else if (c == '\t')
            fputs("\\t", f);
        else if (c == '\r')
            fputs("\\r", f);
        else if (c < 32 || c == 127 || (c > 127 && !whole))
            fprintf(f, "\\x%02x", c);
        else
            fprintf(f, c == '\\' || c == quote ? "\\%c" : "%c", c);
    }
    fprintf(f, "%c %zu\n", quote, n);
}

int vocabulary_close_lines(FILE *f, stream *s, char **lines, size_t *bytes)
{
    int err = stream_close(f, s, "the lines of a vocabulary");
    *lines = s->text;
    *bytes = s->n;
    return err;
}

int tokenizer_lines(char **lines, size_t *bytes, const wkv_tokenizer *t)
{
    *lines = NULL;
    stream all;
    FILE *f = stream_open(&all);
    for (int i = 0; f && i < wkv_tokenizer_size(t); i++) {
        size_t n;
        const char *text = wkv_token_bytes(t, i, &n);
        if (n) vocabulary_put_line(f, i, text, n);
    }
    return vocabulary_close_lines(f, &all, lines, bytes);
}
