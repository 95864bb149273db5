/* tree.h - the struct behind wkv_tree, and the part of its interface that the store uses. */
#ifndef WKV_SESSION_TREE_H
#define WKV_SESSION_TREE_H

#include "session/session.h"
#include "wkv_state.h"
#include "wkv_tree.h"

/* Where states are kept that are not files: a store in a database. Nodes share it, and the last user releases it. */
typedef struct state_source {
    int (*open)(wkv_state_file **out, struct state_source *from, const char *path);
    void (*release)(struct state_source *from);
    int users;
} state_source;

void state_source_leave(state_source *from); /* NULL: nothing */

/* Where the state of a node is kept. */
typedef struct {
    char *path;           /* of its file, or its name in the source; NULL: it is not kept */
    state_source *source; /* NULL: it is a file                                           */
} tree_place;

/* A node of the tree. Its state is in memory, kept somewhere, both or neither. */
typedef struct {
    wkv_node about; /* owns text, ids, parts, weights and origin */
    wkv_state *state;
    float *hidden; /* of the last id read; NULL: not known        */
    tree_place place;
} tree_node;

typedef struct {
    char *name;
    int node;
    int follows; /* a branch: it moves with the head while that is its node */
    int changed; /* since the tree was loaded or saved                      */
} tree_mark;

struct wkv_tree {
    wkv_context *context;
    const wkv_tokenizer *tokenizer;
    tree_node *nodes;
    int n, cap, head;
    tree_mark *marks;
    int n_marks, cap_marks;
    size_t limit;
    int changed; /* nodes, head or names, since the tree was loaded or saved */
};

/* wkv_tree_new; context and tokenizer NULL: a tree without a model, of which only head and names change. */
int tree_new(wkv_tree **out, wkv_context *c, const wkv_tokenizer *t);

/* Append a node that was stored, and the place of its state, which is read when a session of the node is asked for. The
 * head stays. WKV_EARG: a parent or a part that does not exist; WKV_ENOMEM. */
int tree_restore(wkv_tree *t, const wkv_node *node, const tree_place *where);

/* Write the state of a node to `path` as wkv_session_save does. */
int tree_save_state(wkv_tree *t, int node, const char *template_name, const char *path);
int tree_save_state_memory(char **out, size_t *bytes, wkv_tree *t, int node, const char *template_name);
/* The place of the node's state from now on. WKV_ENOMEM. */
int tree_set_place(wkv_tree *t, int node, const tree_place *where);

void tree_set_saved(wkv_tree *t); /* all that it has is in the store */

/* ---- inside the tree --------------------------------------------------------------------------------------------- */

tree_node *tree_at(const wkv_tree *t, int node); /* NULL: no such node */
/* The nearest node with a state, from this one up; WKV_NOWHERE: the initial state; -2: a mix without its state. */
int tree_nearest(const wkv_tree *t, int node);
/* Share a place, and leave it. WKV_ENOMEM. */
int tree_take_place(tree_place *out, const tree_place *where);
void tree_leave_place(tree_place *where);
/* Read the state that is kept there. Fails as wkv_state_file_open. */
int tree_open_place(wkv_state_file **f, const tree_place *where);
void tree_thin(wkv_tree *t); /* drop states beyond the limit */

#endif
