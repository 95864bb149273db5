/* habits.h - spellings of llama.cpp, rwkv.cpp, ollama and the official RWKV programs: our option, or a sentence that
 * names it.
 *
 * The command's own tables are consulted first, except for values and for several letters after one dash (-ngl). */
#ifndef WKV_CLI_HABITS_H
#define WKV_CLI_HABITS_H

#include "option.h"

typedef enum {
    HABIT_SAME,   /* another spelling of our option `option`          */
    HABIT_IGNORE, /* accepted and not needed: the sentence is a note  */
    HABIT_SKIP,   /* the same, and its value is skipped               */
    HABIT_REFUSE  /* wrong usage: the sentence names the way          */
} habit_kind;

typedef struct {
    const char *spelling; /* with its dashes                                                                  */
    const char *where;    /* a command, or an option of the commands it applies to; NULL: all                 */
    habit_kind kind;
    const char *option;   /* HABIT_SAME: our long name; HABIT_SKIP: the only values there are, "on|off", NULL: any */
    const char *sentence; /* the others'                                                                      */
} habit;

/* The habit of a spelling in a command; NULL: none. */
const habit *habit_option(const command *c, const char *spelling);

/* Whether the argument behind the habit is its value, and skipped. */
int habit_skips(const habit *h, const char *next);

/* The sentence about a value that our option, typed as `shown`, understands otherwise, or not; NULL: none. */
const char *habit_value(const option *o, const char *shown, const char *text);

/* The sentence about a command of another program; NULL: none. */
const char *habit_command(const char *name);

#endif
