/* cmd_chat.c - lines are turns of a conversation, or commands. */
#include "columns.h"
#include "commands.h"
#include "talk.h"
#include "input.h"
#include "line.h"
#include "sampling.h"
#include "say.h"
#include "slash.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *system_text, *template_name;
static int think = WKV_THINK_OFF, limit = 2000, stats;
static texts documents;
static int beginning = WKV_NOWHERE; /* the node behind the texts of --state and --read */

static const option options[] = {
    {0, "system", OPT_TEXT, "TEXT", &system_text, 0, 0, "", "system prompt, read before the first turn"},
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
static const group *const groups[] = {&own,           &sampling_group,  &model_group,   &weights_group,
                                      &adapter_group, &tokenizer_group, &general_group, NULL};

static void defaults(void) { sampling_defaults(NULL, "the template's"); }

/* ---- commands ---------------------------------------------------------------------------------------------------- */

/* The next word of a line, which is cut off behind it; NULL: none. */
static char *next_word(char **at)
{
    char *word = *at + slash_blanks(*at), *end = word;
    while (*end && !slash_blanks(end)) end++;
    *at = end;
    if (*end) *end = 0, *at = end + 1;
    return *word ? word : NULL;
}

static void say_place(const talk *c)
{
    const wkv_tree *t = c->tree;
    const int head = wkv_tree_head(t);
    const wkv_node *n = wkv_tree_node(t, head);
    char text[160];
    if (!n) {
        note("(before the first turn)");
        return;
    }
    columns_cut(text, sizeof text, n->text, 60);
    note("(at %d%s%s)", place_number(t, head), *text ? ": " : "", text);
}

static void go_to(talk *c, const char *word)
{
    const int node = place_find(c->tree, word);
    if (node != -2 && !talk_go(c, node)) say_place(c);
}

static void edit(talk *c, char *rest)
{
    const char *word = next_word(&rest);
    const int node = place_find(c->tree, word);
    rest += slash_blanks(rest);
    if (node != -2 && !*rest)
        complain("/edit needs the new question: /edit %s TEXT", word);
    else if (node != -2)
        talk_edit(c, node, rest);
}

/* The answers on the way to the head, the first one first; their number. */
static int places_above(const talk *c, int *nodes, int most)
{
    int n = 0;
    const wkv_node *node;
    for (int i = wkv_tree_head(c->tree); (node = wkv_tree_node(c->tree, i)); i = node->parent)
        if (node->role == WKV_ROLE_ASSISTANT && n < most) nodes[n++] = i;
    for (int i = 0; i < n / 2; i++) {
        const int swap = nodes[i];
        nodes[i] = nodes[n - 1 - i];
        nodes[n - 1 - i] = swap;
    }
    return n;
}

enum { MOST_MIXED = 256 };

/* "3 paris 2 1": the places 3 and paris with the weights 2 and 1; "all", or "all 1 2 3" */
static void mix(talk *c, char *rest)
{
    static int nodes[MOST_MIXED];
    static float weights[MOST_MIXED];
    char *word[MOST_MIXED];
    int n = 0, words = 0;
    while (words < MOST_MIXED && (word[words] = next_word(&rest))) words++;
    const int all = words && !strcmp(word[0], "all");
    const int weighted = all ? words > 1 : words == 4;
    if (all) n = places_above(c, nodes, MOST_MIXED);
    for (; !all && n < (weighted ? words / 2 : words); n++)
        if ((nodes[n] = place_find(c->tree, word[n])) == -2) return;
    if (n < 2 || (weighted && words != (all ? 1 : n) + n)) {
        complain(
            "/mix takes two places, or two places and their two weights; or all, and a weight for each of its turns "
            "(%d here)",
            places_above(c, nodes, MOST_MIXED));
        return;
    }
    for (int i = 0; i < n && weighted; i++) {
        char *end;
        weights[i] = strtof(word[(all ? 1 : n) + i], &end);
        if (*end) {
            complain("/mix: '%.40s' is no weight", word[(all ? 1 : n) + i]);
            return;
        }
    }
    if (!talk_mix(c, nodes, weighted ? weights : NULL, n)) note("(the mean of the states of %d turns)", n);
}

static void load_file(talk *c, const char *path)
{
    wkv_state_file *f;
    char difference[512];
    if (wkv_state_file_open(&f, path)) {
        complain_library();
        return;
    }
    if (!talk_load(c, f)) {
        if (!wkv_state_file_compare(f, c->e.context, difference, sizeof difference) && *difference)
            note("%s: %s", path, difference);
        note("(%d tokens of %s)", wkv_state_file_about(f)->n_ids, path);
    }
    wkv_state_file_close(f);
}

static void save_file(talk *c, const char *path)
{
    if (!talk_save(c, path)) note("(%s: %d tokens)", path, wkv_session_about(c->session).n);
}

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

static void set(talk *c, char *rest)
{
    static const command these = {.name = "chat", .operands = "", .groups = changed_groups};
    static char name[64], *values[MOST_MIXED];
    static int n_values;
    const char *word = next_word(&rest), *value = next_word(&rest);
    if (word && (!value || n_values == MOST_MIXED)) {
        complain("/set needs an option and its value: /set temperature 0.5");
        return;
    }
    if (word) {
        snprintf(name, sizeof name, "--%.40s", word + strspn(word, "-"));
        char *args[] = {name, values[n_values++] = strdup(value)}; /* lists of options refer to their texts */
        int n;
        if (!args[1] || options_parse(&these, 2, args, &n) || find_sampler(c)) return;
    }
    sampling_note();
}

/* The text outlives its input line. */
static void set_system(talk *c, const char *text)
{
    static char *kept;
    if (!*text) {
        note("%s", c->system ? c->system : "(no system text)");
        return;
    }
    char *copy = strdup(text);
    if (!copy) {
        complain("out of memory");
        return;
    }
    free(kept);
    c->system = kept = copy;
    if (!talk_go(c, beginning)) note("(a new conversation)");
}

static void name_place(talk *c, const char *name, int branch)
{
    const int head = wkv_tree_head(c->tree);
    if (head == WKV_NOWHERE)
        complain("there is no turn to name yet");
    else if (branch ? wkv_tree_branch(c->tree, name, head) : wkv_tree_mark(c->tree, name, head))
        complain_library();
    else
        note("(%d is %s)", place_number(c->tree, head), name);
}

/* Returns 1 to leave. */
static int obey(talk *c, chat_command which, char *argument)
{
    switch (which) {
    case SLASH_HELP:
        fflush(stdout);
        fputs(slash_help, stderr);
        break;
    case SLASH_RESET:
        if (!talk_go(c, beginning)) note("(a new conversation)");
        break;
    case SLASH_UNDO:
        if (!talk_undo(c)) say_place(c);
        break;
    case SLASH_REGEN: talk_regenerate(c); break;
    case SLASH_EDIT: edit(c, argument); break;
    case SLASH_MARK: name_place(c, argument, 0); break;
    case SLASH_BRANCH: name_place(c, argument, 1); break;
    case SLASH_GOTO: go_to(c, argument); break;
    case SLASH_TREE: talk_draw(c); break;
    case SLASH_MIX: mix(c, argument); break;
    case SLASH_SAVE: save_file(c, argument); break;
    case SLASH_LOAD: load_file(c, argument); break;
    case SLASH_CHECK: talk_check(c); break;
    case SLASH_SYSTEM: set_system(c, argument); break;
    case SLASH_SET: set(c, argument); break;
    case SLASH_QUIT: return 1;
    case SLASH_NONE:
    case SLASH_WRONG: break;
    }
    interrupted = 0;
    return 0;
}

/* ---- turns ------------------------------------------------------------------------------------------------------- */

static int take_turn(talk *c, const char *text)
{
    const int status = talk_ask(c, text);
    if (status != 130) return status;
    interrupted = 0;
    note("(not read)");
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
    for (int done = 0, first = 1; !done && !put_flush(); first = 0) {
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
            done = obey(c, which, (char *)(uintptr_t)argument) || c->broken;
        else if (line[slash_blanks(line)] && take_turn(c, line)) {
            status = 1;
            done = c->broken || !on_terminal(0); /* only an interactive user may continue from the earlier state */
        }
        free(line);
    }
    line_release();
    return on_terminal(0) && !c->broken ? 0 : status;
}

/* ---- the beginning ----------------------------------------------------------------------------------------------- */

/* The name of the template: the option's, that of the text in --state, or NULL for the model's. */
static const char *find_template_name(const talk *c)
{
    const char *begun = c->e.begin ? wkv_state_file_about(c->e.begin)->template_name : "";
    return template_name ? template_name : *begun ? begun : NULL;
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
    if (!status && c->e.begin) status = talk_load(c, c->e.begin);
    for (int i = 0; i < documents.n && !status; i++) status = read_document(c, documents.at[i]);
    beginning = wkv_tree_head(c->tree);
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
