/* session.h - the parts of `wkv session`. Each returns the exit status. */
#ifndef WKV_CLI_SESSION_H
#define WKV_CLI_SESSION_H

#include "wkv_store.h"
#include <jansson.h>

/* A time as "2026-08-05 09:30" in the zone of the host. */
const char *session_time(char out[24], int64_t seconds);
/* The name of a session, or the beginning of its id. */
const char *session_name(char out[68], const wkv_store_session *x);
/* A description as JSON; texts that are not UTF-8 have U+FFFD in place of their invalid bytes. */
json_t *session_json(const wkv_store_session *x);
/* Print a value as JSON, and release it. */
int session_put_json(json_t *value);

/* Describe a session, and print its messages from the beginning to the head. */
int session_show(wkv_store *s, const wkv_store_session *x, int as_json);

/* Write the messages to a file (NULL: standard output): as Markdown to the head, or all of them as JSON. */
int session_export(wkv_store *s, const wkv_store_session *x, int as_json, const char *path);

#endif
