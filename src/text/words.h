/* words.h - the words of a vocabulary, found in a text.
 *
 * Text is split into chunks that no word may cross: letters, digits or punctuation, each with the blank before it; line
 * ends; blanks. So only the different chunks matter, each with how often it occurs. */
#ifndef WKV_TEXT_WORDS_H
#define WKV_TEXT_WORDS_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t at, bytes; /* in the text of its table */
    int64_t count;
} word_count;

/* Different byte strings and how often each was added. */
typedef struct {
    word_count *at;
    uint32_t *slots; /* index + 1 of an entry, 0: free; a power of two of them */
    size_t n, room, n_slots;
    char *text;
    size_t used, text_room;
} table;

int table_add(table *t, const char *bytes, size_t n, int64_t count); /* WKV_ENOMEM */
void table_release(table *t);

/* Add the chunks of a text. */
int words_read(table *chunks, const char *text, size_t bytes);

/* The `size` words, or as many as there are, besides the single bytes, that make the text of the chunks shortest when
 * it is cut from left to right, the longest word first; sorted by length, then bytes. `always` (NULL behind the last,
 * may be NULL) are among them. In each round a tenth of new words comes in and the cheapest go, as long as that helps;
 * report, which may be NULL, gets bytes per token after each and stops the work when it returns other than 0. The
 * result depends on nothing but what is given. WKV_EARG: no word at all was found, or more than `size` are wanted in
 * any case; WKV_ENOMEM; WKV_ESTOPPED. */
typedef int words_report(void *user, int round, double bytes_per_token);
int words_find(table *words, const table *chunks, int size, const char *const *always, int rounds, words_report *report,
               void *user);

#endif
