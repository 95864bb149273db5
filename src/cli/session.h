/* session.h - the parts of `wkv session`. Each returns the exit status. */
#ifndef WKV_CLI_SESSION_H
#define WKV_CLI_SESSION_H

#include "wkv_store.h"

/* Describe a session, and print its messages from the beginning to the head. */
int session_show(wkv_store *s, const wkv_store_session *x);

/* Write the messages to a file (NULL: standard output). */
int session_export(wkv_store *s, const wkv_store_session *x, wkv_export_format format, const char *path);

#endif
