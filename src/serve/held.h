/* held.h - states that the client holds: base64 of a state file with a code that only servers with its key can write.
 *
 *     8 bytes "wkvheld1", 8 bytes seconds since 1970 (little-endian), 32 bytes code,
 *     then the state file (docs/states.md)
 *
 * The code is HMAC-SHA-256 over the first 16 bytes, the tenant and the file, which has lineage, weights, arithmetic and
 * ids in it. It is checked before anything of the file is read. */
#ifndef WKV_SERVE_HELD_H
#define WKV_SERVE_HELD_H

#include "engine.h"

/* The server's keys, from --secret-file, or from the file `secret` of the store's folder, which is made when there is
 * none: one or two lines of 64 hexadecimal digits; the first signs, both verify. Returns 0, or 1 after an error
 * message. */
int held_open(server *s);

/* Append the state of a session in quotes. Returns 0, or -1 with the problem. */
int held_put(out *o, const engine *e, const char *tenant, const wkv_session *s, problem *p);
/* The session of such a text. Returns 0, or -1 with the problem: 400. */
int held_take(wkv_session **s, const engine *e, const char *tenant, const char *text, size_t bytes, problem *p);

#endif
