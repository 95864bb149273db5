/* input.h - read input: whole files, standard input, lists of token ids. */
#ifndef WKV_CLI_INPUT_H
#define WKV_CLI_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Read a file, or standard input when path is "-" (with a note when that is a terminal), zero-terminated; the caller
 * frees it. Returns 0, or 1 after an error message. */
int input_all(char **out, size_t *bytes, const char *path);

/* The same without a byte order mark and without the final newline that echo and editors add. */
int input_text(char **text, size_t *bytes, const char *path);

/* Open a file, or standard input for "-"; NULL after an error message. input_close closes all but standard input. */
FILE *input_open(const char *path);
void input_close(FILE *f);

/* Length of the byte order mark at the beginning of a text: 3 or 0. Length of the newline at its end, "\r\n" too: 0 to
 * 2. */
size_t input_mark(const char *text, size_t bytes);
size_t input_newline(const char *text, size_t bytes);

/* Numbers separated by blanks, commas or brackets: "[1, 2, 3]". `name` is the source in error messages. Returns their
 * number and sets *ids, which the caller frees; -1 after an error message. */
int input_ids(int32_t **ids, const char *text, size_t bytes, const char *name);

#endif
