/* cache.c - one long prompt: its known beginning is found, and its state is kept for the next time. */
#include "cache.h"
#include "say.h"
#include "base/platform/system.h"
#include <stdio.h>
#include <stdlib.h>

enum { LONG_TEXT = 1024 /* tokens to read */ };
static int64_t limit = (int64_t)4000 * 1000 * 1000;

static const option cache_options[] = {
    {0, "cache-disk", OPT_BYTES, "SIZE", &limit, 0, 1e15, "4G",
     "keep the states of texts of 1,024 tokens and more in ~/.cache/wkv, in SIZE bytes, so that they are read once; 0: "
     "neither keep nor use them"},
};
const group cache_group = GROUP("Cache", cache_options);

static int find_folder(char path[CACHE_PATH])
{
    char own[CACHE_PATH];
    return system_folder(own, sizeof own, USER_CACHE) && snprintf(path, CACHE_PATH, "%s/wkv/states", own) < CACHE_PATH;
}

int64_t cache_place(char path[CACHE_PATH]) { return find_folder(path) ? limit : 0; }

wkv_cache *cache_begin(const engine *e, wkv_session *s)
{
    const wkv_session_info about = wkv_session_about(s);
    char folder[CACHE_PATH];
    wkv_cache *k;
    if (!limit || about.n - about.read < LONG_TEXT || e->begin || !find_folder(folder)) return NULL;
    if (wkv_cache_new(&k, e->context, e->tokenizer, &(wkv_cache_options){.folder = folder, .disk = limit}) ||
        wkv_cache_resume(k, s) < 0) {
        if (on_terminal(2)) note("no cache: %s", wkv_error());
        wkv_cache_free(k);
        return NULL;
    }
    return k;
}

void cache_end(wkv_cache *k, wkv_session *s)
{
    static int noted;
    if (!k) return;
    const int files = wkv_cache_about(k).files;
    const int failed = wkv_cache_keep(k, s) || wkv_cache_save(k);
    if (on_terminal(2) && failed)
        note("not cached: %s", wkv_error());
    else if (on_terminal(2) && wkv_cache_about(k).files > files && !noted++)
        note("(cached: the same beginning is not read again; --cache-disk 0 turns this off)");
    wkv_cache_free(k);
}
