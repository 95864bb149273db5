/* input.h - reading what the user brings: whole files, standard input, lists of token ids. */
#ifndef WKV_CLI_INPUT_H
#define WKV_CLI_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* All of a file, or of standard input when path is "-" (with a note when that is a terminal), with a zero byte behind
 * it; the caller frees it. Returns 0, or 1 after the sentence. */
int input_all(char **out, size_t *bytes, const char *path);

/* A file to read from, standard input for "-"; NULL after the sentence. input_close closes all but standard input. */
FILE *input_open(const char *path);
void input_close(FILE *f);

/* Bytes of the byte order mark that a text begins with: 3 or 0. Bytes of the newline that it ends in, "\r\n" too: 0 to
 * 2. */
size_t input_mark(const char *text, size_t bytes);
size_t input_newline(const char *text, size_t bytes);

/* Numbers separated by blanks, commas or brackets: "[1, 2, 3]". `name` is what the sentence calls the text.
 * Returns how many, written to *ids, which the caller frees; -1 after the sentence. */
int input_ids(int32_t **ids, const char *text, size_t bytes, const char *name);

#endif
