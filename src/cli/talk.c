/* talk.c - turns, and the ways back. */
#include "talk.h"
#include "say.h"
#include "writer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int talk_open(talk *c) { return wkv_tree_new(&c->tree, c->e.context, c->e.tokenizer) ? complain_library() : 0; }

static void leave(talk *c)
{
    wkv_session_free(c->session);
    c->session = NULL;
}

void talk_close(talk *c)
{
    leave(c);
    wkv_tree_free(c->tree);
    wkv_store_close(c->store);
}

/* ---- the session at the head ------------------------------------------------------------------------------------- */

/* Read all that a session has not read yet. 130: interrupted. */
static int read_rest(const talk *c, wkv_session *s)
{
    const wkv_session_info about = wkv_session_about(s);
    return about.read < about.n ? writer_read(&c->e, c->batcher, s, "reading", NULL) : 0;
}

static int arrive(talk *c)
{
    if (!c->session && wkv_tree_session(&c->session, c->tree, wkv_tree_head(c->tree))) return complain_library();
    return 0;
}

int talk_arrive(talk *c)
{
    const int status = arrive(c);
    return status ? status : read_rest(c, c->session);
}

/* Append a segment, read it, and make a node of it. On failure the session is left, and the head stays. */
static int append(talk *c, wkv_role role, const char *text, const char *shown)
{
    int status = arrive(c);
    if (!status && wkv_session_append_text(c->session, text, strlen(text))) status = complain_library();
    if (!status) status = read_rest(c, c->session);
    if (!status &&
        wkv_tree_add(c->tree, wkv_tree_head(c->tree), &(wkv_node){.role = role, .text = shown}, c->session) < 0)
        status = complain_library();
    if (status) leave(c);
    return status;
}

int talk_go(talk *c, int node)
{
    leave(c);
    return wkv_tree_go(c->tree, node) ? complain_library() : 0;
}

/* ---- texts at the beginning -------------------------------------------------------------------------------------- */

static int ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

int talk_read(talk *c, const char *text, const char *shown)
{
    const char *ending = ends_with(text, c->how->ending) ? "" : c->how->ending;
    char *whole = malloc(strlen(text) + strlen(ending) + 1);
    if (!whole) return complain("out of memory");
    strcpy(whole, text);
    strcat(whole, ending);
    const int status = append(c, WKV_ROLE_TEXT, whole, shown);
    free(whole);
    return status;
}

int talk_load(talk *c, const wkv_state_file *f)
{
    const wkv_state_info *about = wkv_state_file_about(f);
    const char *text = about->text, *shown = *text ? text : *about->origin ? about->origin : "a state without a text";
    leave(c);
    if (wkv_session_load(&c->session, f, c->e.context, c->e.tokenizer)) return complain_library();
    if (*text && !ends_with(text, c->how->ending) &&
        wkv_session_append_text(c->session, c->how->ending, strlen(c->how->ending)))
        return complain_library();
    if (wkv_tree_add(c->tree, WKV_NOWHERE, &(wkv_node){.role = WKV_ROLE_TEXT, .text = shown}, c->session) < 0)
        return complain_library();
    return 0;
}

/* Whether a question was asked, or a system text given, on the way to the head. */
static int is_opened(const talk *c)
{
    const wkv_node *n;
    for (int i = wkv_tree_head(c->tree); (n = wkv_tree_node(c->tree, i)); i = n->parent)
        if (n->role == WKV_ROLE_USER || (c->system && !strcmp(n->text, c->system))) return 1;
    return wkv_tree_head(c->tree) != WKV_NOWHERE && !c->system;
}

static char *turn_text(const talk *c, int first, const char *question)
{
    const size_t n = wkv_template_turn(c->how, first, c->system, question, c->think, NULL, 0);
    char *turn = malloc(n + 1);
    if (turn)
        wkv_template_turn(c->how, first, c->system, question, c->think, turn, n + 1);
    else
        complain("out of memory");
    return turn;
}

/* The template's opening or the system text, before the first question: a segment of its own. */
static int open_with(talk *c)
{
    if (is_opened(c)) return 0;
    char *with = turn_text(c, 1, ""), *without = turn_text(c, 0, "");
    int status = !with || !without;
    if (!status) {
        with[strlen(with) - strlen(without)] = 0;
        if (*with) status = append(c, WKV_ROLE_TEXT, with, c->system ? c->system : "");
    }
    free(with);
    free(without);
    return status;
}

/* ---- turns ------------------------------------------------------------------------------------------------------- */

static void print_stats(const written *w)
{
    char memory[16];
    note("%d tokens, %.1f/s; peak memory %s", w->tokens, w->seconds > 0 ? w->tokens / w->seconds : 0,
         as_bytes(memory, (double)wkv_memory_peak()));
}

