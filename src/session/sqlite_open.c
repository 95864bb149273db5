/* sqlite_open.c - the folder of a store, and the schema of its database.
 *
 * The database has a rollback journal, not a write-ahead log: a reader needs no writable folder, one file holds all,
 * and the few writes of a conversation do not wait for each other. synchronous = EXTRA also flushes the folder after
 * the journal is removed, which is the moment of the commit. */
#include "base/error.h"
#include "base/file.h"
#include "session/sqlite_store.h"
#include "base/platform/descriptor.h"
#include "base/platform/system.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { APPLICATION = 0x776b7673 /* "wkvs" */, SCHEMA = 1, LOCK_MS = 10000 };

/* Marks and parts are of few rows; nodes in the order of seq have parents before children. tenant: the hash of an API
 * key, '' without one. */
static const char schema[] =
    "CREATE TABLE sessions ("
    "    key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL DEFAULT '', name TEXT,"
    "    model TEXT NOT NULL, lineage TEXT NOT NULL, sizes TEXT NOT NULL, template TEXT NOT NULL,"
    "    created INTEGER NOT NULL, changed INTEGER NOT NULL, revision INTEGER NOT NULL DEFAULT 0,"
    "    head TEXT NOT NULL DEFAULT '', messages INTEGER NOT NULL DEFAULT 0, turns INTEGER NOT NULL DEFAULT 0,"
    "    bytes INTEGER NOT NULL DEFAULT 0, preview TEXT NOT NULL DEFAULT '', UNIQUE (tenant, name));"
    "CREATE TABLE nodes ("
    "    seq INTEGER PRIMARY KEY, session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,"
    "    id TEXT NOT NULL, parent TEXT NOT NULL, role INTEGER NOT NULL, text TEXT NOT NULL, ids BLOB NOT NULL,"
    "    read INTEGER NOT NULL, created INTEGER NOT NULL, seed INTEGER NOT NULL, draws INTEGER NOT NULL,"
    "    origin TEXT, state TEXT, UNIQUE (session, id));"
    "CREATE INDEX nodes_state ON nodes (state) WHERE state IS NOT NULL;"
    "CREATE TABLE parts ("
    "    session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE, node TEXT NOT NULL, place INTEGER NOT NULL,"
    "    part TEXT NOT NULL, weight REAL NOT NULL, PRIMARY KEY (session, node, place)) WITHOUT ROWID;"
    "CREATE TABLE marks ("
    "    session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE, name TEXT NOT NULL, node TEXT NOT NULL,"
    "    branch INTEGER NOT NULL, PRIMARY KEY (session, name)) WITHOUT ROWID;";

int wkv_store_folder(char *out, size_t cap)
{
    static const char below[] = "/wkv/store";
    if (!out || cap <= sizeof below || !system_folder(out, cap - sizeof below, USER_DATA)) return 0;
    strcat(out, below);
    return 1;
}

static int read_number(wkv_store *s, const char *sql, int64_t *out)
{
    sqlite3_stmt *q;
    int err = sqlite_query(&q, s, sql, "");
    if (err) return err;
    err = sqlite_step(s, q);
    *out = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return err < 0 ? err : 0;
}

/* *made: the database has the schema; not: it is empty. */
static int check_schema(wkv_store *s, int *made)
{
    int64_t application, version, tables;
    int err = read_number(s, "PRAGMA application_id", &application);
    if (!err) err = read_number(s, "PRAGMA user_version", &version);
    if (!err) err = read_number(s, "SELECT count(*) FROM sqlite_master", &tables);
    if (err) return err;
    *made = version != 0;
    if (tables && application != APPLICATION)
        return fail(WKV_EUNSUPPORTED, "%s: is the database of another program; move it away", s->place);
    if (version > SCHEMA)
        return fail(WKV_EUNSUPPORTED, "%s: has schema %lld, expected at most %d; a newer wkv wrote it, use that one",
                    s->place, (long long)version, SCHEMA);
    return 0;
}

