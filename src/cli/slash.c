/* slash.c - parse a chat command. */
#include "slash.h"
#include "option.h"
#include "say.h"
#include <ctype.h>
#include <string.h>

const char *const slash_names[] = {"/help",   "/regen",  "/undo",  "/edit", "/tree", "/goto",
                                   "/mark",   "/branch", "/mix",   "/save", "/load", "/check",
                                   "/system", "/set",    "/reset", "/quit", NULL};

const char slash_help[] = "  /regen          another answer to the last question\n"
                          "  /undo           go back before the last question\n"
                          "  /edit N TEXT    ask TEXT in place of the question of turn N\n"
                          "  /tree           show all turns with their numbers and names; none is lost\n"
                          "  /goto N         go on from turn N, or from a turn with a name\n"
                          "  /mark NAME      name this turn\n"
                          "  /branch NAME    name this branch: the name moves on with it\n"
                          "  /mix A B [W W]  go on from the mean of the states of turns A and B; weights W\n"
                          "  /mix all [W..]  go on from the mean of the states of all turns up to here\n"
                          "  /save FILE      write the state; wkv chat --state FILE goes on from it\n"
                          "  /load FILE      go on from a state file\n"
                          "  /check          compute the state again from its tokens, compare the bits\n"
                          "  /system TEXT    begin a new conversation with this system text\n"
                          "  /set            show the sampling settings; /set temperature 0.5 changes one\n"
                          "  /reset          begin a new conversation\n"
                          "  /help           this list; /? does too\n"
                          "  /quit           leave; also /exit, /bye, Ctrl-D, a line of exit, quit or bye\n"
                          "  Ctrl-C stops an answer and keeps its text. A line ending in \\ goes on below.\n"
                          "  A line with a blank before its / is not a command. Tab completes commands.\n";

/* Spellings, those of other programs too. `takes` names the argument: NULL: none, in brackets: it may be missing. */
static const struct {
    const char *word;
    chat_command is;
    const char *takes;
} words[] = {
    {"/help", SLASH_HELP, NULL},     {"/?", SLASH_HELP, NULL},      {"/reset", SLASH_RESET, NULL},
    {"/clear", SLASH_RESET, NULL},   {"/new", SLASH_RESET, NULL},   {"/undo", SLASH_UNDO, NULL},
    {"/back", SLASH_UNDO, NULL},     {"/regen", SLASH_REGEN, NULL}, {"/retry", SLASH_REGEN, NULL},
    {"/edit", SLASH_EDIT, "N TEXT"}, {"/mark", SLASH_MARK, "NAME"}, {"/branch", SLASH_BRANCH, "NAME"},
    {"/goto", SLASH_GOTO, "N"},      {"/tree", SLASH_TREE, NULL},   {"/mix", SLASH_MIX, "A B"},
    {"/save", SLASH_SAVE, "FILE"},   {"/load", SLASH_LOAD, "FILE"}, {"/check", SLASH_CHECK, NULL},
    {"/system", SLASH_SYSTEM, "[]"}, {"/set", SLASH_SET, "[]"},     {"/show", SLASH_SET, "[]"},
    {"/quit", SLASH_QUIT, NULL},     {"/exit", SLASH_QUIT, NULL},   {"/bye", SLASH_QUIT, NULL},
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

chat_command slash_read(char *line, char **argument)
{
    *argument = line + strlen(line);
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
        if (!words[i].takes && **argument)
            complain("%s takes no argument, found '%.60s'", line, *argument);
        else if (words[i].takes && *words[i].takes != '[' && !**argument)
            complain("%s needs an argument: %s %s", line, line, words[i].takes);
        else
            return words[i].is;
        return SLASH_WRONG;
    }
    return unknown(line);
}
