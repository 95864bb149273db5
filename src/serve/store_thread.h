/* store_thread.h - the thread that works with the stores of sessions (wkv_store.h), so that no engine waits for a disk
 * or a lock.
 *
 * A job comes from its engine, whose work returns JOB_STORES, and goes back to it; or from a handler, when it needs no
 * model, and ends here. */
#ifndef WKV_SERVE_STORE_THREAD_H
#define WKV_SERVE_STORE_THREAD_H

#include "engine.h"

/* Begin the thread. Returns 0, or 1 after an error message. */
int store_thread_begin(server *s);
/* Do the jobs that were given, and end the thread; later jobs are refused. */
void store_thread_end(server *s);
void store_thread_free(server *s); /* when no handler runs any more */

/* From an engine, whose queue is bounded. */
void store_thread_give(job *j);
/* From a handler. The job belongs to the thread from here on; with -1 it still belongs to the caller. 429: too many
 * wait; 503: the server is shutting down. */
int store_thread_ask(job *j, problem *p);

int store_thread_jobs(server *s); /* at work or waiting */

#endif
