/* place.c - the place of the store. A URL with a password is given in $WKV_STORE, which no list of processes shows. */
#include "place.h"
#include "base/platform/system.h"
#include <stdlib.h>

static const char *where;

static const option options[] = {
    {0, "store", OPT_TEXT, "PLACE", &where, 0, 0, "$WKV_STORE, or ~/.local/share/wkv/store",
     "keep sessions in this folder, or in Redis: redis://HOST:PORT, which several servers share"},
};
const group store_group = GROUP("Store", options);

const char *store_place(void)
{
    const char *given = system_variable("WKV_STORE");
    return where ? where : given && *given ? given : NULL;
}
