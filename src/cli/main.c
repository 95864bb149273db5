/* main.c - the program: find the command, parse its options, return its exit status. */
#include "commands.h"
#include "habits.h"
#include "help.h"
#include "outputs.h"
#include "say.h"
#include "wkv.h"
#include "base/platform/signals.h"
#include "base/platform/system.h"
#include <stdio.h>
#include <string.h>

static int man;
static int completion; /* shell */

static const option help_options[] = {
    {0, "man", OPT_SWITCH, NULL, &man, 0, 0, "", "print the manual page wkv(1)"},
    {0, "completion", OPT_CHOICE, "none|bash|zsh|fish", &completion, 0, 0, "", "print completions for a shell"},
};
static const group help_group = GROUP("Other output", help_options);
static const group *const help_groups[] = {&help_group, &general_group, NULL};

static int run_help(int n, char **operands);
static const command cmd_help = {
    .name = "help",
    .operands = "[COMMAND]",
    .most = 1,
    .summary = "show the help of a command",
    .about = "Show the help of the program or of one command.",
    .examples = "wkv help --man | man -l -  # the manual page\n"
                "source <(wkv help --completion bash)  # TAB completes",
    .groups = help_groups,
    .run = run_help,
};

const command *const commands[] = {
    &cmd_generate, &cmd_chat,  &cmd_serve, &cmd_info,   &cmd_tokenize, &cmd_logits, &cmd_dump, &cmd_state, &cmd_session,
    &cmd_train,    &cmd_vocab, &cmd_tune,  &cmd_merge,  &cmd_convert,  &cmd_pull,   &cmd_eval, &cmd_curve, &cmd_decay,
    &cmd_lens,     &cmd_trace, &cmd_bench, &cmd_doctor, &cmd_selftest, &cmd_help,   NULL,
};

static const command *find(const char *name)
{
    for (const command *const *c = commands; *c; c++)
        if (!strcmp((*c)->name, name)) return *c;
    return NULL;
}

static int no_such_command(const char *name)
{
    const char *best = NULL, *other = habit_command(name);
    int least = 99;
    if (other) return usage(NULL, "unknown command '%s'; %s", name, other);
    for (const command *const *c = commands; *c; c++) {
        int d = word_distance(name, (*c)->name);
        if (d < least) {
            least = d;
            best = (*c)->name;
        }
    }
    if (word_is_near(name, least)) return usage(NULL, "unknown command '%s'; did you mean %s?", name, best);
    return usage(NULL, "unknown command '%s'", name);
}

static int run_help(int n, char **operands)
{
    if (man)
        help_man();
    else if (completion)
        help_completion((shell)completion);
    else if (!n)
        help_overview();
    else {
        const command *c = find(operands[0]);
        if (!c) return no_such_command(operands[0]);
        help_command(c);
    }
    return 0;
}

static int start(int argc, char **argv)
{
    if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        help_overview();
        return 0;
    }
    if (!strcmp(argv[1], "--version")) {
        put_text("wkv %s\n", wkv_version());
        return 0;
    }
    if (!strcmp(argv[1], "-v") || !strcmp(argv[1], "-V"))
        return usage(NULL, "%s: --version prints the version", argv[1]);
    if (argv[1][0] == '-') return usage(NULL, "expected a command, found %s; options follow the command", argv[1]);
    const command *c = find(argv[1]);
    if (!c) return no_such_command(argv[1]);
    if (c->defaults) c->defaults();
    outputs_command(argc, argv);
    int n, status = options_parse(c, argc - 2, argv + 2, &n);
    if (status) return status;
    if (asked_help)
        help_command(c);
    else if (asked_version)
        put_text("wkv %s\n", wkv_version());
    else
        status = c->run(n, argv + 2);
    return status;
}

int main(int argc, char **argv)
{
    argv = system_begin(&argc, argv);
    signals_begin("wkv: a mapped file was truncated while in use (SIGBUS); write a changed file under another name and "
                  "rename it, or use --no-mmap, which reads the model into memory\n");
    return put_end(start(argc, argv));
}
