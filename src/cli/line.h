/* line.h - a line from the user: edited with history on a terminal where libedit was there at build time, plain
 * otherwise. */
#ifndef WKV_CLI_LINE_H
#define WKV_CLI_LINE_H

/* 1: *out is a line without its newline, the caller frees it. 0: the input has ended. -1: Ctrl-C, on a terminal on an
 * empty line. There, Ctrl-C on a line with text drops it and asks again, lines pasted together come as one text (unless
 * it begins with a slash), and a line that ends in a backslash goes on in the next. Tab completes the first word of a
 * line from `words`, which ends with NULL; lines of earlier sessions are in the history. */
int line_read(char **out, const char *prompt, const char *const *words);
void line_release(void);

#endif
