/* complete.c - shell completions, generated from the option tables.
 *
 * All three complete the commands, each command's options, the words of choice options and of a first operand, and file
 * names elsewhere. */
#include "help.h"
#include "say.h"
#include <string.h>

static int is_file(const option *o)
{
    return o->value && (!strcmp(o->value, "FILE") || !strcmp(o->value, "MODEL") || !strcmp(o->value, "DIR"));
}

/* the words of "a|b|c", separated by spaces */
static void put_words(const char *choices)
{
    for (; *choices; choices++) put(*choices == '|' ? " " : choices, 1);
}

/* inside '...', a quote is written as '\'' */
static void put_quoted(const char *text, const char *quote)
{
    for (; *text; text++) {
        if (*text == '\'')
            put_text("%s", quote);
        else
            put(text, 1);
    }
}

/* The words of a command's first operand, as "train|show " in its usage; their length, 0: there are none. */
static size_t actions(const command *c, const char **words)
{
    const char *bar = strchr(c->operands, '|'), *begin = bar;
    while (bar && begin > c->operands && begin[-1] != ' ') begin--;
    if (!bar || *begin == '[') return 0;
    *words = begin;
    return strcspn(begin, " ");
}

static void put_actions(const char *words, size_t n)
{
    for (size_t i = 0; i < n; i++) put(words[i] == '|' ? " " : words + i, 1);
}

static void put_commands(void)
{
    for (const command *const *c = commands; *c; c++) put_text("%s ", (*c)->name);
}

static void bash(void)
{
    put_text(
        "# completions of wkv for bash: source this file, or put it in ~/.local/share/bash-completion/completions/wkv\n"
        "_wkv()\n{\n    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} "
        "command=${COMP_WORDS[1]}\n"
        "    COMPREPLY=()\n    if ((COMP_CWORD == 1)); then\n        COMPREPLY=($(compgen -W '");
    put_commands();
    put_text("--help --version' -- \"$word\"))\n        return\n    fi\n    case $command:$before in\n");
    const option *o;
    for (const command *const *c = commands; *c; c++)
        for (int i = 0; (o = option_at(*c, i, NULL)); i++) {
            if (o->kind == OPT_SWITCH || is_file(o)) continue;
            put_text("    %s:--%s", (*c)->name, o->name);
            if (o->letter) put_text(" | %s:-%c", (*c)->name, o->letter);
            put_text(") ");
            if (o->kind == OPT_CHOICE) {
                put_text("COMPREPLY=($(compgen -W '");
                put_words(o->value);
                put_text("' -- \"$word\")); ");
            }
            put_text("return ;;\n");
        }
    put_text("    esac\n    case $command:$word in\n");
    for (const command *const *c = commands; *c; c++) {
        put_text("    %s:-*) COMPREPLY=($(compgen -W '", (*c)->name);
        for (int i = 0; (o = option_at(*c, i, NULL)); i++) put_text("--%s ", o->name);
        put_text("' -- \"$word\")) ;;\n");
        const char *words;
        size_t length = actions(*c, &words);
        if (!length) continue;
        put_text("    %s:*)\n        if ((COMP_CWORD == 2)); then COMPREPLY=($(compgen -W '", (*c)->name);
        put_actions(words, length);
        put_text("' -- \"$word\"))\n        else COMPREPLY=($(compgen -f -- \"$word\")); fi ;;\n");
    }
    put_text("    help:*) COMPREPLY=($(compgen -W '");
    put_commands();
    put_text("' -- \"$word\")) ;;\n    *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n    esac\n}\ncomplete -o "
             "filenames -F _wkv wkv\n");
}

static void zsh(void)
{
    put_text("#compdef wkv\n# completions of wkv for zsh: put this file as _wkv into a folder of $fpath\n_wkv()\n{\n"
             "    if ((CURRENT == 2)); then\n        local -a names=(\n");
    for (const command *const *c = commands; *c; c++) {
        put_text("            '%s:", (*c)->name);
        put_quoted((*c)->summary, "'\\''");
        put_text("'\n");
    }
    put_text("        )\n        _describe command names\n        return\n    fi\n    local command=$words[2]\n"
             "    shift words\n    ((CURRENT--))\n    case $command in\n");
    const option *o;
    for (const command *const *c = commands; *c; c++) {
        put_text("    %s)\n        _arguments -s", (*c)->name);
        for (int i = 0; (o = option_at(*c, i, NULL)); i++)
            for (int letter = o->letter ? 1 : 0; letter >= 0; letter--) {
                put_text(" \\\n            '%s", o->kind == OPT_TEXTS ? "*" : "");
                if (letter)
                    put_text("-%c", o->letter);
                else
                    put_text("--%s", o->name);
                put_text("[");
                for (const char *t = o->help; *t; t++) {
                    if (*t == '[' || *t == ']' || *t == ':') put_text("\\");
                    if (*t == '\'')
                        put_text("'\\''");
                    else
                        put(t, 1);
                }
                put_text("]");
                if (o->kind == OPT_CHOICE) {
                    put_text(":%s:(", o->name);
                    put_words(o->value);
                    put_text(")");
                } else if (o->kind != OPT_SWITCH)
                    put_text(":%s:%s", o->value, is_file(o) ? "_files" : " ");
                put_text("'");
            }
        const char *words;
        size_t length = actions(*c, &words);
        if (length) {
            put_text(" \\\n            '1:action:(");
            put_actions(words, length);
            put_text(")'");
        }
        put_text(" \\\n            '*:");
        if (!strcmp((*c)->name, "help")) {
            put_text("command:(");
            put_commands();
            put_text(")' ;;\n");
        } else {
            put_text("file:_files' ;;\n");
        }
    }
    put_text("    esac\n}\n_wkv \"$@\"\n");
}

static void fish(void)
{
    put_text("# completions of wkv for fish: put this file as ~/.config/fish/completions/wkv.fish\n");
    const option *o;
    for (const command *const *c = commands; *c; c++) {
        put_text("complete -c wkv -f -n __fish_use_subcommand -a %s -d '", (*c)->name);
        put_quoted((*c)->summary, "\\'");
        put_text("'\n");
        for (int i = 0; (o = option_at(*c, i, NULL)); i++) {
            put_text("complete -c wkv -n '__fish_seen_subcommand_from %s' -l %s", (*c)->name, o->name);
            if (o->letter) put_text(" -s %c", o->letter);
            if (o->kind == OPT_CHOICE) {
                put_text(" -x -a '");
                put_words(o->value);
                put_text("'");
            } else if (o->kind != OPT_SWITCH)
                put_text(is_file(o) ? " -r -F" : " -x");
            put_text(" -d '");
            put_quoted(o->help, "\\'");
            put_text("'\n");
        }
        const char *words;
        size_t length = actions(*c, &words);
        if (!length) continue;
        put_text("complete -c wkv -n '__fish_seen_subcommand_from %s; and not __fish_seen_subcommand_from ",
                 (*c)->name);
        put_actions(words, length);
        put_text("' -a '");
        put_actions(words, length);
        put_text("'\n");
    }
    put_text("complete -c wkv -f -n '__fish_seen_subcommand_from help' -a '");
    put_commands();
    put_text("'\n");
}

void help_completion(shell kind)
{
    for (const command *const *c = commands; *c; c++)
        if ((*c)->defaults) (*c)->defaults(); /* fills in the texts of options that depend on the library */
    if (kind == SHELL_BASH) bash();
    if (kind == SHELL_ZSH) zsh();
    if (kind == SHELL_FISH) fish();
}
