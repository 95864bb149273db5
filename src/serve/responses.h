/* responses.h - the objects of /v1/responses, for responses.c. */
#ifndef WKV_SERVE_RESPONSES_H
#define WKV_SERVE_RESPONSES_H

#include "answers.h"

/* The name under which a body keeps the items of the response that it goes on from. */
extern const char responses_earlier[];

const char *responses_status(const answers *a); /* "completed", or "incomplete": a limit has cut the answer */
/* A response with these items, which are JSON objects with commas between them. In progress it has no usage. */
void responses_put(out *o, const answers *a, const char *status, const out *items);
/* An item of an answer, and its number there. In progress it is empty. */
void responses_put_item(out *o, const answers *a, const choice *c, item kind, int number, const char *status);
void responses_put_part(out *o, item kind, const out *text); /* the content of thoughts and messages */
void responses_item_id(char id[64], const answers *a, item kind, int number);
int responses_thought(const answers *a); /* tokens of thoughts */
/* The conversation up to the answer with these items: {"items": [...]}. */
void responses_put_history(out *o, const answers *a, const out *items);

#endif
