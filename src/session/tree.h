/* tree.h - the struct behind wkv_tree, and the part of its interface that the store uses. */
#ifndef WKV_SESSION_TREE_H
#define WKV_SESSION_TREE_H

#include "session/session.h"
#include "wkv_tree.h"

/* A node of the tree. Its state is in memory, in a file, in both or in neither. */
typedef struct {
    wkv_node about; /* owns text, ids, parts, weights and origin */
    wkv_state *state;
    float *hidden; /* of the last id read; NULL: not known        */
    char *path;    /* of its state file; NULL: none               */
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

/* Append a node that was stored, and the path of its state file (NULL: none), which is read when a session of the node
 * is asked for. The head stays. WKV_EARG: a parent or a part that does not exist; WKV_ENOMEM. */
int tree_restore(wkv_tree *t, const wkv_node *node, const char *state_path);

/* Write the state of a node to `path` as wkv_session_save does. */
int tree_save_state(wkv_tree *t, int node, const char *template_name, const char *path);
/* The node's state file from now on. WKV_ENOMEM. */
int tree_set_path(wkv_tree *t, int node, const char *path);

void tree_set_saved(wkv_tree *t); /* all that it has is in the store */

/* ---- inside the tree --------------------------------------------------------------------------------------------- */

tree_node *tree_at(const wkv_tree *t, int node); /* NULL: no such node */
/* The nearest node with a state, from this one up; WKV_NOWHERE: the initial state; -2: a mix without its state. */
int tree_nearest(const wkv_tree *t, int node);
void tree_thin(wkv_tree *t); /* drop states beyond the limit */

#endif
