/* template.h - turns of texts that may contain zero bytes; wkv.h has the versions for strings. */
#ifndef WKV_TEXT_TEMPLATE_H
#define WKV_TEXT_TEMPLATE_H

#include "wkv.h"

typedef struct {
    const char *at; /* NULL: none */
    size_t n;
} stretch;

/* The marks around a tool call. */
#define CALL_FENCE "```json"
#define CALL_END "\n```"

/* The beginning of an answer that a turn ends with: none, "<think", or "<think></think". */
typedef enum { OPENING_NONE, OPENING_THOUGHT, OPENING_CLOSED } template_opening;
template_opening template_opening_of(const wkv_template *t, wkv_think think);

size_t template_turn(const wkv_template *t, int first, stretch system, stretch user, wkv_think think, char *out,
                     size_t cap);
/* The text as in a turn: without surrounding blanks, with "\r\n" as "\n", and one newline for several. */
size_t template_clean(stretch text, char *out, size_t cap);
size_t template_reply(const wkv_template *t, stretch text, char *out, size_t cap);

#endif
