/* guard.h - who may ask: the names in Host, origins of web pages, keys. */
#ifndef WKV_SERVE_GUARD_H
#define WKV_SERVE_GUARD_H

#include "problem.h"
#include "server.h"

struct MHD_Response;

/* Read the server's keys: their digests. Returns 0, or 1 after an error message. */
int guard_open(server *s);

/* Host, origin and key of a request, and its tenant. Returns 0, or -1 with a problem: 400, 401, 403. */
int guard_check(exchange *x, problem *p);

/* The headers of CORS, for an origin that is allowed. */
void guard_add_headers(exchange *x, struct MHD_Response *r);

/* A name is in the list that needs no DNS, or a number: a page of another site cannot have it (DNS rebinding). */
int guard_knows_host(const char *host, const char *own, const char *const *names, int n);
int guard_is_loopback(const char *host);

#endif
