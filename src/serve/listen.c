/* listen.c - the socket at which the server listens. */
#include "exchange.h"
#include "base/platform/socket.h"
#include <stdio.h>
#include <string.h>

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
    const char *reason = "";
    struct addrinfo *all, want = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_ADDRCONFIG};
    snprintf(service, sizeof service, "%d", *port);
    int fd = -1, in_use = 0, error = getaddrinfo(host, service, &want, &all);
    if (error) {
        want.ai_flags = AI_PASSIVE; /* a machine with the loopback interface only */
        error = getaddrinfo(host, service, &want, &all);
    }
    if (error) {
        fprintf(stderr, "wkv: %s: %s\n", host, socket_no_address(error));
        return -1;
    }
    for (const struct addrinfo *a = all; a && fd < 0; a = a->ai_next) fd = socket_listen(a, &reason, &in_use);
    if (fd < 0)
        fprintf(stderr, "wkv: cannot listen at %s port %d: %s%s\n", host, *port, reason,
                in_use ? "; --port chooses another port, 0 any free one" : "");
    freeaddrinfo(all);
    if (fd >= 0) *port = port_of(fd);
    return fd;
}
