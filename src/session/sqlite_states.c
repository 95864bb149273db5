/* sqlite_states.c - state files of a store in a folder, named by the checksum of their contents: written, and removed
 * when no message refers to them.
 *
 * A file is written under a name of its own, renamed to its checksum, and the folder flushed, before the transaction
 * that refers to it. A save that is interrupted leaves files without a reference, and never a reference without its
 * file: files are removed inside a transaction that no save can pass, and a save looks for its files inside its own. */
#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "format/tensors.h"
#include "session/sqlite_store.h"
#include "base/platform/entry.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int too_long(const wkv_store *s) { return fail(WKV_EIO, "%s: the path is too long", sqlite_of(s)->folder); }

static int state_path(char out[STORE_PATH], const wkv_store *s, const char *sha)
{
    const int n = snprintf(out, STORE_PATH, "%s/states/%.2s/%s.safetensors", sqlite_of(s)->folder, sha, sha);
    return n < STORE_PATH ? 0 : too_long(s);
}

int sqlite_has_state(wkv_store *s, const char *sha)
{
    char path[STORE_PATH];
    const int err = state_path(path, s, sha);
    return err ? err : entry_is_readable(path);
}

int sqlite_find_state(tree_place *out, wkv_store *s, const char *sha)
{
    char path[STORE_PATH];
    const int err = state_path(path, s, sha);
    *out = (tree_place){0};
    if (err || !entry_is_readable(path)) return err;
    out->path = strdup(path);
    return out->path ? 0 : fail(WKV_ENOMEM, "no memory for the path of a state");
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* The checksum that a state file has in its metadata. */
static int read_sha(char sha[DIGEST_TEXT], const char *path)
{
    tensors *t;
    int err = tensors_open(&t, path);
    if (err) return err;
    err = sha_read(sha, t);
    tensors_close(t);
    return err;
}

/* Create the folder of a state file if it is missing. */
static int make_folder(const char *file)
{
    char folder[STORE_PATH], *slash;
    strcpy(folder, file);
    *path_last_slash(folder) = 0;
    if (entry_exists(folder)) return 0;
    int err = file_make_folders(folder, 0700);
    if (err || !(slash = path_last_slash(folder))) return err;
    *slash = 0;
    return file_sync_folder(folder);
}

static int rename_and_sync(const char *from, const char *to)
{
    char folder[STORE_PATH];
    if (entry_rename(from, to)) return fail(WKV_EIO, "%s: cannot be written: %s", to, strerror(errno));
    strcpy(folder, to);
    *path_last_slash(folder) = 0;
    return file_sync_folder(folder);
}

int sqlite_write_state(char sha[DIGEST_TEXT], int64_t *bytes, wkv_store *s, wkv_tree *t, int node,
                       const char *template_name)
{
    char fresh[STORE_PATH], path[STORE_PATH], name[ID_TEXT];
    entry_info about;
    int err = id_new(name, "new");
    if (!err && snprintf(fresh, sizeof fresh, "%s/states/%s.safetensors", sqlite_of(s)->folder, name) >= STORE_PATH)
        err = too_long(s);
    if (!err) err = make_folder(fresh);
    if (!err) err = tree_save_state(t, node, template_name, fresh);
    if (err) return err;
    err = read_sha(sha, fresh);
    if (!err) err = state_path(path, s, sha);
    if (!err) err = make_folder(path);
    if (!err) err = rename_and_sync(fresh, path);
    if (!err) err = tree_set_place(t, node, &(tree_place){.path = path});
    *bytes = err || entry_read(&about, path) ? 0 : about.bytes;
    if (err) entry_remove(fresh);
    return err;
}

/* ---- removing ---------------------------------------------------------------------------------------------------- */

int sqlite_is_used(wkv_store *s, const char *sha)
{
    return sqlite_has(s, "SELECT 1 FROM nodes WHERE state = ?1 LIMIT 1", "t", sha);
}

int sqlite_list_states(sha_list *l, wkv_store *s, const store_record *r)
{
    sqlite3_stmt *q;
    int err = sqlite_query(&q, s, "SELECT state FROM nodes WHERE session = ?1 AND state IS NOT NULL", "i", r->key);
    if (err) return err;
    while ((err = sqlite_step(s, q)) == 1)
        if ((err = sha_append(l, sqlite_text(q, 0)))) break;
    sqlite3_finalize(q);
    return err;
}

static int remove_file(const char *path, int64_t *freed)
{
    entry_info about;
    const int64_t bytes = entry_read(&about, path) ? 0 : about.bytes;
    if (!entry_remove(path))
        *freed += bytes;
    else if (errno != ENOENT)
        return fail(WKV_EIO, "%s: cannot be removed: %s", path, strerror(errno));
    return 0;
}

int sqlite_remove_state(wkv_store *s, const char *sha, int64_t *freed)
{
    char path[STORE_PATH];
    const int err = state_path(path, s, sha);
    return err ? err : remove_file(path, freed);
}

/* ---- gc ---------------------------------------------------------------------------------------------------------- */

typedef struct {
    wkv_store *store;
    time_t before; /* files changed later stay */
    sha_list *unused;
    int64_t *freed;
} collection;

static int is_old(const collection *g, const char *path)
{
    entry_info about;
    return !entry_read_link(&about, path) && about.kind == ENTRY_FILE && about.changed / 1000000000 <= g->before;
}

/* A state file that nothing refers to is listed; an unfinished one is removed. */
static int look_at(collection *g, const char *path, const char *name)
{
    char sha[DIGEST_TEXT];
    const int unfinished = !strncmp(name, "new_", 4);
    const int finished =
        strlen(name) == DIGEST_TEXT - 1 + strlen(".safetensors") && !strcmp(name + DIGEST_TEXT - 1, ".safetensors");
    if ((!unfinished && !finished) || !is_old(g, path)) return 0;
    if (unfinished) return remove_file(path, g->freed);
    snprintf(sha, sizeof sha, "%s", name);
    const int used = sqlite_is_used(g->store, sha);
    return used < 0 ? used : used ? 0 : sha_append(g->unused, sha);
}

/* All files of a folder, and with `below` of its folders. */
static int walk(collection *g, const char *folder, int below)
{
    char path[STORE_PATH];
    name_list *l = listing_open(folder);
    int err = 0;
    if (!l) return errno == ENOENT ? 0 : fail(WKV_EIO, "%s: cannot be read: %s", folder, strerror(errno));
    for (const char *name; !err && (name = listing_next(l));) {
        if (*name == '.' || snprintf(path, sizeof path, "%s/%s", folder, name) >= STORE_PATH) continue;
        err = below && strlen(name) == 2 ? walk(g, path, 0) : look_at(g, path, name);
    }
    listing_close(l);
    return err;
}

int sqlite_list_unused(sha_list *l, wkv_store *s, int64_t before, int64_t *freed)
{
    char folder[STORE_PATH];
    collection g = {.store = s, .before = (time_t)before, .unused = l, .freed = freed};
    if (snprintf(folder, sizeof folder, "%s/states", sqlite_of(s)->folder) >= STORE_PATH) return too_long(s);
    return walk(&g, folder, 1);
}
