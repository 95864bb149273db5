/* conversation.h - an object of training data (a line of a .jsonl, an element of a .json, a row of a table) as text,
 * marked with its answers. */
#ifndef WKV_TRAIN_CONVERSATION_H
#define WKV_TRAIN_CONVERSATION_H

#include <jansson.h>
#include "wkv.h"

/* Options for reading objects. */
typedef struct {
    const wkv_template *chat; /* chat template                                                                       */
    const char *fields;       /* "TEXT", "QUESTION,ANSWER" or "QUESTION,ANSWER,CONTEXT": names of the fields to
                                 read; NULL: the known ones                                                         */
    int pairs;                /* objects have a chosen and a rejected answer (train/pairs.h)                        */
} document_form;

/* WKV_EARG: `fields` has another form. NULL is valid. */
int conversation_check_fields(const char *fields);

/* Is the message one of the model, under any name of its role? */
int conversation_is_answer(const json_t *message);

/* Called for each segment of text; `answer`: the loss includes it. Not 0: stop. */
typedef int segment_fn(void *user, const char *text, size_t bytes, int answer);

/* Pass the segments of one object to the callback in order. The first of these forms that fits applies:
 *   {"messages": [{"role": "user", "content": "..."}, ...]}      roles system (first), user, assistant in turns;
 *                                                                content may be a list of parts of type "text"
 *   {"conversations": [{"from": "human", "value": "..."}, ...]}  the same in ShareGPT's words
 *   {"instruction": "...", "output": "...", "input": "..."}      a question, its answer, a context (may be missing)
 *   ... and the other pairs of the table in conversation.c
 *   {"text": "..."}                                              one answer
 * "system" beside a question or a list is the system message. The template formats questions and answers.
 * WKV_EFORMAT: none of these forms; WKV_ENOMEM. */
int conversation_read(const json_t *doc, const document_form *form, segment_fn *emit, void *user);

#endif
