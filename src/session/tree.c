/* tree.c - nodes of a conversation: appended, found, named. */
#include "session/tree.h"
#include "base/error.h"
#include "base/id.h"
#include "base/memory.h"
#include "base/utf8.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

int tree_new(wkv_tree **out, wkv_context *c, const wkv_tokenizer *t)
{
    wkv_tree *tree = calloc(1, sizeof *tree);
    if (!tree) return fail(WKV_ENOMEM, "no memory for a conversation");
    tree->context = c;
    tree->tokenizer = t;
    tree->head = WKV_NOWHERE;
    wkv_tree_limit(tree, 0);
    *out = tree;
    return 0;
}

int wkv_tree_new(wkv_tree **out, wkv_context *c, const wkv_tokenizer *t)
{
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(c, "the context");
    REQUIRE(t, "the tokenizer");
    return tree_new(out, c, t);
}

static void release(tree_node *n)
{
    free((void *)n->about.text);
    free((void *)n->about.ids);
    free((void *)n->about.parts);
    free((void *)n->about.weights);
    wkv_state_free(n->state);
    free(n->hidden);
    tree_leave_place(&n->place);
    free((void *)n->about.origin);
}

void wkv_tree_free(wkv_tree *t)
{
    if (!t) return;
    for (int i = 0; i < t->n; i++) release(&t->nodes[i]);
    for (int i = 0; i < t->n_marks; i++) free(t->marks[i].name);
    free(t->nodes);
    free(t->marks);
    free(t);
}

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

tree_node *tree_at(const wkv_tree *t, int node) { return node >= 0 && node < t->n ? &t->nodes[node] : NULL; }

int wkv_tree_count(const wkv_tree *t) { return t ? t->n : 0; }

const wkv_node *wkv_tree_node(const wkv_tree *t, int node)
{
    tree_node *n = t ? tree_at(t, node) : NULL;
    if (!n) return NULL;
    n->about.stored = n->state || n->place.path;
    return &n->about;
}

static int total_of(const wkv_tree *t, int node) { return node == WKV_NOWHERE ? 0 : t->nodes[node].about.total; }

/* A new last node with copies of the texts and lists of `about`. NULL, with wkv_error(), without memory; t->n grows
 * when the caller has filled it. */
static tree_node *append(wkv_tree *t, const wkv_node *about)
{
    if (t->n == t->cap) {
        const int cap = 2 * t->cap + 8;
        tree_node *nodes = realloc(t->nodes, sizeof *nodes * (size_t)cap);
        if (!nodes) {
            fail(WKV_ENOMEM, "no memory for a conversation of %d messages", cap);
            return NULL;
        }
        t->nodes = nodes, t->cap = cap;
    }
    tree_node *n = &t->nodes[t->n];
    *n = (tree_node){.about = *about};
    n->about.text = memory_copy(about->text, about->text ? strlen(about->text) : 0);
    n->about.origin = memory_copy(about->origin, about->origin ? strlen(about->origin) : 0);
    n->about.ids = memory_copy(about->ids, sizeof *about->ids * (size_t)about->n);
    n->about.parts = memory_copy(about->parts, sizeof *about->parts * (size_t)about->n_parts);
    n->about.weights = memory_copy(about->weights, sizeof *about->weights * (size_t)about->n_parts);
    if (n->about.text && n->about.origin && n->about.ids && n->about.parts && n->about.weights) return n;
    release(n);
    fail(WKV_ENOMEM, "no memory for a message");
    return NULL;
}

/* Whether the ids of the session begin with those up to the end of `node`. */
static int continues(const wkv_tree *t, int node, const wkv_session *s)
{
    if (s->n < total_of(t, node)) return 0;
    for (; node != WKV_NOWHERE; node = t->nodes[node].about.parent) {
        const wkv_node *n = &t->nodes[node].about;
        if (n->n && memcmp(s->ids + n->total - n->n, n->ids, sizeof *n->ids * (size_t)n->n)) return 0;
    }
    return 1;
}

