/* sqlite_rows.c - sessions, messages and names as rows of the database. */
#include "base/error.h"
#include "base/utf8.h"
#include "session/sqlite_store.h"
#include <string.h>

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

/* Columns of a session, in the order of read_row. The column tenant is '': each has a database of its own. */
#define COLUMNS                                                                                                        \
    "SELECT key, id, name, model, template, created, changed, messages, turns, bytes, head, revision, preview,"        \
    " lineage, sizes FROM sessions"

static void read_row(store_record *r, sqlite3_stmt *q)
{
    wkv_store_session *x = &r->about;
    r->key = sqlite3_column_int64(q, 0);
    *x = (wkv_store_session){.created = sqlite3_column_int64(q, 5),
                             .changed = sqlite3_column_int64(q, 6),
                             .messages = sqlite3_column_int(q, 7),
                             .turns = sqlite3_column_int(q, 8),
                             .bytes = sqlite3_column_int64(q, 9),
                             .revision = sqlite3_column_int64(q, 11)};
    sqlite_copy(x->id, sizeof x->id, q, 1);
    sqlite_copy(x->name, sizeof x->name, q, 2);
    sqlite_copy(x->model, sizeof x->model, q, 3);
    sqlite_copy(x->template_name, sizeof x->template_name, q, 4);
    sqlite_copy(x->head, sizeof x->head, q, 10);
    sqlite_copy(x->preview, sizeof x->preview, q, 12);
    sqlite_copy(r->lineage, sizeof r->lineage, q, 13);
    sqlite_copy(r->sizes, sizeof r->sizes, q, 14);
}

static int get_one(store_record *out, wkv_store *s, const char *sql, const char *name)
{
    sqlite3_stmt *q;
    int found = sqlite_query(&q, s, sql, "t", name);
    if (found) return found;
    found = sqlite_step(s, q);
    if (found == 1) read_row(out, q);
    sqlite3_finalize(q);
    return found;
}

int sqlite_get(store_record *out, wkv_store *s, const char *id)
{
    return get_one(out, s, COLUMNS " WHERE id = ?1", id);
}

int sqlite_get_named(store_record *out, wkv_store *s, const char *name)
{
    return get_one(out, s, COLUMNS " WHERE tenant = '' AND name = ?1", name);
}

/* The rows as they are on the disk, then sorted: an index would read them one by one. */
int sqlite_each(wkv_store *s, int (*take)(void *to, const store_record *r), void *to)
{
    sqlite3_stmt *q;
    store_record r;
    int err = sqlite_query(&q, s, COLUMNS " NOT INDEXED ORDER BY changed DESC, key DESC", "");
    if (err) return err;
    while ((err = sqlite_step(s, q)) == 1) {
        read_row(&r, q);
        if ((err = take(to, &r))) break;
    }
    sqlite3_finalize(q);
    return err;
}

int sqlite_insert(wkv_store *s, const store_record *r)
{
    const wkv_store_session *x = &r->about;
    return sqlite_run(s,
                      "INSERT INTO sessions (id, name, model, lineage, sizes, template, created, changed)"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                      "ttttttii", x->id, *x->name ? x->name : NULL, x->model, r->lineage, r->sizes, x->template_name,
                      x->created, x->changed);
}

int sqlite_update(wkv_store *s, const store_record *r)
{
    const wkv_store_session *x = &r->about;
    return sqlite_run(s,
                      "UPDATE sessions SET changed = ?2, revision = ?3, messages = ?4, bytes = ?5, head = ?6,"
                      " turns = ?7, preview = ?8 WHERE key = ?1",
                      "iiiiitit", r->key, x->changed, x->revision, (int64_t)x->messages, x->bytes, x->head,
                      (int64_t)x->turns, x->preview);
}

