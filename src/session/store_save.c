/* store_save.c - new nodes of a tree to the store: state files first, then one transaction that moves the head by
 * compare-and-swap. */
#include "base/error.h"
#include "session/store.h"
#include "session/tree.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A save: the nodes from `first` on are new. */
typedef struct {
    wkv_store *s;
    const wkv_store_session *session;
    wkv_tree *t;
    store_row row; /* of the session, as the transaction finds it */
    int first;
    char (*sha)[DIGEST_TEXT]; /* of the new nodes' state files, "": none */
    int64_t bytes;            /* of these files                          */
} saving;

static const char *id_at(const wkv_tree *t, int node) { return node == WKV_NOWHERE ? "" : wkv_tree_node(t, node)->id; }

/* ---- state files ------------------------------------------------------------------------------------------------- */

/* Nodes are saved in order, so that the new ones are the last ones. */
static int find_first(saving *x)
{
    int found = 0;
    for (x->first = wkv_tree_count(x->t); x->first > 0; x->first--) {
        sqlite3_stmt *q;
        found = store_query(&q, x->s, "SELECT 1 FROM nodes WHERE session = ?1 AND id = ?2", "it", x->row.key,
                            id_at(x->t, x->first - 1));
        if (found) return found;
        found = store_step(x->s, q);
        sqlite3_finalize(q);
        if (found) break;
    }
    return found < 0 ? found : 0;
}

/* A question is read again in little time, unless it continues a state that ids do not give. */
static int needs_file(const wkv_tree *t, int node)
{
    const tree_node *n = tree_at(t, node);
    return wkv_tree_node(t, node)->stored && (n->about.role != WKV_ROLE_USER || *n->about.origin);
}

