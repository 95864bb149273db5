/* store_list.c - sessions of the store: listed, found, made and removed. */
#include "base/error.h"
#include "base/id.h"
#include "base/utf8.h"
#include "session/identity.h"
#include "session/state_file.h"
#include "session/store.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- rows -------------------------------------------------------------------------------------------------------- */

/* Columns of a wkv_store_session, in the order of read_row. */
#define COLUMNS "SELECT id, name, model, template, created, changed, messages, turns, bytes, head, revision, preview"
#define SESSIONS COLUMNS " FROM sessions WHERE tenant = ''"

static void read_row(wkv_store_session *x, sqlite3_stmt *q)
{
    *x = (wkv_store_session){.created = sqlite3_column_int64(q, 4),
                             .changed = sqlite3_column_int64(q, 5),
                             .messages = sqlite3_column_int(q, 6),
                             .turns = sqlite3_column_int(q, 7),
                             .bytes = sqlite3_column_int64(q, 8),
                             .revision = sqlite3_column_int64(q, 10)};
    store_copy(x->id, sizeof x->id, q, 0);
    store_copy(x->name, sizeof x->name, q, 1);
    store_copy(x->model, sizeof x->model, q, 2);
    store_copy(x->template_name, sizeof x->template_name, q, 3);
    store_copy(x->head, sizeof x->head, q, 9);
    store_copy(x->preview, sizeof x->preview, q, 11);
    utf8_replace_control(x->preview, ' ');
}

int store_find_row(store_row *out, wkv_store *s, const wkv_store_session *session)
{
    sqlite3_stmt *q;
    int err = store_query(&q, s, "SELECT key, revision, head FROM sessions WHERE id = ?1", "t", session->id);
    if (err) return err;
    err = store_step(s, q);
    if (err == 1) {
        *out = (store_row){.key = sqlite3_column_int64(q, 0), .revision = sqlite3_column_int64(q, 1)};
        store_copy(out->head, sizeof out->head, q, 2);
    }
    sqlite3_finalize(q);
    if (err == 1) return 0;
    return err ? err
               : fail(WKV_EARG, "%s: session %.64s does not exist", s->path,
                      *session->name ? session->name : session->id);
}

/* ---- listing ----------------------------------------------------------------------------------------------------- */

/* The rows as they are on the disk, then sorted: an index would read them one by one. */
#define ALL COLUMNS " FROM sessions NOT INDEXED WHERE tenant = '' ORDER BY changed DESC, key DESC"

int wkv_store_list(wkv_store_session **out, int *n, wkv_store *s)
{
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(n, "the number");
    *n = 0;
    REQUIRE(s, "the store");
    wkv_store_session *list = NULL;
    sqlite3_stmt *q;
    int cap = 0, err = store_query(&q, s, ALL, "");
    if (err) return err;
    while ((err = store_step(s, q)) == 1) {
        if (*n == cap) {
            cap = 2 * cap + 16;
            wkv_store_session *more = realloc(list, sizeof *list * (size_t)cap);
            if (!more) {
                err = fail(WKV_ENOMEM, "no memory for a list of %d sessions", cap);
                break;
            }
            list = more;
        }
        read_row(&list[(*n)++], q);
    }
    sqlite3_finalize(q);
    if (err) {
        free(list);
        *n = 0;
        return err;
    }
    *out = list;
    return 0;
}

void wkv_store_list_free(wkv_store_session *list) { free(list); }

/* The number of sessions that a condition on ?1 selects, 2 at most; they go to out[0] and out[1]. */
static int select_two(wkv_store_session out[2], wkv_store *s, const char *sql, const char *name)
{
    sqlite3_stmt *q;
    int n = 0, err = store_query(&q, s, sql, "t", name);
    if (err) return err;
    while (n < 2 && (err = store_step(s, q)) == 1) read_row(&out[n++], q);
    sqlite3_finalize(q);
    return err < 0 ? err : n;
}

