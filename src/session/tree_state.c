/* tree_state.c - the states of a tree: sessions begin from them, and those that are quickest to rebuild are dropped. */
#include "session/tree.h"
#include "base/error.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int has_state(const tree_node *n) { return n->state || n->place.path; }

/* A mix cannot be rebuilt, nor the first node of a conversation that began from a file. */
static int is_rebuilt(const tree_node *n)
{
    return n->about.parent != WKV_NOWHERE || (n->about.role != WKV_ROLE_MIX && !*n->about.origin);
}

int tree_nearest(const wkv_tree *t, int node)
{
    for (; node != WKV_NOWHERE; node = t->nodes[node].about.parent) {
        if (has_state(&t->nodes[node])) return node;
        if (!is_rebuilt(&t->nodes[node])) return -2;
    }
    return node;
}

/* ---- places ------------------------------------------------------------------------------------------------------ */

void state_source_leave(state_source *from)
{
    if (from && !--from->users) from->release(from);
}

int tree_take_place(tree_place *out, const tree_place *where)
{
    *out = (tree_place){strdup(where->path), where->source};
    if (out->source) out->source->users++;
    return out->path ? 0 : fail(WKV_ENOMEM, "no memory for the place of a state");
}

void tree_leave_place(tree_place *where)
{
    free(where->path);
    state_source_leave(where->source);
    *where = (tree_place){0};
}

int tree_set_place(wkv_tree *t, int node, const tree_place *where)
{
    tree_place mine;
    const int err = tree_take_place(&mine, where);
    tree_leave_place(err ? &mine : &t->nodes[node].place);
    if (!err) t->nodes[node].place = mine;
    return err;
}

