/* talk_commands.c - the commands of a conversation: lines that begin with a slash. */
#include "columns.h"
#include "sampling.h"
#include "say.h"
#include "talk.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void set(talk *c, char *rest)
{
    const char *name = next_word(&rest), *value = next_word(&rest);
    if (name && !value)
        complain("/set needs an option and its value: /set temperature 0.5");
    else if (!name || !talk_set(c, name, value))
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
    if (!talk_go(c, c->beginning)) note("(a new conversation)");
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

int talk_obey(talk *c, chat_command which, char *argument)
{
    switch (which) {
    case SLASH_HELP:
        fflush(stdout);
        fputs(slash_help, stderr);
        break;
    case SLASH_RESET:
        if (!talk_go(c, c->beginning)) note("(a new conversation)");
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
