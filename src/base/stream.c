/* stream.c - text written to memory through a FILE. */
#define _GNU_SOURCE
#include "base/stream.h"
#include <stdlib.h>
#include <string.h>
#include "base/error.h"

int stream_put(stream *s, const char *from, size_t n)
{
    if (s->lost) return -1;
    if (s->n + n >= s->capacity) {
        size_t capacity = 2 * (s->n + n) + 256;
        char *text = realloc(s->text, capacity);
        if (!text) return s->lost = -1;
        s->text = text;
        s->capacity = capacity;
    }
    memcpy(s->text + s->n, from, n);
    s->text[s->n += n] = 0;
    return 0;
}

static ssize_t write_some(void *s, const char *from, size_t n) { return stream_put(s, from, n) ? 0 : (ssize_t)n; }

FILE *stream_open(stream *s)
{
    *s = (stream){0};
    FILE *f = fopencookie(s, "w", (cookie_io_functions_t){.write = write_some});
    if (f) setvbuf(f, NULL, _IONBF, 0);
    return f;
}

int stream_close(FILE *f, stream *s, const char *content)
{
    if (f && !fclose(f) && !s->lost) return 0;
    free(s->text);
    s->text = NULL;
    return fail(WKV_ENOMEM, "no memory for %s", content);
}