static void tell(const talk *c, const written *w)
{
    put_text("\n");
    put_flush();
    if (w->reason == WKV_FINISH_LENGTH) note("(stopped after %d tokens; -n sets the limit)", c->limit);
    if (c->stats && !w->closed && w->reason != WKV_FINISH_FAILED) print_stats(w);
    if (on_terminal(0) && on_terminal(1)) put_text("\n");
}

/* Answer the question at the head. The random numbers of the conversation go on, unless a seed was given since. */
static int answer(talk *c, uint64_t seed)
{
    wkv_sampler_options sampler = *c->sampler;
    sampler.seed = seed;
    wkv_generation g = {.sampler = &sampler, .max_tokens = c->limit};
    wkv_generation_chat(&g, c->how, 0);
    const written w = writer_answer(&c->e, c->batcher, c->session, &g);
    tell(c, &w);
    c->broken = w.hopeless;
    c->seeded = 0;
    const wkv_node node = {.role = WKV_ROLE_ASSISTANT, .text = w.text ? w.text : ""};
    int status = w.reason == WKV_FINISH_FAILED;
    if (!status && wkv_tree_add(c->tree, wkv_tree_head(c->tree), &node, c->session) < 0) status = complain_library();
    free(w.text);
    return status;
}

int talk_ask(talk *c, const char *question)
{
    const int from = wkv_tree_head(c->tree);
    int status = open_with(c);
    char *turn = status ? NULL : turn_text(c, 0, question);
    if (turn)
        status = append(c, WKV_ROLE_USER, turn, question);
    else
        status = 1;
    free(turn);
    const wkv_node *n = wkv_tree_node(c->tree, wkv_tree_head(c->tree));
    if (!status) status = answer(c, n->draws && !c->seeded ? n->seed : c->sampler->seed);
    if (status) talk_go(c, from);
    return status;
}

int place_question(const wkv_tree *t, int node)
{
    const wkv_node *n = wkv_tree_node(t, node);
    if (n && n->role == WKV_ROLE_ASSISTANT) node = n->parent;
    n = wkv_tree_node(t, node);
    return n && n->role == WKV_ROLE_USER ? node : -1;
}

/* Answers to a question: each has a seed of its own. */
static uint64_t answers_to(const wkv_tree *t, int asked)
{
    uint64_t n = 0;
    for (int i = asked + 1; i < wkv_tree_count(t); i++) n += wkv_tree_node(t, i)->parent == asked;
    return n;
}

/* Branches go on from the new answer. */
static int move_branches(wkv_tree *t, int from, int to)
{
    const char *name;
    int node, branch;
    for (int i = 0; (name = wkv_tree_name(t, i, &node, &branch)); i++)
        if (branch && node == from && wkv_tree_branch(t, name, to)) return complain_library();
    return 0;
}

int talk_regenerate(talk *c)
{
    const int from = wkv_tree_head(c->tree), asked = place_question(c->tree, from);
    if (asked < 0) return complain("there is no answer here to write again");
    if (!(c->sampler->temperature > 0))
        note("(temperature is 0, so the answer is the same; /set temperature 1 changes it)");
    int status = talk_go(c, asked);
    if (!status) status = talk_arrive(c);
    if (!status) status = answer(c, c->sampler->seed + answers_to(c->tree, asked));
    if (status) talk_go(c, from);
    return status ? status : move_branches(c->tree, from, wkv_tree_head(c->tree));
}

int talk_edit(talk *c, int node, const char *question)
{
    const int from = wkv_tree_head(c->tree), asked = place_question(c->tree, node);
    if (asked < 0) return complain("%d is no turn with a question", place_number(c->tree, node));
    int status = talk_go(c, wkv_tree_node(c->tree, asked)->parent);
    if (!status) status = talk_ask(c, question);
    if (status) talk_go(c, from);
    return status;
}

int talk_undo(talk *c)
{
    const int asked = place_question(c->tree, wkv_tree_head(c->tree));
    if (asked < 0) return complain("there is no turn to undo here");
    return talk_go(c, wkv_tree_node(c->tree, asked)->parent);
}

/* ---- mixes and files --------------------------------------------------------------------------------------------- */

int talk_mix(talk *c, const int *nodes, const float *weights, int n)
{
    wkv_session **s = calloc((size_t)n + 1, sizeof *s);
    int status = s ? 0 : complain("out of memory");
    for (int i = 0; i < n && !status; i++) {
        if (wkv_tree_session(&s[i], c->tree, nodes[i]))
            status = complain_library();
        else
            status = read_rest(c, s[i]);
    }
    leave(c);
    if (!status && wkv_tree_mix(c->tree, nodes, (const wkv_session *const *)s, weights, n) < 0)
        status = complain_library();
    for (int i = 0; i < n && s; i++) wkv_session_free(s[i]);
    free(s);
    return status;
}

int talk_save(talk *c, const char *path)
{
    int status = talk_arrive(c);
    if (!status && wkv_store_refuse_output(path)) status = complain_library();
    if (!status && wkv_session_save(c->session, c->e.context, c->how->name, path)) status = complain_library();
    return status;
}
