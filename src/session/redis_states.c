/* redis_states.c - states: the bytes of a state file under its checksum, and the set of sessions that refer to it.
 *
 * A state is written before the transaction that refers to it, as a key that expires, which that transaction prevents: a
 * save that is interrupted leaves nothing for long. `unused` has those that may have no user, by the time of writing. */
#include "base/error.h"
#include "session/redis_store.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { UNFINISHED_SECONDS = 86400 };

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static int find_sha(char sha[DIGEST_TEXT], const char *data, size_t bytes)
{
    tensors *t;
    int err = tensors_open_memory(&t, data, bytes, "a new state");
    if (err) return err;
    err = sha_read(sha, t);
    tensors_close(t);
    return err;
}

static int put_unused(wkv_store *s, const char *sha)
{
    char key[REDIS_KEY];
    redisReply *r;
    const int err = redis_ask(&r, s, "ZADD %s %lld %s", redis_key(key, s, "unused", "all"), (long long)time(NULL), sha);
    freeReplyObject(r);
    return err;
}

/* One that is there is sent no second time. */
static int put_state(wkv_store *s, const char *sha, const char *data, size_t bytes)
{
    char key[REDIS_KEY];
    redisReply *r;
    int64_t there;
    redis_key(key, s, "state", sha);
    int err = put_unused(s, sha);
    if (!err) err = redis_count_key(&there, s, key, "EXISTS %s", key);
    if (err || there) return err;
    err = redis_ask(&r, s, "SET %s %b EX %d", key, data, bytes, UNFINISHED_SECONDS);
    freeReplyObject(r);
    return err;
}

int redis_write_state(char sha[DIGEST_TEXT], int64_t *bytes, wkv_store *s, wkv_tree *t, int node,
                      const char *template_name)
{
    char *data;
    size_t n;
    int err = tree_save_state_memory(&data, &n, t, node, template_name);
    if (err) return err;
    err = find_sha(sha, data, n);
    if (!err) err = put_state(s, sha, data, n);
    if (!err) err = tree_set_place(t, node, &(tree_place){sha, &redis_of(s)->source});
    free(data);
    *bytes = (int64_t)n;
    return err;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* It is looked for when it is read. */
int redis_find_state(tree_place *out, wkv_store *s, const char *sha)
{
    *out = (tree_place){0};
    if (!sha_is_one(sha)) return 0;
    *out = (tree_place){strdup(sha), &redis_of(s)->source};
    return out->path ? 0 : fail(WKV_ENOMEM, "no memory for the place of a state");
}

int redis_open_state(wkv_state_file **out, state_source *from, const char *sha)
{
    wkv_store *s = (wkv_store *)((char *)from - offsetof(redis_store, source));
    char key[REDIS_KEY], name[32];
    redisReply *r;
    *out = NULL;
    int err = redis_ask(&r, s, "GET %s", redis_key(key, s, "state", sha));
    if (err) return err;
    snprintf(name, sizeof name, "state %.12s", sha);
    err = r->type == REDIS_REPLY_STRING ? wkv_state_file_open_memory(out, r->str, (size_t)r->len, name)
                                        : fail(WKV_EIO, "%s: has no %s", s->place, name);
    freeReplyObject(r);
    return err;
}

int redis_has_state(wkv_store *s, const char *sha)
{
    char key[REDIS_KEY];
    int64_t found;
    redis_key(key, s, "state", sha);
    const int err = redis_count_key(&found, s, key, "EXISTS %s", key);
    return err ? err : found > 0;
}

/* ---- users ------------------------------------------------------------------------------------------------------- */

int redis_use_state(wkv_store *s, const store_record *r, const char *sha)
{
    const int64_t seconds = redis_of(s)->expire;
    char key[REDIS_KEY], users[REDIS_KEY];
    redis_key(users, s, "users", sha);
    int err = redis_write(s, "SADD %s %s", users, r->about.id);
    if (!err) err = redis_write(s, "SADD %s %s", redis_key(key, s, "states", r->about.id), sha);
    if (!err) err = redis_write(s, "ZREM %s %s", redis_key(key, s, "unused", "all"), sha);
    redis_key(key, s, "state", sha);
    if (!err && !seconds) err = redis_write(s, "PERSIST %s", key);
    if (!err && seconds) err = redis_write(s, "EXPIRE %s %lld", key, (long long)seconds);
    if (!err && seconds) err = redis_write(s, "EXPIRE %s %lld", users, (long long)seconds);
    return err;
}

int redis_leave_state(wkv_store *s, const store_record *r, const char *sha)
{
    char key[REDIS_KEY];
    const int err = redis_write(s, "SREM %s %s", redis_key(key, s, "users", sha), r->about.id);
    if (err) return err;
    return redis_write(s, "ZADD %s %lld %s", redis_key(key, s, "unused", "all"), (long long)time(NULL), sha);
}

/* A session that has expired is none. */
int redis_is_used(wkv_store *s, const char *sha)
{
    char key[REDIS_KEY];
    redisReply *r;
    int64_t found = 0;
    redis_key(key, s, "users", sha);
    int err = redis_read_key(&r, s, key, "SMEMBERS %s", key);
    for (size_t i = 0; !err && !found && i < r->elements; i++) {
        redis_key(key, s, "session", r->element[i]->str ? r->element[i]->str : "");
        err = redis_count_key(&found, s, key, "EXISTS %s", key);
    }
    freeReplyObject(r);
    return err ? err : found > 0;
}

int redis_remove_state(wkv_store *s, const char *sha, int64_t *freed)
{
    char key[REDIS_KEY];
    int64_t bytes;
    redis_key(key, s, "state", sha);
    int err = redis_count_key(&bytes, s, key, "STRLEN %s", key);
    if (!err) err = redis_write(s, "DEL %s", key);
    if (!err) err = redis_write(s, "DEL %s", redis_key(key, s, "users", sha));
    if (!err) err = redis_write(s, "ZREM %s %s", redis_key(key, s, "unused", "all"), sha);
    *freed += bytes;
    return err;
}

static int append_all(sha_list *l, const redisReply *r)
{
    int err = 0;
    for (size_t i = 0; !err && i < r->elements; i++) err = r->element[i]->str ? sha_append(l, r->element[i]->str) : 0;
    return err;
}

int redis_list_states(sha_list *l, wkv_store *s, const store_record *r)
{
    char key[REDIS_KEY];
    redisReply *all;
    redis_key(key, s, "states", r->about.id);
    int err = redis_read_key(&all, s, key, "SMEMBERS %s", key);
    if (!err) err = append_all(l, all);
    freeReplyObject(all);
    return err;
}

int redis_list_unused(sha_list *l, wkv_store *s, int64_t before, int64_t *freed)
{
    char key[REDIS_KEY];
    redisReply *all;
    (void)freed;
    int err = redis_ask(&all, s, "ZRANGEBYSCORE %s -inf %lld", redis_key(key, s, "unused", "all"), (long long)before);
    if (!err) err = append_all(l, all);
    freeReplyObject(all);
    return err;
}
