/* serving.h - a wkv serve of a test's own, and a client of it. */
#ifndef WKV_TESTS_SERVING_H
#define WKV_TESTS_SERVING_H

#include "test.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *program;
static pid_t child;
static int port;

static inline double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- the server -------------------------------------------------------------------------------------------------- */

enum { WORDS = 24 };

static void be_server(const char *const *more, int out)
{
    const char *words[WORDS] = {program, "serve", "--port", "0", "-t", "1", "-q", "--cache-disk", "0"};
    for (int n = 9; *more; more++) words[n++] = *more;
    dup2(out, 1);
    if (!getenv("WKV_TEST_LOG")) dup2(open("/dev/null", O_WRONLY), 2);
    execv(program, (char **)(uintptr_t)words);
    _exit(127);
}

/* Begin a server, and wait for its address and its model. Returns 0 where it does not start. */
static inline int begin(const char *const *more)
{
    int at[2];
    char line[256] = "";
    if (pipe(at)) return 0;
    fflush(stdout);
    if (!(child = fork())) be_server(more, at[1]);
    close(at[1]);
    for (size_t n = 0; n < sizeof line - 1 && read(at[0], line + n, 1) == 1 && line[n] != '\n'; n++) continue;
    close(at[0]);
    const char *colon = strrchr(line, ':');
    port = colon ? atoi(colon + 1) : 0;
    return port > 0;
}

static inline int end(void)
{
    int status;
    kill(child, SIGTERM);
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- clients ----------------------------------------------------------------------------------------------------- */

static inline int connect_to_server(void)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to)) FAILED("no connection");
    return fd;
}

static inline void send_all(int fd, const char *text, size_t n)
{
    while (n) {
        const ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);
        if (sent <= 0) return;
        text += sent;
        n -= (size_t)sent;
    }
}

/* All that comes until the text `until` is there, the server closes, or some seconds have passed. */
static inline char *receive(int fd, const char *until, double seconds)
{
    static char text[8 << 20];
    const double give_up = now() + seconds;
    size_t n = 0, seen = 0; /* seen: the searched part */
    *text = 0;
    while (n < sizeof text - 1 && now() < give_up) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (until && strstr(text + seen, until)) break;
        seen = until && n > strlen(until) ? n - strlen(until) : 0;
        if (poll(&p, 1, 50) <= 0) continue;
        const ssize_t got = recv(fd, text + n, sizeof text - 1 - n, 0);
        if (got <= 0) break;
        n += (size_t)got;
        text[n] = 0;
    }
    return text;
}

/* The status of the last response in a text; 0: none. */
static inline int status_of(const char *text)
{
    int status = 0;
    for (const char *at = text; (at = strstr(at, "HTTP/1.1 ")); at += 9) status = atoi(at + 9);
    return status;
}

#endif
