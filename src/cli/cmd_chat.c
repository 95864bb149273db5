/* cmd_chat.c - lines are turns of a conversation, or commands. */
#include "cache.h"
#include "commands.h"
#include "talk.h"
#include "input.h"
#include "line.h"
#include "place.h"
#include "sampling.h"
#include "say.h"
#include "slash.h"
#include "base/platform/entry.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *system_text, *template_name, *session_name;
static int think = WKV_THINK_OFF, limit = 2000, stats;
static texts documents;

static const option options[] = {
    {0, "system", OPT_TEXT, "TEXT", &system_text, 0, 0, "", "system prompt, read before the first turn"},
    {0, "session", OPT_TEXT, "NAME", &session_name, 0, 0, "",
     "keep the conversation, and go on with the one kept under this name"},
    {0, "read", OPT_TEXTS, "FILE", &documents, 0, 0, "", "read this text before the first turn; repeatable"},
    {0, "think", OPT_CHOICE, "off|short|medium|long|open|fake|fake-inline", &think, 0, 0, NULL,
     "reasoning of G1 models before an answer: short, medium, long, or unlimited (open); fake and fake-inline insert "
     "an empty thought, with or without a newline inside: better answers than off at the same speed"},
    {0, "template", OPT_TEXT, "NAME", &template_name, 0, 0, "chosen from the model",
     "chat template: world, g1, raven, pile or plain"},
    {'n', "tokens", OPT_COUNT, "N", &limit, -1, INT_MAX, NULL, "maximum tokens of an answer; 0 or -1: no limit"},
    {0, "stats", OPT_SWITCH, NULL, &stats, 0, 0, "", "show the sampling settings, and the speed after each answer"},
};
static const group own = GROUP("Conversation", options);
static const group *const groups[] = {&own,           &store_group,     &sampling_group, &model_group,   &weights_group,
                                      &adapter_group, &tokenizer_group, &cache_group,    &general_group, NULL};

static void defaults(void) { sampling_defaults(NULL, "the template's"); }

/* The options that /set changes while the conversation goes on. */
static const option changed[] = {
    {'n', "tokens", OPT_COUNT, "N", &limit, -1, INT_MAX, NULL, ""},
    {0, "think", OPT_CHOICE, "off|short|medium|long|open|fake|fake-inline", &think, 0, 0, NULL, ""},
};
static const group changed_group = GROUP("Conversation", changed);
static const group *const changed_groups[] = {&changed_group, &sampling_group, NULL};

static int find_sampler(talk *c)
{
    wkv_profile p;
    c->think = (wkv_think)think;
    c->limit = limit > 0 ? limit : 0;
    wkv_template_profile(&p, c->how, c->think, c->e.model);
    return sampling_find(&c->sampler, &cmd_chat, &c->e, &p);
}

int talk_set(talk *c, const char *name, const char *value)
{
    enum { MOST = 256 };
    static const command these = {.name = "chat", .operands = "", .groups = changed_groups};
    static char option_name[64], *values[MOST]; /* lists of options refer to their texts */
    static int n_values;
    int n;
    if (n_values == MOST) return complain("too many settings were changed");
    snprintf(option_name, sizeof option_name, "--%.40s", name + strspn(name, "-"));
    char *args[] = {option_name, values[n_values++] = strdup(value)};
    if (!args[1]) return complain("out of memory");
    sampling_keep();
    if (!options_parse(&these, 2, args, &n) && !find_sampler(c)) {
        c->seeded |= !strcmp(option_name, "--seed");
        return 0;
    }
    sampling_restore();
    return 1;
}

/* ---- turns ------------------------------------------------------------------------------------------------------- */

static void greet(const talk *c)
{
    const wkv_model_info *m = c->e.about;
    const char *path = m->path ? m->path : "the built-in model", *slash = path_last_slash(path);
    char parameters[32];
    note("%s, RWKV-%s, %s parameters, template %s", slash ? slash + 1 : path, m->version,
         as_count(parameters, m->parameters), c->how->name);
    note("/help lists commands, Ctrl-D leaves\n");
}

/* Take a line: a turn, a command, or nothing. Returns its status; *leave: it is /quit. */
static int take_line(talk *c, char *line, int first, int *leave)
{
    const size_t mark = first ? input_mark(line, strlen(line)) : 0;
    char *argument;
    memmove(line, line + mark, strlen(line + mark) + 1);
    const chat_command which = slash_read(line, &argument);
    *leave = which == SLASH_QUIT;
    const int status = which ? talk_obey(c, which, argument) : line[slash_blanks(line)] ? talk_ask(c, line) : 0;
    const int unkept = talk_keep(c);
    /* only an interactive user may continue from the state before a turn that failed */
    *leave |= c->broken || (status == 1 && !which && !on_terminal(0));
    return status ? status : unkept;
}

