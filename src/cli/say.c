/* say.c - messages, results, progress, Ctrl-C and figures. */
#include "say.h"
#include "wkv.h"
#include "base/platform/signals.h"
#include "base/platform/terminal.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int say_quiet;
volatile sig_atomic_t interrupted;

int complain(const char *fmt, ...)
{
    fflush(stdout);
    va_list args;
    va_start(args, fmt);
    fputs("wkv: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    return 1;
}

int complain_library(void) { return complain("%s", wkv_error()); }

void note(const char *fmt, ...)
{
    if (say_quiet) return;
    fflush(stdout);
    va_list args;
    va_start(args, fmt);
    fputs(dim(2), stderr);
    vfprintf(stderr, fmt, args);
    fprintf(stderr, "%s\n", plain(2));
    va_end(args);
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

static int put_errno; /* errno of the failed write to standard output */

static int put_failed(void)
{
    if (!put_errno) put_errno = errno ? errno : EIO;
    return -1;
}

int put(const void *bytes, size_t n)
{
    if (put_errno) return -1;
    return !n || fwrite(bytes, 1, n, stdout) == n ? 0 : put_failed();
}

int put_flush(void)
{
    if (put_errno) return -1;
    return fflush(stdout) ? put_failed() : 0;
}

int put_text(const char *fmt, ...)
{
    if (put_errno) return -1;
    va_list args;
    va_start(args, fmt);
    int n = vfprintf(stdout, fmt, args);
    va_end(args);
    return n < 0 ? put_failed() : 0;
}

void put_escaped(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c < 32 || c == 127 || (n == 1 && c > 127))
            put_text("\\x%02x", c);
        else
            put(p + i, 1);
    }
}

int put_end(int status)
{
    put_flush();
    if (!put_errno) return status;
    if (output_is_left(put_errno)) return 0;
    return complain("standard output: %s", strerror(put_errno));
}

/* ---- terminals --------------------------------------------------------------------------------------------------- */

int on_terminal(int fd)
{
    static int known[3]; /* 0: not asked yet, 1: no, 2: yes */
    if (!known[fd]) known[fd] = terminal_is(fd) ? 2 : 1;
    return known[fd] == 2;
}

int terminal_width(void)
{
    const int columns = on_terminal(1) ? terminal_columns() : 0;
    return columns >= 20 ? columns : 80;
}

static int colours(int fd)
{
    const char *no = getenv("NO_COLOR");
    return on_terminal(fd) && !(no && *no) && terminal_shows_colours();
}

const char *dim(int fd) { return colours(fd) ? "\033[2m" : ""; }
const char *bold(int fd) { return colours(fd) ? "\033[1m" : ""; }
const char *plain(int fd) { return colours(fd) ? "\033[0m" : ""; }

void progress_begin(progress *p, const char *what)
{
    *p = (progress){.what = what, .begun = seconds_now()};
    p->drawn = p->begun + 0.4;
}

void progress_at(progress *p, double done, double total, const char *fmt, ...)
{
    double t = seconds_now();
    if (say_quiet || !on_terminal(2) || t - p->drawn < 0.1) return;
    p->drawn = t;
    p->shown = 1;
    enum { WIDE = 24 };
    double share = total > 0 ? done / total : 0;
    int full = (int)(share * WIDE + 0.5);
    char line[512], left[16];
    int n = snprintf(line, sizeof line, "%s [", p->what);
    for (int i = 0; i < WIDE; i++) line[n++] = i < full ? '#' : '.';
    n += snprintf(line + n, sizeof line - (size_t)n, "] %3.0f%% ", share * 100);
    if (share > 0.001)
        n += snprintf(line + n, sizeof line - (size_t)n, "%s left, ",
                      as_duration(left, (t - p->begun) * (1 - share) / share));
    va_list args;
    va_start(args, fmt);
    vsnprintf(line + n, sizeof line - (size_t)n, fmt, args);
    va_end(args);
    fprintf(stderr, "\r%.*s\033[K", terminal_width() - 1, line); /* a wrapped line could not be erased */
    fflush(stderr);
}

void progress_end(progress *p)
{
    if (p->shown) fputs("\r\033[K", stderr);
    p->shown = 0;
}

/* ---- Ctrl-C ------------------------------------------------------------------------------------------------------ */

static void on_interrupt(int signal_number) { interrupted = signal_number; }

void catch_interrupts(void) { signals_on_interrupt(on_interrupt); }

/* ---- figures ----------------------------------------------------------------------------------------------------- */

double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

const char *as_bytes(char out[16], double bytes)
{
    const char *const unit[] = {"bytes", "kB", "MB", "GB", "TB"};
    int u = 0;
    for (; bytes >= 999.5 && u < 4; u++) bytes /= 1000;
    snprintf(out, 16, "%.*f %s", u == 0 || bytes >= 99.95 ? 0 : bytes >= 9.995 ? 1 : 2, bytes, unit[u]);
    return out;
}

const char *as_count(char out[32], int64_t n)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)n), at = 0;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0 && digits[i - 1] != '-') out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
    return out;
}

const char *as_duration(char out[16], double seconds)
{
    unsigned s = seconds < 0 ? 0 : seconds > 3.6e6 ? 3599999 : (unsigned)(seconds + 0.5);
    if (s >= 3600)
        snprintf(out, 16, "%u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, 16, "%u:%02u", s / 60, s % 60);
    return out;
}
