/* redis_sessions.c - sessions: a hash for each, a key for each name, and a set of all, sorted by the time of the last
 * change. */
#include "base/error.h"
#include "base/utf8.h"
#include "session/redis_store.h"
#include <string.h>
#include <time.h>

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static void read_hash(store_record *r, const redisReply *hash)
{
    wkv_store_session *x = &r->about;
    *r = (store_record){.about = {.created = redis_number(hash, "created"),
                                  .changed = redis_number(hash, "changed"),
                                  .messages = (int)redis_number(hash, "messages"),
                                  .turns = (int)redis_number(hash, "turns"),
                                  .bytes = redis_number(hash, "bytes"),
                                  .revision = redis_number(hash, "revision")}};
    utf8_copy(x->id, sizeof x->id, redis_field(hash, "id", NULL));
    utf8_copy(x->name, sizeof x->name, redis_field(hash, "name", NULL));
    utf8_copy(x->model, sizeof x->model, redis_field(hash, "model", NULL));
    utf8_copy(x->template_name, sizeof x->template_name, redis_field(hash, "template", NULL));
    utf8_copy(x->head, sizeof x->head, redis_field(hash, "head", NULL));
    utf8_copy(x->preview, sizeof x->preview, redis_field(hash, "preview", NULL));
    utf8_copy(r->lineage, sizeof r->lineage, redis_field(hash, "lineage", NULL));
    utf8_copy(r->sizes, sizeof r->sizes, redis_field(hash, "sizes", NULL));
}

int redis_get(store_record *out, wkv_store *s, const char *id)
{
    char key[REDIS_KEY];
    redisReply *r;
    if (strlen(id) >= sizeof out->about.id) return 0;
    redis_key(key, s, "session", id);
    const int err = redis_read_key(&r, s, key, "HGETALL %s", key);
    const int found = !err && r->elements;
    if (found) read_hash(out, r);
    freeReplyObject(r);
    return err ? err : found;
}

/* A name whose session has expired is free. */
int redis_get_named(store_record *out, wkv_store *s, const char *name)
{
    char key[REDIS_KEY];
    redisReply *r;
    if (strlen(name) >= sizeof out->about.name) return 0;
    redis_key(key, s, "name", name);
    int found = redis_read_key(&r, s, key, "GET %s", key);
    if (!found && r->type == REDIS_REPLY_STRING) found = redis_get(out, s, r->str);
    freeReplyObject(r);
    return found;
}

typedef struct {
    int (*take)(void *to, const store_record *r);
    void *to;
} listing_of;

static int take_one(void *of, const char *id, const redisReply *hash)
{
    listing_of *l = of;
    store_record r;
    (void)id;
    if (!hash->elements) return 0; /* it has expired */
    read_hash(&r, hash);
    return l->take(l->to, &r);
}

