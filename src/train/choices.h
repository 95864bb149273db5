/* choices.h - multiple-choice questions, answered by the model that is trained. Rules are those of
 * lm-evaluation-harness: a choice begins with a space, and its log-likelihood is the sum over its tokens. */
#ifndef WKV_TRAIN_CHOICES_H
#define WKV_TRAIN_CHOICES_H

#include "train/samples.h"

typedef struct {
    int first, n, right; /* choices of the list of all; the right one, from 0 */
} question;

typedef struct {
    samples texts;   /* of every choice: the context and the choice, whose tokens count */
    int *characters; /* of every choice, without the space                              */
    question *list;
    int count, room, characters_room;
} choices;

/* Read a file of objects (train/documents.h), each with
 *   a context: "ctx", "query", "prompt" or "question_stem" as it is, or "question", which becomes
 *              "Question: ...\nAnswer:"
 *   "choices": a list of strings, or {"text": [...], "label": [...]}
 *   the right one: "answer", "answerKey", "label" or "gold": an index from 0, a letter, a label, or the choice itself.
 * Context and choice are cut into tokens apart; an empty context is the end of a text. WKV_EFORMAT: with the line;
 * WKV_EIO, WKV_ENOMEM. */
int choices_read(choices *c, const char *path, const wkv_tokenizer *vocab);
void choices_release(choices *c);

/* Questions [from, to): how many have the largest log-likelihood at the right choice, and how many the largest
 * log-likelihood a character; the first of equal ones is taken. Of a context as many of the last tokens are read as
 * fit into `most`; 0: all. */
int choices_answer(const choices *c, wkv_trainer *t, int from, int to, int most, double right[2]);

#endif
