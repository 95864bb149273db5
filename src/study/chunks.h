/* chunks.h - many small blocks of memory that are released together. */
#ifndef WKV_STUDY_CHUNKS_H
#define WKV_STUDY_CHUNKS_H

#include <stddef.h>

typedef struct chunk chunk;

typedef struct {
    chunk *last;
    size_t left; /* bytes of the last chunk */
} chunks;

/* Zeroed memory for any type; NULL after fail(WKV_ENOMEM). */
void *chunks_alloc(chunks *c, size_t bytes);
/* A copy of n bytes of a text, and a zero byte behind it; NULL after fail(WKV_ENOMEM). */
char *chunks_text(chunks *c, const char *text, size_t n);
void chunks_release(chunks *c);

#endif
