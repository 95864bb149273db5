/* words.h - train a vocabulary on a text.
 *
 * Text is split into chunks that no word may cross: letters, digits or punctuation, each with the blank before it; line
 * ends; blanks. So the distinct chunks and their counts suffice. */
#ifndef WKV_TEXT_WORDS_H
#define WKV_TEXT_WORDS_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t at, bytes; /* in the text of its table */
    int64_t count;
} word_count;

/* Distinct byte strings and the count of each. */
typedef struct {
    word_count *at;
    uint32_t *slots; /* index + 1 of an entry, 0: free; n_slots is a power of two */
    size_t n, capacity, n_slots;
    char *text;
    size_t used, text_capacity;
} table;

int table_add(table *t, const char *bytes, size_t n, int64_t count); /* WKV_ENOMEM */
void table_release(table *t);

/* Add the chunks of a text. */
int words_read(table *chunks, const char *text, size_t bytes);

/* Find up to `size` words, besides the single bytes, that minimize the tokens of the chunks under longest-match
 * encoding; sorted by length, then bytes. They include `always` (ends with NULL, may be NULL). Each round adds a tenth
 * of new words and drops the cheapest, as long as the text gets shorter; report, which may be NULL, gets the bytes per
 * token after each round and stops the work with a nonzero return. Deterministic. WKV_EARG: no word was found, or
 * `always` has more than `size`; WKV_ENOMEM; WKV_ESTOPPED. */
typedef int words_report(void *user, int round, double bytes_per_token);
int words_find(table *words, const table *chunks, int size, const char *const *always, int rounds, words_report *report,
               void *user);

#endif
