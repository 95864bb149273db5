/* http.c - connections of libmicrohttpd: requests in, responses and streams out. */
#include "http.h"
#include "exchange.h"
#include "guard.h"
#include "page.h"
#include "server.h"
#include "base/platform/begin.h"
#include "base/platform/socket.h"
#include "base/platform/system.h"
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECTIONS = 1200,
    IDLE_SECONDS = 60,       /* of a connection without a request, or one that sends nothing of it */
    DISCARD = 64 << 20,      /* bytes of a refused body that are read before the answer            */
    HEADERS_ROOM = 32 << 10, /* of one request                                                     */
    SOCKET_BYTES = 128 << 10 /* that the system keeps for a client that reads slowly               */
};

/* ---- responses --------------------------------------------------------------------------------------------------- */

static void header(struct MHD_Response *r, const char *name, const char *value)
{
    MHD_add_response_header(r, name, value);
}

static enum MHD_Result send_response(exchange *x, struct MHD_Response *r, int status, const char *type)
{
    if (!r) return MHD_NO;
    if (*type) header(r, "Content-Type", type);
    header(r, "X-Request-Id", x->id);
    if (status == 401) header(r, "WWW-Authenticate", "Bearer");
    if (status == 429 || status == 503) header(r, "Retry-After", "1");
    if (status == 501) header(r, "X-Should-Retry", "false"); /* the packages of OpenAI and Anthropic retry others */
    if (status == 405) header(r, "Allow", *x->allow ? x->allow : "GET, POST");
    guard_add_headers(x, r);
    page_add_headers(x, r);
    const enum MHD_Result result = MHD_queue_response(x->connection, (unsigned)status, r);
    MHD_destroy_response(r);
    x->queued = 1;
    x->status = status;
    return result;
}

/* Give libmicrohttpd the next bytes of a stream. */
static ssize_t read_stream(void *of, uint64_t at, char *to, size_t cap)
{
    exchange *x = of;
    (void)at;
    pthread_mutex_lock(&x->lock);
    size_t n = x->reply.n - x->sent;
    ssize_t result = 0;
    if (n) {
        if (n > cap) n = cap;
        memcpy(to, x->reply.at + x->sent, n);
        x->sent += n;
        if (x->sent == x->reply.n) x->sent = x->reply.n = 0;
        x->progress = now_us();
        result = (ssize_t)n;
    } else if (x->state == EXCHANGE_DONE)
        result = MHD_CONTENT_READER_END_OF_STREAM;
    else if (x->left)
        result = MHD_CONTENT_READER_END_WITH_ERROR;
    else
        exchange_suspend(x);
    pthread_mutex_unlock(&x->lock);
    return result;
}

static enum MHD_Result begin_stream(exchange *x)
{
    struct MHD_Response *r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16 << 10, read_stream, x, NULL);
    if (r) {
        header(r, "Cache-Control", "no-cache");
        header(r, "X-Accel-Buffering", "no"); /* nginx passes events on at once */
    }
    return send_response(x, r, 200, exchange_wire(x)->stream);
}

static void set_timeout(struct MHD_Connection *c, int seconds)
{
    MHD_set_connection_option(c, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)seconds);
}

static enum MHD_Result send_reply(exchange *x, out *body)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(body->n, body->at ? body->at : (char *)"",
                                                             body->at ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    if (!r) out_release(body);
    set_timeout(x->connection, x->server->o.client_timeout); /* of a stream the clock is exchange.c's */
    return send_response(x, r, x->status, x->type);
}

/* Queue the response, or wait for it. libmicrohttpd has locks of its own, so its functions are called without ours;
 * only suspending must not miss a change. */
