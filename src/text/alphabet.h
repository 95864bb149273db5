/* alphabet.h - the byte-level alphabet of GPT-2: each byte as one printable character, so that JSON can represent any
 * word.
 *
 * Vocabularies of Hugging Face's tokenizers use it, as an object of word: id. */
#ifndef WKV_TEXT_ALPHABET_H
#define WKV_TEXT_ALPHABET_H

#include "text/vocabulary.h"

/* Add all words of the object to v. WKV_EFORMAT: an id that is not an integer, a word outside the alphabet. */
int alphabet_words(vocabulary *v, const json_t *words);

/* The same for World, without text for id 0, "<|endoftext|>", and the reserved ids beyond its last word. */
int alphabet_world(vocabulary *v, const json_t *words);

/* 1 if the object has World's last word, 128 spaces, with World's id 65529. */
int alphabet_is_world(const json_t *words);

#endif
