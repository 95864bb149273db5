/* exchange.c - an exchange between two threads: replies, streams, a client that leaves, the clock. */
#define _GNU_SOURCE /* POLLRDHUP */
#include "exchange.h"
#include "wkv_base.h"
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    RING = 64 << 10, /* bytes of a stream that wait for the client */
    SECOND = 1000000
};

/* ---- beginning and end ------------------------------------------------------------------------------------------- */

static void find_client(exchange *x)
{
    const union MHD_ConnectionInfo *i = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *a = i ? i->client_addr : NULL;
    if (a && a->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, x->client, sizeof x->client);
    else if (a && a->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, x->client, sizeof x->client);
    i = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    x->fd = i ? i->connect_fd : -1;
}

exchange *exchange_new(server *s, struct MHD_Connection *c, const char *url, const char *method, const char *version)
{
    exchange *x = calloc(1, sizeof *x);
    if (!x || wkv_id_new(x->id, "req")) {
        free(x);
        return NULL;
    }
    pthread_mutex_init(&x->lock, NULL);
    x->owners = 1;
    x->server = s;
    x->connection = c;
    x->type = "";
    x->begun = x->progress = now_us();
    x->interim = !strcmp(version, "HTTP/1.1");
    snprintf(x->method, sizeof x->method, "%s", method);
    snprintf(x->path, sizeof x->path, "%s", url);
    find_client(x);
    pthread_mutex_lock(&s->lock);
    x->next = s->exchanges;
    if (x->next) x->next->before = x;
    s->exchanges = x;
    pthread_mutex_unlock(&s->lock);
    s->count.requests++;
    return x;
}

void exchange_share(exchange *x)
{
    pthread_mutex_lock(&x->lock);
    x->owners++;
    pthread_mutex_unlock(&x->lock);
}

static void unlink_exchange(exchange *x)
{
    pthread_mutex_lock(&x->server->lock);
    if (x->next) x->next->before = x->before;
    if (x->before)
        x->before->next = x->next;
    else
        x->server->exchanges = x->next;
    pthread_mutex_unlock(&x->server->lock);
}

void exchange_release(exchange *x)
{
    pthread_mutex_lock(&x->lock);
    const int left = --x->owners;
    pthread_mutex_unlock(&x->lock);
    if (left) return;
    unlink_exchange(x);
    if (x->left) x->server->count.cancelled++;
    if (x->status >= 500)
        x->server->count.failed++;
    else if (x->status >= 400)
        x->server->count.refused++;
    if (!x->server->o.quiet) access_log(x);
    out_release(&x->body);
    out_release(&x->reply);
    pthread_mutex_destroy(&x->lock);
    free(x);
}

/* ---- the request, for handlers ----------------------------------------------------------------------------------- */

server *exchange_server(exchange *x) { return x->server; }
const char *exchange_id(const exchange *x) { return x->id + strlen("req_"); }
const char *exchange_method(const exchange *x) { return x->method; }
const char *exchange_path(const exchange *x) { return x->path; }
const char *exchange_tenant(const exchange *x) { return x->tenant; }
exchange_figures *exchange_log(exchange *x) { return &x->log; }

const char *exchange_body(const exchange *x, size_t *bytes)
{
    *bytes = x->body.n;
    return x->body.at;
}

const char *exchange_header(const exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

const char *exchange_query(exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_GET_ARGUMENT_KIND, name);
}

/* ---- the response ------------------------------------------------------------------------------------------------ */

void exchange_suspend(exchange *x)
{
    MHD_suspend_connection(x->connection);
    x->suspended = 1;
}

/* Under the lock. */
static void resume(exchange *x)
{
    if (!x->suspended || !x->connection) return;
    x->suspended = 0;
    MHD_resume_connection(x->connection);
}

void exchange_reply(exchange *x, int status, const char *type, out *body)
{
    pthread_mutex_lock(&x->lock);
    if (x->state != EXCHANGE_DONE) {
        out_release(&x->reply);
        x->reply = *body;
        x->status = status;
        x->type = type;
        x->state = EXCHANGE_DONE;
        if (!x->answered) x->answered = now_us();
        *body = (out){0};
        resume(x);
    }
    pthread_mutex_unlock(&x->lock);
    out_release(body);
}

void exchange_reply_json(exchange *x, out *body)
{
    problem p;
    if (!body->failed) {
        exchange_reply(x, 200, "application/json", body);
        return;
    }
    out_release(body);
    refuse(&p, 503, NULL, "out_of_memory", "no memory for the response");
    exchange_refuse(x, &p);
}

