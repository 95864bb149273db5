/* alphabet.h - the byte-level alphabet of GPT-2: each byte as one printable character, so that JSON can hold any word.
 *
 * The vocabularies of Hugging Face's tokenizers are spelt in it, as an object of word: id. */
#ifndef WKV_TEXT_ALPHABET_H
#define WKV_TEXT_ALPHABET_H

#include "text/vocabulary.h"

/* Give v all words of the object. WKV_EFORMAT: an id that is no integer, a word that is not in the alphabet. */
int alphabet_words(vocabulary *v, const json_t *words);

/* The same for World, where entries stand for no text: id 0, "<|endoftext|>", and the reserved ids beyond its last
 * word. */
int alphabet_world(vocabulary *v, const json_t *words);

/* Does the object hold World's last word, of 128 spaces, under World's id 65529? */
int alphabet_is_world(const json_t *words);

#endif
