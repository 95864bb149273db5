/* habits.h - spellings of llama.cpp, rwkv.cpp, ollama and the official RWKV programs: our option, or a sentence that
 * names it.
 *
 * The command's own tables are consulted first, except for values and for several letters after one dash (-ngl). */
#ifndef WKV_CLI_HABITS_H
#define WKV_CLI_HABITS_H

#include "option.h"

typedef enum {
    HABIT_SAME,   /* another spelling of our option `option` */
    HABIT_IGNORE, /* accepted and not needed: the sentence is a note */
    HABIT_SKIP,   /* the same; its value is skipped */
    HABIT_REFUSE  /* wrong usage: the sentence names the alternative */
} habit_kind;

typedef struct {
    const char *spelling; /* with its dashes */
    const char *where;    /* a command, or an option of the commands it applies to; NULL: all */
    habit_kind kind;
    const char *option;   /* HABIT_SAME: our long name; HABIT_SKIP: its values "on|off", NULL: any */
    const char *sentence; /* for the other kinds */
} habit;

/* The habit for a spelling in a command; NULL: none. */
const habit *habit_option(const command *c, const char *spelling);

/* 1 if the argument after the habit is its value, to be skipped. */
int habit_skips(const habit *h, const char *next);

/* The sentence about a value that has another meaning, or none, for our option, typed as `shown`; NULL: none. */
const char *habit_value(const option *o, const char *shown, const char *text);

/* The sentence about a command of another program; NULL: none. */
const char *habit_command(const char *name);

#endif
