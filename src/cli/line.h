/* line.h - read a line: with editing and history on a terminal if built with libedit, plain otherwise. */
#ifndef WKV_CLI_LINE_H
#define WKV_CLI_LINE_H

/* 1: *out is a line without its newline; the caller frees it. 0: end of input. -1: Ctrl-C, on a terminal on an empty
 * line, or another signal, which stays in `interrupted`. On a terminal, Ctrl-C on a line with text discards it and
 * prompts again, lines pasted together form one text (unless it begins with a slash), a line that ends in a backslash
 * continues on the next, Tab completes the first word of a line from `words`, which ends with NULL, and the history
 * holds lines of earlier sessions. */
int line_read(char **out, const char *prompt, const char *const *words);
void line_release(void);

#endif
