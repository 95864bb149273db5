/* conversation.h - an object of training data (a line of a .jsonl, an element of a .json, a row of a table) as text,
 * with the parts that are answers. */
#ifndef WKV_TRAIN_CONVERSATION_H
#define WKV_TRAIN_CONVERSATION_H

#include <jansson.h>
#include "wkv.h"

/* How objects are read. */
typedef struct {
    const wkv_template *chat; /* how conversations are written                                                      */
    const char *fields;       /* "TEXT", "QUESTION,ANSWER" or "QUESTION,ANSWER,CONTEXT": names of the fields that are
                                 used; NULL: the known ones                                                         */
    int pairs;                /* objects have a chosen and a rejected answer (train/pairs.h)                        */
} document_form;

/* WKV_EARG: `fields` is none of these. NULL is. */
int conversation_check_fields(const char *fields);

/* A stretch of the text; `answer`: it is included in the loss; else it is a question. Not 0: stop. */
typedef int piece_fn(void *user, const char *text, size_t bytes, int answer);

/* Give the pieces of one object, from the first to the last. The first of these that fits counts:
 *   {"messages": [{"role": "user", "content": "..."}, ...]}      roles system (first), user, assistant in turns;
 *                                                                content may be a list of parts of type "text"
 *   {"conversations": [{"from": "human", "value": "..."}, ...]}  the same in ShareGPT's words
 *   {"instruction": "...", "output": "...", "input": "..."}      a question, its answer, a context (may be missing)
 *   ... and the other pairs in the table of conversation.c
 *   {"text": "..."}                                              all of it is an answer
 * "system" beside a question or a list is the system's message. Questions and answers are written as the template says.
 * WKV_EFORMAT: it is none of them; WKV_ENOMEM. */
int conversation_read(const json_t *doc, const document_form *form, piece_fn *piece, void *user);

#endif
