/* cache.h - the prefix cache on disk, for long prompts of a command. */
#ifndef WKV_CLI_CACHE_H
#define WKV_CLI_CACHE_H

#include "engine.h"
#include "wkv_cache.h"

extern const group cache_group; /* --cache-disk */

/* The folder of the cache on disk, and the bytes it may take; 0: there is none, or --cache-disk 0. */
enum { CACHE_PATH = 4096 };
int64_t cache_place(char path[CACHE_PATH]);

/* Open the cache, if the session has a long text to read, and continue from the longest known part of it. NULL:
 * there is nothing to gain, or the cache is off or cannot be opened. */
wkv_cache *cache_begin(const engine *e, wkv_session *s);

/* Keep the state of the session, write those that belong on disk, and close. NULL: nothing. */
void cache_end(wkv_cache *k, wkv_session *s);

#endif
