/* store_save.c - new nodes of a tree to the store: states first, then one transaction that moves the head by
 * compare-and-swap. */
#include "base/error.h"
#include "base/utf8.h"
#include "session/store.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A save: the nodes from `first` on are new. */
typedef struct {
    wkv_store *s;
    const wkv_store_session *session;
    wkv_tree *t;
    store_record record; /* of the session, as the transaction finds it */
    int first;
    char (*sha)[DIGEST_TEXT]; /* of the new nodes' states, "": none */
    int64_t bytes;            /* of these states                    */
    int moved, conflict;
} saving;

static const char *id_at(const wkv_tree *t, int node) { return node == WKV_NOWHERE ? "" : wkv_tree_node(t, node)->id; }

/* Nodes are saved in order, so that the new ones are the last ones. */
static int find_first(int *first, const saving *x)
{
    int found = 0;
    for (*first = wkv_tree_count(x->t); *first > 0 && !found;) {
        found = x->s->kind->has_message(x->s, &x->record, id_at(x->t, *first - 1));
        if (!found) --*first;
    }
    return found < 0 ? found : 0;
}

/* ---- states ------------------------------------------------------------------------------------------------------ */

/* A question is read again in little time, unless it continues a state that ids do not give. */
static int needs_state(const wkv_tree *t, int node)
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
        if (!needs_state(x->t, x->first + i)) continue;
        err = x->s->kind->write_state(x->sha[i], &bytes, x->s, x->t, x->first + i, x->session->template_name);
        x->bytes += bytes;
    }
    return err;
}

/* A state that another process's delete or gc has just removed is none. */
static int check_states(const saving *x, int first)
{
    for (int i = first; i < wkv_tree_count(x->t); i++) {
        char *sha = x->sha[i - x->first];
        const int there = *sha ? x->s->kind->has_state(x->s, sha) : 1;
        if (there < 0) return there;
        if (!there) *sha = 0;
    }
    return 0;
}

/* ---- records ----------------------------------------------------------------------------------------------------- */

static int insert_node(const saving *x, int node)
{
    const tree_node *n = tree_at(x->t, node);
    const wkv_node *a = &n->about;
    const store_message m = {.id = a->id,
                             .parent = id_at(x->t, a->parent),
                             .text = a->text,
                             .origin = a->origin,
                             .state = x->sha[node - x->first],
                             .ids = a->ids,
                             .id_bytes = a->n * (int)sizeof *a->ids,
                             .role = a->role,
                             .read = a->read,
                             .created = a->created,
                             .seed = a->seed,
                             .draws = a->draws};
    int err = x->s->kind->insert_message(x->s, &x->record, &m);
    for (int i = 0; i < a->n_parts && !err; i++)
        err = x->s->kind->insert_part(x->s, &x->record, a->id, i, id_at(x->t, a->parts[i]), a->weights[i]);
    return err;
}

/* The names of this tree in place of the stored ones, if it has seen these. Else those that it has changed, which in a
 * conflict do not replace a stored one. */
static int put_names(const saving *x)
{
    const store_kind *k = x->s->kind;
    const int seen = x->record.about.revision == x->session->revision;
    int err = seen ? k->clear_names(x->s, &x->record) : 0;
    for (int i = 0; i < x->t->n_marks && !err; i++) {
        const tree_mark *m = &x->t->marks[i];
        const wkv_store_name name = {m->name, m->node, m->follows};
        if (seen || m->changed) err = k->put_name(x->s, &x->record, &name, id_at(x->t, m->node), !x->conflict);
    }
    return err;
}

/* Answers from the beginning to a node. */
static int turns_to(const wkv_tree *t, int node)
{
    int n = 0;
    for (; node != WKV_NOWHERE; node = wkv_tree_node(t, node)->parent)
        n += wkv_tree_node(t, node)->role == WKV_ROLE_ASSISTANT;
    return n;
}

static int put_session(const saving *x, int added)
{
    const int head = wkv_tree_head(x->t);
    store_record r = x->record;
    wkv_store_session *a = &r.about;
    a->changed = time(NULL);
    a->revision++;
    a->messages += added;
    if (added) a->bytes += x->bytes;
    if (x->moved && !x->conflict) {
        strcpy(a->head, id_at(x->t, head));
        a->turns = turns_to(x->t, head);
        utf8_copy(a->preview, sizeof a->preview, head == WKV_NOWHERE ? "" : wkv_tree_node(x->t, head)->text);
    }
    return x->s->kind->update(x->s, &r);
}

/* The transaction. The head moves if this tree has moved it, and nobody else has. */
static int put(wkv_store *s, void *of)
{
    saving *x = of;
    const char *mine = id_at(x->t, wkv_tree_head(x->t)), *known = x->session->head;
    const int n = wkv_tree_count(x->t);
    int first = n, err = store_find_record(&x->record, s, x->session);
    if (!err) err = find_first(&first, x);
    if (!err) err = check_states(x, first);
    const char *there = x->record.about.head;
    const int away = strcmp(there, known) && strcmp(there, mine);
    x->moved = strcmp(mine, known) != 0;
    x->conflict = x->moved && away;
    for (int i = first; i < n && !err; i++) err = insert_node(x, i);
    if (!err) err = put_names(x);
    return err ? err : put_session(x, n - first);
}

/* ---- the session ------------------------------------------------------------------------------------------------- */

static int lost_race(const saving *x)
{
    const wkv_store_session *k = x->session;
    return fail(WKV_ECONFLICT,
                "session %s was continued by another process, and its head is %s; this conversation is kept as a "
                "branch that ends in %s",
                *k->name ? k->name : k->id, *x->record.about.head ? x->record.about.head : "its beginning",
                wkv_tree_head(x->t) == WKV_NOWHERE ? "its beginning" : id_at(x->t, wkv_tree_head(x->t)));
}

int wkv_store_save(wkv_store *s, wkv_store_session *session, wkv_tree *t)
{
    REQUIRE(s, "the store");
    REQUIRE(session, "the session");
    REQUIRE(t, "the tree");
    saving x = {.s = s, .session = session, .t = t};
    int err = store_find_record(&x.record, s, session);
    if (!err) err = find_first(&x.first, &x);
    if (!err && !t->changed && x.first == wkv_tree_count(t)) return 0;
    if (!err) err = write_states(&x);
    if (!err) err = store_transact(s, 1, put, &x);
    free(x.sha);
    if (err) return err;
    tree_set_saved(t);
    if (x.record.about.revision == session->revision) session->revision++;
    if (x.conflict) return lost_race(&x);
    if (x.moved) strcpy(session->head, id_at(t, wkv_tree_head(t)));
    return 0;
}
