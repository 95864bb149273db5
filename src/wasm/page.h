/* page.h - the server inside a page: the handlers of src/serve, requests and responses as messages of a worker (web/),
 * one model, one thread.
 *
 * The worker's script calls the functions that main.c exports, and gets responses through those of library.js. */
#ifndef WKV_WASM_PAGE_H
#define WKV_WASM_PAGE_H

#include "serve/server.h"

/* The exchange of a request of the page, which has this number. NULL: no memory. The caller owns it. */
exchange *page_exchange(server *s, int number, const char *method, const char *path, const char *body);
/* The page does not wait for the response any more. */
void page_leave(server *s, int number);

/* Open a model; path NULL: the built-in one. Returns 0, or -1 with the reason. */
int page_open(server *s, const char *path, const char *name, problem *p);
/* Refuse the jobs that are left, and close the model. */
void page_close(void);
/* Work on the jobs that were given, up to the end of the next step. Returns the number of jobs that are left. */
int page_work(server *s);

/* library.js: a whole response; the headers of a stream, its parts and its end. */
void page_reply(int number, int status, const char *type, const char *text, size_t bytes);
void page_begin(int number, int status, const char *type);
void page_send(int number, const char *text, size_t bytes);
void page_end(int number);

#endif
