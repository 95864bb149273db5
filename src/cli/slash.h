/* slash.h - the commands of a conversation.
 *
 * A line that begins with / and a letter or ? is a command or an error, never a turn; a blank before it makes it one. A
 * line exit, quit or bye leaves. */
#ifndef WKV_CLI_SLASH_H
#define WKV_CLI_SLASH_H

#include <stddef.h>

typedef enum {
    SLASH_NONE,  /* not a command: a turn */
    SLASH_WRONG, /* an error message was printed */
    SLASH_HELP,
    SLASH_RESET,
    SLASH_UNDO,
    SLASH_REGEN,
    SLASH_EDIT,   /* NUMBER TEXT */
    SLASH_MARK,   /* NAME */
    SLASH_BRANCH, /* NAME */
    SLASH_GOTO,   /* NAME or NUMBER */
    SLASH_TREE,
    SLASH_MIX,  /* places, or all, and weights */
    SLASH_SAVE, /* FILE */
    SLASH_LOAD, /* FILE */
    SLASH_CHECK,
    SLASH_SYSTEM, /* takes a text, possibly "" */
    SLASH_SET,    /* an option and its value, possibly "" */
    SLASH_QUIT
} chat_command;

/* The command on a line. *argument is the text after it, inside the line, without the blanks at the end. */
chat_command slash_read(char *line, char **argument);

extern const char *const slash_names[]; /* with their slash; ends with NULL */
extern const char slash_help[];

/* Bytes of blanks at p that a template strips: ASCII and the ideographic space. */
size_t slash_blanks(const char *p);

#endif
