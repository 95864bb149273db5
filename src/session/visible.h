/* visible.h - the text of an answer that its renderings have in common. */
#ifndef WKV_SESSION_VISIBLE_H
#define WKV_SESSION_VISIBLE_H

#include <stddef.h>

/* The part of an answer that two renderings of it have in common: its text without surrounding blanks and blank
 * lines, a tool call as JSON with sorted keys and without blanks; reasoning is left out. prompt: the last bytes
 * before it, which may begin reasoning or a call. The caller frees it. WKV_ENOMEM */
int visible_text(char **out, size_t *n, const char *prompt, const char *text, size_t bytes);

#endif
