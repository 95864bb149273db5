/* bytes.h - reading a file front to back, never beyond its end.
 *
 * No length in a file is trusted. cursor_take() gives a pointer only when that many bytes are left, so a reader that
 * uses it cannot read beyond the file. All formats here are little-endian, and so are all machines that wkv runs on. */
#ifndef WKV_FORMAT_BYTES_H
#define WKV_FORMAT_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const uint8_t *at, *end;
} cursor;

static inline size_t left(const cursor *c) { return (size_t)(c->end - c->at); }

/* The next n bytes, and advance; NULL when fewer are left. */
static inline const uint8_t *cursor_take(cursor *c, size_t n)
{
    if (left(c) < n) return NULL;
    const uint8_t *p = c->at;
    c->at += n;
    return p;
}

/* Copy the next n bytes to dst; 0 when fewer are left. */
static inline int get(cursor *c, void *dst, size_t n)
{
    const uint8_t *p = cursor_take(c, n);
    if (p) memcpy(dst, p, n);
    return p != NULL;
}

static inline uint16_t u16_at(const uint8_t *p)
{
    uint16_t x;
    memcpy(&x, p, 2);
    return x;
}
static inline uint32_t u32_at(const uint8_t *p)
{
    uint32_t x;
    memcpy(&x, p, 4);
    return x;
}
static inline uint64_t u64_at(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, 8);
    return x;
}

#endif
