/* listen.c - the socket at which the server listens. */
#include "exchange.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_at(const struct addrinfo *a)
{
    const int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol), yes = 1;
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (!bind(fd, a->ai_addr, a->ai_addrlen) && !listen(fd, 511)) return fd;
    const int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int port_of(int fd)
{
    struct sockaddr_storage a;
    socklen_t n = sizeof a;
    if (getsockname(fd, (struct sockaddr *)&a, &n)) return 0;
    return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
                                         : ((struct sockaddr_in *)&a)->sin_port);
}

int listen_open(const char *host, int *port)
{
    char service[16];
    struct addrinfo *all, want = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_ADDRCONFIG};
    snprintf(service, sizeof service, "%d", *port);
    int fd = -1, error = getaddrinfo(host, service, &want, &all);
    if (error) {
        want.ai_flags = AI_PASSIVE; /* a machine with the loopback interface only */
        error = getaddrinfo(host, service, &want, &all);
    }
    if (error) {
        fprintf(stderr, "wkv: %s: %s\n", host, gai_strerror(error));
        return -1;
    }
    for (const struct addrinfo *a = all; a && fd < 0; a = a->ai_next) fd = listen_at(a);
    if (fd < 0)
        fprintf(stderr, "wkv: cannot listen at %s port %d: %s%s\n", host, *port, strerror(errno),
                errno == EADDRINUSE ? "; --port chooses another port, 0 any free one" : "");
    freeaddrinfo(all);
    if (fd >= 0) *port = port_of(fd);
    return fd;
}
