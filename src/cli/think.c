/* think.c - print an answer character by character as it is generated. */
#include "think.h"
#include "say.h"
#include <stdlib.h>
#include <string.h>

static const char open_tag[] = "<think>", close_tag[] = "</think>";

static int ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

static void emit(answer *a, char c)
{
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        if (!a->begun) return;
        if (a->n == a->cap) {
            char *more = realloc(a->blanks, a->cap = 2 * a->cap + 16);
            if (!more) abort();
            a->blanks = more;
        }
        a->blanks[a->n++] = c;
        return;
    }
    put(a->blanks, a->n);
    put(&c, 1);
    a->n = 0;
    a->begun = 1;
}

static void begin_thinking(answer *a)
{
    put_text("%s%s\n", dim(1), open_tag);
    a->thinking = 1;
    a->begun = 0;
    a->n = 0;
}

static void end_thinking(answer *a)
{
    put_text("%s%s%s\n", a->begun ? "\n" : "", close_tag, plain(1));
    a->thinking = a->begun = 0;
    a->n = 0;
}

void answer_begin(answer *a, const char *turn)
{
    *a = (answer){0};
    a->bracket = ends_with(turn, "<think") || ends_with(turn, "</think");
    if (ends_with(turn, "<think")) begin_thinking(a);
}

static void show_byte(answer *a, char c)
{
    if (a->bracket) {
        a->bracket = 0;
        if (c == '>') return;
    }
    const char *tag = a->thinking ? close_tag : a->begun ? "" : open_tag;
    if (a->matched && tag[a->matched] != c) {
        for (int i = 0; i < a->matched; i++) emit(a, tag[i]);
        a->matched = 0;
        tag = a->thinking ? close_tag : "";
    }
    if (tag[a->matched] != c) {
        emit(a, c);
        return;
    }
    if (tag[++a->matched]) return;
    a->matched = 0;
    if (a->thinking)
        end_thinking(a);
    else
        begin_thinking(a);
}

int answer_show(void *user, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) show_byte(user, text[i]);
    return put_flush();
}

void answer_end(answer *a)
{
    const char *tag = a->thinking ? close_tag : open_tag;
    for (int i = 0; i < a->matched; i++) emit(a, tag[i]);
    put_text("%s\n", a->thinking ? plain(1) : "");
    put_flush();
    free(a->blanks);
}
