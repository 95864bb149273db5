/* chunks.c - bump memory in chunks of the heap, for data of unknown size. */
#include "study/chunks.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 16 };

struct chunk {
    chunk *before;
    size_t capacity;
    max_align_t data[];
};

void *chunks_alloc(chunks *c, size_t bytes)
{
    const size_t align = sizeof(max_align_t), n = (bytes + align - 1) / align * align;
    if (n > c->left) {
        const size_t capacity = n > CHUNK ? n : CHUNK;
        chunk *more = calloc(1, sizeof *more + capacity);
        if (!more) {
            fail(WKV_ENOMEM, "no memory for %zu bytes of items", bytes);
            return NULL;
        }
        *more = (chunk){.before = c->last, .capacity = capacity};
        c->last = more;
        c->left = capacity;
    }
    char *at = (char *)c->last->data + (c->last->capacity - c->left);
    c->left -= n;
    return at;
}

char *chunks_text(chunks *c, const char *text, size_t n)
{
    char *copy = chunks_alloc(c, n + 1);
    if (copy) memcpy(copy, text, n);
    return copy;
}

void chunks_release(chunks *c)
{
    for (chunk *at = c->last, *before; at; at = before) {
        before = at->before;
        free(at);
    }
    *c = (chunks){0};
}
