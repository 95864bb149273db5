/* exchange.c - exchanges as messages between a page and its worker: the counterpart of serve/exchange.c, without
 * connections and in one thread. `fd` is the number of the request. */
#include "serve/exchange.h"
#include "page.h"
#include "wkv_base.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

exchange *page_exchange(server *s, int number, const char *method, const char *path, const char *body)
{
    exchange *x = calloc(1, sizeof *x);
    if (!x || wkv_id_new(x->id, "req")) {
        free(x);
        return NULL;
    }
    x->owners = 1;
    x->server = s;
    x->fd = number;
    x->state = EXCHANGE_WAITING;
    snprintf(x->method, sizeof x->method, "%s", method);
    snprintf(x->path, sizeof x->path, "%s", path);
    out_text(&x->body, body);
    x->next = s->exchanges;
    if (x->next) x->next->before = x;
    s->exchanges = x;
    s->count.requests++;
    return x;
}

void exchange_share(exchange *x) { x->owners++; }

void exchange_release(exchange *x)
{
    server *s = x->server;
    if (--x->owners) return;
    if (x->next) x->next->before = x->before;
    if (x->before)
        x->before->next = x->next;
    else
        s->exchanges = x->next;
    s->count.cancelled += x->left;
    s->count.failed += x->status >= 500;
    s->count.refused += x->status >= 400 && x->status < 500;
    out_release(&x->body);
    free(x);
}

void page_leave(server *s, int number)
{
    for (exchange *x = s->exchanges; x; x = x->next)
        if (x->fd == number) x->left = 1;
}

int exchange_gone(exchange *x) { return x->left; }
int exchange_leaves(exchange *x) { return x->left; }
int exchange_full(exchange *x) { return (void)x, 0; } /* the page takes all messages */

int http_busy(server *s)
{
    int n = 0;
    for (exchange *x = s->exchanges; x; x = x->next) n++;
    return n;
}

/* ---- the response ------------------------------------------------------------------------------------------------ */

void exchange_reply(exchange *x, int status, const char *type, out *body)
{
    if (x->state != EXCHANGE_DONE) {
        x->status = status;
        x->state = EXCHANGE_DONE;
        page_reply(x->fd, status, type, body->at ? body->at : "", body->n);
    }
    out_release(body);
}

void exchange_expect_stream(exchange *x) { x->streams = 1; }

void exchange_accept(exchange *x)
{
    if (!x->streams || x->accepted || x->state != EXCHANGE_WAITING) return;
    x->accepted = 1;
    x->status = 200;
    x->state = EXCHANGE_STREAMING;
    page_begin(x->fd, x->status, exchange_wire(x)->stream);
}

void exchange_send(exchange *x, const out *text)
{
    if (text->failed) x->left = 1;
    if (text->n && !x->left) page_send(x->fd, text->at, text->n);
}

void exchange_end(exchange *x)
{
    x->state = EXCHANGE_DONE;
    page_end(x->fd);
}
