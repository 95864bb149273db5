/* socket.c - sockets of POSIX. */
#define _GNU_SOURCE /* POLLRDHUP */
#include "base/platform/socket.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

void socket_begin(void) {}

int socket_listen(const struct addrinfo *a, const char **reason, int *in_use)
{
    const int fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol), yes = 1;
    if (fd >= 0) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        if (!bind(fd, a->ai_addr, a->ai_addrlen) && !listen(fd, 511)) return fd;
    }
    *reason = strerror(errno);
    *in_use = errno == EADDRINUSE;
    if (fd >= 0) close(fd);
    return -1;
}

const char *socket_no_address(int error) { return gai_strerror(error); }
void socket_close(int fd) { close(fd); }
void socket_shut(int fd) { shutdown(fd, SHUT_RDWR); }
void socket_set_buffer(int fd, int bytes) { setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes); }

#ifdef POLLRDHUP
int socket_watch(int fd)
{
    struct pollfd f = {.fd = fd, .events = POLLRDHUP};
    if (poll(&f, 1, 0) <= 0) return 0;
    return f.revents & (POLLERR | POLLHUP | POLLNVAL) ? -1 : 1;
}
#else /* macOS: the end is seen once the bytes before it are read, and its poll reports half a close as a whole one */
int socket_watch(int fd)
{
    char byte;
    const ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
    return n == 0;
}
#endif

int socket_is_finished(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

int socket_send_now(int fd, const void *from, size_t bytes)
{
    return send(fd, from, bytes, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -1 : 0;
}
