/* http.h - an exchange: a request of a client and the response to it, between the thread of libmicrohttpd and an
 * engine.
 *
 * The HTTP thread reads the body and calls the handler of the path. A handler replies at once, or hands the exchange to
 * an engine, which replies later or streams: the connection is suspended until there is something to send. */
#ifndef WKV_SERVE_HTTP_H
#define WKV_SERVE_HTTP_H

#include "problem.h"
#include <stddef.h>
#include <stdint.h>

typedef struct server server;
typedef struct exchange exchange;

/* ---- the request ------------------------------------------------------------------------------------------------- */

server *exchange_server(exchange *x);
const char *exchange_id(const exchange *x);     /* 26 random characters */
const char *exchange_method(const exchange *x); /* "GET" */
const char *exchange_path(const exchange *x);   /* "/v1/models", without the query */
const char *exchange_tenant(const exchange *x); /* the hash of the client's key, "": none */
const char *exchange_body(const exchange *x, size_t *bytes);
const char *exchange_query(exchange *x, const char *name); /* an argument of the URL, NULL: none; HTTP thread only */

/* ---- the response ------------------------------------------------------------------------------------------------ */

/* A whole response. The text of `body` moves to the exchange. */
void exchange_reply(exchange *x, int status, const char *type, out *body);
void exchange_reply_json(exchange *x, out *body); /* 200 */
/* An error: a whole response, or the last event of a stream that has begun. */
void exchange_refuse(exchange *x, const problem *p);

/* A stream of server-sent events: headers as soon as it is accepted, or after a second without a decision. */
void exchange_expect_stream(exchange *x); /* by the handler, before an engine has the exchange */
void exchange_accept(exchange *x);
void exchange_send(exchange *x, const out *text); /* append to the stream */
void exchange_end(exchange *x);
int exchange_full(exchange *x); /* the client reads slower than it is written */
int exchange_gone(exchange *x); /* the client has left, or was too slow */
/* The same, or it has closed its half of the connection, the first that is seen of a client that leaves. */
int exchange_leaves(exchange *x);

/* A second owner: an engine that has it. The last one to release it frees it. */
void exchange_share(exchange *x);
void exchange_release(exchange *x);

/* Figures for the access log. */
typedef struct {
    char model[128];
    int prompt, cached, sampled;
    const char *finish;
} exchange_figures;
exchange_figures *exchange_log(exchange *x);

/* ---- the daemon -------------------------------------------------------------------------------------------------- */

int http_start(server *s);    /* Returns 0, or 1 after an error message on standard error */
void http_quiesce(server *s); /* accept no more connections */
void http_stop(server *s);
void http_tick(server *s); /* the clock: comments, limits of time */
int http_busy(server *s);  /* exchanges that are not finished */

#endif
