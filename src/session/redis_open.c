/* redis_open.c - a store in Redis, opened by its URL. */
#include "base/error.h"
#include "session/redis_store.h"
#include <stdio.h>
#include <stdlib.h>

static void release(state_source *source)
{
    redis_store *x = (redis_store *)((char *)source - offsetof(redis_store, source));
    redis_drop(x);
    redis_address_release(&x->address);
    free(x->queue);
    free(x->base.place);
    free(x);
}

/* Trees whose states are here keep it until they are freed. */
static void close_store(wkv_store *s) { state_source_leave(&redis_of(s)->source); }

static const store_kind kind = {
    .close = close_store,
    .begin = redis_begin,
    .end = redis_end,
    .get = redis_get,
    .get_named = redis_get_named,
    .each = redis_each,
    .insert = redis_insert,
    .update = redis_update,
    .erase = redis_erase,
    .read = redis_read,
    .has_message = redis_has_message,
    .insert_message = redis_insert_message,
    .insert_part = redis_insert_part,
    .clear_names = redis_clear_names,
    .put_name = redis_put_name,
    .write_state = redis_write_state,
    .find_state = redis_find_state,
    .has_state = redis_has_state,
    .is_used = redis_is_used,
    .remove_state = redis_remove_state,
    .list_states = redis_list_states,
    .list_unused = redis_list_unused,
};

int redis_open(wkv_store **out, const char *url, const wkv_store_options *o)
{
    redis_store *x = calloc(1, sizeof *x);
    if (!x) return fail(WKV_ENOMEM, "no memory for a store");
    x->base.kind = &kind;
    x->source = (state_source){.open = redis_open_state, .release = release, .users = 1};
    x->expire = o->expire_seconds;
    snprintf(x->prefix, sizeof x->prefix, "wkv:%s:", o->tenant ? o->tenant : "");
    int err = redis_address_read(&x->address, &x->base.place, url);
    if (!err) err = redis_connect(x, 0);
    if (err)
        close_store(&x->base);
    else
        *out = &x->base;
    return err;
}