static int check_parent(const wkv_tree *t, int parent)
{
    if (parent == WKV_NOWHERE || tree_at(t, parent)) return 0;
    return fail(WKV_EARG, "node %d does not exist; the conversation has %d", parent, t->n);
}

/* Make the last node the head, and move the branches that were at its parent with it. */
static int arrive(wkv_tree *t, int parent)
{
    const int node = t->n++;
    for (int i = 0; i < t->n_marks; i++)
        if (t->marks[i].follows && t->marks[i].node == t->head && t->head == parent)
            t->marks[i].node = node, t->marks[i].changed = 1;
    t->head = node;
    t->changed = 1;
    tree_thin(t);
    return node;
}

int wkv_tree_add(wkv_tree *t, int parent, const wkv_node *about, const wkv_session *s)
{
    REQUIRE(t, "the tree");
    REQUIRE(about, "the description of the node");
    REQUIRE(s, "the session");
    REQUIRE(t->context, "the model of the tree");
    int err = check_parent(t, parent);
    if (err) return err;
    if (about->role != WKV_ROLE_TEXT && about->role != WKV_ROLE_USER && about->role != WKV_ROLE_ASSISTANT)
        return fail(WKV_EARG, "role %d, expected that of a text, a user or an assistant", (int)about->role);
    if (s->model != context_model(t->context)) return fail(WKV_EARG, "the session is of another model than the tree");
    if (!continues(t, parent, s)) return fail(WKV_EARG, "the session does not continue node %d", parent);
    const int from = total_of(t, parent);
    wkv_node node = {.role = about->role,
                     .parent = parent,
                     .text = about->text,
                     .ids = s->ids ? s->ids + from : NULL,
                     .n = s->n - from,
                     .total = s->n,
                     .origin = s->origin,
                     .seed = s->random.seed,
                     .draws = s->random.n,
                     .read = s->read,
                     .created = time(NULL)};
    if ((err = id_new(node.id, "msg"))) return err;
    tree_node *n = append(t, &node);
    if (!n) return WKV_ENOMEM;
    if ((err = session_copy_state(&n->state, &n->hidden, s))) {
        release(n);
        return err;
    }
    return arrive(t, parent);
}

static int check_parts(const wkv_tree *t, const int *nodes, const wkv_session *const *sessions, int n)
{
    if (n < 1 || !nodes || !sessions) return fail(WKV_EARG, "a mix of %d nodes", n);
    for (int i = 0; i < n; i++) {
        if (!tree_at(t, nodes[i]))
            return fail(WKV_EARG, "node %d does not exist; the conversation has %d", nodes[i], t->n);
        REQUIRE(sessions[i], "a session");
        if (sessions[i]->read < sessions[i]->n)
            return fail(WKV_EARG, "%d ids of node %d are not read yet", sessions[i]->n - sessions[i]->read, nodes[i]);
    }
    return 0;
}

int wkv_tree_mix(wkv_tree *t, const int *nodes, const wkv_session *const *sessions, const float *weights, int n)
{
    REQUIRE(t, "the tree");
    REQUIRE(t->context, "the model of the tree");
    int err = check_parts(t, nodes, sessions, n);
    const wkv_state **states = err ? NULL : malloc(sizeof *states * (size_t)n);
    float *equal = err ? NULL : malloc(sizeof *equal * (size_t)n);
    wkv_state *mean = NULL;
    if (!err && (!states || !equal)) err = fail(WKV_ENOMEM, "no memory for a mix of %d nodes", n);
    for (int i = 0; i < n && !err; i++) states[i] = sessions[i]->state, equal[i] = 1;
    wkv_node node = {.role = WKV_ROLE_MIX,
                     .parent = WKV_NOWHERE,
                     .parts = nodes,
                     .weights = weights ? weights : equal,
                     .n_parts = n,
                     .created = time(NULL)};
    if (!err) err = wkv_state_new(&mean, context_model(t->context));
    if (!err) err = wkv_state_mix(mean, states, weights, n);
    if (!err) err = id_new(node.id, "msg");
    tree_node *added = err ? NULL : append(t, &node);
    if (added) {
        added->state = mean;
        arrive(t, WKV_NOWHERE);
    } else {
        wkv_state_free(mean);
        if (!err) err = WKV_ENOMEM;
    }
    free(equal);
    free(states);
    return err ? err : t->head;
}

