/* preset.h - prompts for tasks: a question about a text, an instruction, a summary, a translation. */
#ifndef WKV_CLI_PRESET_H
#define WKV_CLI_PRESET_H

#include "option.h"
#include "wkv.h"

typedef struct {
    const char *name, *what;      /* value of --prompt-preset; a line for the list */
    const char *task, *otherwise; /* the instruction, %s: the operand; the default operand, NULL: required */
    int needs_text;
} preset;

/* The preset of that name. NULL: *status is 0 after printing the list ("help"), 2 after an error message. */
const preset *preset_find(const command *c, const char *name, int *status);

/* The prompt: `ask` is the operand (NULL: none), `text` its subject ("": none). The caller frees it; NULL after an
 * error message. *stops is a list of *n_stops strings that end the answer. */
char *preset_prompt(const preset *p, const wkv_template *t, const char *ask, const char *text,
                    const char *const **stops, int *n_stops);

#endif
