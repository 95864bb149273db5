/* mutation.h - a sound file, the fields that a scanner found in it, and edits of those fields.
 *
 * A scanner (fields_NAME.c) walks a sound file once and lists its fields: numbers, texts, items that can be removed,
 * duplicated or exchanged, and lengths that cover a range of bytes. A mutant is the sound file with one to four fields
 * edited, after which the lengths around an edit are corrected, so that a reader does not stop at the first damaged
 * length. Some mutants keep the wrong lengths, some get edits of plain bytes only, and some only hostile values in
 * their data. */
#ifndef WKV_FUZZ_MUTATION_H
#define WKV_FUZZ_MUTATION_H

#include "base/rng.h"
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *data;
    size_t size, room;
} buffer;

void buffer_splice(buffer *b, size_t at, size_t remove, const void *insert, size_t n);
void buffer_free(buffer *b);

typedef enum {
    NUMBER,        /* little-endian integer of 1, 2, 4 or 8 bytes                              */
    DECIMAL,       /* digits in a text: JSON, vocabularies                                     */
    PICKLE_NUMBER, /* opcode and operand of an integer: BININT1, BININT2, BININT, LONG1        */
    NAME,          /* text that names something: the name of a tensor, a key                   */
    WORD,          /* text out of a small set: a dtype, a storage class, a type of a tokenizer */
    ITEM,          /* a whole entry                                                            */
    PICKLE_VALUE   /* a tensor in a pickle: everything behind its name                         */
} field_kind;

typedef struct {
    field_kind kind;
    size_t at, size;
    const char *const *words; /* WORD: the words of its set, NULL-terminated                                   */
    size_t count_at;          /* ITEM: where the number of such entries is stored, 8 bytes; 0: nowhere         */
    int group;                /* fields of one entry have one number: edits of one mutant like to stay in one  */
} field;

/* The bytes [from, to) are counted by the little-endian integer of `width` bytes at `at`, which is in front of them. */
typedef struct {
    size_t at, from, to;
    int width;
} length;

typedef struct sound sound;
struct sound {
    char name[96]; /* of the file it was read from, for reports */
    const char *extension;
    buffer file;
    field *fields;
    int n_fields;
    length *lengths;
    int n_lengths;
    size_t pad_at, pad_size; /* zeros that end at a multiple of `align` bytes; align 0: none                    */
    int align, groups;
    size_t pickle_at; /* zip: where data.pkl begins                                                      */
    void (*seal)(const sound *s, buffer *b); /* the corrections that `lengths` cannot express; may be NULL        */
    int use;                                 /* of use_kind, use.h                                                */
    char base[256]; /* path of the model that an adapter or a state is for, of the folder of shards */
};

/* A field of the next group when `fresh`, else of the current one. */
field *add_field(sound *s, field_kind kind, size_t at, size_t size, int fresh);
void add_length(sound *s, size_t at, int width, size_t from, size_t to);

/* Scanners; each returns 0 when the file is not of its format. */
int scan_safetensors(sound *s);
int scan_state(sound *s); /* a state file, sealed by its checksum */
int scan_json(sound *s); /* a vocabulary, an index of shards, lines of JSON */
int scan_gguf(sound *s);
int scan_rwkvcpp(sound *s);
int scan_pth(sound *s);    /* zip and legacy */
int scan_words(sound *s);  /* World's .txt */
int scan_binidx(sound *s); /* the .idx     */
void scan_json_range(sound *s, size_t from, size_t to);
size_t scan_pickle(sound *s, size_t from, size_t to); /* returns behind its STOP */

/* The mutant number `number` of a seed. */
void mutate(buffer *out, const sound *s, rng *r);

uint32_t below(rng *r, uint32_t n); /* in [0, n) */
int64_t hostile_number(rng *r, const sound *s, int64_t truth);
int64_t number_at(const sound *s, const field *f);
size_t hostile_name(rng *r, const sound *s, const field *f, char *out, size_t room);
/* A tensor written anew, with its shape, strides, offset, storage or dtype changed. fields_pickle.c */
size_t hostile_tensor(rng *r, const sound *s, const field *f, uint8_t *out, size_t room);

#endif
