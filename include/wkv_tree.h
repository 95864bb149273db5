/* wkv_tree.h - a conversation as a tree of messages: every message is a node with the state after it.
 *
 *     wkv_tree *t;  wkv_session *s;
 *     wkv_tree_new(&t, context, tokenizer);
 *     wkv_tree_session(&s, t, WKV_NOWHERE);                     // the initial state
 *     wkv_session_append_text(s, turn, bytes);  ...             // read and answer (wkv_session.h)
 *     int asked = wkv_tree_add(t, WKV_NOWHERE, &(wkv_node){.role = WKV_ROLE_USER, .text = "hi"}, s);
 *
 * A node is never changed. Going back is taking the session of an earlier node, which reads nothing again; another
 * answer or another question is a new child of its parent. The head is the node at which the conversation goes on, and
 * marks are names of nodes.
 *
 * States take memory: past a limit the tree drops those that are quickest to rebuild, and a node without a state is
 * rebuilt from the nearest one above it by reading the ids in between, with the same bits. wkv_store.h keeps trees in
 * files.
 *
 * Conventions are those of wkv.h. Nodes are numbers from 0, in the order in which they were added. */
#ifndef WKV_TREE_H
#define WKV_TREE_H

#include "wkv_session.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wkv_tree wkv_tree;

enum { WKV_NOWHERE = -1 /* the place before any text: parent of a first node, head of an empty tree */ };

typedef enum {
    WKV_ROLE_TEXT,      /* an opening, a system text, a document, the text of a state file */
    WKV_ROLE_USER,      /* a question, up to the beginning of its answer                    */
    WKV_ROLE_ASSISTANT, /* an answer and its ending                                         */
    WKV_ROLE_MIX        /* a weighted mean of other nodes' states, without a text           */
} wkv_role;

typedef struct {
    char id[32]; /* "msg_" and 26 characters of 128 random bits */
    wkv_role role;
    int parent;         /* WKV_NOWHERE: none */
    const char *text;   /* as a person reads it: the question, the answer */
    const int32_t *ids; /* of its segments */
    int n;
    int total;        /* ids from the first node above it (or its mix) to its end */
    int read;         /* so many of them its state has read */
    const int *parts; /* MIX: the nodes that were mixed, and their weights */
    const float *weights;
    int n_parts;
    const char *origin;   /* "": reading the ids gives its state; else the words of wkv_state_info.origin */
    uint64_t seed, draws; /* of the random numbers of its answers, as in wkv_state_info */
    int64_t created;      /* seconds since 1970 */
    int stored;           /* not 0: its state is in memory or in a file; 0: it is rebuilt */
} wkv_node;

/* An empty tree. Context and tokenizer must outlive it; it computes nothing with the context, only compares state files
 * with it. */
WKV_API int wkv_tree_new(wkv_tree **out, wkv_context *c, const wkv_tokenizer *t);
WKV_API void wkv_tree_free(wkv_tree *t);

/* Bytes of states in memory at most, beside that of the head; 0, the beginning: a quarter of the memory available when
 * the tree was made. */
WKV_API void wkv_tree_limit(wkv_tree *t, size_t bytes);

WKV_API int wkv_tree_count(const wkv_tree *t);
WKV_API const wkv_node *wkv_tree_node(const wkv_tree *t,
                                      int node); /* borrowed until the next node; NULL: no such node */

/* Append the node that s has become since it left `parent`: its ids beyond the parent's, and a copy of its state. Of
 * `about` role and text are taken. The head moves to it. Returns its number. WKV_EARG: s does not continue the parent;
 * WKV_ENOMEM. */
WKV_API int wkv_tree_add(wkv_tree *t, int parent, const wkv_node *about, const wkv_session *s);

/* Append a node with the mean of the states of others, all of them read to their ends (wkv_tree_session, then the
 * batcher); weights NULL: equal. The head moves to it. Returns its number. Fails as wkv_state_mix. */
WKV_API int wkv_tree_mix(wkv_tree *t, const int *nodes, const wkv_session *const *sessions, const float *weights,
                         int n);

/* A session at the end of a node. Ids that its state has not read are read by the batcher with those appended. A
 * state file that is damaged or of another model is not used. WKV_EUNSUPPORTED: a mix without its state: mix its
 * parts again; WKV_ENOMEM. */
WKV_API int wkv_tree_session(wkv_session **out, wkv_tree *t, int node);

WKV_API int wkv_tree_head(const wkv_tree *t);   /* WKV_NOWHERE: before any text */
WKV_API int wkv_tree_go(wkv_tree *t, int node); /* move the head; WKV_EARG: no such node */

/* Name a node; a name moves to a new node, and with WKV_NOWHERE it is removed. Names have 1 to 64 bytes without blanks
 * and do not begin with a digit. WKV_EARG, WKV_ENOMEM. */
WKV_API int wkv_tree_mark(wkv_tree *t, const char *name, int node);
/* The same as a branch: while the conversation goes on from the head, the name moves with it. */
WKV_API int wkv_tree_branch(wkv_tree *t, const char *name, int node);
/* The node of a name or an id; -2: there is none. */
WKV_API int wkv_tree_find(const wkv_tree *t, const char *name);
/* The i-th name, its node, and whether it is a branch; NULL past the last. Borrowed until the next mark. */
WKV_API const char *wkv_tree_name(const wkv_tree *t, int i, int *node, int *branch);

#ifdef __cplusplus
}
#endif
#endif
