/* out.h - a text that grows: bodies of responses, events of streams, JSON written without a tree.
 *
 * A failure to grow is kept in `failed`, and later calls do nothing: the caller looks once, at the end. */
#ifndef WKV_SERVE_OUT_H
#define WKV_SERVE_OUT_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    char *at;
    size_t n, cap;
    int failed; /* no memory */
} out;

void out_release(out *o);
void out_clear(out *o); /* keeps the memory */
void out_put(out *o, const char *bytes, size_t n);
void out_text(out *o, const char *text);
void out_format(out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A JSON string with its quotes. Bytes that are no UTF-8 become U+FFFD. */
void out_string(out *o, const char *text, size_t bytes);
/* Base64 without quotes. */
void out_base64(out *o, const void *bytes, size_t n);
void out_date(out *o, int64_t seconds); /* "2026-11-30T12:00:00Z", with quotes, of seconds since 1970 */
int out_is_utf8(const char *text, size_t bytes);
void out_quoted(out *o, const char *text); /* the same for a terminated text; NULL: null */

#endif