/* Ctrl-C on a terminal ends an answer, and the conversation goes on; elsewhere, and other signals, end the program. */
static int is_over(int status)
{
    if (interrupted != SIGINT || !on_terminal(0)) return interrupted != 0;
    if (status == 130) note("(not read)");
    interrupted = 0;
    return 0;
}

static int converse(talk *c)
{
    int failed = 0, leave = 0;
    if (on_terminal(0)) greet(c);
    for (int first = 1; !leave && !put_flush(); first = 0) {
        char *line;
        const int got = line_read(&line, "> ", slash_names);
        if (got <= 0) {
            if (!got && on_terminal(0) && on_terminal(1)) put_text("\n");
            break;
        }
        const int status = take_line(c, line, first, &leave);
        free(line);
        failed |= status == 1;
        leave |= is_over(status);
    }
    line_release();
    if (interrupted && (interrupted != SIGINT || !on_terminal(0))) return 130;
    return failed && (c->broken || !on_terminal(0));
}

/* ---- the beginning ----------------------------------------------------------------------------------------------- */

/* The name of the template: the option's, that of the session or of the text in --state, or NULL for the model's. */
static const char *find_template_name(const talk *c)
{
    const char *begun = c->e.begin ? wkv_state_file_about(c->e.begin)->template_name : c->kept.template_name;
    return template_name ? template_name : *begun ? begun : NULL;
}

/* Texts stand at the beginning of a new conversation only. */
static int check_beginning(const talk *c)
{
    const char *extra = c->e.begin ? "--state" : documents.n ? "--read" : system_text ? "--system" : NULL;
    if (!extra || !c->kept.messages) return 0;
    return complain("%s: session %s exists and has its beginning; /load, /system and /goto change the place in it",
                    extra, session_name);
}

static int read_document(talk *c, const char *path)
{
    char *text;
    size_t bytes;
    if (input_all(&text, &bytes, path)) return 1;
    const size_t mark = input_mark(text, bytes);
    const int status = strlen(text) < bytes ? complain("%s: contains a zero byte; expected a text", path)
                                            : talk_read(c, text + mark, path);
    free(text);
    return status;
}

static int prepare(talk *c)
{
    if (talk_find(c, session_name) || check_beginning(c)) return 1;
    if (wkv_template_find(&c->how, find_template_name(c), c->e.model, c->e.tokenizer) ||
        wkv_batcher_new(&c->batcher, c->e.context, &(wkv_batcher_options){.slots = 1}))
        return complain_library();
    c->system = system_text;
    c->stats = stats;
    int status = find_sampler(c);
    if (!status && stats) sampling_note();
    if (!status && think && strcmp(c->how->name, "g1"))
        note("--think needs template g1; template %s ignores it", c->how->name);
    if (!status) status = talk_open(c);
    c->beginning = WKV_NOWHERE;
    if (!status) status = talk_resume(c);
    if (!status && c->e.begin) status = talk_load(c, c->e.begin);
    for (int i = 0; i < documents.n && !status; i++) status = read_document(c, documents.at[i]);
    if (!status && !c->kept.messages) c->beginning = wkv_tree_head(c->tree);
    return status;
}

static int run(int n, char **operands)
{
    (void)n, (void)operands;
    talk c = {0};
    int status = engine_open(&c.e, 1);
    if (status) return status;
    catch_interrupts();
    status = prepare(&c);
    if (!status) status = converse(&c);
    talk_close(&c);
    wkv_batcher_free(c.batcher);
    engine_close(&c.e);
    return status;
}

const command cmd_chat = {
    .name = "chat",
    .operands = "[MODEL]",
    .most = 0,
    .model = &engine_model,
    .summary = "chat with a model",
    .about = "Chat with a model, one line per turn. The state holds the conversation, so each turn reads only its new "
             "tokens. The chat template and the sampling settings follow from the model: the publisher's settings for "
             "this template and --think, or the generation_config.json in the model's folder. --stats shows them; "
             "sampling options override them.\n\n"
             "Ctrl-C stops an answer and keeps its text; Ctrl-C at the prompt or Ctrl-D leaves. Lines pasted together "
             "are one turn; a line that ends in a backslash continues on the next. When standard input is not a "
             "terminal, every line is a turn and only the answers are printed. A line that begins with a slash and a "
             "letter is a command, in a pipe too: /help lists them; exit, quit and bye leave. On a terminal, input "
             "lines are saved across sessions in $XDG_STATE_HOME/wkv/history or ~/.local/state/wkv/history.",
    .examples = "wkv chat -m MODEL.pth  # talk\n"
                "wkv chat -m MODEL.pth --think short  # let a G1 model think first\n"
                "wkv chat -m MODEL.pth --system \"Answer in verse.\" < questions.txt  # every line a question",
    .groups = groups,
    .defaults = defaults,
    .run = run,
};
