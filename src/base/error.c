/* error.c - the sentence of the last failure, one per thread; and the abort at a bug of ours. */
#include "base/error.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local char sentence[1024];

const char *wkv_error(void) { return sentence; }

/* Names in a file may contain control characters for the terminal. */
static void clean(void)
{
    for (char *s = sentence; *s; s++) {
        if ((unsigned char)*s < 32 || *s == 127) *s = '?';
    }
}

int fail(int code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, args);
    va_end(args);
    clean();
    return code;
}

int fail_prefix(int code, const char *fmt, ...)
{
    char rest[sizeof sentence];
    memcpy(rest, sentence, sizeof rest);
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(sentence, sizeof sentence, fmt, args);
    va_end(args);
    int left = (int)sizeof sentence - n; /* a sentence that is too long is truncated */
    if (n >= 0 && left > 3) snprintf(sentence + n, (size_t)left, ": %.*s", left - 3, rest);
    clean();
    return code;
}

_Noreturn void check_failed(const char *file, int line, const char *expression, long long a, long long b)
{
    fprintf(stderr, "wkv: internal error at %s:%d: %s (%lld, %lld)\n", file, line, expression, a, b);
    abort();
}
