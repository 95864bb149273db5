/* store_load.c - a stored session as a tree for a model. */
#include "base/error.h"
#include "session/identity.h"
#include "session/store.h"
#include "session/tree.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The session is of a model of this version, sizes and vocabulary. */
static int check_lineage(wkv_store *s, int64_t key, const wkv_model *m)
{
    char here[DIGEST_TEXT], sizes[SIZES_TEXT];
    sqlite3_stmt *q;
    int err =
        store_query(&q, s, "SELECT lineage, coalesce(name, id), sizes, model FROM sessions WHERE key = ?1", "i", key);
    if (err) return err;
    model_lineage(here, m);
    model_sizes(sizes, m);
    err = store_step(s, q);
    if (err == 1 && strcmp(store_text(q, 0), here))
        err = fail(WKV_EARG, "session %s is of %s (%s); the model %s is %s", store_text(q, 1), store_text(q, 2),
                   store_text(q, 3), m->about.path, sizes);
    sqlite3_finalize(q);
    return err < 0 ? err : 0;
}

static int check_ids(const wkv_store *s, const wkv_node *n, int vocab)
{
    for (int i = 0; i < n->n; i++)
        if (n->ids[i] < 0 || n->ids[i] >= vocab)
            return fail(WKV_EFORMAT, "%s: is damaged: id %d of message %s is %d; the model's ids are 0 to %d", s->path,
                        i, n->id, (int)n->ids[i], vocab - 1);
    return 0;
}

static int restore(wkv_tree *t, const wkv_store *s, const store_node *n)
{
    char path[STORE_PATH] = "";
    int err = t->context ? check_ids(s, &n->about, context_model(t->context)->rwkv.V) : 0;
    if (!err && *n->state) err = store_state_path(path, s, n->state);
    return err ? err : tree_restore(t, &n->about, *path && !access(path, R_OK) ? path : NULL);
}

static int fill(wkv_tree *t, wkv_store *s, const store_content *x)
{
    int err = t->context ? check_lineage(s, x->row.key, context_model(t->context)) : 0;
    for (int i = 0; i < x->n && !err; i++) err = restore(t, s, &x->nodes[i]);
    for (int i = 0; i < x->n_marks && !err; i++)
        err = (x->marks[i].branch ? wkv_tree_branch : wkv_tree_mark)(t, x->marks[i].name, x->marks[i].node);
    return err ? err : wkv_tree_go(t, x->head);
}

int wkv_store_load(wkv_tree **out, wkv_store *s, wkv_store_session *session, wkv_context *c, const wkv_tokenizer *t)
{
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(s, "the store");
    REQUIRE(session, "the session");
    if (!c != !t) return fail(WKV_EARG, "%s: %s is NULL", __func__, c ? "the tokenizer" : "the context");
    wkv_tree *tree;
    store_content x;
    int err = tree_new(&tree, c, t);
    if (err) return err;
    err = store_read(&x, s, session);
    if (!err) err = fill(tree, s, &x);
    if (err) {
        wkv_tree_free(tree);
    } else {
        memcpy(session->head, x.row.head, sizeof session->head);
        session->revision = x.row.revision;
        tree_set_saved(tree);
        *out = tree;
    }
    store_release(&x);
    return err;
}

int wkv_store_compare(wkv_store *s, const wkv_store_session *session, const wkv_context *c, char *out, size_t capacity)
{
    REQUIRE(s, "the store");
    REQUIRE(session, "the session");
    REQUIRE(c, "the context");
    if (!out && capacity) return fail(WKV_EARG, "%s: out is NULL", __func__);
    if (capacity) *out = 0;
    char path[STORE_PATH] = "";
    sqlite3_stmt *q;
    store_row row;
    int err = store_find_row(&row, s, session);
    if (!err)
        err = store_query(&q, s, "SELECT state FROM nodes WHERE session = ?1 AND id = ?2", "it", row.key, row.head);
    if (err) return err;
    err = store_step(s, q);
    if (err == 1 && *store_text(q, 0)) err = store_state_path(path, s, store_text(q, 0));
    sqlite3_finalize(q);
    wkv_state_file *f;
    if (err < 0 || !*path || wkv_state_file_open(&f, path)) return err < 0 ? err : 0;
    err = wkv_state_file_compare(f, c, out, capacity);
    wkv_state_file_close(f);
    return err;
}
