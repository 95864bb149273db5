/* sqlite_store.h - a store in a folder: an SQLite database, and a file for each state. */
#ifndef WKV_SESSION_SQLITE_STORE_H
#define WKV_SESSION_SQLITE_STORE_H

#include "session/store.h"
#include <sqlite3.h>

typedef struct {
    wkv_store base; /* base.place: the path of the database */
    sqlite3 *db;
    char *folder;
} sqlite_store;

static inline sqlite_store *sqlite_of(const wkv_store *s) { return (sqlite_store *)(uintptr_t)s; }

/* ---- statements: sqlite_statements.c ----------------------------------------------------------------------------- */

/* The failure that the database reports, as a code and a sentence with its path. */
int sqlite_failed(const wkv_store *s, int code);

/* Run the statements of a text without arguments or rows. */
int sqlite_execute(wkv_store *s, const char *sql);

/* Prepare a statement and bind its arguments ?1, ?2, ...: for each letter of `kinds`
 *     t  const char *             a text; NULL: null
 *     i  int64_t                  an integer
 *     d  double
 *     b  const void *, int        bytes
 * which stay where they are until sqlite3_finalize. */
int sqlite_query(sqlite3_stmt **out, wkv_store *s, const char *sql, const char *kinds, ...);
/* The next row: 1; 0 after the last; or a failure. */
int sqlite_step(const wkv_store *s, sqlite3_stmt *q);
/* A statement without rows, prepared, run and finalized. */
int sqlite_run(wkv_store *s, const char *sql, const char *kinds, ...);
/* Whether a query has a row: 1, 0. */
int sqlite_has(wkv_store *s, const char *sql, const char *kinds, ...);

/* A column as a text that is never NULL, and copied to an array as far as it fits, in whole characters. */
const char *sqlite_text(sqlite3_stmt *q, int column);
void sqlite_copy(char *out, size_t capacity, sqlite3_stmt *q, int column);

int sqlite_begin(wkv_store *s, int writes);
int sqlite_end(wkv_store *s, int err);

/* ---- rows: sqlite_rows.c ----------------------------------------------------------------------------------------- */

int sqlite_get(store_record *out, wkv_store *s, const char *id);
int sqlite_get_named(store_record *out, wkv_store *s, const char *name);
int sqlite_each(wkv_store *s, int (*take)(void *to, const store_record *r), void *to);
int sqlite_insert(wkv_store *s, const store_record *r);
int sqlite_update(wkv_store *s, const store_record *r);
int sqlite_erase(wkv_store *s, const store_record *r);
int sqlite_read(store_content *x, wkv_store *s);
int sqlite_has_message(wkv_store *s, const store_record *r, const char *id);
int sqlite_insert_message(wkv_store *s, const store_record *r, const store_message *m);
int sqlite_insert_part(wkv_store *s, const store_record *r, const char *mix, int nth, const char *part, float weight);
int sqlite_clear_names(wkv_store *s, const store_record *r);
int sqlite_put_name(wkv_store *s, const store_record *r, const wkv_store_name *name, const char *node, int replaces);

/* ---- states: sqlite_states.c ------------------------------------------------------------------------------------- */

int sqlite_write_state(char sha[DIGEST_TEXT], int64_t *bytes, wkv_store *s, wkv_tree *t, int node,
                       const char *template_name);
int sqlite_find_state(tree_place *out, wkv_store *s, const char *sha);
int sqlite_has_state(wkv_store *s, const char *sha);
int sqlite_is_used(wkv_store *s, const char *sha);
int sqlite_remove_state(wkv_store *s, const char *sha, int64_t *freed);
int sqlite_list_states(sha_list *l, wkv_store *s, const store_record *r);
int sqlite_list_unused(sha_list *l, wkv_store *s, int64_t before, int64_t *freed);

#endif
