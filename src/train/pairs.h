/* pairs.h - an object with a chosen and a rejected answer, as two conversations. */
#ifndef WKV_TRAIN_PAIRS_H
#define WKV_TRAIN_PAIRS_H

#include "train/conversation.h"

/* Split a pair into two objects for conversation_read, the chosen one first; the caller releases both, NULL or not. The
 * forms are those of Hugging Face's TRL:
 *   {"prompt": "...", "chosen": "...", "rejected": "..."}
 *       a question (also "question", "instruction", "input") and two answers
 *   {"prompt": [messages], "chosen": [messages], "rejected": [messages]}
 *       a conversation and two continuations
 *   {"chosen": [messages], "rejected": [messages]}
 *       two complete conversations; a string "prompt" repeats their first question and is ignored
 *   {"chosen": "...", "rejected": "..."}
 *       two texts
 * "system" beside them is the system message. form->fields gives other names of the three fields. WKV_EFORMAT: none of
 * these forms; WKV_ENOMEM. */
int pair_read(json_t *out[2], const json_t *object, const document_form *form);

#endif
