/* vocabulary.h - build a vocabulary from text, in the format of the World vocabulary. */
#ifndef WKV_TRAIN_VOCABULARY_H
#define WKV_TRAIN_VOCABULARY_H

#include "text/words.h"
#include "train/documents.h"
#include "wkv_train.h"

/* Add the documents of a path to the text for the vocabulary; skips token files. */
int vocabulary_read(table *chunks, const char *path, const document_form *form, skipped_entries *over);

/* Build a vocabulary of at most o->size ids for the text, as lines; the caller frees them. */
int vocabulary_make(char **lines, size_t *bytes, const table *chunks, const wkv_vocabulary_options *o);

#endif
