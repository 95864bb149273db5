/* store_files.c - state files of the store, named by the checksum of their contents: written, and removed when no
 * message refers to them.
 *
 * A file is written under a name of its own, renamed to its checksum, and the folder flushed, before the transaction
 * that refers to it. A save that is interrupted leaves files without a reference, and never a reference without its
 * file: files are removed inside a transaction that no save can pass, and a save looks for its files inside its own. */
#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "format/tensors.h"
#include "session/store.h"
#include "session/tree.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SHA = DIGEST_TEXT - 1 };

static int too_long(const wkv_store *s) { return fail(WKV_EIO, "%s: the path is too long", s->folder); }

static int is_sha(const char *text) { return strlen(text) == SHA && strspn(text, "0123456789abcdef") == SHA; }

int store_state_path(char out[STORE_PATH], const wkv_store *s, const char *sha)
{
    const int n = snprintf(out, STORE_PATH, "%s/states/%.2s/%s.safetensors", s->folder, sha, sha);
    return n < STORE_PATH ? 0 : too_long(s);
}

int sha_append(sha_list *l, const char *sha)
{
    if (!is_sha(sha)) return 0; /* of a damaged database: no file has such a name */
    if (l->n == l->cap) {
        const int cap = 2 * l->cap + 16;
        void *more = realloc(l->sha, (size_t)cap * sizeof *l->sha);
        if (!more) return fail(WKV_ENOMEM, "no memory for a list of %d state files", cap);
        l->sha = more, l->cap = cap;
    }
    memcpy(l->sha[l->n++], sha, DIGEST_TEXT);
    return 0;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* The checksum that a state file has in its metadata. */
static int read_sha(char sha[DIGEST_TEXT], const char *path)
{
    tensors *t;
    int err = tensors_open(&t, path);
    if (err) return err;
    const char *text = tensors_meta(t, "sha256");
    if (text && is_sha(text))
        memcpy(sha, text, DIGEST_TEXT);
    else
        err = fail(WKV_EFORMAT, "%s: has no checksum in its metadata", path);
    tensors_close(t);
    return err;
}

/* Create the folder of a state file if it is missing. */
static int make_folder(const char *file)
{
    char folder[STORE_PATH], *slash;
    struct stat about;
    strcpy(folder, file);
    *strrchr(folder, '/') = 0;
    if (!stat(folder, &about)) return 0;
    int err = file_make_folders(folder, 0700);
    if (err || !(slash = strrchr(folder, '/'))) return err;
    *slash = 0;
    return file_sync_folder(folder);
}

static int rename_and_sync(const char *from, const char *to)
{
    char folder[STORE_PATH];
    if (rename(from, to)) return fail(WKV_EIO, "%s: cannot be written: %s", to, strerror(errno));
    strcpy(folder, to);
    *strrchr(folder, '/') = 0;
    return file_sync_folder(folder);
}

int store_write_state(char sha[DIGEST_TEXT], int64_t *bytes, const wkv_store *s, wkv_tree *t, int node,
                      const char *template_name)
{
    char fresh[STORE_PATH], path[STORE_PATH], name[ID_TEXT];
    struct stat about;
    int err = id_new(name, "new");
    if (!err && snprintf(fresh, sizeof fresh, "%s/states/%s.safetensors", s->folder, name) >= STORE_PATH)
        err = too_long(s);
    if (!err) err = make_folder(fresh);
    if (!err) err = tree_save_state(t, node, template_name, fresh);
    if (err) return err;
    err = read_sha(sha, fresh);
    if (!err) err = store_state_path(path, s, sha);
    if (!err) err = make_folder(path);
    if (!err) err = rename_and_sync(fresh, path);
    if (!err) err = tree_set_path(t, node, path);
    *bytes = err || stat(path, &about) ? 0 : about.st_size;
    if (err) unlink(fresh);
    return err;
}

/* ---- removing ---------------------------------------------------------------------------------------------------- */

/* 1: a node has this state; 0: none. */
static int is_used(wkv_store *s, const char *sha)
{
    sqlite3_stmt *q;
    int found = store_query(&q, s, "SELECT 1 FROM nodes WHERE state = ?1 LIMIT 1", "t", sha);
    if (found) return found;
    found = store_step(s, q);
    sqlite3_finalize(q);
    return found;
}

static int remove_file(const char *path, int64_t *freed)
{
    struct stat about;
    const int64_t bytes = stat(path, &about) ? 0 : about.st_size;
    if (!unlink(path))
        *freed += bytes;
    else if (errno != ENOENT)
        return fail(WKV_EIO, "%s: cannot be removed: %s", path, strerror(errno));
    return 0;
}

int store_remove_unused(wkv_store *s, const sha_list *l, int64_t *freed)
{
    char path[STORE_PATH];
    *freed = 0;
    if (!l->n) return 0;
    int err = store_begin(s, 1);
    if (err) return err;
    for (int i = 0; i < l->n && !err; i++) {
        const int used = is_used(s, l->sha[i]);
        err = used < 0 ? used : store_state_path(path, s, l->sha[i]);
        if (!err && !used) err = remove_file(path, freed);
    }
    return store_end(s, err);
}

/* ---- gc ---------------------------------------------------------------------------------------------------------- */

typedef struct {
    wkv_store *store;
    time_t before; /* files changed later stay */
    sha_list unused;
    int64_t freed;
} collection;

static int is_old(const collection *g, const char *path)
{
    struct stat about;
    return !lstat(path, &about) && S_ISREG(about.st_mode) && about.st_mtime <= g->before;
}

/* A state file that nothing refers to is listed; an unfinished one is removed. */
static int look_at(collection *g, const char *path, const char *name)
{
    char sha[DIGEST_TEXT];
    const int unfinished = !strncmp(name, "new_", 4);
    const int finished = strlen(name) == SHA + strlen(".safetensors") && !strcmp(name + SHA, ".safetensors");
    if ((!unfinished && !finished) || !is_old(g, path)) return 0;
    if (unfinished) return remove_file(path, &g->freed);
    snprintf(sha, sizeof sha, "%s", name);
    const int used = is_used(g->store, sha);
    return used < 0 ? used : used ? 0 : sha_append(&g->unused, sha);
}

/* All files of a folder, and with `below` of its folders. */
static int walk(collection *g, const char *folder, int below)
{
    char path[STORE_PATH];
    DIR *d = opendir(folder);
    int err = 0;
    if (!d) return errno == ENOENT ? 0 : fail(WKV_EIO, "%s: cannot be read: %s", folder, strerror(errno));
    for (struct dirent *entry; !err && (entry = readdir(d));) {
        if (*entry->d_name == '.' || snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= STORE_PATH)
            continue;
        err = below && strlen(entry->d_name) == 2 ? walk(g, path, 0) : look_at(g, path, entry->d_name);
    }
    closedir(d);
    return err;
}

int wkv_store_gc(wkv_store *s, int64_t seconds, int64_t *freed)
{
    REQUIRE(s, "the store");
    if (freed) *freed = 0;
    if (seconds < 0) return fail(WKV_EARG, "files of the last %lld seconds, expected 0 or more", (long long)seconds);
    char folder[STORE_PATH];
    collection g = {.store = s, .before = time(NULL) - (time_t)seconds};
    int64_t of_states = 0;
    if (snprintf(folder, sizeof folder, "%s/states", s->folder) >= STORE_PATH) return too_long(s);
    int err = walk(&g, folder, 1);
    if (!err) err = store_remove_unused(s, &g.unused, &of_states);
    free(g.unused.sha);
    if (freed) *freed = g.freed + of_states;
    return err;
}
