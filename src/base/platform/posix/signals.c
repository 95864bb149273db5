/* signals.c - signals of POSIX. */
#define _GNU_SOURCE
#include "base/platform/signals.h"
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char *truncated_sentence;

/* SIGBUS: a mapped file was truncated. write and _exit are async-signal-safe. */
static void on_bus_error(int signal_number)
{
    (void)signal_number;
    ssize_t ignored = write(2, truncated_sentence, strlen(truncated_sentence));
    (void)ignored;
    _exit(1);
}

void signals_begin(const char *truncated)
{
    truncated_sentence = truncated;
    signal(SIGBUS, on_bus_error);
    signal(SIGXFSZ, SIG_IGN); /* a file beyond the limit of ulimit -f fails as a full disk does */
    signal(SIGPIPE, SIG_IGN); /* a closed output is a normal end, not a signal */
}

void signals_on_interrupt(void (*fn)(int number))
{
    struct sigaction now = {.sa_handler = fn}, before; /* no SA_RESTART: reading from a terminal must wake up */
    const int wanted[] = {SIGINT, SIGTERM, SIGHUP};
    for (int i = 0; i < 3; i++)
        if (!sigaction(wanted[i], NULL, &before) && before.sa_handler != SIG_IGN) sigaction(wanted[i], &now, NULL);
}

static void keep(signals_kept *before, int how, const sigset_t *set)
{
    sigset_t mask;
    _Static_assert(sizeof mask <= sizeof before->mask, "the mask of the system fits");
    pthread_sigmask(how, set, &mask);
    memcpy(before->mask, &mask, sizeof mask);
}

/* Faults stay with the thread that caused them. */
void signals_hold(signals_kept *before)
{
    static const int faults[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGABRT};
    sigset_t none;
    sigfillset(&none);
    for (size_t k = 0; k < sizeof faults / sizeof *faults; k++) sigdelset(&none, faults[k]);
    keep(before, SIG_SETMASK, &none);
}

void signals_restore(const signals_kept *before)
{
    sigset_t mask;
    memcpy(&mask, before->mask, sizeof mask);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

#ifdef SO_NOSIGPIPE /* macOS, where SIGPIPE goes to any thread of the process */
void signals_hold_pipe(pipe_kept *before, int fd)
{
    const int yes = 1;
    (void)before;
    setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &yes, sizeof yes);
}

void signals_restore_pipe(const pipe_kept *before) { (void)before; }
#else
static void pipe_alone(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGPIPE);
}

void signals_hold_pipe(pipe_kept *before, int fd)
{
    sigset_t only, pending;
    (void)fd;
    pipe_alone(&only);
    sigpending(&pending);
    before->pending = sigismember(&pending, SIGPIPE);
    keep(&before->mask, SIG_BLOCK, &only);
}

void signals_restore_pipe(const pipe_kept *before)
{
    sigset_t only;
    pipe_alone(&only);
    if (!before->pending) sigtimedwait(&only, NULL, &(struct timespec){0});
    signals_restore(&before->mask);
}
#endif
