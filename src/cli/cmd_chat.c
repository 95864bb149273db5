/* cmd_chat.c - a conversation: one session, to which every turn is appended. */
#include "commands.h"
#include "input.h"
#include "line.h"
#include "sampling.h"
#include "say.h"
#include "slash.h"
#include "writer.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *system_text, *template_name;
static int think = WKV_THINK_OFF, limit = 2000, stats;

static const option options[] = {
    {0, "system", OPT_TEXT, "TEXT", &system_text, 0, 0, "", "system prompt, read before the first turn"},
    {0, "think", OPT_CHOICE, "off|short|medium|long|open|fake|fake-inline", &think, 0, 0, NULL,
     "reasoning of G1 models before an answer: short, medium, long, or unlimited (open); fake and fake-inline insert "
     "an empty thought, with or without a newline inside: better answers than off at the same speed"},
    {0, "template", OPT_TEXT, "NAME", &template_name, 0, 0, "chosen from the model",
     "chat template: world, g1, raven, pile or plain"},
    {'n', "tokens", OPT_COUNT, "N", &limit, -1, INT_MAX, NULL, "maximum tokens of an answer; 0 or -1: no limit"},
    {0, "stats", OPT_SWITCH, NULL, &stats, 0, 0, "", "show the sampling settings, and the speed after each answer"},
};
static const group own = GROUP("Conversation", options);
static const group *const groups[] = {&own,           &sampling_group,  &model_group,   &weights_group,
                                      &adapter_group, &tokenizer_group, &general_group, NULL};

static void defaults(void) { sampling_defaults(NULL, "the template's"); }

typedef struct {
    engine e;
    wkv_batcher *batcher;
    const wkv_sampler_options *sampler;
    const wkv_template *how;
    wkv_session *session;
    int first;    /* the next turn is the first: it has the opening, or the system text */
    char *system; /* the text of /system; NULL: not given */
    int broken;   /* no token can be sampled, so no turn will have an answer */
} talk;

static void print_stats(const written *w)
{
    char memory[16];
    note("%d tokens, %.1f/s; peak memory %s", w->tokens, w->seconds > 0 ? w->tokens / w->seconds : 0,
         as_bytes(memory, (double)wkv_memory_peak()));
}

static int give_answer(talk *c)
{
    wkv_generation g = {.sampler = c->sampler, .max_tokens = limit > 0 ? limit : 0};
    wkv_generation_chat(&g, c->how, 0);
    const written w = writer_answer(&c->e, c->batcher, c->session, &g);
    put_text("\n");
    put_flush();
    c->broken = w.hopeless;
    if (w.reason == WKV_FINISH_LENGTH) note("(stopped after %d tokens; -n sets the limit)", limit);
    if (stats && !w.closed && w.reason != WKV_FINISH_FAILED) print_stats(&w);
    if (on_terminal(0) && on_terminal(1)) put_text("\n");
    interrupted = 0;
    return w.reason == WKV_FINISH_FAILED;
}

/* Read a turn and answer it. Returns 0, 1 after an error message, 130 after Ctrl-C before the answer. */
static int read_and_answer(talk *c, const char *turn)
{
    int status = wkv_session_append_text(c->session, turn, strlen(turn)) ? complain_library() : 0;
    if (!status) status = writer_read(c->batcher, c->session, "reading");
    return status ? status : give_answer(c);
}

/* A turn that fails, or is interrupted before its answer, leaves the session as it was. */
static int try_turn(talk *c, const char *turn)
{
    wkv_session *before;
    if (wkv_session_fork(&before, c->session)) return complain_library();
    const int status = read_and_answer(c, turn);
    wkv_session_free(status ? c->session : before);
    if (status) c->session = before;
    else c->first = 0;
    return status;
}

static int take_turn(talk *c, const char *text)
{
    size_t n = wkv_template_turn(c->how, c->first, system_text, text, (wkv_think)think, NULL, 0);
    char *turn = malloc(n + 1);
    if (!turn) return complain("out of memory");
    wkv_template_turn(c->how, c->first, system_text, text, (wkv_think)think, turn, n + 1);
    int status = try_turn(c, turn);
    if (status == 130) {
        interrupted = 0;
        note("(not read)");
        status = 0;
    }
    free(turn);
    return status;
}

