/* vocabulary.h - vocabularies that are made of a text, in the lines of World's format. */
#ifndef WKV_TRAIN_VOCABULARY_H
#define WKV_TRAIN_VOCABULARY_H

#include "text/words.h"
#include "train/documents.h"
#include "wkv_train.h"

/* Add the documents of a path to what words are found in; token files are passed over. */
int vocabulary_read(table *chunks, const char *path, const document_form *form, passed_over *over);

/* The lines of a vocabulary of at most o->size ids for it, freed by the caller. */
int vocabulary_make(char **lines, size_t *bytes, const table *chunks, const wkv_vocabulary_options *o);

#endif
