/* out.c - a text that grows. */
#define _POSIX_C_SOURCE 200809L /* gmtime_r */
#include "out.h"
#include "wkv_base.h"
#include <nettle/base64.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void out_release(out *o)
{
    free(o->at);
    *o = (out){0};
}

void out_clear(out *o) { o->n = 0; }

static int reserve(out *o, size_t n)
{
    if (o->failed) return 0;
    if (o->cap - o->n >= n) return 1;
    const size_t cap = 2 * o->cap + n + 64;
    char *at = realloc(o->at, cap);
    if (!at) {
        o->failed = 1;
        return 0;
    }
    o->at = at, o->cap = cap;
    return 1;
}

void out_put(out *o, const char *bytes, size_t n)
{
    if (!n || !reserve(o, n)) return;
    memcpy(o->at + o->n, bytes, n);
    o->n += n;
}

void out_text(out *o, const char *text) { out_put(o, text, strlen(text)); }

void out_format(out *o, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n > 0 && reserve(o, (size_t)n + 1)) {
        vsnprintf(o->at + o->n, (size_t)n + 1, fmt, again);
        o->n += (size_t)n;
    }
    va_end(again);
}

void out_base64(out *o, const void *bytes, size_t n)
{
    const size_t length = BASE64_ENCODE_RAW_LENGTH(n);
    if (!reserve(o, length)) return;
    base64_encode_raw(o->at + o->n, n, bytes);
    o->n += length;
}

void out_date(out *o, int64_t seconds)
{
    char text[40];
    struct tm parts;
    const time_t when = (time_t)seconds;
    strftime(text, sizeof text, "\"%Y-%m-%dT%H:%M:%SZ\"", gmtime_r(&when, &parts));
    out_text(o, text);
}

/* ---- JSON strings ------------------------------------------------------------------------------------------------ */

static void escape(out *o, unsigned char c)
{
    static const char from[] = "\"\\\n\r\t\b\f", to[] = "\"\\nrtbf";
    const char *at = c ? strchr(from, c) : NULL;
    if (at)
        out_put(o, (char[]){'\\', to[at - from]}, 2);
    else
        out_format(o, "\\u%04x", c);
}

void out_string(out *o, const char *text, size_t bytes)
{
    const unsigned char *p = (const unsigned char *)text;
    out_put(o, "\"", 1);
    for (size_t i = 0; i < bytes;) {
        size_t plain = i; /* a run without escapes is copied at once */
        while (plain < bytes && p[plain] >= 32 && p[plain] < 127 && p[plain] != '"' && p[plain] != '\\') plain++;
        out_put(o, text + i, plain - i);
        i = plain;
        if (i == bytes) break;
        const int n = wkv_utf8_length(text + i, bytes - i);
        if (n < 1)
            out_text(o, "\\ufffd");
        else if (n == 1)
            escape(o, p[i]);
        else
            out_put(o, text + i, (size_t)n);
        i += n > 0 ? (size_t)n : 1;
    }
    out_put(o, "\"", 1);
}

int out_is_utf8(const char *text, size_t bytes)
{
    int n = 1;
    for (size_t i = 0; i < bytes && n > 0; i += (size_t)n) n = wkv_utf8_length(text + i, bytes - i);
    return n > 0;
}

void out_quoted(out *o, const char *text)
{
    if (text)
        out_string(o, text, strlen(text));
    else
        out_text(o, "null");
}
