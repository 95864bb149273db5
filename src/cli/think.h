/* think.h - print an answer without surrounding blanks, and its reasoning dimmed. */
#ifndef WKV_CLI_THINK_H
#define WKV_CLI_THINK_H

#include <stddef.h>

typedef struct {
    int thinking; /* between <think> and </think> */
    int begun;    /* some text of this section was printed */
    int bracket;  /* the turn ended inside a tag: a '>' completes it */
    int matched;  /* characters of the expected tag seen so far */
    char *blanks; /* pending blanks, printed when text follows */
    size_t n, cap;
} answer;

/* turn: the text given to the model; it may end in "<think" or "</think", which the model's first character
 * completes */
void answer_begin(answer *a, const char *turn);
int answer_show(void *a, const char *text, size_t bytes); /* for writer.show */
void answer_end(answer *a);                               /* ends the line, frees */

#endif
