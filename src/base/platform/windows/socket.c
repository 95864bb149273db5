/* socket.c - sockets of Windows. Their numbers fit an int. */
#include "base/platform/windows/windows.h"
#include "base/platform/socket.h"
#include <stdio.h>

void socket_begin(void)
{
    WSADATA unused;
    WSAStartup(MAKEWORD(2, 2), &unused);
}

static const char *sentence(int error)
{
    static _Thread_local char text[256];
    wchar_t wide[256];
    const DWORD n = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, (DWORD)error, 0,
                                   wide, 256, NULL);
    WideCharToMultiByte(CP_UTF8, 0, wide, (int)n, text, sizeof text - 1, NULL, NULL);
    for (char *c = text; *c; c++)
        if (*c == '\r' || *c == '\n') *c = 0;
    if (!n) snprintf(text, sizeof text, "error %d of Windows", error);
    return text;
}

int socket_listen(const struct addrinfo *a, const char **reason, int *in_use)
{
    const SOCKET s = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
    const int yes = 1;
    if (s != INVALID_SOCKET) {
        setsockopt(s, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (const char *)&yes, sizeof yes);
        if (!bind(s, a->ai_addr, (int)a->ai_addrlen) && !listen(s, 511)) return (int)s;
    }
    const int error = WSAGetLastError();
    *reason = sentence(error);
    *in_use = error == WSAEADDRINUSE || error == WSAEACCES;
    if (s != INVALID_SOCKET) closesocket(s);
    return -1;
}

const char *socket_no_address(int error) { return sentence(error); }
void socket_close(int fd) { closesocket((SOCKET)fd); }
void socket_shut(int fd) { shutdown((SOCKET)fd, SD_BOTH); }

void socket_set_buffer(int fd, int bytes)
{
    setsockopt((SOCKET)fd, SOL_SOCKET, SO_SNDBUF, (const char *)&bytes, sizeof bytes);
}

/* recv without waiting: libmicrohttpd's sockets do not block. */
static int peek(int fd)
{
    char byte;
    return recv((SOCKET)fd, &byte, 1, MSG_PEEK);
}

/* A client that has closed its direction counts as one that has left: libmicrohttpd 0.9.75, where it has no epoll,
 * reads from a resumed connection before it answers, and ends it there. */
int socket_watch(int fd)
{
    const int n = peek(fd);
    return n > 0 || (n < 0 && WSAGetLastError() == WSAEWOULDBLOCK) ? 0 : -1;
}

int socket_is_finished(int fd) { return peek(fd) == 0; }

int socket_send_now(int fd, const void *from, size_t bytes)
{
    return send((SOCKET)fd, from, (int)bytes, 0) < 0 ? -1 : 0;
}
