/* stream.h - text written to memory through a FILE; open_memstream may lose bytes without memory and report nothing. */
#ifndef WKV_BASE_STREAM_H
#define WKV_BASE_STREAM_H

#include <stddef.h>
#include <stdio.h>

typedef struct {
    char *text;         /* zero-terminated; the owner of the stream frees it; NULL: empty */
    size_t n, capacity; /* bytes */
    int lost;           /* memory was exhausted */
} stream;

int stream_put(stream *s, const char *from, size_t n); /* 0, or -1 from the first failure on */
/* *s starts empty; the caller keeps it until stream_close, which completes it like stream_update. NULL: no memory. */
FILE *stream_open(stream *s);
/* Have all that was written so far in *s. */
void stream_update(FILE *f, stream *s);
/* Close f, which may be NULL. WKV_ENOMEM ("no memory for CONTENT"), and s->text is NULL, when anything was lost. */
int stream_close(FILE *f, stream *s, const char *content);

#endif
