/* input.c - read files, standard input and lists of ids. */
#include "input.h"
#include "say.h"
#include "wkv.h"
#include "wkv_file.h"
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static int is_stdin(const char *path)
{
    if (strcmp(path, "-")) return 0;
    if (on_terminal(0)) note("reading standard input until Ctrl-D");
    return 1;
}

FILE *input_open(const char *path)
{
    if (is_stdin(path)) return stdin;
    FILE *f;
    if (wkv_file_open(&f, path)) complain_library();
    return f;
}

void input_close(FILE *f)
{
    if (f && f != stdin) fclose(f);
}

size_t input_mark(const char *text, size_t n) { return n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0; }

size_t input_newline(const char *text, size_t n)
{
    if (!n || text[n - 1] != '\n') return 0;
    return n > 1 && text[n - 2] == '\r' ? 2 : 1;
}

static int read_stdin(char **out, size_t *bytes)
{
    *out = NULL;
    *bytes = 0;
    size_t cap = 0, n = 0;
    char *text = NULL;
    do {
        if (cap - n < 2) {
            char *more = realloc(text, cap = cap ? 2 * cap : 4096);
            if (!more) goto no_memory;
            text = more;
        }
        n += fread(text + n, 1, cap - n - 1, stdin);
    } while (!feof(stdin) && !ferror(stdin) && !interrupted); /* a read after the end would wait for a second Ctrl-D */
    if (ferror(stdin) && !interrupted) {
        complain("standard input: %s", strerror(errno));
        free(text);
        return 1;
    }
    text[n] = 0;
    *out = text;
    *bytes = n;
    return 0;
no_memory:
    free(text);
    return complain("standard input: out of memory");
}

int input_all(char **out, size_t *bytes, const char *path)
{
    if (is_stdin(path)) return read_stdin(out, bytes);
    return wkv_file_read(out, bytes, path) ? complain_library() : 0;
}

int input_ids(int32_t **ids, const char *text, size_t bytes, const char *name)
{
    size_t cap = 0, n = 0;
    *ids = NULL;
    const char *end = text + bytes;
    for (const char *at = text; at < end;) {
        if (isspace((unsigned char)*at) || *at == ',' || *at == '[' || *at == ']') {
            at++;
            continue;
        }
        const char *from = at;
        long long v = 0;
        while (at < end && isdigit((unsigned char)*at) && v <= INT32_MAX) v = 10 * v + (*at++ - '0');
        if (at == from || v > INT32_MAX || (at < end && !strchr(" \t\r\n,]", *at))) {
            int shown = (int)strcspn(from, " \t\r\n,]");
            complain("%s: '%.*s' is not a token id", name, shown > 30 ? 30 : shown, from);
            goto failed;
        }
        if (n == cap) {
            int32_t *more = n < INT_MAX / 2 ? realloc(*ids, sizeof **ids * (cap = cap ? 2 * cap : 256)) : NULL;
            if (!more) {
                complain("%s: out of memory", name);
                goto failed;
            }
            *ids = more;
        }
        (*ids)[n++] = (int32_t)v;
    }
    return (int)n;
failed:
    free(*ids);
    *ids = NULL;
    return -1;
}

int input_text(char **text, size_t *bytes, const char *path)
{
    if (input_all(text, bytes, path)) return 1;
    const size_t mark = input_mark(*text, *bytes);
    *bytes -= mark;
    memmove(*text, *text + mark, *bytes + 1);
    *bytes -= input_newline(*text, *bytes);
    (*text)[*bytes] = 0;
    return 0;
}
