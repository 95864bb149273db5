/* vocabulary.h - a table of ids and their bytes, and readers of its file formats.
 *
 * Readers take the file's bytes and its name (for messages) and fill an empty vocabulary; after a failure it is
 * released. */
#ifndef WKV_TEXT_VOCABULARY_H
#define WKV_TEXT_VOCABULARY_H

#include "base/stream.h"
#include "format/tensors.h"
#include "base/json.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* limits on the claims of a file: the World vocabulary has 65,530 ids and 0.5 MB of text */
enum { MAX_IDS = 1 << 22, MAX_VOCABULARY_BYTES = 1 << 28 };

/* Maximum bytes of a word, which bounds the encoding time per byte of text. World's longest has 128. */
enum { MAX_WORD = 1024 };

typedef struct {
    uint32_t at, bytes; /* bytes 0: an id without text, or missing in the file */
} word;

typedef struct {
    word *words; /* [size], by id */
    int size;    /* largest id + 1 */
    char *text;  /* all words, concatenated */
    size_t used;
    int longest; /* bytes of the longest word */
    size_t text_capacity;
    int word_capacity;
} vocabulary;

/* Set the bytes of `id`. WKV_EFORMAT: it has some already, is beyond MAX_IDS, or they are more than MAX_WORD; the
 * message lacks the file's name. */
int vocabulary_add(vocabulary *v, int64_t id, const char *bytes, size_t n);
void vocabulary_release(vocabulary *v);

static inline const char *vocabulary_word(const vocabulary *v, int id) { return v->text + v->words[id].at; }

/* World's line format, `<id> <python literal> <bytes>` (docs/formats.md 8.1). */
int vocabulary_lines(vocabulary *v, const char *data, size_t size, const char *name);

/* A JSON text of UTF-8, or of UTF-16 with a byte order mark; the caller releases it with json_decref. */
int vocabulary_json(json_t **out, const char *data, size_t size, const char *name);

/* Write one line (the id, a Python literal, the length in bytes), and close a stream of lines in memory (f NULL: it
 * could not be opened), which completes *lines, or NULL: WKV_ENOMEM. */
void vocabulary_put_line(FILE *f, int id, const char *p, size_t n);
int vocabulary_close_lines(FILE *f, stream *s, char **lines, size_t *bytes);

/* An object "id" -> string, or -> array of byte values (docs/formats.md 8.1 and 8.3). *characters: each word is one
 * character. */
int vocabulary_object(vocabulary *v, const json_t *root, int *characters, const char *name);

/* The tokens inside a GGUF, Python-escaped (docs/formats.md 4.5). */
int vocabulary_gguf(vocabulary *v, const tensors *file);

/* 256 ids, one for each byte. */
int vocabulary_bytes(vocabulary *v);

#endif
