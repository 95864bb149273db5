/* vocabulary.h - vocabularies that are made of a text, or written out, in the lines of World's format. */
#ifndef WKV_TRAIN_VOCABULARY_H
#define WKV_TRAIN_VOCABULARY_H

#include "text/words.h"
#include "train/documents.h"
#include "wkv_train.h"

/* Add the documents of a path to what words are found in; token files are passed over. */
int vocabulary_read(table *chunks, const char *path, const document_form *form, passed_over *over);

/* The lines of a vocabulary of at most o->size ids for it; those of a tokenizer that cuts off the longest word. Both are freed by
 * the caller. */
int vocabulary_make(char **lines, size_t *bytes, const table *chunks, const wkv_vocabulary_options *o);
int tokenizer_lines(char **lines, size_t *bytes, const wkv_tokenizer *t);

/* The lines that go into a file beside a model, under the name by which its vocabulary is found; freed by the caller.
 * NULL: a vocabulary that is found by its own name (20B, characters, one in the program). */
int vocabulary_beside(char **lines, const wkv_tokenizer *t);

#endif
