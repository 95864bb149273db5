/* attack.h - hostile requests to a server: sound ones of a corpus, damaged, and the form that their answers must have.
 *
 * The same seed makes the same requests, except for names that the server chose (ids of messages, states). */
#ifndef WKV_FUZZ_ATTACK_H
#define WKV_FUZZ_ATTACK_H

#include "base/rng.h"
#include <stddef.h>

typedef struct {
    char *at; /* a 0 follows */
    size_t n, capacity;
} bytes;

void bytes_splice(bytes *b, size_t at, size_t remove, const char *insert, size_t n);
void bytes_add(bytes *b, const char *text);
void bytes_clear(bytes *b);
size_t below(rng *r, size_t n);             /* in [0, n)                                                   */
const char *pick(const char *list, rng *r); /* a word of a list, between tabs; four results stay valid */

#define KEY "the-right-key"

/* ---- sound requests (corpus.c) ----------------------------------------------------------------------------------- */

typedef struct {
    char method[8], path[128];
    char *body; /* NULL: none */
} sample;

/* The lines of docs/server.md and a table of bodies with the other fields. Returns their number. */
int corpus_open(const char *document);
/* A sample with the names of the server in place of $SESSION, $MESSAGE, $STATE. */
void corpus_choose(rng *r, sample *s, bytes *body);
void corpus_learn(const char *answer); /* names that an answer has */

/* ---- damage (damage.c) ------------------------------------------------------------------------------------------- */

void damage_json(bytes *body, rng *r);  /* values, keys, elements: most results are JSON */
void damage_bytes(bytes *text, rng *r); /* anywhere */
void damage_path(bytes *path, rng *r);

/* ---- requests (requests.c) --------------------------------------------------------------------------------------- */

typedef enum { WAIT, HALF_CLOSE, LEAVE, RESET, LINGER } ending;

typedef struct {
    bytes text;
    int answers; /* at least so many must come          */
    int head;    /* the method is HEAD                  */
    size_t parts;
    ending end;
} attack;

void attack_make(attack *a, rng *r);
void attack_write(bytes *to, const char *path, const char *body); /* a sound request; body NULL: GET */

/* ---- answers (answers.c) ----------------------------------------------------------------------------------------- */

/* The responses that a connection has given. Returns their number, or -1 with the sentence of what is wrong with one.
 * head: to HEAD; whole: the last one must be complete. Statuses are counted in `of`. */
int answers_check(const bytes *all, int head, int whole, int of[600], char wrong[256]);

#endif
