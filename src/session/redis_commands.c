/* redis_commands.c - commands outside of transactions and in them.
 *
 * A transaction watches the keys that it reads (WATCH), collects its writes here, and sends them between MULTI and EXEC
 * at its end. Where another process has changed a watched key, the server does nothing of it. */
#include "base/error.h"
#include "session/redis_store.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- commands ---------------------------------------------------------------------------------------------------- */

static int no_memory(const wkv_store *s) { return fail(WKV_ENOMEM, "%s: no memory for a command", s->place); }

/* Send a command that is formatted, after WATCH for `key` (NULL: none), and receive the last reply. */
static int exchange(redisReply **out, redis_store *x, const char *key, const char *command, size_t bytes)
{
    int err = redis_connect(x, 0);
    *out = NULL;
    if (!err && key) err = redis_send(x, "WATCH %s", key);
    if (!err && redisAppendFormattedCommand(x->connection, command, bytes)) err = no_memory(&x->base);
    if (err) {
        redis_drop(x); /* a part of it may wait to be sent */
        return err;
    }
    if (key && (err = redis_receive_any(out, x))) return err;
    freeReplyObject(*out);
    return redis_receive(out, x);
}

static int ask(redisReply **out, wkv_store *s, const char *key, const char *format, va_list args)
{
    redis_store *x = redis_of(s);
    char *command;
    const int n = redisvFormatCommand(&command, format, args);
    *out = NULL;
    if (n < 0) return no_memory(s);
    const int was = x->connection != NULL;
    int err = exchange(out, x, x->within ? key : NULL, command, (size_t)n);
    x->watches |= x->within && key;
    if (err && !x->connection) {
        if (x->within)
            err = STORE_AGAIN;
        else if (was && !(err = redis_connect(x, 1)))
            err = exchange(out, x, NULL, command, (size_t)n);
    }
    redisFreeCommand(command);
    return err;
}

int redis_ask(redisReply **out, wkv_store *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int err = ask(out, s, NULL, format, args);
    va_end(args);
    return err;
}

int redis_read_key(redisReply **out, wkv_store *s, const char *key, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int err = ask(out, s, key, format, args);
    va_end(args);
    return err;
}

int redis_count_key(int64_t *out, wkv_store *s, const char *key, const char *format, ...)
{
    va_list args;
    redisReply *r;
    va_start(args, format);
    const int err = ask(&r, s, key, format, args);
    va_end(args);
    *out = err ? 0 : r->integer;
    freeReplyObject(r);
    return err;
}

/* ---- transactions ------------------------------------------------------------------------------------------------ */

/* A transaction that was rolled back leaves its watches behind. */
int redis_begin(wkv_store *s, int writes)
{
    redis_store *x = redis_of(s);
    redisReply *r = NULL;
    (void)writes;
    if (x->watches && !redis_send(x, "UNWATCH")) redis_receive_any(&r, x);
    freeReplyObject(r);
    const int err = redis_connect(x, 1);
    x->within = !err;
    x->watches = x->n_writes = 0;
    x->n_queue = 0;
    return err;
}

int redis_write(wkv_store *s, const char *format, ...)
{
    redis_store *x = redis_of(s);
    va_list args;
    char *command;
    va_start(args, format);
    const int n = redisvFormatCommand(&command, format, args);
    va_end(args);
    if (n < 0) return no_memory(s);
    if (x->n_queue + (size_t)n > x->cap_queue) {
        const size_t cap = 2 * (x->n_queue + (size_t)n);
        char *more = realloc(x->queue, cap);
        if (!more) {
            redisFreeCommand(command);
            return no_memory(s);
        }
        x->queue = more, x->cap_queue = cap;
    }
    memcpy(x->queue + x->n_queue, command, (size_t)n);
    x->n_queue += (size_t)n;
    x->n_writes++;
    redisFreeCommand(command);
    return 0;
}

/* The reply of EXEC: nothing was done, or a list with the reply of each write. */
static int check_executed(const wkv_store *s, const redisReply *r)
{
    if (r->type == REDIS_REPLY_NIL) return STORE_AGAIN;
    for (size_t i = 0; i < r->elements; i++)
        if (r->element[i]->type == REDIS_REPLY_ERROR) return redis_failed(s, r->element[i]->str);
    return 0;
}

/* MULTI, the writes, EXEC. The first error is the reason of the others. */
static int execute(redis_store *x)
{
    redisReply *r;
    int found = 0, err = redis_send(x, "MULTI");
    if (!err && x->n_queue && redisAppendFormattedCommand(x->connection, x->queue, x->n_queue))
        err = no_memory(&x->base);
    if (!err) err = redis_send(x, "EXEC");
    for (int i = 0; i < x->n_writes + 2 && !err; i++) {
        if ((err = redis_receive_any(&r, x))) break;
        if (r->type == REDIS_REPLY_ERROR && !found) found = redis_failed(&x->base, r->str);
        if (i == x->n_writes + 1 && !found) found = check_executed(&x->base, r);
        freeReplyObject(r);
    }
    if (!err) return found;
    redis_drop(x);
    return err == WKV_ENOMEM ? err : STORE_AGAIN;
}

int redis_end(wkv_store *s, int err)
{
    redis_store *x = redis_of(s);
    x->within = 0;
    if (err) return err;
    if (!x->connection) return STORE_AGAIN;
    if (!x->watches && !x->n_writes) return 0;
    x->watches = 0;
    return execute(x);
}
