/* say.h - output of the program: messages, results, progress, figures.
 *
 * Results go to standard output through put(); everything else goes to standard error. Colours, progress and speeds
 * appear on a terminal only. Ctrl-C sets a flag that long work polls. */
#ifndef WKV_CLI_SAY_H
#define WKV_CLI_SAY_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

extern int say_quiet; /* --quiet */

/* ---- sentences: on standard error -------------------------------------------------------------------------------- */

int complain(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* "wkv: ...", returns 1, the exit status */
int complain_library(void);                                               /* the same with wkv_error() */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));    /* a line, unless --quiet */

/* ---- results: on standard output --------------------------------------------------------------------------------- */

/* Write; returns 0, or -1 after the reader left or the disk is full: the caller should stop. */
int put(const void *bytes, size_t n);
int put_flush(void);
int put_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A token or a piece of a text in one line: control characters and single bytes above 127 as \xNN. */
void put_escaped(const char *p, size_t n);

/* Flush standard output and return the exit status: `status` on success, 0 when the reader left (`| head -1`), 1 with
 * an error message when a write failed. */
int put_end(int status);

/* ---- terminals --------------------------------------------------------------------------------------------------- */

int on_terminal(int fd);  /* 0, 1 or 2 */
int terminal_width(void); /* of standard output; 80 when it is not a terminal */
const char *dim(int fd);  /* escape codes, "" without colours (NO_COLOR, TERM=dumb, not a terminal) */
const char *bold(int fd);
const char *plain(int fd);

/* A progress bar on standard error; omitted without a terminal, with --quiet, or in the first half second. */
typedef struct {
    const char *what;
    double begun, drawn;
    int shown;
} progress;
void progress_begin(progress *p, const char *what);
void progress_at(progress *p, double done, double total, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void progress_end(progress *p); /* erases the bar */

/* ---- Ctrl-C ------------------------------------------------------------------------------------------------------ */

extern volatile sig_atomic_t interrupted; /* the signal; 0: none */
/* From here on Ctrl-C, SIGTERM, and SIGHUP (a closed terminal) unless it is ignored (nohup), set `interrupted`; system
 * calls return EINTR. */
void catch_interrupts(void);

/* ---- figures ----------------------------------------------------------------------------------------------------- */

double seconds_now(void);
const char *as_bytes(char out[16], double bytes);      /* "1.23 MB" */
const char *as_count(char out[32], int64_t n);         /* "191,034,624" */
const char *as_duration(char out[16], double seconds); /* "1:02:03" */

#endif
