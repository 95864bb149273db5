/* store.h - the struct behind wkv_store, and statements of its database. */
#ifndef WKV_SESSION_STORE_H
#define WKV_SESSION_STORE_H

#include "session/digest.h"
#include "wkv_store.h"
#include <sqlite3.h>

enum { STORE_PATH = 4096 };

struct wkv_store {
    sqlite3 *db;
    char *folder;
    char *path; /* of the database */
};

/* ---- statements: store_sql.c ------------------------------------------------------------------------------------- */

/* The failure that the database reports, as a code and a sentence with its path. */
int store_failed(const wkv_store *s, int sqlite_code);

/* Run the statements of a text without arguments or rows. */
int store_execute(wkv_store *s, const char *sql);

/* Prepare a statement and bind its arguments ?1, ?2, ...: for each letter of `kinds`
 *     t  const char *             a text; NULL: null
 *     i  int64_t                  an integer
 *     d  double
 *     b  const void *, int        bytes
 * which stay where they are until sqlite3_finalize. */
int store_query(sqlite3_stmt **out, wkv_store *s, const char *sql, const char *kinds, ...);
/* The next row: 1; 0 after the last; or a failure. */
int store_step(const wkv_store *s, sqlite3_stmt *q);
/* A statement without rows, prepared, run and finalized. */
int store_run(wkv_store *s, const char *sql, const char *kinds, ...);

/* A column as a text that is never NULL, and copied to an array as far as it fits, in whole characters. */
const char *store_text(sqlite3_stmt *q, int column);
void store_copy(char *out, size_t capacity, sqlite3_stmt *q, int column);

/* A transaction. Its end commits it if err is 0, else it rolls back and returns err. */
int store_begin(wkv_store *s, int writes);
int store_end(wkv_store *s, int err);

/* ---- sessions: store_list.c -------------------------------------------------------------------------------------- */

/* Row and head of a session. WKV_EARG: it does not exist. */
typedef struct {
    int64_t key, revision;
    char head[32];
} store_row;
int store_find_row(store_row *out, wkv_store *s, const wkv_store_session *session);

/* ---- messages: store_read.c -------------------------------------------------------------------------------------- */

/* A stored node, and all else that a tree needs to continue from it. */
typedef struct {
    wkv_node about;          /* owns its texts and lists            */
    char state[DIGEST_TEXT]; /* SHA-256 of its state file, "": none */
} store_node;

typedef struct {
    char *name;
    int node, branch;
} store_mark;

typedef struct {
    store_row row;
    store_node *nodes;
    store_mark *marks;
    int n, cap, n_marks, cap_marks;
    int head;
} store_content;

/* Read a session. WKV_EFORMAT: rows that do not agree. Release in either case. */
int store_read(store_content *x, wkv_store *s, const wkv_store_session *session);
void store_release(store_content *x);

/* ---- state files: store_files.c ---------------------------------------------------------------------------------- */

/* The path of the state file with this SHA-256. WKV_EIO: too long. */
int store_state_path(char out[STORE_PATH], const wkv_store *s, const char *sha);
/* Write the state of a node to the store; sha: its name, bytes: its size. */
int store_write_state(char sha[DIGEST_TEXT], int64_t *bytes, const wkv_store *s, wkv_tree *t, int node,
                      const char *template_name);

/* SHA-256 sums of state files. */
typedef struct {
    char (*sha)[DIGEST_TEXT];
    int n, cap;
} sha_list;
int sha_append(sha_list *l, const char *sha); /* WKV_ENOMEM */
/* Remove those of the files to which no node refers; *freed grows by their bytes. */
int store_remove_unused(wkv_store *s, const sha_list *l, int64_t *freed);

#endif
