/* store_none.c - the store of a library that is built without SQLite. */
#include "base/error.h"
#include "wkv_store.h"

static int none(void)
{
    return fail(WKV_EUNSUPPORTED, "this wkv was built without SQLite, which keeps sessions; install libsqlite3-dev "
                                  "(Debian, Ubuntu) or sqlite-devel and build it again");
}

int wkv_store_folder(char *out, size_t cap)
{
    (void)out, (void)cap;
    return 0;
}

int wkv_store_open(wkv_store **out, const char *folder)
{
    (void)folder;
    if (out) *out = NULL;
    return none();
}

void wkv_store_close(wkv_store *s) { (void)s; }

int wkv_store_list(wkv_store_session **out, int *n, wkv_store *s)
{
    (void)n, (void)s;
    if (out) *out = NULL;
    return none();
}

void wkv_store_list_free(wkv_store_session *list) { (void)list; }

int wkv_store_find(wkv_store_session *out, wkv_store *s, const char *name)
{
    (void)out, (void)s, (void)name;
    return none();
}

int wkv_store_create(wkv_store_session *out, wkv_store *s, const char *name, const wkv_context *c,
                     const char *template_name)
{
    (void)out, (void)s, (void)name, (void)c, (void)template_name;
    return none();
}

int wkv_store_delete(wkv_store *s, const wkv_store_session *session)
{
    (void)s, (void)session;
    return none();
}

int wkv_store_read(wkv_store_messages **out, wkv_store *s, const wkv_store_session *session)
{
    (void)s, (void)session;
    if (out) *out = NULL;
    return none();
}

void wkv_store_messages_free(wkv_store_messages *m) { (void)m; }

int wkv_store_load(wkv_tree **out, wkv_store *s, wkv_store_session *session, wkv_context *c, const wkv_tokenizer *t)
{
    (void)s, (void)session, (void)c, (void)t;
    if (out) *out = NULL;
    return none();
}

int wkv_store_compare(wkv_store *s, const wkv_store_session *session, const wkv_context *c, char *out, size_t capacity)
{
    (void)s, (void)session, (void)c, (void)out, (void)capacity;
    return none();
}

int wkv_store_save(wkv_store *s, wkv_store_session *session, wkv_tree *t)
{
    (void)s, (void)session, (void)t;
    return none();
}

int wkv_store_gc(wkv_store *s, int64_t seconds, int64_t *freed)
{
    (void)s, (void)seconds, (void)freed;
    return none();
}
