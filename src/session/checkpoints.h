/* checkpoints.h - a radix tree of token ids, with states at some of its nodes.
 *
 *     root -- 1,500 ids of a system text --+-- 40 ids of a question -- 200 of an answer
 *                                          +-- 35 ids of another one
 *
 * A path from the root spells the ids that a state has read. Ids are compared, never hashes of them. A node without a
 * state in memory or on disk only joins others, and disappears with them. */
#ifndef WKV_SESSION_CHECKPOINTS_H
#define WKV_SESSION_CHECKPOINTS_H

#include "session/digest.h"
#include "session/session.h"

/* An answer that was sampled after the ids of a node. */
typedef struct sampled_answer sampled_answer;
struct sampled_answer {
    sampled_answer *next; /* older */
    int n;
    int32_t ids[];
};

typedef struct checkpoint checkpoint;
struct checkpoint {
    checkpoint *parent, *child, *next; /* child: the first; next: sibling                           */
    int32_t *ids;                      /* [n] those behind the parent's                              */
    int n, length;                     /* length: ids from the root to here                          */
    checkpoint_kind kind;
    wkv_state *state; /* after `length` ids; NULL: not in memory                    */
    float *hidden;    /* [C] the row of the last id                                 */
    int32_t *tail;    /* [n_tail] ids of an answer's end that the state has not read */
    int n_tail;
    char *segments;          /* of all ids, as in wkv_state_info           */
    char file[DIGEST_TEXT];  /* its name in the folder; "": none           */
    int on_disk;             /* it is to be written                        */
    sampled_answer *answers; /* the latest first                           */
    uint64_t used;           /* the latest use, by the cache's clock       */
};

/* The deepest node with a state, in memory or on disk, with the beginning of the n ids; NULL: none. *common: so many of
 * the ids are spelled by the tree. */
checkpoint *checkpoints_find(checkpoint *root, const int32_t *ids, int n, int *common);

/* The node of exactly these ids; NULL: none. */
checkpoint *checkpoints_at(checkpoint *root, const int32_t *ids, int n);

/* The same, made if there is none: then the caller gives it a state or a file, or prunes it. NULL, with an error: no
 * memory. */
checkpoint *checkpoints_put(checkpoint *root, const int32_t *ids, int n);

/* Keep the ids from .. end - 1 as an answer that follows the ids before them, as the latest one. Returns 1, 0 if it was
 * there before, or WKV_ENOMEM. The tree has a state behind `from`, so that the answer stays. */
int checkpoints_add_answer(checkpoint *root, const int32_t *ids, int from, int end);

/* Copy the ids of a node, then its tail. */
void checkpoints_ids(const checkpoint *c, int32_t *out);

/* Drop its state in memory. The file and the node stay. */
void checkpoints_forget(checkpoint *c);

/* Remove the node, and its parents, as far as they have neither state nor file nor children; c is then invalid. */
void checkpoints_prune(checkpoint *c);

/* The node after c in a walk over all of them, parents first; NULL: the last. The root is the first. */
checkpoint *checkpoints_next(const checkpoint *c);

/* Bytes of the node, without those of other nodes. */
size_t checkpoints_bytes(const checkpoint *c);

void checkpoints_release(checkpoint *root); /* all but the root itself */

#endif
