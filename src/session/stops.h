/* stops.h - stop strings: they are found across tokens, and text that may begin one is held back. */
#ifndef WKV_SESSION_STOPS_H
#define WKV_SESSION_STOPS_H

#include <stddef.h>

typedef struct {
    struct stop {
        char *text; /* a copy, not empty        */
        int number; /* in the caller's list     */
    } * at;
    int n;
} stops;

int stops_copy(stops *to, const char *const *from, int n); /* skips empty strings. WKV_EARG: a NULL; WKV_ENOMEM */
void stops_release(stops *s);

/* The offset of the first stop string in text[0 .. n); n: none. */
size_t stops_find(const stops *s, const char *text, size_t n);
/* The number of the stop string at the beginning of the text; -1: none. */
int stops_at(const stops *s, const char *text, size_t n);
/* Bytes at the end of text[0 .. n) that may begin a stop string. */
size_t stops_begun(const stops *s, const char *text, size_t n);

#endif
