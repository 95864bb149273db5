/* store_folder.c - a path that is about to be written is not in the store. */
#include "base/error.h"
#include "base/path.h"
#include "wkv_store.h"
#include "base/platform/entry.h"
#include <stdlib.h>
#include <string.h>

int wkv_store_refuse_output(const char *path)
{
    enum { ROOM = 4096 };
    char store[ROOM], folder[ROOM];
    REQUIRE(path, "the path");
    if (!wkv_store_folder(store, sizeof store)) return 0;
    path_folder(folder, sizeof folder, path);
    char *real_store = entry_absolute(store), *real_folder = entry_absolute(*folder ? folder : ".");
    const size_t n = real_store ? strlen(real_store) : 0;
    const int inside = real_store && real_folder && !strncmp(real_store, real_folder, n) &&
                       (!real_folder[n] || path_is_slash(real_folder[n]));
    free(real_store);
    free(real_folder);
    return inside ? fail(WKV_EARG, "%s: is in the folder of the kept conversations; write to another one", path) : 0;
}
