/* running.h - turns of sessions that are under way: a second one on the same session would generate its answer in vain,
 * since only one of them can move the head. Turns with "branch" leave the head to the others, and are not listed. */
#ifndef WKV_SERVE_RUNNING_H
#define WKV_SERVE_RUNNING_H

#include "engine.h"
#include "wkv_store.h"

/* A turn; zero: not entered. */
struct running {
    running *next;
    job *j;
    const char *answer; /* its id                                                */
    char session[32], head[32];
    job *waiting; /* turns that begin when this one has ended                    */
};

/* Enter a turn of a session for its job. 1: the client of another turn leaves, and the job waits for its end: it is
 * given to the thread of the store again. -1: 409, another turn is under way. */
int running_enter(running *r, job *j, const char *answer, const wkv_store_session *session, problem *p);
void running_leave(running *r);
/* 409: a turn of the session is under way, whose answer would lose its place when the head moves. */
int running_check(server *s, const wkv_store_session *session, problem *p);

#endif
