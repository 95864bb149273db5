/* store.c - the folder of the store, and the schema of its database.
 *
 * The database has a rollback journal, not a write-ahead log: a reader needs no writable folder, one file holds all,
 * and the few writes of a conversation do not wait for each other. synchronous = EXTRA also flushes the folder after
 * the journal is removed, which is the moment of the commit. */
#include "session/store.h"
#include "base/error.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int n = -1;
    if (!out || !cap) return 0;
    if (data && *data == '/')
        n = snprintf(out, cap, "%s/wkv/store", data);
    else if (home && *home)
        n = snprintf(out, cap, "%s/.local/share/wkv/store", home);
    return n >= 0 && (size_t)n < cap;
}

static int read_number(wkv_store *s, const char *sql, int64_t *out)
{
    sqlite3_stmt *q;
    int err = store_query(&q, s, sql, "");
    if (err) return err;
    err = store_step(s, q);
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
        return fail(WKV_EUNSUPPORTED, "%s: is the database of another program; move it away", s->path);
    if (version > SCHEMA)
        return fail(WKV_EUNSUPPORTED, "%s: has schema %lld, expected at most %d; a newer wkv wrote it, use that one",
                    s->path, (long long)version, SCHEMA);
    return 0;
}

/* Two processes may be the first at once. */
static int create_schema(wkv_store *s)
{
    char numbers[96];
    int made, err = store_execute(s, "PRAGMA auto_vacuum = FULL");
    if (!err) err = store_begin(s, 1);
    if (err) return err;
    err = check_schema(s, &made);
    if (!err && !made) {
        snprintf(numbers, sizeof numbers, "PRAGMA application_id = %d; PRAGMA user_version = %d;", APPLICATION, SCHEMA);
        err = store_execute(s, schema);
        if (!err) err = store_execute(s, numbers);
    }
    return store_end(s, err);
}

/* SQLite would create the database, and its journals, readable for others. */
static int create_private(const char *path)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) close(fd);
    if (fd >= 0 || !access(path, R_OK)) return 0;
    return fail(WKV_EIO, "%s: cannot be opened: %s", path, strerror(errno));
}

static int open_database(wkv_store *s)
{
    int made, err = create_private(s->path);
    const int code = err ? 0 : sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE, NULL);
    if (!err && code) err = store_failed(s, code);
    if (err) return err;
    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_busy_timeout(s->db, LOCK_MS);
    err = store_execute(s, "PRAGMA synchronous = EXTRA; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON");
    if (!err) err = check_schema(s, &made);
    return err || made ? err : create_schema(s);
}

static int open_folder(wkv_store *s, const char *folder)
{
    char known[STORE_PATH], states[STORE_PATH];
    if (!folder && !wkv_store_folder(known, sizeof known))
        return fail(WKV_EIO, "no folder for the store: set XDG_DATA_HOME or HOME");
    if (!folder) folder = known;
    const size_t n = strlen(folder) + sizeof "/wkv.db";
    if (snprintf(states, sizeof states, "%s/states", folder) >= (int)sizeof states)
        return fail(WKV_EARG, "%s: the path of the store is too long", folder);
    s->folder = strdup(folder);
    s->path = malloc(n);
    if (!s->folder || !s->path) return fail(WKV_ENOMEM, "no memory for a store");
    snprintf(s->path, n, "%s/wkv.db", folder);
    return file_make_folders(folder, 0700);
}

int wkv_store_open(wkv_store **out, const char *folder)
{
    REQUIRE(out, "out");
    *out = NULL;
    if (folder && !*folder) return fail(WKV_EARG, "the path of the store is empty");
    wkv_store *s = calloc(1, sizeof *s);
    if (!s) return fail(WKV_ENOMEM, "no memory for a store");
    int err = open_folder(s, folder);
    if (!err) err = open_database(s);
    if (err)
        wkv_store_close(s);
    else
        *out = s;
    return err;
}

void wkv_store_close(wkv_store *s)
{
    if (!s) return;
    sqlite3_close(s->db);
    free(s->folder);
    free(s->path);
    free(s);
}