int sqlite_erase(wkv_store *s, const store_record *r)
{
    return sqlite_run(s, "DELETE FROM sessions WHERE key = ?1", "i", r->key);
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

enum { ID, PARENT, ROLE, TEXT, IDS, READ, CREATED, SEED, DRAWS, ORIGIN, STATE };
#define NODES                                                                                                          \
    "SELECT id, parent, role, text, ids, read, created, seed, draws, origin, state FROM nodes WHERE session = ?1"      \
    " ORDER BY seq"

static int read_node(store_content *x, const wkv_store *s, sqlite3_stmt *q)
{
    const store_message m = {.id = sqlite_text(q, ID),
                             .parent = sqlite_text(q, PARENT),
                             .text = sqlite_text(q, TEXT),
                             .origin = sqlite_text(q, ORIGIN),
                             .state = sqlite_text(q, STATE),
                             .ids = sqlite3_column_blob(q, IDS),
                             .id_bytes = sqlite3_column_bytes(q, IDS),
                             .role = sqlite3_column_int(q, ROLE),
                             .read = sqlite3_column_int(q, READ),
                             .created = sqlite3_column_int64(q, CREATED),
                             .seed = (uint64_t)sqlite3_column_int64(q, SEED),
                             .draws = (uint64_t)sqlite3_column_int64(q, DRAWS)};
    return store_take_message(x, s, &m);
}

static int read_part(store_content *x, const wkv_store *s, sqlite3_stmt *q)
{
    return store_take_part(x, s, sqlite_text(q, 0), sqlite_text(q, 1), (float)sqlite3_column_double(q, 2));
}

static int read_mark(store_content *x, const wkv_store *s, sqlite3_stmt *q)
{
    return store_take_name(x, s, sqlite_text(q, 0), sqlite_text(q, 1), sqlite3_column_int(q, 2));
}

static int read_rows(store_content *x, wkv_store *s, const char *sql,
                     int (*read)(store_content *x, const wkv_store *s, sqlite3_stmt *q))
{
    sqlite3_stmt *q;
    int err = sqlite_query(&q, s, sql, "i", x->record.key);
    if (err) return err;
    while ((err = sqlite_step(s, q)) == 1)
        if ((err = read(x, s, q))) break;
    sqlite3_finalize(q);
    return err;
}

int sqlite_read(store_content *x, wkv_store *s)
{
    int err = read_rows(x, s, NODES, read_node);
    if (!err)
        err =
            read_rows(x, s, "SELECT node, part, weight FROM parts WHERE session = ?1 ORDER BY node, place", read_part);
    if (!err) err = read_rows(x, s, "SELECT name, node, branch FROM marks WHERE session = ?1", read_mark);
    return err;
}

int sqlite_has_message(wkv_store *s, const store_record *r, const char *id)
{
    return sqlite_has(s, "SELECT 1 FROM nodes WHERE session = ?1 AND id = ?2", "it", r->key, id);
}

int sqlite_insert_message(wkv_store *s, const store_record *r, const store_message *m)
{
    return sqlite_run(s,
                      "INSERT INTO nodes (session, id, parent, role, text, ids, read, created, seed, draws, origin,"
                      " state) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                      "ittitbiiiitt", r->key, m->id, m->parent, (int64_t)m->role, m->text, m->ids, m->id_bytes,
                      (int64_t)m->read, m->created, (int64_t)m->seed, (int64_t)m->draws, m->origin,
                      *m->state ? m->state : NULL);
}

int sqlite_insert_part(wkv_store *s, const store_record *r, const char *mix, int nth, const char *part, float weight)
{
    return sqlite_run(s, "INSERT INTO parts (session, node, place, part, weight) VALUES (?1, ?2, ?3, ?4, ?5)", "ititd",
                      r->key, mix, (int64_t)nth, part, (double)weight);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

int sqlite_clear_names(wkv_store *s, const store_record *r)
{
    return sqlite_run(s, "DELETE FROM marks WHERE session = ?1", "i", r->key);
}

int sqlite_put_name(wkv_store *s, const store_record *r, const wkv_store_name *name, const char *node, int replaces)
{
    const char *sql = replaces ? "INSERT OR REPLACE INTO marks (session, name, node, branch) VALUES (?1, ?2, ?3, ?4)"
                               : "INSERT OR IGNORE INTO marks (session, name, node, branch) VALUES (?1, ?2, ?3, ?4)";
    return sqlite_run(s, sql, "itti", r->key, name->name, node, (int64_t)name->branch);
}
