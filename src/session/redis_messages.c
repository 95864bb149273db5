/* redis_messages.c - messages: a hash for each, a list of their ids in the order of saving, and a hash of names. */
#include "base/error.h"
#include "session/redis_store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ----------------------------------------------------------------------------------------------------- */

typedef struct {
    store_content *x;
    wkv_store *s;
} reading;

/* "part.0", "part.1", ...: a message and its weight */
static int take_parts(const reading *r, const char *mix, const redisReply *hash)
{
    int err = 0;
    for (int i = 0; !err; i++) {
        char field[24], part[64];
        float weight;
        snprintf(field, sizeof field, "part.%d", i);
        const char *text = redis_field(hash, field, NULL);
        if (!*text) break;
        err = sscanf(text, "%63s %f", part, &weight) == 2 ? store_take_part(r->x, r->s, mix, part, weight)
                                                          : store_take_part(r->x, r->s, mix, "", 0);
    }
    return err;
}

static int take_message(void *to, const char *id, const redisReply *hash)
{
    const reading *r = to;
    store_message m = {.id = id,
                       .parent = redis_field(hash, "parent", NULL),
                       .text = redis_field(hash, "text", NULL),
                       .origin = redis_field(hash, "origin", NULL),
                       .state = redis_field(hash, "state", NULL),
                       .role = hash->elements ? (int)redis_number(hash, "role") : -1,
                       .read = (int)redis_number(hash, "read"),
                       .created = redis_number(hash, "created"),
                       .seed = strtoull(redis_field(hash, "seed", NULL), NULL, 10),
                       .draws = strtoull(redis_field(hash, "draws", NULL), NULL, 10)};
    size_t bytes;
    m.ids = redis_field(hash, "ids", &bytes);
    m.id_bytes = (int)bytes;
    const int err = store_take_message(r->x, r->s, &m);
    return err ? err : take_parts(r, id, hash);
}

static int read_names(store_content *x, wkv_store *s, const char *session)
{
    char key[REDIS_KEY];
    redisReply *r;
    redis_key(key, s, "names", session);
    int err = redis_read_key(&r, s, key, "HGETALL %s", key);
    for (size_t i = 0; !err && i + 1 < r->elements; i += 2) {
        char node[64] = "";
        int branch = 0;
        if (r->element[i + 1]->str) sscanf(r->element[i + 1]->str, "%63s %d", node, &branch);
        err = store_take_name(x, s, r->element[i]->str ? r->element[i]->str : "", node, branch);
    }
    freeReplyObject(r);
    return err;
}

/* A lost connection: the transaction begins anew. */
int redis_read(store_content *x, wkv_store *s)
{
    char key[REDIS_KEY];
    const char *session = x->record.about.id;
    redisReply *ids;
    redis_key(key, s, "messages", session);
    int err = redis_read_key(&ids, s, key, "LRANGE %s 0 -1", key);
    if (!err) err = redis_each_hash(s, ids, "message", session, take_message, &(reading){x, s});
    freeReplyObject(ids);
    if (!err) err = read_names(x, s, session);
    return err && !redis_of(s)->connection ? STORE_AGAIN : err;
}

int redis_has_message(wkv_store *s, const store_record *r, const char *id)
{
    char key[REDIS_KEY], pair[REDIS_PAIR];
    int64_t found;
    redis_key(key, s, "message", redis_pair(pair, r->about.id, id));
    const int err = redis_count_key(&found, s, key, "EXISTS %s", key);
    return err ? err : found > 0;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

int redis_insert_message(wkv_store *s, const store_record *r, const store_message *m)
{
    const char *session = r->about.id;
    char key[REDIS_KEY], pair[REDIS_PAIR];
    redis_key(key, s, "message", redis_pair(pair, session, m->id));
    int err = redis_write(s,
                          "HSET %s parent %s role %d text %s ids %b read %d created %lld seed %llu draws %llu origin %s"
                          " state %s",
                          key, m->parent, m->role, m->text, m->ids ? m->ids : "", (size_t)m->id_bytes, m->read,
                          (long long)m->created, (unsigned long long)m->seed, (unsigned long long)m->draws, m->origin,
                          m->state);
    const int64_t seconds = redis_of(s)->expire;
    if (!err && seconds) err = redis_write(s, "EXPIRE %s %lld", key, (long long)seconds);
    if (!err) err = redis_write(s, "RPUSH %s %s", redis_key(key, s, "messages", session), m->id);
    return err || !*m->state ? err : redis_use_state(s, r, m->state);
}

int redis_insert_part(wkv_store *s, const store_record *r, const char *mix, int nth, const char *part, float weight)
{
    char key[REDIS_KEY], pair[REDIS_PAIR], value[96];
    snprintf(value, sizeof value, "%s %.9g", part, (double)weight);
    return redis_write(s, "HSET %s part.%d %s", redis_key(key, s, "message", redis_pair(pair, r->about.id, mix)), nth,
                       value);
}

int redis_clear_names(wkv_store *s, const store_record *r)
{
    char key[REDIS_KEY];
    return redis_write(s, "DEL %s", redis_key(key, s, "names", r->about.id));
}

int redis_put_name(wkv_store *s, const store_record *r, const wkv_store_name *name, const char *node, int replaces)
{
    char key[REDIS_KEY], value[64];
    snprintf(value, sizeof value, "%s %d", node, name->branch);
    return redis_write(s, "%s %s %s %s", replaces ? "HSET" : "HSETNX", redis_key(key, s, "names", r->about.id),
                       name->name, value);
}