int wkv_store_find(wkv_store_session *out, wkv_store *s, const char *name)
{
    REQUIRE(out, "out");
    *out = (wkv_store_session){0};
    REQUIRE(s, "the store");
    REQUIRE(name, "the name");
    wkv_store_session two[2];
    if (!*name) return fail(WKV_EARG, "the name of a session is empty");
    int n = select_two(two, s, SESSIONS " AND (name = ?1 OR id = ?1)", name);
    if (!n)
        n = select_two(two, s,
                       SESSIONS " AND (substr(name, 1, length(?1)) = ?1 OR substr(id, 1, length(?1)) = ?1)"
                                " ORDER BY name LIMIT 2",
                       name);
    if (n == 2)
        return fail(WKV_EARG, "several sessions begin with '%.64s': %s and %s", name,
                    *two[0].name ? two[0].name : two[0].id, *two[1].name ? two[1].name : two[1].id);
    if (n == 1) *out = two[0];
    return n;
}

/* ---- making and removing ----------------------------------------------------------------------------------------- */

static int check_name(const char *name)
{
    const size_t n = strlen(name);
    const int bad = !n || n > 64 || utf8_check(name, n) < n || utf8_control(name, n) < n || strchr(" -", *name) ||
                    !strncmp(name, "ses_", 4);
    if (!bad) return 0;
    return fail(WKV_EARG,
                "'%.80s' is no name of a session: 1 to 64 bytes of UTF-8, not beginning with a blank, '-' or 'ses_'",
                name);
}

static int check_free(wkv_store *s, const char *name)
{
    wkv_store_session two[2];
    const int n = select_two(two, s, SESSIONS " AND name = ?1", name);
    return n > 0 ? fail(WKV_ECONFLICT, "session '%s' exists already", name) : n;
}

int wkv_store_create(wkv_store_session *out, wkv_store *s, const char *name, const wkv_context *c,
                     const char *template_name)
{
    REQUIRE(out, "out");
    *out = (wkv_store_session){0};
    REQUIRE(s, "the store");
    REQUIRE(c, "the context");
    const wkv_model *m = context_model(c);
    char model[256], sizes[SIZES_TEXT], lineage[DIGEST_TEXT], id[ID_TEXT];
    const int64_t now = time(NULL);
    int err = name ? check_name(name) : 0;
    if (!err) err = id_new(id, "ses");
    if (err) return err;
    state_file_name(model, m->about.path);
    model_sizes(sizes, m);
    model_lineage(lineage, m);
    err = store_begin(s, 1);
    if (err) return err;
    if (name) err = check_free(s, name);
    if (!err)
        err = store_run(s,
                        "INSERT INTO sessions (id, name, model, lineage, sizes, template, created, changed)"
                        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
                        "tttttti", id, name, model, lineage, sizes, template_name ? template_name : "", now);
    wkv_store_session made[2];
    if (!err) err = select_two(made, s, SESSIONS " AND id = ?1", id);
    err = store_end(s, err < 0 ? err : 0);
    if (!err) *out = made[0];
    return err;
}

/* The state files of a session. */
static int list_states(sha_list *l, wkv_store *s, int64_t key)
{
    sqlite3_stmt *q;
    int err = store_query(&q, s, "SELECT state FROM nodes WHERE session = ?1 AND state IS NOT NULL", "i", key);
    if (err) return err;
    while ((err = store_step(s, q)) == 1)
        if ((err = sha_append(l, store_text(q, 0)))) break;
    sqlite3_finalize(q);
    return err;
}

int wkv_store_delete(wkv_store *s, const wkv_store_session *session)
{
    REQUIRE(s, "the store");
    REQUIRE(session, "the session");
    sha_list states = {0};
    store_row row;
    int64_t freed;
    int err = store_begin(s, 1);
    if (err) return err;
    err = store_find_row(&row, s, session);
    if (!err) err = list_states(&states, s, row.key);
    if (!err) err = store_run(s, "DELETE FROM sessions WHERE key = ?1", "i", row.key);
    err = store_end(s, err);
    if (!err) err = store_remove_unused(s, &states, &freed);
    free(states.sha);
    return err;
}
