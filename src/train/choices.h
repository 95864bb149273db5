/* choices.h - multiple-choice questions, answered by the model in training, with the rules of
 * lm-evaluation-harness: a choice begins with a space, and its log-likelihood is the sum over its tokens. */
#ifndef WKV_TRAIN_CHOICES_H
#define WKV_TRAIN_CHOICES_H

#include "train/samples.h"

typedef struct {
    int first, n, right; /* its choices in the list of all; index of the right one */
} question;

typedef struct {
    samples texts;   /* per choice: context and choice; the mask has the choice only    */
    int *characters; /* per choice, without the space                                   */
    question *list;
    int count, capacity, characters_capacity;
} choices;

/* Read a file of objects (train/documents.h), each with
 *   a context: "ctx", "query", "prompt" or "question_stem" as it is, or "question", which becomes
 *              "Question: ...\nAnswer:"
 *   "choices": a list of strings, or {"text": [...], "label": [...]}
 *   the right one: "answer", "answerKey", "label" or "gold": an index from 0, a letter, a label, or the choice itself.
 * Context and choice are tokenized separately; an empty context becomes the end of text. WKV_EFORMAT: with the line;
 * WKV_EIO, WKV_ENOMEM. */
int choices_read(choices *c, const char *path, const wkv_tokenizer *vocab);
void choices_release(choices *c);

/* Questions [from, to): the number with the largest log-likelihood on the right choice, and with the largest
 * log-likelihood per character; the first of equal choices wins. Contexts are truncated on the left so that context
 * and choice have at most `most` tokens; 0: no limit. */
int choices_answer(const choices *c, wkv_trainer *t, int from, int to, int most, double right[2]);

#endif