/* Two processes may be the first at once. */
static int create_schema(wkv_store *s)
{
    char numbers[96];
    int made, err = sqlite_execute(s, "PRAGMA auto_vacuum = FULL");
    if (!err) err = sqlite_begin(s, 1);
    if (err) return err;
    err = check_schema(s, &made);
    if (!err && !made) {
        snprintf(numbers, sizeof numbers, "PRAGMA application_id = %d; PRAGMA user_version = %d;", APPLICATION, SCHEMA);
        err = sqlite_execute(s, schema);
        if (!err) err = sqlite_execute(s, numbers);
    }
    return sqlite_end(s, err);
}

/* SQLite would create the database, and its journals, readable for others. */
static int create_private(const char *path)
{
    const int fd = descriptor_open(path, OPEN_UPDATE, 0600);
    if (fd >= 0) descriptor_close(fd);
    if (fd >= 0 || entry_is_readable(path)) return 0;
    return fail(WKV_EIO, "%s: cannot be opened: %s", path, strerror(errno));
}

static int open_database(sqlite_store *x)
{
    wkv_store *s = &x->base;
    int made, err = create_private(s->place);
    const int code = err ? 0 : sqlite3_open_v2(s->place, &x->db, SQLITE_OPEN_READWRITE, NULL);
    if (!err && code) err = sqlite_failed(s, code);
    if (err) return err;
    sqlite3_extended_result_codes(x->db, 1);
    sqlite3_busy_timeout(x->db, LOCK_MS);
    err = sqlite_execute(s, "PRAGMA synchronous = EXTRA; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON");
    if (!err) err = check_schema(s, &made);
    return err || made ? err : create_schema(s);
}

/* Each tenant has a folder of its own. */
static int open_folder(sqlite_store *x, const char *folder, const char *tenant)
{
    char known[STORE_PATH], path[STORE_PATH], states[STORE_PATH];
    if (!folder && !wkv_store_folder(known, sizeof known))
        return fail(WKV_EIO, "no folder for the store: set XDG_DATA_HOME or HOME");
    if (!folder) folder = known;
    const int owned = tenant && *tenant;
    if (snprintf(path, sizeof path, "%s%s%s", folder, owned ? "/tenants/" : "", owned ? tenant : "") >= STORE_PATH ||
        snprintf(states, sizeof states, "%s/states", path) >= STORE_PATH)
        return fail(WKV_EARG, "%s: the path of the store is too long", folder);
    const size_t n = strlen(path) + sizeof "/wkv.db";
    x->folder = strdup(path);
    x->base.place = malloc(n);
    if (!x->folder || !x->base.place) return fail(WKV_ENOMEM, "no memory for a store");
    snprintf(x->base.place, n, "%s/wkv.db", path);
    return file_make_folders(path, 0700);
}

static void close_store(wkv_store *s)
{
    sqlite_store *x = sqlite_of(s);
    sqlite3_close(x->db);
    free(x->folder);
    free(s->place);
    free(x);
}

static const store_kind kind = {
    .close = close_store,
    .begin = sqlite_begin,
    .end = sqlite_end,
    .get = sqlite_get,
    .get_named = sqlite_get_named,
    .each = sqlite_each,
    .insert = sqlite_insert,
    .update = sqlite_update,
    .erase = sqlite_erase,
    .read = sqlite_read,
    .has_message = sqlite_has_message,
    .insert_message = sqlite_insert_message,
    .insert_part = sqlite_insert_part,
    .clear_names = sqlite_clear_names,
    .put_name = sqlite_put_name,
    .write_state = sqlite_write_state,
    .find_state = sqlite_find_state,
    .has_state = sqlite_has_state,
    .is_used = sqlite_is_used,
    .remove_state = sqlite_remove_state,
    .list_states = sqlite_list_states,
    .list_unused = sqlite_list_unused,
};

int sqlite_open(wkv_store **out, const char *folder, const wkv_store_options *o)
{
    if (o->expire_seconds)
        return fail(WKV_EUNSUPPORTED, "sessions in a folder do not expire; delete them, or keep them in Redis");
    sqlite_store *x = calloc(1, sizeof *x);
    if (!x) return fail(WKV_ENOMEM, "no memory for a store");
    x->base.kind = &kind;
    int err = open_folder(x, folder, o->tenant);
    if (!err) err = open_database(x);
    if (err)
        close_store(&x->base);
    else
        *out = &x->base;
    return err;
}