int tree_restore(wkv_tree *t, const wkv_node *node, const tree_place *where)
{
    int err = check_parent(t, node->parent);
    for (int i = 0; i < node->n_parts && !err; i++) err = check_parent(t, node->parts[i]);
    if (err) return err;
    tree_node *n = append(t, node);
    if (!n) return WKV_ENOMEM;
    if (where->path && (err = tree_take_place(&n->place, where))) {
        release(n);
        return err;
    }
    t->n++;
    return 0;
}

/* ---- head and names ---------------------------------------------------------------------------------------------- */

int wkv_tree_head(const wkv_tree *t) { return t ? t->head : WKV_NOWHERE; }

int wkv_tree_go(wkv_tree *t, int node)
{
    REQUIRE(t, "the tree");
    const int err = check_parent(t, node);
    if (err || node == t->head) return err;
    t->head = node;
    t->changed = 1;
    return 0;
}

static int find_mark(const wkv_tree *t, const char *name)
{
    int i = 0;
    while (i < t->n_marks && strcmp(t->marks[i].name, name)) i++;
    return i;
}

static int check_name(const char *name)
{
    const size_t n = strlen(name);
    const int wrong = !n || n > 64 || (*name >= '0' && *name <= '9') || strchr(name, ' ') || utf8_check(name, n) < n ||
                      utf8_control(name, n) < n;
    if (!wrong) return 0;
    return fail(WKV_EARG, "'%.80s' is no name of a node: 1 to 64 bytes without blanks, not beginning with a digit",
                name);
}

static int name_node(wkv_tree *t, const char *name, int node, int follows)
{
    int err = check_name(name);
    if (!err) err = check_parent(t, node);
    if (err) return err;
    const int i = find_mark(t, name);
    t->changed = 1;
    if (node == WKV_NOWHERE) {
        if (i == t->n_marks) return 0;
        free(t->marks[i].name);
        t->n_marks--;
        memmove(t->marks + i, t->marks + i + 1, sizeof *t->marks * (size_t)(t->n_marks - i));
        return 0;
    }
    if (i == t->cap_marks) {
        const int cap = 2 * t->cap_marks + 4;
        tree_mark *marks = realloc(t->marks, sizeof *marks * (size_t)cap);
        if (!marks) return fail(WKV_ENOMEM, "no memory for %d names", cap);
        t->marks = marks, t->cap_marks = cap;
    }
    if (i == t->n_marks) {
        char *copy = strdup(name);
        if (!copy) return fail(WKV_ENOMEM, "no memory for a name");
        t->marks[t->n_marks++].name = copy;
    }
    t->marks[i].node = node;
    t->marks[i].follows = follows;
    t->marks[i].changed = 1;
    return 0;
}

int wkv_tree_mark(wkv_tree *t, const char *name, int node)
{
    REQUIRE(t, "the tree");
    REQUIRE(name, "the name");
    return name_node(t, name, node, 0);
}

int wkv_tree_branch(wkv_tree *t, const char *name, int node)
{
    REQUIRE(t, "the tree");
    REQUIRE(name, "the name");
    return name_node(t, name, node, 1);
}

void tree_set_saved(wkv_tree *t)
{
    t->changed = 0;
    for (int i = 0; i < t->n_marks; i++) t->marks[i].changed = 0;
}

int wkv_tree_find(const wkv_tree *t, const char *name)
{
    if (!t || !name) return -2;
    const int mark = find_mark(t, name);
    if (mark < t->n_marks) return t->marks[mark].node;
    for (int i = 0; i < t->n; i++)
        if (!strcmp(t->nodes[i].about.id, name)) return i;
    return -2;
}

const char *wkv_tree_name(const wkv_tree *t, int i, int *node, int *branch)
{
    if (!t || i < 0 || i >= t->n_marks) return NULL;
    if (node) *node = t->marks[i].node;
    if (branch) *branch = t->marks[i].follows;
    return t->marks[i].name;
}
