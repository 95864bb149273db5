/* redis_connection.c - the connection to the server: made, used, lost and made again; its errors as sentences. */
#include "base/error.h"
#include "base/platform/signals.h"
#include "session/redis_store.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CONNECT_SECONDS = 3, ANSWER_SECONDS = 10, WAIT_SECONDS = 5, PAUSE_MS = 100 };
enum { SCHEMA = 1 };

/* ---- failures ---------------------------------------------------------------------------------------------------- */

/* Errors begin with a word in capitals. */
int redis_failed(const wkv_store *s, const char *report)
{
    static const struct {
        const char *word;
        int code;
        const char *says;
    } known[] = {
        {"NOAUTH", WKV_EIO, "needs a password: redis://:PASSWORD@HOST"},
        {"WRONGPASS", WKV_EIO, "does not accept the password"},
        {"ERR invalid password", WKV_EIO, "does not accept the password"},
        {"ERR AUTH", WKV_EIO, "has no password, and the URL gives one"},
        {"ERR Client sent AUTH", WKV_EIO, "has no password, and the URL gives one"},
        {"NOPERM", WKV_EIO, "does not permit this user what the store needs"},
        {"OOM", WKV_EIO, "has no memory left (maxmemory); the store is unchanged: delete sessions, or raise the limit"},
        {"MISCONF", WKV_EIO, "cannot write to its disk, and takes no changes; the store is unchanged"},
        {"READONLY", WKV_EIO, "is a replica, which takes no changes; name the primary server"},
        {"LOADING", WKV_EIO, "is still reading its data; try again"},
        {"BUSY", WKV_EIO, "is busy with a script; try again"},
        {"MASTERDOWN", WKV_EIO, "has lost its primary server; try again"},
        {"MOVED", WKV_EUNSUPPORTED, "is a part of a cluster; the store needs a single server"},
        {"CROSSSLOT", WKV_EUNSUPPORTED, "is a part of a cluster; the store needs a single server"},
        {"WRONGTYPE", WKV_EFORMAT, "is damaged: a key of the store has another type"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strncmp(report, known[i].word, strlen(known[i].word)))
            return fail(known[i].code, "%s: %s", s->place, known[i].says);
    return fail(WKV_EIO, "%s: %s", s->place, report);
}

void redis_drop(redis_store *x)
{
    if (x->connection) redisFree(x->connection);
    x->connection = NULL;
    x->watches = 0;
}

static int lost(redis_store *x)
{
    const redisContext *c = x->connection;
    const int silent = c->err == REDIS_ERR_IO && (errno == EAGAIN || errno == ETIMEDOUT);
    const int memory = c->err == REDIS_ERR_OOM;
    const int err = memory   ? fail(WKV_ENOMEM, "%s: no memory for a reply", x->base.place)
                    : silent ? fail(WKV_EIO, "%s: does not answer within %d seconds", x->base.place, ANSWER_SECONDS)
                             : fail(WKV_EIO, "%s: the connection is lost: %s", x->base.place, c->errstr);
    redis_drop(x);
    return err;
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

/* hiredis writes to a connection that the server may have closed: without SIGPIPE, which the process may not ignore. */
static int get_reply(redisContext *c, void **out)
{
    pipe_kept before;
    signals_hold_pipe(&before, c->fd);
    const int bad = redisGetReply(c, out), number = errno;
    signals_restore_pipe(&before);
    errno = number;
    return bad;
}

int redis_receive_any(redisReply **out, redis_store *x)
{
    void *reply = NULL;
    *out = NULL;
    if (!x->connection) return fail(WKV_EIO, "%s: the connection is lost", x->base.place);
    if (get_reply(x->connection, &reply)) return lost(x);
    *out = reply;
    return 0;
}

int redis_receive(redisReply **out, redis_store *x)
{
    const int bad = redis_receive_any(out, x);
    if (bad || (*out)->type != REDIS_REPLY_ERROR) return bad;
    const int err = redis_failed(&x->base, (*out)->str);
    freeReplyObject(*out);
    *out = NULL;
    return err;
}

int redis_send(redis_store *x, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int bad = x->connection && redisvAppendCommand(x->connection, format, args);
    va_end(args);
    return bad ? fail(WKV_ENOMEM, "%s: no memory for a command", x->base.place) : 0;
}

/* ---- connecting -------------------------------------------------------------------------------------------------- */

/* A number is the schema; another program has no key of this name. */
static int check_schema(redis_store *x, const char *schema)
{
    const int number = atoi(schema);
    if (number == SCHEMA) return 0;
    return fail(WKV_EUNSUPPORTED, "%s: has schema %.16s, expected %d; a newer wkv wrote it, use that one",
                x->base.place, schema, SCHEMA);
}

/* A reply that is no more than a reason to go on. */
static int expect_good(redis_store *x)
{
    redisReply *r;
    const int err = redis_receive(&r, x);
    freeReplyObject(r);
    return err;
}

/* The first of several processes writes the schema; a replica takes no change, and has it. */
static int greet(redis_store *x)
{
    const redis_address *a = &x->address;
    int err = 0;
    if (a->password) {
        err = a->user ? redis_send(x, "AUTH %s %s", a->user, a->password) : redis_send(x, "AUTH %s", a->password);
        if (!err) err = expect_good(x);
    }
    if (!err && a->number && !(err = redis_send(x, "SELECT %d", a->number))) err = expect_good(x);
    redisReply *r = NULL;
    if (!err) err = redis_send(x, "GET wkv:schema");
    if (!err) err = redis_receive(&r, x);
    if (!err && r->type == REDIS_REPLY_STRING) err = check_schema(x, r->str);
    const int missing = !err && r->type != REDIS_REPLY_STRING;
    freeReplyObject(r);
    if (missing && !(err = redis_send(x, "SET wkv:schema %d NX", SCHEMA))) err = expect_good(x);
    return err;
}

static int connect_once(redis_store *x, int *may_come)
{
    const redis_address *a = &x->address;
    const struct timeval connecting = {.tv_sec = CONNECT_SECONDS}, answering = {.tv_sec = ANSWER_SECONDS};
    redisContext *c = x->connection = a->port ? redisConnectWithTimeout(a->host, a->port, connecting)
                                              : redisConnectUnixWithTimeout(a->host, connecting);
    *may_come = 1;
    if (!c) return fail(WKV_ENOMEM, "%s: no memory for a connection", x->base.place);
    int err = 0;
    if (c->err) {
        err = fail(WKV_EIO, "%s: cannot be reached: %s", x->base.place, c->errstr);
    } else {
        redisSetTimeout(c, answering);
        if (a->port) redisEnableKeepAlive(c);
        err = greet(x);
        *may_come = !x->connection || (err && strstr(wkv_error(), "still reading its data"));
    }
    if (err) redis_drop(x);
    return err;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int redis_connect(redis_store *x, int waits)
{
    const double until = now() + (waits ? WAIT_SECONDS : 0);
    int err = 0, may_come = 1;
    while (!x->connection && (err = connect_once(x, &may_come)) && may_come && now() < until)
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
    return err;
}
