/* exchange_clock.c - clients that leave, and limits of time. */
#include "exchange.h"
#include "base/platform/socket.h"

enum { SECOND = 1000000 /* microseconds */ };

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
        out_text(&x->reply, exchange_wire(x)->comment);
        exchange_resume(x);
    } else if (!x->interim || socket_send_now(x->fd, interim, sizeof interim - 1))
        x->left = 1;
}

int exchange_gone(exchange *x)
{
    pthread_mutex_lock(&x->lock);
    if (!x->connection && x->state != EXCHANGE_DONE) x->left = 1;
    if (x->suspended && !x->left) { /* libmicrohttpd does not watch it meanwhile */
        const int seen = socket_watch(x->fd);
        if (seen < 0) x->left = 1;
        if (seen > 0) probe(x);
        if (x->left) exchange_resume(x);
    }
    const int gone = x->left;
    pthread_mutex_unlock(&x->lock);
    return gone;
}

int exchange_leaves(exchange *x)
{
    pthread_mutex_lock(&x->lock);
    const int leaves = x->left || !x->connection || socket_watch(x->fd);
    pthread_mutex_unlock(&x->lock);
    return leaves;
}

/* ---- the clock --------------------------------------------------------------------------------------------------- */

/* End a connection for which libmicrohttpd waits. */
static void give_up(exchange *x)
{
    x->left = 1;
    if (x->fd >= 0) socket_shut(x->fd);
    exchange_resume(x);
}

/* The rest of a body cannot come: the client has closed its half. libmicrohttpd misses this where it comes together
 * with the last bytes. Seen twice, so that the HTTP thread has had the time to use bytes that it has read. */
static int is_cut(exchange *x)
{
    const int closed = x->fd >= 0 && socket_is_finished(x->fd);
    x->cut = closed ? x->cut + 1 : 0;
    return x->cut > 1;
}

static void tick(exchange *x, int64_t now)
{
    const serve_options *o = &x->server->o;
    pthread_mutex_lock(&x->lock);
    const int late = now - x->begun > (int64_t)o->body_timeout * SECOND;
    if (x->state == EXCHANGE_READING && (late || is_cut(x))) give_up(x);
    if (x->state == EXCHANGE_WAITING && x->streams && now - x->asked > SECOND) exchange_begin_stream(x);
    if (x->state == EXCHANGE_STREAMING && x->suspended && now - x->wrote > (int64_t)o->keep_alive * SECOND) {
        out_text(&x->reply, exchange_wire(x)->comment);
        x->wrote = now;
        exchange_resume(x);
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
