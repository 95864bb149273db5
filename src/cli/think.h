/* think.h - showing an answer: blanks around it left out, what the model thinks before it dimmed. */
#ifndef WKV_CLI_THINK_H
#define WKV_CLI_THINK_H

#include <stddef.h>

typedef struct {
    int thinking;    /* between <think> and </think>                         */
    int begun;       /* something of this part has been shown                */
    int bracket;     /* the turn ended inside a tag: a '>' completes it      */
    int matched;     /* characters of the awaited tag seen so far            */
    char *blanks;    /* blanks that are shown when something follows them    */
    size_t n, cap;
} answer;

/* turn: what the model was given; it may end in "<think" or "</think", which the model's first character completes */
void answer_begin(answer *a, const char *turn);
int answer_show(void *a, const char *text, size_t bytes); /* for writer.show */
void answer_end(answer *a);                               /* ends the line, frees */

#endif
