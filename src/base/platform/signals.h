/* signals.h - interruptions from outside. */
#ifndef WKV_BASE_PLATFORM_SIGNALS_H
#define WKV_BASE_PLATFORM_SIGNALS_H

/* A closed output and a full file size limit become errors of writing. A mapped file that is truncated while in use
 * prints the sentence and ends the program. */
void signals_begin(const char *truncated);

/* Call fn(number) at Ctrl-C, and when the program is asked to end, unless the parent had these ignored. It may run in
 * any thread, at any time: it sets a flag. A read from the terminal wakes up. */
void signals_on_interrupt(void (*fn)(int number));

/* Threads started between the two calls get no signals: those are for the threads of the host. */
typedef struct {
    unsigned long long mask[16]; /* of the system's type */
} signals_kept;
void signals_hold(signals_kept *before);
void signals_restore(const signals_kept *before);

/* Between the two calls this thread writes to the connection `fd`, which the other end may have closed, without
 * SIGPIPE. */
typedef struct {
    signals_kept mask;
    int pending;
} pipe_kept;
void signals_hold_pipe(pipe_kept *before, int fd);
void signals_restore_pipe(const pipe_kept *before);

#endif
