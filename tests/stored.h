/* stored.h - conversations in a store, which is a folder or Redis. */
#ifndef WKV_TESTS_STORED_H
#define WKV_TESTS_STORED_H

#include "conversation.h"
#include "redis.h"
#include "wkv_store.h"
#include <dirent.h>

static int in_redis; /* the store of the cases that follow */

static inline const char *where(void) { return in_redis ? redis_url(0) : in_folder("store"); }

static wkv_store *opened(void)
{
    wkv_store *s;
    must(wkv_store_open(&s, where(), NULL));
    return s;
}

static void fresh(void)
{
    if (in_redis)
        redis_do("FLUSHALL");
    else if (entry_is_folder(in_folder("store")))
        remove_all(in_folder("store"));
}

/* The number of files below a folder. */
static int count_files(const char *top)
{
    int n = 0;
    DIR *d = opendir(top);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[512];
        if (*e->d_name == '.') continue;
        snprintf(path, sizeof path, "%s/%s", top, e->d_name);
        n += strlen(e->d_name) == 2 ? count_files(path) : 1;
    }
    if (d) closedir(d);
    return n;
}

/* The number of states in the store. */
static int states(void)
{
    return in_redis ? (int)redis_do("KEYS wkv::state:*") : count_files(in_folder("store/states"));
}

/* A session `name` of three turns, and the bits after each. */
static void make(const char *name, uint64_t bits[3])
{
    wkv_store *s = opened();
    wkv_store_session x;
    wkv_tree *tree;
    must(wkv_store_create(&x, s, name, c, "plain"));
    must(wkv_store_load(&tree, s, &x, c, t));
    for (int i = 0; i < 3; i++) {
        const int node = turn(tree, questions[i]);
        if (bits) bits[i] = bits_at(tree, node);
        must(wkv_store_save(s, &x, tree));
    }
    wkv_tree_free(tree);
    wkv_store_close(s);
}

static wkv_tree *loaded(wkv_store *s, wkv_store_session *x, const char *name)
{
    wkv_tree *tree;
    EXPECT_EQ(wkv_store_find(x, s, name), 1);
    must(wkv_store_load(&tree, s, x, c, t));
    return tree;
}

#endif
