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

static int go_to(talk *c, const char *word)
{
    const int node = place_find(c->tree, word);
    if (node == -2 || talk_go(c, node)) return 1;
    say_place(c);
    return 0;
}

static int edit(talk *c, char *rest)
{
    const char *word = next_word(&rest);
    const int node = place_find(c->tree, word);
    rest += slash_blanks(rest);
    if (node == -2) return 1;
    return *rest ? talk_edit(c, node, rest) : complain("/edit needs the new question: /edit %s TEXT", word);
}

/* ---- mixes ------------------------------------------------------------------------------------------------------- */

/* The answers on the way to the head, the first one first, as many as the tree has nodes at most; their number. */
static int places_above(const talk *c, int *nodes)
{
    int n = 0;
    const wkv_node *node;
    for (int i = wkv_tree_head(c->tree); (node = wkv_tree_node(c->tree, i)); i = node->parent)
        if (node->role == WKV_ROLE_ASSISTANT) nodes[n++] = i;
    for (int i = 0; i < n / 2; i++) {
        const int swap = nodes[i];
        nodes[i] = nodes[n - 1 - i];
        nodes[n - 1 - i] = swap;
    }
    return n;
}

/* n numbers of a line; no number at all: *any is 0. */
static int read_weights(float *weights, int n, char *rest, int *any)
{
    char *word = next_word(&rest), *end;
    *any = word != NULL;
    if (!word) return 0;
    for (int i = 0; i < n; i++, word = next_word(&rest)) {
        if (!word) return complain("/mix: %d weights, expected %d, one for each turn", i, n);
        weights[i] = strtof(word, &end);
        if (*end) return complain("/mix: '%.40s' is no weight", word);
    }
    return word ? complain("/mix: more than %d weights, one for each turn", n) : 0;
}

/* "3 paris 2 1": the places 3 and paris with the weights 2 and 1; "all", or "all 1 2 3" */
static int mix_with(talk *c, char *rest, int *nodes, float *weights)
{
    char *first = next_word(&rest), *second;
    int n = 2, weighted;
    if (!strcmp(first, "all")) {
        if ((n = places_above(c, nodes)) < 2) return complain("/mix all: there are %d turns here", n);
    } else {
        if (!(second = next_word(&rest))) return complain("/mix takes two places, or all: /mix %s B", first);
        nodes[0] = place_find(c->tree, first);
        nodes[1] = nodes[0] == -2 ? -2 : place_find(c->tree, second);
        if (nodes[1] == -2) return 1;
    }
    int status = read_weights(weights, n, rest, &weighted);
    if (!status) status = talk_mix(c, nodes, weighted ? weights : NULL, n);
    if (!status) note("(the mean of the states of %d turns)", n);
    return status;
}

static int mix(talk *c, char *rest)
{
    const size_t room = (size_t)wkv_tree_count(c->tree) + 2;
    int *nodes = malloc(sizeof *nodes * room);
    float *weights = malloc(sizeof *weights * room);
    const int status = nodes && weights ? mix_with(c, rest, nodes, weights) : complain("out of memory");
    free(nodes);
    free(weights);
    return status;
}

/* ---- files, settings, names -------------------------------------------------------------------------------------- */

static int load_file(talk *c, const char *path)
{
    wkv_state_file *f;
    char difference[512];
    if (wkv_state_file_open(&f, path)) return complain_library();
    const int status = talk_load(c, f);
    if (!status && !wkv_state_file_compare(f, c->e.context, difference, sizeof difference) && *difference)
        note("%s: %s", path, difference);
    if (!status) note("(%d tokens of %s)", wkv_state_file_about(f)->n_ids, path);
    wkv_state_file_close(f);
    return status;
}

static int save_file(talk *c, const char *path)
{
    const int status = talk_save(c, path);
    if (!status) note("(%s: %d tokens)", path, wkv_session_about(c->session).n);
    return status;
}

static int set(talk *c, char *rest)
{
    const char *name = next_word(&rest), *value = next_word(&rest);
    if (name && !value) return complain("/set needs an option and its value: /set temperature 0.5");
    if (name && talk_set(c, name, value)) return 1;
    sampling_note();
    return 0;
}

static int begin_anew(talk *c)
{
    if (talk_go(c, c->beginning)) return 1;
    note("(a new conversation)");
    return 0;
}

/* The text outlives its input line. */
static int set_system(talk *c, const char *text)
{
    static char *kept;
    if (!*text) {
        note("%s", c->system ? c->system : "(no system text)");
        return 0;
    }
    char *copy = strdup(text);
    if (!copy) return complain("out of memory");
    free(kept);
    c->system = kept = copy;
    return begin_anew(c);
}

static int name_place(talk *c, const char *name, int branch)
{
    const int head = wkv_tree_head(c->tree);
    if (head == WKV_NOWHERE) return complain("there is no turn to name yet");
    if (branch ? wkv_tree_branch(c->tree, name, head) : wkv_tree_mark(c->tree, name, head)) return complain_library();
    note("(%d is %s)", place_number(c->tree, head), name);
    return 0;
}

static int undo(talk *c)
{
    if (talk_undo(c)) return 1;
    say_place(c);
    return 0;
}

int talk_obey(talk *c, chat_command which, char *argument)
{
    switch (which) {
    case SLASH_HELP:
        fflush(stdout);
        fputs(slash_help, stderr);
        return 0;
    case SLASH_RESET: return begin_anew(c);
    case SLASH_UNDO: return undo(c);
    case SLASH_REGEN: return talk_regenerate(c);
    case SLASH_EDIT: return edit(c, argument);
    case SLASH_MARK: return name_place(c, argument, 0);
    case SLASH_BRANCH: return name_place(c, argument, 1);
    case SLASH_GOTO: return go_to(c, argument);
    case SLASH_TREE: talk_draw(c); return 0;
    case SLASH_MIX: return mix(c, argument);
    case SLASH_SAVE: return save_file(c, argument);
    case SLASH_LOAD: return load_file(c, argument);
    case SLASH_CHECK: return talk_check(c);
    case SLASH_SYSTEM: return set_system(c, argument);
    case SLASH_SET: return set(c, argument);
    case SLASH_WRONG: return 1;
    case SLASH_QUIT:
    case SLASH_NONE: break;
    }
    return 0;
}
