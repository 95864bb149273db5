/* socket.h - the addresses and sockets of TCP. */
#ifndef WKV_BASE_PLATFORM_SOCKET_H
#define WKV_BASE_PLATFORM_SOCKET_H

#include <stddef.h>
#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#endif

void socket_begin(void); /* once, before any of the others */
/* A socket that listens at the address; -1: *reason is a sentence of the system, *in_use: another has the port. */
int socket_listen(const struct addrinfo *a, const char **reason, int *in_use);
const char *socket_no_address(int error); /* of getaddrinfo */
void socket_close(int fd);
void socket_shut(int fd);                  /* both directions; it stays open */
void socket_set_buffer(int fd, int bytes); /* kept by the system for a client that reads slowly */
/* 1: the other end has closed its direction; -1: the connection is broken; 0: neither. */
int socket_watch(int fd);
int socket_is_finished(int fd);                              /* everything was read, and no more can come */
int socket_send_now(int fd, const void *from, size_t bytes); /* without waiting; -1: not sent */

#endif
