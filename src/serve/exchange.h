/* exchange.h - the struct behind an exchange, for http.c and guard.c. */
#ifndef WKV_SERVE_EXCHANGE_H
#define WKV_SERVE_EXCHANGE_H

#include "server.h"

struct MHD_Connection;

typedef enum {
    EXCHANGE_READING,   /* headers and body of the request             */
    EXCHANGE_WAITING,   /* with a handler or an engine                 */
    EXCHANGE_STREAMING, /* headers of a stream are sent                */
    EXCHANGE_DONE       /* the response is complete                    */
} exchange_state;

struct exchange {
    pthread_mutex_t lock;
    int owners;
    server *server;
    exchange *next, *before; /* in the server's list, under its lock */
    char id[32], method[16], path[256], client[64], tenant[40], allow[32], origin[256];
    const route *route;
    const wire *wire;          /* the form of errors and streams: that of the path */
    int preflight, dispatched; /* of the HTTP thread alone */
    int interim;               /* HTTP/1.1: a client may be sent 102 */
    out body;
    size_t received;
    struct MHD_Connection *connection; /* NULL: closed */
    int fd;
    int suspended;
    exchange_state state;
    int streams, accepted;
    int queued; /* libmicrohttpd has the response */
    int left;   /* the client has left, or is given up */
    int cut;    /* ticks of the clock that found no more bytes of the body */
    int status;
    const char *type;
    out reply;   /* a whole response, or the part of a stream that is not sent yet */
    size_t sent; /* bytes of it */
    int64_t begun, asked, answered, wrote, progress, probed; /* microseconds; progress: the client took bytes */
    exchange_figures log;
};

exchange *exchange_new(server *s, struct MHD_Connection *c, const char *url, const char *method, const char *version);
const wire *exchange_wire(const exchange *x);
const char *exchange_header(const exchange *x, const char *name); /* of the request; NULL: none; HTTP thread only */
/* Under its lock: */
void exchange_suspend(exchange *x); /* until there is more; in the HTTP thread */
void exchange_resume(exchange *x);
void exchange_begin_stream(exchange *x); /* the client gets the headers */

void access_log(const exchange *x); /* at its end */

/* A socket that listens; port 0 becomes a free one. -1 after a message on standard error */
int listen_open(const char *host, int *port);

#endif
