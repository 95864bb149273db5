/* server.h - wkv serve as a child of a test, and clients of it. The program is $WKV or ./wkv. */
#ifndef WKV_TESTS_SERVER_H
#define WKV_TESTS_SERVER_H

#include "base/platform/socket.h"
#include "process.h"
#include "test.h"
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#ifdef _WIN32
#define poll WSAPoll
#define HALF_CLOSED_IS_LEFT /* platform/windows/socket.c */
enum { SHUT_WR = SD_SEND, MSG_NOSIGNAL = 0, MSG_MORE = 0 };
#else
#include <poll.h>
#endif

static child server_process;
static int port;

static inline double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The time within which something has to happen; on an emulated processor more. */
static inline double within(double seconds) { return seconds * (getenv("WKV_EMULATOR") ? 20 : 1); }

/* ---- the server -------------------------------------------------------------------------------------------------- */

/* Begin a server, and wait for its address. Returns 0 where it does not start. */
static inline int server_begin(const char *const *more)
{
    const char *words[32] = {process_program(), "serve", "--port", "0", "-t", "1", "-q", "--cache-disk", "0"};
    char line[256] = "";
    for (int n = 9; *more; more++) words[n++] = *more;
    unsetenv("WKV_STORE"); /* never the user's */
    socket_begin();
    if (child_start(&server_process, words, 1, getenv("WKV_TEST_LOG") != NULL)) return 0;
    const char *colon = fgets(line, sizeof line, server_process.output) ? strrchr(line, ':') : NULL;
    port = colon ? atoi(colon + 1) : 0;
    return port > 0;
}

static inline void server_ask_to_end(void) { process_ask_to_end(&server_process); }
static inline int server_ended(void) { return process_wait(&server_process); }

static inline int server_end(void)
{
    server_ask_to_end();
    return server_ended();
}

/* ---- clients ----------------------------------------------------------------------------------------------------- */

static inline int connect_to_server(void)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = (int)socket(AF_INET, SOCK_STREAM, 0);
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

static char request_text[4 << 20];
static int closes;          /* requests ask the server to close the connection */
static const char *api_key; /* that requests have; NULL: none                  */

/* A request in request_text; its length. */
static inline size_t make(const char *path, const char *body, size_t size)
{
    const int n = snprintf(request_text, sizeof request_text,
                           "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                           "Content-Length: %zu\r\n%s%s%s%s\r\n",
                           path, size, closes ? "Connection: close\r\n" : "", api_key ? "Authorization: Bearer " : "",
                           api_key ? api_key : "", api_key ? "\r\n" : "");
    memcpy(request_text + n, body, size);
    return (size_t)n + size;
}

static inline int ask(const char *path, const char *body)
{
    const int fd = connect_to_server();
    send_all(fd, request_text, make(path, body, strlen(body)));
    return fd;
}

/* All that comes until the text `until` is there, the server closes, or some seconds have passed. */
static inline char *receive(int fd, const char *until, double seconds)
{
    static char text[8 << 20];
    const double give_up = now() + within(seconds);
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

static inline int metric(const char *name)
{
    const int fd = connect_to_server();
    static const char get[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    char line[64];
    send_all(fd, get, sizeof get - 1);
    const char *text = receive(fd, NULL, 10);
    socket_close(fd);
    snprintf(line, sizeof line, "\nwkv_%s ", name);
    const char *at = strstr(text, line);
    return at ? atoi(at + strlen(line)) : -1;
}

/* The requests at work become `n`, within some seconds. */
static inline int jobs_become(int n, double seconds)
{
    const double give_up = now() + within(seconds);
    int jobs;
    while ((jobs = metric("jobs")) != n && now() < give_up) usleep(10000);
    return jobs;
}

#endif
