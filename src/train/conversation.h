/* conversation.h - a line of a .jsonl as what a model reads and what it is to say. */
#ifndef WKV_TRAIN_CONVERSATION_H
#define WKV_TRAIN_CONVERSATION_H

#include <jansson.h>
#include "wkv.h"

/* A stretch of the text; `answer`: it is to be learnt, the rest is what it answers. Not 0: stop. */
typedef int piece_fn(void *user, const char *text, size_t bytes, int answer);

/* Give the pieces of one object, from the first to the last:
 *   {"text": "..."}                                                  all of it is to be learnt
 *   {"messages": [{"role": "user", "content": "..."}, ...]}          roles system (first), user, assistant in turns
 *   {"instruction": "...", "input": "...", "output": "..."}          a question with its matter, which may be missing
 *   {"prompt": "...", "response": "..."}                             a question
 * Questions and answers are written as the template says. WKV_EFORMAT: it is none of them; WKV_ENOMEM. */
int conversation_read(const json_t *doc, const wkv_template *t, piece_fn *piece, void *user);

#endif
