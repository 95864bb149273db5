/* stream.c - text written to memory through a FILE. */
#include "base/stream.h"
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/platform/descriptor.h"

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

static int put(void *s, const char *from, size_t n) { return stream_put(s, from, n); }

FILE *stream_open(stream *s)
{
    *s = (stream){0};
    return writer_open(s, put);
}

void stream_update(FILE *f, stream *s)
{
    if (writer_update(f, s, put)) s->lost = -1;
}

int stream_close(FILE *f, stream *s, const char *content)
{
    if (f && !writer_close(f, s, put) && !s->lost) return 0;
    free(s->text);
    s->text = NULL;
    return fail(WKV_ENOMEM, "no memory for %s", content);
}