int tree_open_place(wkv_state_file **f, const tree_place *p)
{
    return p->source ? p->source->open(f, p->source, p->path) : wkv_state_file_open(f, p->path);
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

/* Read the kept state of a node into memory; one that cannot be used is forgotten. */
static void load(const wkv_tree *t, tree_node *n)
{
    wkv_state_file *f;
    wkv_session *s = NULL;
    if (n->state || !n->place.path) return;
    if (!tree_open_place(&f, &n->place)) {
        const wkv_state_info *about = wkv_state_file_about(f);
        if (about->n_ids == n->about.total && about->read <= n->about.total &&
            !wkv_session_load(&s, f, t->context, t->tokenizer)) {
            n->state = s->state, s->state = NULL;
            n->hidden = s->has_hidden ? s->hidden : NULL;
            if (s->has_hidden) s->hidden = NULL;
            n->about.read = s->read;
            n->about.seed = s->random.seed, n->about.draws = s->random.n;
            if (s->origin) {
                free((void *)n->about.origin);
                n->about.origin = s->origin, s->origin = NULL;
            }
        }
        wkv_session_free(s);
        wkv_state_file_close(f);
    }
    if (!n->state) tree_leave_place(&n->place);
}

/* Append the ids of the nodes from below `from` down to `node`. */
static int append_path(wkv_session *s, const wkv_tree *t, int node)
{
    const int total = t->nodes[node].about.total;
    int nodes = 0;
    for (int i = node; i != WKV_NOWHERE; i = t->nodes[i].about.parent) nodes += t->nodes[i].about.n > 0;
    int err = session_reserve(s, total);
    if (!err) err = segments_reserve(&s->segments, nodes);
    if (err) return err;
    s->segments.n = nodes;
    for (int i = node; i != WKV_NOWHERE; i = t->nodes[i].about.parent) {
        const wkv_node *n = &t->nodes[i].about;
        if (!n->n) continue;
        memcpy(s->ids + n->total - n->n, n->ids, sizeof *n->ids * (size_t)n->n);
        s->segments.at[--nodes] = (segment){n->total, n->role == WKV_ROLE_ASSISTANT ? SEGMENT_SAMPLED : SEGMENT_TEXT};
    }
    s->n = total;
    return 0;
}

static int begin_from(wkv_session *s, const tree_node *from)
{
    const size_t width = (size_t)s->model->rwkv.C;
    s->read = from->about.read;
    s->has_hidden = from->hidden != NULL;
    if (from->hidden) memcpy(s->hidden, from->hidden, width * sizeof *s->hidden);
    if (*from->about.origin && !(s->origin = strdup(from->about.origin)))
        return fail(WKV_ENOMEM, "no memory for a session");
    return wkv_state_copy(s->state, from->state);
}

/* The words of a state that is a mix: "mix of msg_a x 0.5, msg_b x 0.5". */
static int name_mix(wkv_session *s, const wkv_tree *t, const wkv_node *mix)
{
    const size_t room = 16 + (size_t)mix->n_parts * 64;
    if (!(s->origin = malloc(room))) return fail(WKV_ENOMEM, "no memory for a session");
    size_t n = (size_t)snprintf(s->origin, room, "mix of ");
    for (int i = 0; i < mix->n_parts; i++)
        n += (size_t)snprintf(s->origin + n, room - n, "%s%s x %g", i ? ", " : "", t->nodes[mix->parts[i]].about.id,
                              (double)mix->weights[i]);
    return 0;
}

int wkv_tree_session(wkv_session **out, wkv_tree *t, int node)
{
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(t, "the tree");
    REQUIRE(t->context, "the model of the tree");
    if (node != WKV_NOWHERE && !tree_at(t, node))
        return fail(WKV_EARG, "node %d does not exist; the conversation has %d", node, t->n);
    int from;
    while ((from = tree_nearest(t, node)) >= 0 && !t->nodes[from].state) load(t, &t->nodes[from]);
    if (from == -2)
        return fail(WKV_EUNSUPPORTED, "the state of message %s is gone, and it cannot be rebuilt from its ids: %s",
                    t->nodes[node].about.id, "it is of a mix or of a state file");
    wkv_session *s;
    int err = wkv_session_new(&s, context_model(t->context), t->tokenizer);
    if (err || node == WKV_NOWHERE) {
        *out = s;
        return err;
    }
    err = append_path(s, t, node);
    if (!err && from >= 0) err = begin_from(s, &t->nodes[from]);
    if (!err && from >= 0 && t->nodes[from].about.role == WKV_ROLE_MIX && !s->origin)
        err = name_mix(s, t, &t->nodes[from].about);
    if (err) {
        wkv_session_free(s);
        return err;
    }
    s->random = (rng){.seed = t->nodes[node].about.seed, .n = t->nodes[node].about.draws};
    *out = s;
    tree_thin(t);
    return 0;
}

int tree_save_state(wkv_tree *t, int node, const char *template_name, const char *path)
{
    wkv_session *s;
    int err = wkv_tree_session(&s, t, node);
    if (err) return err;
    err = wkv_session_save(s, t->context, template_name, path);
    wkv_session_free(s);
    return err;
}

int tree_save_state_memory(char **out, size_t *bytes, wkv_tree *t, int node, const char *template_name)
{
    wkv_session *s;
    *out = NULL;
    int err = wkv_tree_session(&s, t, node);
    if (err) return err;
    err = wkv_session_save_memory(out, bytes, s, t->context, template_name);
    wkv_session_free(s);
    return err;
}

/* ---- the limit --------------------------------------------------------------------------------------------------- */

void wkv_tree_limit(wkv_tree *t, size_t bytes)
{
    if (!t) return;
    t->limit = bytes ? bytes : wkv_memory_available() / 4;
    tree_thin(t);
}

/* Ids to read to rebuild the node's state without it; a file costs less than any reading. INT_MAX: never drop it. */
static int cost(const wkv_tree *t, int node)
{
    const tree_node *n = &t->nodes[node];
    if (node == t->head || !n->state) return INT_MAX;
    if (n->place.path) return -1;
    if (!is_rebuilt(n)) return INT_MAX;
    const int above = tree_nearest(t, n->about.parent);
    return above == -2 ? INT_MAX : n->about.total - (above == WKV_NOWHERE ? 0 : t->nodes[above].about.total);
}

void tree_thin(wkv_tree *t)
{
    const size_t bytes = t->context ? context_model(t->context)->about.state_bytes : 0; /* no model, no states */
    int held = 0;
    for (int i = 0; i < t->n; i++) held += t->nodes[i].state && i != t->head;
    for (; held && (size_t)held * bytes > t->limit; held--) {
        int least = INT_MAX, at = 0;
        for (int i = 0; i < t->n; i++) {
            const int c = cost(t, i);
            if (c < least) least = c, at = i;
        }
        if (least == INT_MAX) return;
        wkv_state_free(t->nodes[at].state);
        free(t->nodes[at].hidden);
        t->nodes[at].state = NULL;
        t->nodes[at].hidden = NULL;
    }
}
