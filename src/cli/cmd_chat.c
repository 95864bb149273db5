/* cmd_chat.c - a conversation.
 *
 * The state carries over from turn to turn, so only new tokens are read. It always matches the text shown: a stopped
 * answer is followed by the template's separator, and a turn that fails is rolled back. */
#include "commands.h"
#include "input.h"
#include "line.h"
#include "sampling.h"
#include "say.h"
#include "slash.h"
#include "think.h"
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
    wkv_sampler *sampler;
    const wkv_template *how;
    wkv_state *before, *mark; /* before this turn; before the oldest token not shown in full */
    char separator[16];       /* between an answer and the next turn */
    int turns;
    char *system; /* the text of /system; NULL: not given */
    int broken;   /* no token can be sampled, so no turn will have an answer */
} talk;

/* Read the user's turn. Returns 0, 1 after an error message, 130 after Ctrl-C; on failure the state is unchanged. */
static int read_turn(talk *c, const char *turn)
{
    int32_t *ids;
    int n = engine_encode(c->e.tokenizer, 1, turn, strlen(turn), &ids);
    if (n <= 0) return 1;
    if (wkv_state_copy(c->before, c->e.state)) {
        free(ids);
        return complain_library();
    }
    int status = engine_read(&c->e, ids, n, "reading");
    free(ids);
    if (status) wkv_state_copy(c->e.state, c->before);
    return status;
}

static void print_stats(const writer *w)
{
    char memory[16];
    note("%d tokens, %.1f/s; peak memory %s", w->tokens, w->seconds > 0 ? w->tokens / w->seconds : 0,
         as_bytes(memory, (double)wkv_memory_peak()));
}

static int give_answer(talk *c, const char *turn)
{
    int n_stops = 0;
    while (n_stops < 4 && c->how->stops[n_stops]) n_stops++;
    answer shown;
    answer_begin(&shown, turn);
    writer w = {.e = &c->e,
                .sampler = c->sampler,
                .stops = c->how->stops,
                .n_stops = n_stops,
                .limit = limit > 0 ? limit : 0,
                .show = answer_show,
                .user = &shown,
                .mark = c->mark};
    wkv_sampler_reset(c->sampler);
    finish_reason how = writer_run(&w);
    answer_end(&shown);
    int status = 0;
    c->broken = how == END_LOGITS;
    if (how == END_FAILED || how == END_LOGITS)
        status = 1;
    else if (how != END_OUTPUT)
        status = writer_settle(&w, c->separator);
    if (how == END_LIMIT) note("(stopped after %d tokens; -n sets the limit)", limit);
    if (how != END_OUTPUT && !status && stats) print_stats(&w);
    if (on_terminal(0) && on_terminal(1)) put_text("\n");
    if (status)
        wkv_state_copy(c->e.state, c->before);
    else
        c->turns++;
    interrupted = 0;
    writer_free(&w);
    return status;
}

static int take_turn(talk *c, const char *text)
{
    const int first = c->turns == 0;
    size_t n = wkv_template_turn(c->how, first, system_text, text, (wkv_think)think, NULL, 0);
    char *turn = malloc(n + 1);
    if (!turn) return complain("out of memory");
    wkv_template_turn(c->how, first, system_text, text, (wkv_think)think, turn, n + 1);
    int status = read_turn(c, turn);
    if (!status)
        status = give_answer(c, turn);
    else if (status == 130) {
        interrupted = 0;
        note("(not read)");
        status = 0;
    }
    free(turn);
    return status;
}

static void begin_anew(talk *c)
{
    wkv_state_reset(c->e.state);
    c->turns = 0;
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

/* The separator of an answer and the next turn: the blank prefix of the string that ends an answer. */
static void find_separator(talk *c)
{
    const char *stop = c->how->stops[0] ? c->how->stops[0] : "\n\n";
    snprintf(c->separator, sizeof c->separator, "%.*s", (int)strspn(stop, " \r\n"), stop);
}

static int make_sampler(talk *c)
{
    wkv_profile p;
    wkv_template_profile(&p, c->how, (wkv_think)think, c->e.model);
    int status = sampling_make(&c->sampler, &cmd_chat, &c->e, &p);
    if (!status && stats) sampling_note();
    return status;
}

static int run(int n, char **operands)
{
    (void)n, (void)operands;
    talk c = {0};
    int status = engine_open(&c.e, 1);
    if (status) return status;
    catch_interrupts();
    if (wkv_template_find(&c.how, template_name, c.e.model, c.e.tokenizer) || wkv_state_new(&c.before, c.e.model) ||
        wkv_state_new(&c.mark, c.e.model))
        status = complain_library();
    else if (!(status = make_sampler(&c))) {
        find_separator(&c);
        if (think && strcmp(c.how->name, "g1")) note("--think needs template g1; template %s ignores it", c.how->name);
        status = converse(&c);
    }
    wkv_sampler_free(c.sampler);
    free(c.system);
    wkv_state_free(c.mark);
    wkv_state_free(c.before);
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
