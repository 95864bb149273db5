/* pairs.h - an object of training data with a chosen and a rejected answer as two conversations. */
#ifndef WKV_TRAIN_PAIRS_H
#define WKV_TRAIN_PAIRS_H

#include "train/conversation.h"

/* Two objects that conversation_read reads, the chosen one first; the caller releases both, NULL or not. Spellings, as
 * Hugging Face's TRL takes them:
 *   {"prompt": "...", "chosen": "...", "rejected": "..."}
 *       a question (also "question", "instruction", "input") and two answers
 *   {"prompt": [messages], "chosen": [messages], "rejected": [messages]}
 *       a conversation and two continuations
 *   {"chosen": [messages], "rejected": [messages]}
 *       two whole conversations; a "prompt" beside them that is a string is their first question, and not read
 *   {"chosen": "...", "rejected": "..."}
 *       two texts
 * "system" beside them is the system's message. form->fields names the three strings in place of these. WKV_EFORMAT: it
 * is none of them; WKV_ENOMEM. */
int pair_read(json_t *out[2], const json_t *object, const document_form *form);

#endif
