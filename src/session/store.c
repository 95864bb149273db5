/* store.c - a store opened by its place, and transactions that are repeated when others come in between. */
#include "session/store.h"
#include "base/error.h"
#include <string.h>
#include <time.h>

int wkv_store_is_shared(const char *where)
{
    return where &&
           (!strncmp(where, "redis://", 8) || !strncmp(where, "rediss://", 9) || !strncmp(where, "unix://", 7));
}

int wkv_store_open(wkv_store **out, const char *where, const wkv_store_options *options)
{
    static const wkv_store_options none;
    const wkv_store_options *o = options ? options : &none;
    REQUIRE(out, "out");
    *out = NULL;
    if (where && !*where) return fail(WKV_EARG, "the place of the store is empty");
    if (o->tenant && (strspn(o->tenant, "0123456789abcdef") != strlen(o->tenant) || strlen(o->tenant) > 64))
        return fail(WKV_EARG, "the tenant of a store is '%.64s', expected at most 64 hexadecimal digits", o->tenant);
    if (o->expire_seconds < 0)
        return fail(WKV_EARG, "sessions that expire after %lld seconds, expected 0 or more",
                    (long long)o->expire_seconds);
    return wkv_store_is_shared(where) ? redis_open(out, where, o) : sqlite_open(out, where, o);
}

void wkv_store_close(wkv_store *s)
{
    if (s) s->kind->close(s);
}

/* ---- transactions ------------------------------------------------------------------------------------------------ */

int store_transact(wkv_store *s, int writes, int (*body)(wkv_store *s, void *x), void *x)
{
    enum { TRIES = 100, PAUSE = 1000000 /* ns, times the number of tries */ };
    for (int i = 0; i < TRIES; i++) {
        int err = s->kind->begin(s, writes);
        if (!err) err = s->kind->end(s, body(s, x));
        if (err != STORE_AGAIN) return err;
        nanosleep(&(struct timespec){.tv_nsec = PAUSE * i}, NULL);
    }
    return fail(WKV_EIO, "%s: other processes change it all the time; try again", s->place);
}

int store_find_record(store_record *out, wkv_store *s, const wkv_store_session *session)
{
    const int found = s->kind->get(out, s, session->id);
    if (found) return found < 0 ? found : 0;
    return fail(WKV_EARG, "%s: session %.64s does not exist", s->place, *session->name ? session->name : session->id);
}
