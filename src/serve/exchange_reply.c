/* exchange_reply.c - the parts of an exchange that are the same on every way to the client: the request for handlers,
 * and replies in the form of its path. */
#include "exchange.h"
#include <string.h>

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
    pthread_mutex_unlock(&x->lock);
    if (!begun) {
        exchange_wire(x)->error(&o, x, p);
        exchange_reply(x, p->status, "application/json", &o);
        return;
    }
    exchange_wire(x)->last_event(&o, x, p);
    exchange_send(x, &o);
    exchange_end(x);
    out_release(&o);
}
