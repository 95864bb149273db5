/* redis_store.h - a store in Redis, which several machines can share. docs/states.md lists its keys. */
#ifndef WKV_SESSION_REDIS_STORE_H
#define WKV_SESSION_REDIS_STORE_H

#include "session/store.h"
#include <hiredis/hiredis.h>

/* A server, as its URL names it. */
typedef struct {
    char *user, *password; /* NULL: none */
    char *host;            /* or the path of a socket */
    int port;              /* 0: a socket             */
    int number;            /* of the database         */
} redis_address;

typedef struct {
    wkv_store base;      /* base.place: the URL without user and password */
    state_source source; /* its users are the store and nodes of trees    */
    redis_address address;
    redisContext *connection; /* NULL: lost */
    char prefix[80];          /* of all keys: "wkv:TENANT:" */
    int64_t expire;           /* seconds; 0: never */
    /* a transaction */
    int within, watches;
    char *queue; /* its writes, as they are sent */
    size_t n_queue, cap_queue;
    int n_writes;
} redis_store;

static inline redis_store *redis_of(const wkv_store *s) { return (redis_store *)(uintptr_t)s; }

/* ---- redis_url.c ------------------------------------------------------------------------------------------------- */

/* WKV_EARG, WKV_ENOMEM; release in either case. *name: the URL without user and password. */
int redis_address_read(redis_address *a, char **name, const char *url);
void redis_address_release(redis_address *a);

/* ---- redis_connection.c ------------------------------------------------------------------------------------------ */

/* Connect where there is no connection. With `waits`, a server that is not there is waited for some seconds. */
int redis_connect(redis_store *x, int waits);
/* The failure that the server reports, as a code and a sentence. */
int redis_failed(const wkv_store *s, const char *report);
/* The next reply, or a failure: an error reply, or a connection that is lost (WKV_EIO, and x->connection is NULL). */
int redis_receive(redisReply **out, redis_store *x);
int redis_receive_any(redisReply **out, redis_store *x); /* an error reply is one too */
void redis_drop(redis_store *x);                         /* close the connection      */
int redis_send(redis_store *x, const char *format, ...); /* hiredis' formats */

/* ---- redis_commands.c -------------------------------------------------------------------------------------------- */

/* A command and its reply, which the caller frees. In a transaction, a lost connection is STORE_AGAIN; outside, it is
 * made again, and the command repeated, which does the same twice as once. */
int redis_ask(redisReply **out, wkv_store *s, const char *format, ...);
/* The same for a command that reads `key`: in a transaction, others that change it make it fail. */
int redis_read_key(redisReply **out, wkv_store *s, const char *key, const char *format, ...);
/* Whether or how many: its number. */
int redis_count_key(int64_t *out, wkv_store *s, const char *key, const char *format, ...);
/* Append a write to the transaction. */
int redis_write(wkv_store *s, const char *format, ...);

int redis_begin(wkv_store *s, int writes);
int redis_end(wkv_store *s, int err);

/* ---- redis_keys.c ------------------------------------------------------------------------------------------------ */

enum { REDIS_KEY = 256 };
/* "wkv:TENANT:KIND:NAME" */
const char *redis_key(char out[REDIS_KEY], const wkv_store *s, const char *kind, const char *name);

/* The value of a field of HGETALL's reply, and its bytes; "" where there is none. */
const char *redis_field(const redisReply *hash, const char *name, size_t *bytes);
int64_t redis_number(const redisReply *hash, const char *name);

/* Call take with each hash KIND of a list of ids, of messages with their session; one that is missing is empty. */
int redis_each_hash(wkv_store *s, const redisReply *ids, const char *kind, const char *session,
                    int (*take)(void *to, const char *id, const redisReply *hash), void *to);

/* ---- redis_sessions.c, redis_messages.c, redis_states.c ---------------------------------------------------------- */

int redis_get(store_record *out, wkv_store *s, const char *id);
int redis_get_named(store_record *out, wkv_store *s, const char *name);
int redis_each(wkv_store *s, int (*take)(void *to, const store_record *r), void *to);
int redis_insert(wkv_store *s, const store_record *r);
int redis_update(wkv_store *s, const store_record *r);
int redis_erase(wkv_store *s, const store_record *r);

int redis_read(store_content *x, wkv_store *s);
int redis_has_message(wkv_store *s, const store_record *r, const char *id);
int redis_insert_message(wkv_store *s, const store_record *r, const store_message *m);
int redis_insert_part(wkv_store *s, const store_record *r, const char *mix, int nth, const char *part, float weight);
int redis_clear_names(wkv_store *s, const store_record *r);
int redis_put_name(wkv_store *s, const store_record *r, const wkv_store_name *name, const char *node, int replaces);
/* The key of a message is that of "SESSION:MESSAGE". */
enum { REDIS_PAIR = 72 };
const char *redis_pair(char out[REDIS_PAIR], const char *session, const char *message);

int redis_write_state(char sha[DIGEST_TEXT], int64_t *bytes, wkv_store *s, wkv_tree *t, int node,
                      const char *template_name);
int redis_find_state(tree_place *out, wkv_store *s, const char *sha);
int redis_has_state(wkv_store *s, const char *sha);
int redis_is_used(wkv_store *s, const char *sha);
int redis_remove_state(wkv_store *s, const char *sha, int64_t *freed);
int redis_list_states(sha_list *l, wkv_store *s, const store_record *r);
int redis_list_unused(sha_list *l, wkv_store *s, int64_t before, int64_t *freed);
/* In a transaction: a session refers to a state, or not any more. */
int redis_use_state(wkv_store *s, const store_record *r, const char *sha);
int redis_leave_state(wkv_store *s, const store_record *r, const char *sha);
int redis_open_state(wkv_state_file **out, state_source *from, const char *sha);

#endif
