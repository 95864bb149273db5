/* slash.c - parse a chat command. */
#include "slash.h"
#include "option.h"
#include "say.h"
#include <ctype.h>
#include <string.h>

const char *const slash_names[] = {"/help", "/reset", "/system", "/quit", NULL};

const char slash_help[] = "  /help         this list; /? does too\n"
                          "  /reset        begin a new conversation\n"
                          "  /system TEXT  begin a new conversation with this system text; alone, show it\n"
                          "  /quit         leave; also /exit, /bye, Ctrl-D, a line of exit, quit or bye\n"
                          "  Ctrl-C stops an answer. A line that ends in \\ continues on the next.\n"
                          "  A line with a blank before its / is not a command. Tab completes commands.\n";

/* Spellings, those of other programs too. */
static const struct {
    const char *word;
    chat_command is;
    const char *sentence; /* the reason for a missing command; NULL: the command exists */
} words[] = {
    {"/help", SLASH_HELP, NULL},
    {"/?", SLASH_HELP, NULL},
    {"/reset", SLASH_RESET, NULL},
    {"/clear", SLASH_RESET, NULL},
    {"/new", SLASH_RESET, NULL},
    {"/system", SLASH_SYSTEM, NULL},
    {"/quit", SLASH_QUIT, NULL},
    {"/exit", SLASH_QUIT, NULL},
    {"/bye", SLASH_QUIT, NULL},
    {"/save", SLASH_WRONG, "a conversation cannot be saved"},
    {"/load", SLASH_WRONG, "a conversation cannot be loaded"},
    {"/undo", SLASH_WRONG, "a turn cannot be undone; /reset begins a new conversation"},
    {"/regen", SLASH_WRONG, "an answer cannot be regenerated; /reset begins a new conversation"},
    {"/set", SLASH_WRONG, "options are set on the command line of wkv chat"},
    {"/show", SLASH_WRONG, "wkv info describes a model"},
};
enum { WORDS = sizeof words / sizeof *words };

size_t slash_blanks(const char *p)
{
    const char *from = p;
    for (size_t n = 1; n; p += n) n = *p && strchr(" \t\n\v\f\r", *p) ? 1 : !strncmp(p, "\xe3\x80\x80", 3) ? 3 : 0;
    return (size_t)(p - from);
}

/* Remove trailing blanks. */
static void trim(char *line)
{
    for (char *at = line; *at; at++)
        if (!at[slash_blanks(at)]) *at = 0;
}

static chat_command unknown(const char *word)
{
    const char *best = NULL;
    int least = 99;
    for (const char *const *name = slash_names; *name; name++) {
        int d = word_distance(word, *name);
        if (d < least) least = d, best = *name;
    }
    if (word_is_near(word, least))
        complain("unknown command %s; did you mean %s?", word, best);
    else
        complain("unknown command %.60s; /help lists the commands, and a blank before the / makes the line a turn",
                 word);
    return SLASH_WRONG;
}

chat_command slash_read(char *line, const char **argument)
{
    *argument = "";
    if (*line != '/') {
        char word[6] = "";
        size_t n = strcspn(line, " \t\n\v\f\r\xe3");
        if (n < sizeof word && !line[n + slash_blanks(line + n)]) memcpy(word, line, n);
        return !strcmp(word, "exit") || !strcmp(word, "quit") || !strcmp(word, "bye") ? SLASH_QUIT : SLASH_NONE;
    }
    if (!isalpha((unsigned char)line[1]) && line[1] != '?') return SLASH_NONE;
    trim(line);
    size_t n = 1;
    while (line[n] && !slash_blanks(line + n)) n++;
    size_t behind = n + slash_blanks(line + n);
    if (line[n]) line[n] = 0, *argument = line + behind;
    for (int i = 0; i < WORDS; i++) {
        if (strcmp(words[i].word, line)) continue;
        if (words[i].sentence)
            complain("no command %s: %s", line, words[i].sentence);
        else if (**argument && words[i].is != SLASH_SYSTEM)
            complain("%s takes no argument, found '%.60s'", line, *argument);
        else
            return words[i].is;
        return SLASH_WRONG;
    }
    return unknown(line);
}
