/* redis_keys.c - keys of the store, and hashes read by them. */
#include "session/redis_store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *redis_key(char out[REDIS_KEY], const wkv_store *s, const char *kind, const char *name)
{
    snprintf(out, REDIS_KEY, "%s%s:%s", redis_of(s)->prefix, kind, name);
    return out;
}

const char *redis_pair(char out[REDIS_PAIR], const char *session, const char *message)
{
    snprintf(out, REDIS_PAIR, "%s:%s", session, message);
    return out;
}

const char *redis_field(const redisReply *hash, const char *name, size_t *bytes)
{
    for (size_t i = 0; i + 1 < hash->elements; i += 2) {
        const redisReply *value = hash->element[i + 1];
        if (!hash->element[i]->str || strcmp(hash->element[i]->str, name) || !value->str) continue;
        if (bytes) *bytes = (size_t)value->len;
        return value->str;
    }
    if (bytes) *bytes = 0;
    return "";
}

int64_t redis_number(const redisReply *hash, const char *name)
{
    return strtoll(redis_field(hash, name, NULL), NULL, 10);
}

/* Ask for some, and take them all: a reply that is not received would be that of the next command. */
static int take_some(redis_store *x, const redisReply *ids, size_t from, size_t to, const char *kind,
                     const char *session, int (*take)(void *to, const char *id, const redisReply *hash), void *of)
{
    char key[REDIS_KEY], pair[REDIS_PAIR];
    int err = 0, taken = 0;
    for (size_t i = from; i < to && !err; i++) {
        const char *id = ids->element[i]->str ? ids->element[i]->str : "";
        err = redis_send(x, "HGETALL %s", redis_key(key, &x->base, kind, session ? redis_pair(pair, session, id) : id));
    }
    for (size_t i = from; i < to && !err; i++) {
        redisReply *r;
        if ((err = redis_receive(&r, x))) break;
        if (!taken) taken = take(of, ids->element[i]->str ? ids->element[i]->str : "", r);
        freeReplyObject(r);
    }
    if (err) redis_drop(x);
    return err ? err : taken;
}

int redis_each_hash(wkv_store *s, const redisReply *ids, const char *kind, const char *session,
                    int (*take)(void *to, const char *id, const redisReply *hash), void *of)
{
    enum { AT_ONCE = 128 };
    int err = 0;
    for (size_t i = 0; i < ids->elements && !err; i += AT_ONCE)
        err = take_some(redis_of(s), ids, i, ids->elements - i < AT_ONCE ? ids->elements : i + AT_ONCE, kind, session,
                        take, of);
    return err;
}