/* A session from the beginning that --state gives; a text in it that ends without a separator gets one. */
static int begin(wkv_session **s, talk *c)
{
    if (engine_session(s, &c->e)) return 1;
    c->first = !wkv_session_about(*s).n || system_text;
    const char *text = c->e.begin ? wkv_state_file_about(c->e.begin)->text : "", *ending = c->how->ending;
    const size_t n = strlen(text), m = strlen(ending);
    if (!n || (n >= m && !strcmp(text + n - m, ending)) || !wkv_session_append_text(*s, ending, m)) return 0;
    wkv_session_free(*s);
    *s = NULL;
    return complain_library();
}

static void begin_anew(talk *c)
{
    wkv_session *s;
    if (begin(&s, c)) return;
    wkv_session_free(c->session);
    c->session = s;
    note("(a new conversation)");
}

/* The text outlives its input line. */
static void set_system(talk *c, const char *text)
{
    if (!*text) {
        note("%s", system_text ? system_text : "(no system text)");
        return;
    }
    char *copy = strdup(text);
    if (!copy) {
        complain("out of memory");
        return;
    }
    free(c->system);
    system_text = c->system = copy;
    begin_anew(c);
}

/* Returns 1 to leave. */
static int obey(talk *c, chat_command which, const char *argument)
{
    switch (which) {
    case SLASH_HELP:
        fflush(stdout);
        fputs(slash_help, stderr);
        break;
    case SLASH_RESET: begin_anew(c); break;
    case SLASH_SYSTEM: set_system(c, argument); break;
    case SLASH_QUIT: return 1;
    case SLASH_NONE:
    case SLASH_WRONG: break;
    }
    return 0;
}

static void greet(const talk *c)
{
    const wkv_model_info *m = c->e.about;
    const char *path = m->path ? m->path : "the built-in model", *slash = strrchr(path, '/');
    char parameters[32];
    note("%s, RWKV-%s, %s parameters, template %s", slash ? slash + 1 : path, m->version,
         as_count(parameters, m->parameters), c->how->name);
    note("/help lists commands, Ctrl-D leaves\n");
}

static int converse(talk *c)
{
    int status = 0;
    if (on_terminal(0)) greet(c);
    for (int leave = 0, first = 1; !leave && !put_flush(); first = 0) {
        char *line;
        int got = line_read(&line, "> ", slash_names);
        if (got <= 0) {
            if (!got && on_terminal(0) && on_terminal(1)) put_text("\n");
            break;
        }
        const size_t mark = first ? input_mark(line, strlen(line)) : 0;
        memmove(line, line + mark, strlen(line + mark) + 1);
        const char *argument;
        const chat_command which = slash_read(line, &argument);
        if (which)
            leave = obey(c, which, argument);
        else if (line[slash_blanks(line)] && take_turn(c, line)) {
            status = 1;
            leave = c->broken || !on_terminal(0); /* only an interactive user may continue from the earlier state */
        }
        free(line);
    }
    line_release();
    return on_terminal(0) && !c->broken ? 0 : status;
}

/* The name of the template: the option's, that of the text in --state, or NULL for the model's. */
static const char *find_template_name(const talk *c)
{
    const char *begun = c->e.begin ? wkv_state_file_about(c->e.begin)->template_name : "";
    return template_name ? template_name : *begun ? begun : NULL;
}

static int prepare(talk *c)
{
    wkv_profile p;
    if (wkv_template_find(&c->how, find_template_name(c), c->e.model, c->e.tokenizer) ||
        wkv_batcher_new(&c->batcher, c->e.context, &(wkv_batcher_options){.slots = 1}))
        return complain_library();
    if (begin(&c->session, c)) return 1;
    wkv_template_profile(&p, c->how, (wkv_think)think, c->e.model);
    const int status = sampling_find(&c->sampler, &cmd_chat, &c->e, &p);
    if (!status && stats) sampling_note();
    if (!status && think && strcmp(c->how->name, "g1"))
        note("--think needs template g1; template %s ignores it", c->how->name);
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
    wkv_session_free(c.session);
    wkv_batcher_free(c.batcher);
    free(c.system);
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
