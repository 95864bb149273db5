/* responses_kept.h - responses of /v1/responses, kept in memory: a later request goes on from one by its id. The oldest
 * leave when the table is full; a server that begins has none. */
#ifndef WKV_SERVE_RESPONSES_KEPT_H
#define WKV_SERVE_RESPONSES_KEPT_H

#include "out.h"

typedef struct server server;

typedef enum { KEPT_ITEMS, KEPT_RESPONSE } kept_part;

/* Keep the items of a conversation up to the response, and the response, both as JSON. The texts move to the table, or
 * are released: the items are longer than a body may be, or there is no memory. */
void responses_keep(server *s, const char *tenant, const char *id, out *items, out *response);
/* Append a part of a response. 0: there is none of this id. */
int responses_find(server *s, const char *tenant, const char *id, kept_part part, out *to);
int responses_forget(server *s, const char *tenant, const char *id);
void responses_free(server *s);

#endif