static int write_states(saving *x)
{
    const int n = wkv_tree_count(x->t) - x->first;
    int err = 0;
    x->sha = calloc((size_t)n + 1, sizeof *x->sha);
    if (!x->sha) return fail(WKV_ENOMEM, "no memory for %d new messages", n);
    for (int i = 0; i < n && !err; i++) {
        int64_t bytes = 0;
        if (!needs_file(x->t, x->first + i)) continue;
        err = store_write_state(x->sha[i], &bytes, x->s, x->t, x->first + i, x->session->template_name);
        x->bytes += bytes;
    }
    return err;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

/* NULL: without a file, or one that another process's delete or gc has just removed. */
static const char *state_of(const saving *x, int node)
{
    char path[STORE_PATH];
    const char *sha = x->sha[node - x->first];
    return *sha && !store_state_path(path, x->s, sha) && !access(path, R_OK) ? sha : NULL;
}

static int insert_node(const saving *x, int node)
{
    const tree_node *n = tree_at(x->t, node);
    const wkv_node *a = &n->about;
    int err = store_run(x->s,
                        "INSERT INTO nodes (session, id, parent, role, text, ids, read, created, seed, draws, origin,"
                        " state) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                        "ittitbiiiitt", x->row.key, a->id, id_at(x->t, a->parent), (int64_t)a->role, a->text, a->ids,
                        a->n * (int)sizeof *a->ids, (int64_t)a->read, a->created, (int64_t)a->seed, (int64_t)a->draws,
                        a->origin, state_of(x, node));
    for (int i = 0; i < a->n_parts && !err; i++)
        err = store_run(x->s, "INSERT INTO parts (session, node, place, part, weight) VALUES (?1, ?2, ?3, ?4, ?5)",
                        "ititd", x->row.key, a->id, (int64_t)i, id_at(x->t, a->parts[i]), (double)a->weights[i]);
    return err;
}

/* The names of this tree in place of the stored ones, if it has seen these. Else those that it has changed, which in a
 * conflict do not replace a stored one. */
static int put_names(const saving *x, int conflict)
{
    const char *sql = conflict ? "INSERT OR IGNORE INTO marks (session, name, node, branch) VALUES (?1, ?2, ?3, ?4)"
                               : "INSERT OR REPLACE INTO marks (session, name, node, branch) VALUES (?1, ?2, ?3, ?4)";
    const int seen = x->row.revision == x->session->revision;
    int err = seen ? store_run(x->s, "DELETE FROM marks WHERE session = ?1", "i", x->row.key) : 0;
    for (int i = 0; i < x->t->n_marks && !err; i++) {
        const tree_mark *m = &x->t->marks[i];
        if (seen || m->changed)
            err = store_run(x->s, sql, "itti", x->row.key, m->name, id_at(x->t, m->node), (int64_t)m->follows);
    }
    return err;
}

/* Answers from the beginning to a node. */
static int64_t turns_to(const wkv_tree *t, int node)
{
    int64_t n = 0;
    for (; node != WKV_NOWHERE; node = wkv_tree_node(t, node)->parent)
        n += wkv_tree_node(t, node)->role == WKV_ROLE_ASSISTANT;
    return n;
}

static int put_session(const saving *x, int moves)
{
    const int head = wkv_tree_head(x->t);
    const char *text = head == WKV_NOWHERE ? "" : wkv_tree_node(x->t, head)->text;
    int err = store_run(x->s,
                        "UPDATE sessions SET changed = ?2, revision = revision + 1, messages = messages + ?3,"
                        " bytes = bytes + ?4 WHERE key = ?1",
                        "iiii", x->row.key, (int64_t)time(NULL), (int64_t)(wkv_tree_count(x->t) - x->first), x->bytes);
    if (err || !moves) return err;
    return store_run(x->s, "UPDATE sessions SET head = ?2, turns = ?3, preview = substr(?4, 1, 100) WHERE key = ?1",
                     "itit", x->row.key, id_at(x->t, head), turns_to(x->t, head), text);
}

/* The transaction. The head moves if this tree has moved it, and nobody else has. */
static int put(saving *x, int *moved, int *conflict)
{
    const char *mine = id_at(x->t, wkv_tree_head(x->t)), *known = x->session->head;
    int err = store_begin(x->s, 1);
    if (err) return err;
    err = store_find_row(&x->row, x->s, x->session);
    const int away = strcmp(x->row.head, known) && strcmp(x->row.head, mine);
    *moved = strcmp(mine, known) != 0;
    *conflict = *moved && away;
    for (int i = x->first; i < wkv_tree_count(x->t) && !err; i++) err = insert_node(x, i);
    if (!err) err = put_names(x, *conflict);
    if (!err) err = put_session(x, *moved && !*conflict);
    return store_end(x->s, err);
}

/* ---- the session ------------------------------------------------------------------------------------------------- */

static int lost_race(const saving *x)
{
    const wkv_store_session *k = x->session;
    return fail(WKV_ECONFLICT,
                "session %s was continued by another process, and its head is %s; this conversation is kept as a "
                "branch that ends in %s",
                *k->name ? k->name : k->id, *x->row.head ? x->row.head : "its beginning",
                wkv_tree_head(x->t) == WKV_NOWHERE ? "its beginning" : id_at(x->t, wkv_tree_head(x->t)));
}

int wkv_store_save(wkv_store *s, wkv_store_session *session, wkv_tree *t)
{
    REQUIRE(s, "the store");
    REQUIRE(session, "the session");
    REQUIRE(t, "the tree");
    saving x = {.s = s, .session = session, .t = t};
    int moved = 0, conflict = 0, err = store_find_row(&x.row, s, session);
    if (!err) err = find_first(&x);
    if (!err && !t->changed && x.first == wkv_tree_count(t)) return 0;
    if (!err) err = write_states(&x);
    if (!err) err = put(&x, &moved, &conflict);
    free(x.sha);
    if (err) return err;
    tree_set_saved(t);
    if (x.row.revision == session->revision) session->revision++;
    if (conflict) return lost_race(&x);
    if (moved) strcpy(session->head, id_at(t, wkv_tree_head(t)));
    return 0;
}
