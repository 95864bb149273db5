/* store.h - the struct behind wkv_store, and the seam between what a store does (store_*.c) and where it keeps it: a
 * folder with an SQLite database (sqlite_*.c), or Redis (redis_*.c). */
#ifndef WKV_SESSION_STORE_H
#define WKV_SESSION_STORE_H

#include "format/tensors.h"
#include "session/identity.h"
#include "session/tree.h"
#include "wkv_store.h"

enum { STORE_PATH = 4096 };

typedef struct store_kind store_kind;

/* The first member of each kind's own struct. */
struct wkv_store {
    const store_kind *kind;
    char *place; /* in messages: the path of the database, the address of the server */
};

/* ---- records ----------------------------------------------------------------------------------------------------- */

/* A session, and the model that it is of. */
typedef struct {
    int64_t key; /* the kind's own */
    wkv_store_session about;
    char lineage[DIGEST_TEXT], sizes[SIZES_TEXT];
} store_record;

/* A message. Its ids are int32, little-endian. */
typedef struct {
    const char *id, *parent; /* parent "": the beginning   */
    const char *text, *origin;
    const char *state; /* SHA-256 of its state; "": none */
    const void *ids;
    int id_bytes, role, read;
    int64_t created;
    uint64_t seed, draws;
} store_message;

/* SHA-256 sums of states. */
typedef struct {
    char (*sha)[DIGEST_TEXT];
    int n, cap;
} sha_list;
int sha_is_one(const char *text);
int sha_read(char sha[DIGEST_TEXT], const tensors *t); /* of a state file. WKV_EFORMAT */
int sha_append(sha_list *l, const char *sha);          /* WKV_ENOMEM; what is no SHA-256 is left out */

/* ---- messages of a session: store_read.c ------------------------------------------------------------------------- */

/* A stored node, and all else that a tree needs to continue from it. */
typedef struct {
    wkv_node about;          /* owns its texts and lists            */
    char state[DIGEST_TEXT]; /* SHA-256 of its state, "": none      */
} store_node;

typedef struct {
    char *name;
    int node, branch;
} store_mark;

typedef struct {
    store_record record;
    store_node *nodes;
    store_mark *marks;
    int n, cap, n_marks, cap_marks;
    int head;
} store_content;

/* Read a session. WKV_EARG: it does not exist; WKV_EFORMAT: records that do not agree. Release in either case. */
int store_read(store_content *x, wkv_store *s, const wkv_store_session *session);
void store_release(store_content *x);

/* For a kind's `read`: the next message, whose parent was before it; a part of a mix, in their order; a name. Texts are
 * copied. WKV_EFORMAT, WKV_ENOMEM. */
int store_take_message(store_content *x, const wkv_store *s, const store_message *m);
int store_take_part(store_content *x, const wkv_store *s, const char *mix, const char *part, float weight);
int store_take_name(store_content *x, const wkv_store *s, const char *name, const char *node, int branch);

/* ---- the seam ---------------------------------------------------------------------------------------------------- */

/* Another process has changed what this transaction has read: it is to be repeated. */
enum { STORE_AGAIN = -100 };

/* The functions of a kind. Each returns 0 or a code of wkv.h, or as it says. Between begin and end, reads come before
 * writes, and the writes are done together or not at all. */
struct store_kind {
    void (*close)(wkv_store *s);

    int (*begin)(wkv_store *s, int writes);
    /* Commit if err is 0, else roll back and return err. STORE_AGAIN; it may also come after a commit whose reply was
     * lost, so that a transaction which is repeated finds its own writes. */
    int (*end)(wkv_store *s, int err);

    /* Sessions: by id and by name, 1 or 0: there is none; all of them, the one changed last first, until take fails. */
    int (*get)(store_record *out, wkv_store *s, const char *id);
    int (*get_named)(store_record *out, wkv_store *s, const char *name);
    int (*each)(wkv_store *s, int (*take)(void *to, const store_record *r), void *to);
    int (*insert)(wkv_store *s, const store_record *r);
    int (*update)(wkv_store *s, const store_record *r); /* numbers, times, head, preview */
    int (*erase)(wkv_store *s, const store_record *r);  /* with its messages and names  */

    /* Messages and names of a session. */
    int (*read)(store_content *x, wkv_store *s); /* of x->record, with store_take_... */
    int (*has_message)(wkv_store *s, const store_record *r, const char *id);
    int (*insert_message)(wkv_store *s, const store_record *r, const store_message *m);
    int (*insert_part)(wkv_store *s, const store_record *r, const char *mix, int nth, const char *part, float weight);
    int (*clear_names)(wkv_store *s, const store_record *r);
    int (*put_name)(wkv_store *s, const store_record *r, const wkv_store_name *name, const char *node, int replaces);

    /* States by SHA-256: 1 or 0 where it is a question. */
    int (*write_state)(char sha[DIGEST_TEXT], int64_t *bytes, wkv_store *s, wkv_tree *t, int node,
                       const char *template_name);
    int (*find_state)(tree_place *out, wkv_store *s, const char *sha); /* out->path is to be freed */
    int (*has_state)(wkv_store *s, const char *sha);
    int (*is_used)(wkv_store *s, const char *sha);
    int (*remove_state)(wkv_store *s, const char *sha, int64_t *freed); /* *freed grows */
    int (*list_states)(sha_list *l, wkv_store *s, const store_record *r);
    /* Those that no message refers to, written before a time; unfinished ones are removed at once. */
    int (*list_unused)(sha_list *l, wkv_store *s, int64_t before, int64_t *freed);
};

int sqlite_open(wkv_store **out, const char *folder, const wkv_store_options *o);
int redis_open(wkv_store **out, const char *url, const wkv_store_options *o);

/* Do `body` in a transaction, again as long as other processes come in between. */
int store_transact(wkv_store *s, int writes, int (*body)(wkv_store *s, void *x), void *x);

/* The record of a session. WKV_EARG: it does not exist. */
int store_find_record(store_record *out, wkv_store *s, const wkv_store_session *session);
/* Remove those of the states to which no message refers; *freed grows by their bytes. */
int store_remove_unused(wkv_store *s, const sha_list *l, int64_t *freed);

#endif