static enum MHD_Result answer(exchange *x)
{
    if (x->queued) return MHD_YES;
    out body = {0};
    pthread_mutex_lock(&x->lock);
    const int done = x->state == EXCHANGE_DONE;
    const int streams = x->streams && (x->state == EXCHANGE_STREAMING || (done && x->accepted));
    const int replies = done && !streams, waits = !streams && !done && !x->left;
    if (replies) body = x->reply, x->reply = (out){0};
    if (waits) exchange_suspend(x);
    pthread_mutex_unlock(&x->lock);
    if (streams) return begin_stream(x);
    if (replies) return send_reply(x, &body);
    return waits ? MHD_YES : MHD_NO;
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static const route *find_route(exchange *x, problem *p)
{
    int known = 0;
    for (const route *r = routes; r->path; r++) {
        const size_t n = strlen(r->path);
        const int beginning = n > 1 && r->path[n - 1] == '*';
        if (beginning ? strncmp(r->path, x->path, n - 1) || !x->path[n - 1] : strcmp(r->path, x->path) != 0) continue;
        x->wire = r->wire;
        if (!strcmp(r->method, x->method) || (!strcmp(x->method, "HEAD") && !strcmp(r->method, "GET"))) return r;
        if (!known++) *x->allow = 0;
        snprintf(x->allow + strlen(x->allow), sizeof x->allow - strlen(x->allow), "%s%s", *x->allow ? ", " : "",
                 r->method);
    }
    if (known)
        refuse(p, 405, NULL, "method_not_allowed", "%s does not answer %.20s; it answers %s", x->path, x->method,
               x->allow);
    else
        refuse(p, 404, NULL, "not_found", "there is no %.100s here; docs/server.md lists the endpoints", x->path);
    return NULL;
}

/* Decide as much as the headers allow: who asks, and for which path. */
static void begin_request(exchange *x)
{
    problem p = {0}, missing = {0};
    if (!strcmp(x->method, "OPTIONS")) {
        x->preflight = 1;
        return;
    }
    const char *length = exchange_header(x, "Content-Length");
    x->route = find_route(x, &missing); /* first: it has the form of errors */
    if (!guard_check(x, &p) && !x->route) p = missing;
    if (!p.status && length && strtoull(length, NULL, 10) > x->server->max_body)
        refuse(&p, 413, NULL, "too_large", "the body has %.20s bytes, expected at most %zu", length,
               x->server->max_body);
    if (!p.status && x->server->closing && strcmp(x->path, "/health"))
        refuse(&p, 503, NULL, "shutting_down", "the server is shutting down");
    if (p.status) exchange_refuse(x, &p);
}

/* A client that waits for "100 Continue" gets the refusal in its place; another one is let finish its body, so that it
 * reads the answer instead of a broken connection. */
static int refuses_at_once(const exchange *x)
{
    const char *length = exchange_header(x, "Content-Length");
    return x->state == EXCHANGE_DONE &&
           (exchange_header(x, "Expect") || (length && strtoull(length, NULL, 10) > DISCARD));
}

static enum MHD_Result take_body(exchange *x, const char *data, size_t *bytes)
{
    problem p;
    x->received += *bytes;
    if (x->received > DISCARD && x->state == EXCHANGE_DONE) return MHD_NO;
    if (x->state == EXCHANGE_READING && x->received > x->server->max_body) {
        refuse(&p, 413, NULL, "too_large", "the body is longer than %zu bytes", x->server->max_body);
        exchange_refuse(x, &p);
    }
    if (x->state == EXCHANGE_READING) out_put(&x->body, data, *bytes);
    *bytes = 0;
    return MHD_YES;
}

/* The body is complete: call the handler, once. */
static void dispatch(exchange *x)
{
    problem p;
    pthread_mutex_lock(&x->lock);
    x->state = EXCHANGE_WAITING;
    x->asked = now_us();
    pthread_mutex_unlock(&x->lock);
    out none = {0};
    if (x->preflight)
        exchange_reply(x, 204, "", &none);
    else if (x->body.failed) {
        refuse(&p, 503, NULL, "out_of_memory", "no memory for a body of %zu bytes", x->received);
        exchange_refuse(x, &p);
    } else
        x->route->handle(x);
    out_release(&x->body); /* handlers have read it */
}

static enum MHD_Result on_request(void *of, struct MHD_Connection *c, const char *url, const char *method,
                                  const char *version, const char *data, size_t *bytes, void **state)
{
    exchange *x = *state;
    if (!x) {
        if (!(x = *state = exchange_new(of, c, url, method, version))) return MHD_NO;
        begin_request(x);
        if (!refuses_at_once(x)) return MHD_YES;
    } else if (*bytes)
        return take_body(x, data, bytes);
    if (!x->dispatched++ && x->state == EXCHANGE_READING) dispatch(x);
    return answer(x);
}

static void on_complete(void *of, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode code)
{
    exchange *x = *state;
    (void)of;
    if (!x) return;
    pthread_mutex_lock(&x->lock);
    x->connection = NULL;
    x->fd = -1;
    x->suspended = 0;
    if (code != MHD_REQUEST_TERMINATED_COMPLETED_OK) x->left = 1;
    pthread_mutex_unlock(&x->lock);
    /* the connection stays; a timeout of its own (exchange_suspend) costs time in each turn */
    if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK) set_timeout(c, IDLE_SECONDS);
    exchange_release(x);
    *state = NULL;
}

static void on_connection(void *of, struct MHD_Connection *c, void **state, enum MHD_ConnectionNotificationCode code)
{
    server *s = of;
    (void)state;
    if (code != MHD_CONNECTION_NOTIFY_STARTED) return;
    if (!s->clocked) s->clocked = !thread_clock_own(&s->http_clock);
    const union MHD_ConnectionInfo *i = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (i) socket_set_buffer((int)i->connect_fd, SOCKET_BYTES);
}

/* ---- the daemon -------------------------------------------------------------------------------------------------- */

/* A text with %00 stays as it is: decoded, it would end there, and be another path. */
static size_t decode(void *unused, struct MHD_Connection *c, char *text)
{
    (void)unused, (void)c;
    return strstr(text, "%00") ? strlen(text) : MHD_http_unescape(text);
}

int http_start(server *s)
{
    socket_begin();
    const int fd = listen_open(s->o.host, &s->o.port);
    if (fd < 0) return 1;
    s->daemon = MHD_start_daemon(
        MHD_USE_AUTO_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC, 0, NULL, NULL, on_request, s,
        MHD_OPTION_LISTEN_SOCKET, (MHD_socket)fd, MHD_OPTION_NOTIFY_COMPLETED, on_complete, NULL,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADERS_ROOM,
        MHD_OPTION_UNESCAPE_CALLBACK, decode, NULL, MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK, MHD_OPTION_END);
    if (s->daemon) return 0;
    socket_close(fd);
    fprintf(stderr, "wkv: libmicrohttpd does not start\n");
    return 1;
}

void http_quiesce(server *s)
{
    const int fd = (int)MHD_quiesce_daemon(s->daemon);
    if (fd >= 0) socket_close(fd);
}

void http_stop(server *s)
{
    MHD_stop_daemon(s->daemon);
    if (s->clocked) thread_clock_release(s->http_clock);
}
