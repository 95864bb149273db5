/* store_sql.c - statements of the store's database: arguments, rows, transactions, failures as sentences. */
#include "base/error.h"
#include "base/utf8.h"
#include "session/store.h"
#include <stdarg.h>
#include <string.h>

/* ---- failures ---------------------------------------------------------------------------------------------------- */

/* The system's reason, where there is one. */
static const char *reason(const wkv_store *s, int code)
{
    const int number = s->db ? sqlite3_system_errno(s->db) : 0, kind = code & 0xff;
    if (number && (kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN)) return strerror(number);
    return s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(code);
}

int store_failed(const wkv_store *s, int code)
{
    switch (code & 0xff) {
    case SQLITE_NOMEM: return fail(WKV_ENOMEM, "%s: no memory", s->path);
    case SQLITE_FULL: return fail(WKV_EIO, "%s: cannot be written: the disk is full; the store is unchanged", s->path);
    case SQLITE_READONLY: return fail(WKV_EIO, "%s: cannot be written: the file or its folder is read-only", s->path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return fail(WKV_EIO, "%s: another process keeps it locked; the store is unchanged, try again", s->path);
    case SQLITE_ERROR: /* tables are missing */
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return fail(WKV_EFORMAT,
                    "%s: is damaged (%s); put back a copy, or move the whole folder away to begin a new store", s->path,
                    reason(s, code));
    default: return fail(WKV_EIO, "%s: %s", s->path, reason(s, code));
    }
}

/* ---- statements -------------------------------------------------------------------------------------------------- */

int store_execute(wkv_store *s, const char *sql)
{
    const int code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    return code ? store_failed(s, code) : 0;
}

static int bind_one(sqlite3_stmt *q, int place, char kind, va_list *args)
{
    const void *data;
    switch (kind) {
    case 't': return sqlite3_bind_text(q, place, va_arg(*args, const char *), -1, SQLITE_STATIC);
    case 'i': return sqlite3_bind_int64(q, place, va_arg(*args, int64_t));
    case 'd': return sqlite3_bind_double(q, place, va_arg(*args, double));
    default: /* b; without bytes it is still no null */
        data = va_arg(*args, const void *);
        return sqlite3_bind_blob(q, place, data ? data : "", va_arg(*args, int), SQLITE_STATIC);
    }
}

static int query(sqlite3_stmt **out, wkv_store *s, const char *sql, const char *kinds, va_list *args)
{
    int code = sqlite3_prepare_v2(s->db, sql, -1, out, NULL);
    for (int i = 0; kinds[i] && !code; i++) code = bind_one(*out, i + 1, kinds[i], args);
    if (!code) return 0;
    const int err = store_failed(s, code);
    sqlite3_finalize(*out);
    *out = NULL;
    return err;
}

int store_query(sqlite3_stmt **out, wkv_store *s, const char *sql, const char *kinds, ...)
{
    va_list args;
    va_start(args, kinds);
    const int err = query(out, s, sql, kinds, &args);
    va_end(args);
    return err;
}

int store_step(const wkv_store *s, sqlite3_stmt *q)
{
    const int code = sqlite3_step(q);
    return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : store_failed(s, code);
}

int store_run(wkv_store *s, const char *sql, const char *kinds, ...)
{
    va_list args;
    sqlite3_stmt *q;
    va_start(args, kinds);
    int err = query(&q, s, sql, kinds, &args);
    va_end(args);
    if (err) return err;
    err = store_step(s, q);
    sqlite3_finalize(q);
    return err < 0 ? err : 0;
}

/* ---- columns ----------------------------------------------------------------------------------------------------- */

const char *store_text(sqlite3_stmt *q, int column)
{
    const char *text = (const char *)sqlite3_column_text(q, column);
    return text ? text : "";
}

void store_copy(char *out, size_t capacity, sqlite3_stmt *q, int column)
{
    const char *text = store_text(q, column);
    size_t n = strlen(text) < capacity ? strlen(text) : utf8_check(text, capacity - 1);
    memcpy(out, text, n);
    out[n] = 0;
}

/* ---- transactions ------------------------------------------------------------------------------------------------ */

int store_begin(wkv_store *s, int writes) { return store_execute(s, writes ? "BEGIN IMMEDIATE" : "BEGIN"); }

int store_end(wkv_store *s, int err)
{
    if (!err) err = store_execute(s, "COMMIT");
    if (err && !sqlite3_get_autocommit(s->db)) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return err;
}
