/* store_load.c - a stored session as a tree for a model. */
#include "base/error.h"
#include "session/store.h"
#include <stdlib.h>
#include <string.h>

/* The session is of a model of this version, sizes and vocabulary. */
static int check_lineage(const store_record *r, const wkv_model *m)
{
    char here[DIGEST_TEXT], sizes[SIZES_TEXT];
    const wkv_store_session *x = &r->about;
    model_lineage(here, m);
    model_sizes(sizes, m);
    if (!strcmp(r->lineage, here)) return 0;
    return fail(WKV_EARG, "session %s is of %s (%s); the model %s is %s", *x->name ? x->name : x->id, r->sizes,
                x->model, m->about.path, sizes);
}

static int check_ids(const wkv_store *s, const wkv_node *n, int vocab)
{
    for (int i = 0; i < n->n; i++)
        if (n->ids[i] < 0 || n->ids[i] >= vocab)
            return fail(WKV_EFORMAT, "%s: is damaged: id %d of message %s is %d; the model's ids are 0 to %d", s->place,
                        i, n->id, (int)n->ids[i], vocab - 1);
    return 0;
}

static int restore(wkv_tree *t, wkv_store *s, const store_node *n)
{
    tree_place where = {0};
    int err = t->context ? check_ids(s, &n->about, context_model(t->context)->rwkv.V) : 0;
    if (!err && *n->state) err = s->kind->find_state(&where, s, n->state);
    if (!err) err = tree_restore(t, &n->about, &where);
    free(where.path);
    return err;
}

static int fill(wkv_tree *t, wkv_store *s, const store_content *x)
{
    int err = t->context ? check_lineage(&x->record, context_model(t->context)) : 0;
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
        memcpy(session->head, x.record.about.head, sizeof session->head);
        session->revision = x.record.about.revision;
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
    store_content x;
    tree_place where = {0};
    wkv_state_file *f;
    int err = store_read(&x, s, session);
    if (!err && x.head != WKV_NOWHERE && *x.nodes[x.head].state)
        err = s->kind->find_state(&where, s, x.nodes[x.head].state);
    if (!err && where.path && !tree_open_place(&f, &where)) {
        err = wkv_state_file_compare(f, c, out, capacity);
        wkv_state_file_close(f);
    }
    free(where.path);
    store_release(&x);
    return err;
}
