/* kept.h - an answer in a session of the store (wkv_store.h): where it goes on, and its messages.
 *
 * The thread of the store loads and saves, the engine reads and answers in between. */
#ifndef WKV_SERVE_KEPT_H
#define WKV_SERVE_KEPT_H

#include "answers.h"
#include "wkv_store.h"

/* The store of a client's tenant, opened anew. Returns 0, or -1 with the problem. */
int kept_store(wkv_store **store, exchange *x, problem *p);
/* A session by its id or name. 404 */
int kept_find(wkv_store_session *session, wkv_store *store, const char *name, problem *p);
/* 409: the head is not the message that the client knows. */
int kept_check_head(const wkv_store_session *session, const char *known, problem *p);

typedef struct kept kept;

/* The turn of a request. NULL: no memory. */
kept *kept_new(answers *a);
void kept_leave(kept *k); /* it is not under way any more: before the reply */
void kept_end(kept *k);
/* The problem of loading or saving, NULL: none. */
const problem *kept_problem(const kept *k);

/* Store: find the session, the message from which the turn goes on, and the state after it. 1: it waits for another turn
 * (running.h). */
int kept_load(kept *k);
/* Engine: the session of the turn, at the end of its question, to be read. */
int kept_begin(kept *k, wkv_session **s, problem *p);
int kept_asked(kept *k, const wkv_session *s, problem *p); /* the question is read: it is a message */
int kept_answered(kept *k, const wkv_session *s, const out *text, problem *p); /* the answer is complete */
/* Store: the turn is on the disk, and not under way any more. 409: another process has moved the head meanwhile; the
 * answer is a branch. */
void kept_save(kept *k);

const char *kept_message(const kept *k); /* the id of the answer */
const char *kept_session(const kept *k);

#endif
