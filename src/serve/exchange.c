/* exchange.c - an exchange between two threads: replies and streams. */
#include "exchange.h"
#include "wkv_base.h"
#include "base/platform/socket.h"
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RING = 64 << 10, /* bytes of a stream that wait for the client */
    OWN_TIMEOUT = 61 /* seconds, other than libmicrohttpd's for all */
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
    x->fd = i ? (int)i->connect_fd : -1;
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

const char *exchange_header(const exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

const char *exchange_query(exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_GET_ARGUMENT_KIND, name);
}

/* ---- the response ------------------------------------------------------------------------------------------------ */

/* libmicrohttpd reads from a resumed connection before it answers, and ends the connection of a client that has closed
 * its half. It lets connections with a timeout of their own continue first: they then have their answer. */
void exchange_suspend(exchange *x)
{
    MHD_set_connection_option(x->connection, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)OWN_TIMEOUT);
    MHD_suspend_connection(x->connection);
    x->suspended = 1;
}

void exchange_resume(exchange *x)
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
        exchange_resume(x);
    }
    pthread_mutex_unlock(&x->lock);
    out_release(body);
}

void exchange_expect_stream(exchange *x)
{
    pthread_mutex_lock(&x->lock);
    x->streams = 1;
    pthread_mutex_unlock(&x->lock);
}

void exchange_begin_stream(exchange *x)
{
    if (x->accepted || x->state != EXCHANGE_WAITING) return;
    x->accepted = 1;
    x->state = EXCHANGE_STREAMING;
    x->wrote = x->progress = now_us();
    exchange_resume(x);
}

void exchange_accept(exchange *x)
{
    pthread_mutex_lock(&x->lock);
    if (x->streams) exchange_begin_stream(x);
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
        exchange_resume(x);
    }
    pthread_mutex_unlock(&x->lock);
}

void exchange_end(exchange *x)
{
    pthread_mutex_lock(&x->lock);
    x->state = EXCHANGE_DONE;
    exchange_resume(x);
    pthread_mutex_unlock(&x->lock);
}

int exchange_full(exchange *x)
{
    pthread_mutex_lock(&x->lock);
    const int full = x->reply.n - x->sent > RING;
    pthread_mutex_unlock(&x->lock);
    return full;
}
