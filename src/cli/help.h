/* help.h - the help texts and the manual page, generated from the option tables. */
#ifndef WKV_CLI_HELP_H
#define WKV_CLI_HELP_H

#include "option.h"

void help_overview(void);
void help_command(const command *c);
void help_man(void); /* wkv(1), for man -l - */
typedef enum { SHELL_NONE, SHELL_BASH, SHELL_ZSH, SHELL_FISH } shell;
void help_completion(shell kind);

/* The default of an option in words ("200", "random"), "" when there is none to show. */
const char *help_default(const option *o, char out[64]);

#endif
