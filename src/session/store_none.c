/* store_none.c - the kinds of store that this library is built without. */
#include "base/error.h"
#include "session/store.h"

#ifndef HAVE_SQLITE
int wkv_store_folder(char *out, size_t cap)
{
    (void)out, (void)cap;
    return 0;
}

int sqlite_open(wkv_store **out, const char *folder, const wkv_store_options *o)
{
    (void)out, (void)folder, (void)o;
    return fail(WKV_EUNSUPPORTED, "this wkv was built without SQLite, which keeps sessions; install libsqlite3-dev "
                                  "(Debian, Ubuntu) or sqlite-devel and build it again");
}
#endif

#ifndef HAVE_HIREDIS
int redis_open(wkv_store **out, const char *url, const wkv_store_options *o)
{
    (void)out, (void)url, (void)o;
    return fail(WKV_EUNSUPPORTED, "this wkv was built without hiredis, which reaches Redis; install libhiredis-dev "
                                  "(Debian, Ubuntu) or hiredis-devel and build it again");
}
#endif