int redis_each(wkv_store *s, int (*take)(void *to, const store_record *r), void *to)
{
    char key[REDIS_KEY];
    redisReply *ids;
    listing_of l = {take, to};
    int err = redis_ask(&ids, s, "ZREVRANGE %s 0 -1", redis_key(key, s, "sessions", "all"));
    if (err) return err;
    err = redis_each_hash(s, ids, "session", NULL, take_one, &l);
    freeReplyObject(ids);
    return err;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Microseconds: the order of changes in one second. */
static int put_time(wkv_store *s, const char *id)
{
    char key[REDIS_KEY];
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return redis_write(s, "ZADD %s %lld %s", redis_key(key, s, "sessions", "all"),
                       (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000, id);
}

static int expire(wkv_store *s, const char *kind, const char *name)
{
    char key[REDIS_KEY];
    const int64_t seconds = redis_of(s)->expire;
    return seconds && *name ? redis_write(s, "EXPIRE %s %lld", redis_key(key, s, kind, name), (long long)seconds) : 0;
}

static int expire_all(wkv_store *s, const char *kind, const char *session, const redisReply *names)
{
    char pair[REDIS_PAIR];
    int err = 0;
    for (size_t i = 0; i < names->elements && !err; i++) {
        const char *name = names->element[i]->str ? names->element[i]->str : "";
        err = expire(s, kind, session ? redis_pair(pair, session, name) : name);
    }
    return err;
}

/* A session expires with all that it has. Sessions that have expired leave the list of all. */
static int expire_session(wkv_store *s, const wkv_store_session *x)
{
    static const char *const kinds[] = {"session", "messages", "states", "names"};
    const int64_t seconds = redis_of(s)->expire;
    char key[REDIS_KEY];
    redisReply *messages = NULL, *states = NULL;
    int err = 0;
    if (!seconds) return 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !err; i++) err = expire(s, kinds[i], x->id);
    if (!err) err = expire(s, "name", x->name);
    if (!err) err = redis_ask(&messages, s, "LRANGE %s 0 -1", redis_key(key, s, "messages", x->id));
    if (!err) err = redis_ask(&states, s, "SMEMBERS %s", redis_key(key, s, "states", x->id));
    if (!err) err = expire_all(s, "message", x->id, messages);
    if (!err) err = expire_all(s, "state", NULL, states);
    if (!err) err = expire_all(s, "users", NULL, states);
    if (!err)
        err = redis_write(s, "ZREMRANGEBYSCORE %s -inf %lld", redis_key(key, s, "sessions", "all"),
                          (long long)(time(NULL) - seconds - 1) * 1000000);
    freeReplyObject(messages);
    freeReplyObject(states);
    return err;
}

int redis_insert(wkv_store *s, const store_record *r)
{
    const wkv_store_session *x = &r->about;
    char key[REDIS_KEY];
    int err = redis_write(s, "HSET %s id %s name %s model %s template %s lineage %s sizes %s created %lld",
                          redis_key(key, s, "session", x->id), x->id, x->name, x->model, x->template_name, r->lineage,
                          r->sizes, (long long)x->created);
    if (!err && *x->name) err = redis_write(s, "SET %s %s", redis_key(key, s, "name", x->name), x->id);
    return err ? err : redis_update(s, r);
}

int redis_update(wkv_store *s, const store_record *r)
{
    const wkv_store_session *x = &r->about;
    char key[REDIS_KEY];
    int err = redis_write(s, "HSET %s changed %lld revision %lld messages %d turns %d bytes %lld head %s preview %s",
                          redis_key(key, s, "session", x->id), (long long)x->changed, (long long)x->revision,
                          x->messages, x->turns, (long long)x->bytes, x->head, x->preview);
    if (!err) err = put_time(s, x->id);
    return err ? err : expire_session(s, x);
}

static int erase_messages(wkv_store *s, const char *session)
{
    char key[REDIS_KEY], pair[REDIS_PAIR];
    redisReply *r;
    redis_key(key, s, "messages", session);
    int err = redis_read_key(&r, s, key, "LRANGE %s 0 -1", key);
    for (size_t i = 0; !err && i < r->elements; i++) {
        const char *id = r->element[i]->str ? r->element[i]->str : "";
        err = redis_write(s, "DEL %s", redis_key(key, s, "message", redis_pair(pair, session, id)));
    }
    freeReplyObject(r);
    return err;
}

int redis_erase(wkv_store *s, const store_record *r)
{
    static const char *const kinds[] = {"session", "messages", "states", "names"};
    const wkv_store_session *x = &r->about;
    char key[REDIS_KEY];
    sha_list states = {0};
    int err = redis_list_states(&states, s, r);
    for (int i = 0; i < states.n && !err; i++) err = redis_leave_state(s, r, states.sha[i]);
    free(states.sha);
    if (!err) err = erase_messages(s, x->id);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !err; i++)
        err = redis_write(s, "DEL %s", redis_key(key, s, kinds[i], x->id));
    if (!err && *x->name) err = redis_write(s, "DEL %s", redis_key(key, s, "name", x->name));
    return err ? err : redis_write(s, "ZREM %s %s", redis_key(key, s, "sessions", "all"), x->id);
}
