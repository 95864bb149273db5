/* sqlite_statements.c - statements of the store's database: arguments, rows, transactions, failures as sentences. */
#include "base/error.h"
#include "base/utf8.h"
#include "session/sqlite_store.h"
#include <stdarg.h>
#include <string.h>

/* ---- failures ---------------------------------------------------------------------------------------------------- */

/* The system's reason, where there is one. */
static const char *reason(const wkv_store *s, int code)
{
    const int number = sqlite_of(s)->db ? sqlite3_system_errno(sqlite_of(s)->db) : 0, kind = code & 0xff;
    if (number && (kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN)) return strerror(number);
    return sqlite_of(s)->db ? sqlite3_errmsg(sqlite_of(s)->db) : sqlite3_errstr(code);
}

int sqlite_failed(const wkv_store *s, int code)
{
    switch (code & 0xff) {
    case SQLITE_NOMEM: return fail(WKV_ENOMEM, "%s: no memory", s->place);
    case SQLITE_FULL: return fail(WKV_EIO, "%s: cannot be written: the disk is full; the store is unchanged", s->place);
    case SQLITE_READONLY: return fail(WKV_EIO, "%s: cannot be written: the file or its folder is read-only", s->place);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return fail(WKV_EIO, "%s: another process keeps it locked; the store is unchanged, try again", s->place);
    case SQLITE_ERROR: /* tables are missing */
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return fail(WKV_EFORMAT,
                    "%s: is damaged (%s); put back a copy, or move the whole folder away to begin a new store",
                    s->place, reason(s, code));
    default: return fail(WKV_EIO, "%s: %s", s->place, reason(s, code));
    }
}

/* ---- statements -------------------------------------------------------------------------------------------------- */

int sqlite_execute(wkv_store *s, const char *sql)
{
    const int code = sqlite3_exec(sqlite_of(s)->db, sql, NULL, NULL, NULL);
    return code ? sqlite_failed(s, code) : 0;
}

static int bind_one(sqlite3_stmt *q, int number, char kind, va_list *args)
{
    const void *data;
    switch (kind) {
    case 't': return sqlite3_bind_text(q, number, va_arg(*args, const char *), -1, SQLITE_STATIC);
    case 'i': return sqlite3_bind_int64(q, number, va_arg(*args, int64_t));
    case 'd': return sqlite3_bind_double(q, number, va_arg(*args, double));
    default: /* b; without bytes it is still no null */
        data = va_arg(*args, const void *);
        return sqlite3_bind_blob(q, number, data ? data : "", va_arg(*args, int), SQLITE_STATIC);
    }
}

static int query(sqlite3_stmt **out, wkv_store *s, const char *sql, const char *kinds, va_list *args)
{
    int code = sqlite3_prepare_v2(sqlite_of(s)->db, sql, -1, out, NULL);
    for (int i = 0; kinds[i] && !code; i++) code = bind_one(*out, i + 1, kinds[i], args);
    if (!code) return 0;
    const int err = sqlite_failed(s, code);
    sqlite3_finalize(*out);
    *out = NULL;
    return err;
}

int sqlite_query(sqlite3_stmt **out, wkv_store *s, const char *sql, const char *kinds, ...)
{
    va_list args;
    va_start(args, kinds);
    const int err = query(out, s, sql, kinds, &args);
    va_end(args);
    return err;
}

int sqlite_step(const wkv_store *s, sqlite3_stmt *q)
{
    const int code = sqlite3_step(q);
    return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : sqlite_failed(s, code);
}

int sqlite_run(wkv_store *s, const char *sql, const char *kinds, ...)
{
    va_list args;
    sqlite3_stmt *q;
    va_start(args, kinds);
    int err = query(&q, s, sql, kinds, &args);
    va_end(args);
    if (err) return err;
    err = sqlite_step(s, q);
    sqlite3_finalize(q);
    return err < 0 ? err : 0;
}

int sqlite_has(wkv_store *s, const char *sql, const char *kinds, ...)
{
    va_list args;
    sqlite3_stmt *q;
    va_start(args, kinds);
    int found = query(&q, s, sql, kinds, &args);
    va_end(args);
    if (found) return found;
    found = sqlite_step(s, q);
    sqlite3_finalize(q);
    return found;
}

/* ---- columns ----------------------------------------------------------------------------------------------------- */

const char *sqlite_text(sqlite3_stmt *q, int column)
{
    const char *text = (const char *)sqlite3_column_text(q, column);
    return text ? text : "";
}

void sqlite_copy(char *out, size_t capacity, sqlite3_stmt *q, int column)
{
    utf8_copy(out, capacity, sqlite_text(q, column));
}

/* ---- transactions ------------------------------------------------------------------------------------------------ */

int sqlite_begin(wkv_store *s, int writes) { return sqlite_execute(s, writes ? "BEGIN IMMEDIATE" : "BEGIN"); }

int sqlite_end(wkv_store *s, int err)
{
    if (!err) err = sqlite_execute(s, "COMMIT");
    if (err && !sqlite3_get_autocommit(sqlite_of(s)->db)) sqlite3_exec(sqlite_of(s)->db, "ROLLBACK", NULL, NULL, NULL);
    return err;
}
