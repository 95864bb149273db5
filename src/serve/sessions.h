/* sessions.h - work on a session of the store, for sessions.c and its operations. */
#ifndef WKV_SERVE_SESSIONS_H
#define WKV_SERVE_SESSIONS_H

#include "kept.h"

enum { MIX_PARTS = 64 };
typedef enum { LIST, CREATE, SHOW, EXPORT, DELETE_ONE, UNDO, BRANCH, MIX } operation;

typedef struct {
    job j;
    operation what;
    char name[80]; /* of the path */
    wkv_export_format format;
    json_t *body;
    const char *model;
    const engine *e; /* CREATE, MIX; NULL: the session is read without its model */
    wkv_store *store;
    wkv_store_session session;
    wkv_tree *tree;
    /* MIX: the messages, and their sessions, which the engine reads to their ends */
    wkv_session *parts[MIX_PARTS];
    int nodes[MIX_PARTS], n_parts;
    float weights[MIX_PARTS];
    int reads, mixed, replied;
} session_work;

/* In the thread of the store; the response is appended to o, unless the operation goes on. 0, or -1 with the problem. */
int session_operate(session_work *w, out *o, problem *p);
/* The tree is saved, and the session shown. */
int session_save(session_work *w, out *o, problem *p);

/* MIX, in the engine's thread. */
int session_read_parts(const session_work *w, const engine *e, problem *p); /* begin to */
int session_parts_are_read(const session_work *w);
int session_mix(session_work *w, problem *p);

#endif