void exchange_refuse(exchange *x, const problem *p)
{
    out o = {0};
    pthread_mutex_lock(&x->lock);
    const int begun = x->accepted;
    if (begun) out_text(&o, "data: ");
    pthread_mutex_unlock(&x->lock);
    problem_write(&o, p);
    if (!begun) {
        exchange_reply(x, p->status, "application/json", &o);
        return;
    }
    out_text(&o, "\n\n");
    exchange_send(x, &o);
    exchange_end(x);
    out_release(&o);
}

void exchange_expect_stream(exchange *x)
{
    pthread_mutex_lock(&x->lock);
    x->streams = 1;
    pthread_mutex_unlock(&x->lock);
}

/* Under the lock. */
static void accept_stream(exchange *x)
{
    if (x->accepted || x->state != EXCHANGE_WAITING) return;
    x->accepted = 1;
    x->state = EXCHANGE_STREAMING;
    x->wrote = x->progress = now_us();
    resume(x);
}

void exchange_accept(exchange *x)
{
    pthread_mutex_lock(&x->lock);
    if (x->streams) accept_stream(x);
    pthread_mutex_unlock(&x->lock);
}

void exchange_send(exchange *x, const out *text)
{
    pthread_mutex_lock(&x->lock);
    if (text->n && !x->left) {
        if (x->sent == x->reply.n) x->progress = now_us(); /* nothing was waiting for the client */
        out_put(&x->reply, text->at, text->n);
        x->wrote = now_us();
        if (!x->answered) x->answered = x->wrote;
        if (x->reply.failed || text->failed) x->left = 1;
        resume(x);
    }
    pthread_mutex_unlock(&x->lock);
}

void exchange_end(exchange *x)
{
    pthread_mutex_lock(&x->lock);
    x->state = EXCHANGE_DONE;
    resume(x);
    pthread_mutex_unlock(&x->lock);
}

int exchange_full(exchange *x)
{
    pthread_mutex_lock(&x->lock);
    const int full = x->reply.n - x->sent > RING;
    pthread_mutex_unlock(&x->lock);
    return full;
}

/* ---- a client that leaves ---------------------------------------------------------------------------------------- */

/* The client has closed its half of the connection: it has left, or only has nothing more to say. A byte sent to it
 * tells: the system of a client that has left refuses it. */
static void probe(exchange *x)
{
    static const char interim[] = "HTTP/1.1 102 Processing\r\n\r\n";
    const int64_t now = now_us();
    if (now - x->probed < SECOND / 10) return;
    x->probed = now;
    if (x->state == EXCHANGE_STREAMING) {
        out_text(&x->reply, ": \n\n");
        resume(x);
    } else if (!x->interim || send(x->fd, interim, sizeof interim - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        x->left = 1;
}

int exchange_gone(exchange *x)
{
    pthread_mutex_lock(&x->lock);
    if (!x->connection && x->state != EXCHANGE_DONE) x->left = 1;
    if (x->suspended && !x->left) { /* libmicrohttpd does not watch it meanwhile */
        struct pollfd f = {.fd = x->fd, .events = POLLRDHUP};
        if (poll(&f, 1, 0) > 0) {
            if (f.revents & (POLLERR | POLLHUP | POLLNVAL))
                x->left = 1;
            else
                probe(x);
        }
        if (x->left) resume(x);
    }
    const int gone = x->left;
    pthread_mutex_unlock(&x->lock);
    return gone;
}

/* ---- the clock --------------------------------------------------------------------------------------------------- */

/* End a connection for which libmicrohttpd waits. */
static void give_up(exchange *x)
{
    x->left = 1;
    if (x->fd >= 0) shutdown(x->fd, SHUT_RDWR);
    resume(x);
}

static void tick(exchange *x, int64_t now)
{
    const serve_options *o = &x->server->o;
    pthread_mutex_lock(&x->lock);
    if (x->state == EXCHANGE_READING && now - x->begun > (int64_t)o->body_timeout * SECOND) give_up(x);
    if (x->state == EXCHANGE_WAITING && x->streams && now - x->asked > SECOND) accept_stream(x);
    if (x->state == EXCHANGE_STREAMING && x->suspended && now - x->wrote > (int64_t)o->keep_alive * SECOND) {
        out_text(&x->reply, ": \n\n");
        x->wrote = now;
        resume(x);
    }
    const int waits = x->accepted && x->connection && x->reply.n > x->sent;
    if (waits && now - x->progress > (int64_t)o->client_timeout * SECOND) give_up(x);
    pthread_mutex_unlock(&x->lock);
}

void http_tick(server *s)
{
    const int64_t now = now_us();
    pthread_mutex_lock(&s->lock);
    for (exchange *x = s->exchanges; x; x = x->next) tick(x, now);
    pthread_mutex_unlock(&s->lock);
}

int http_busy(server *s)
{
    int n = 0;
    pthread_mutex_lock(&s->lock);
    for (exchange *x = s->exchanges; x; x = x->next) n++;
    pthread_mutex_unlock(&s->lock);
    return n;
}
