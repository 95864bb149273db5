/* chat_prompt.c - messages become the segments of a conversation: opening, turns, answers, each encoded by itself, so
 * that the next request of the conversation finds the state after them. */
#include "answers.h"
#include <stdlib.h>
#include <string.h>

typedef struct {
    const engine *e;
    wkv_session *s;
    const request *r;
    out user;  /* texts that wait for their answer */
    int waits; /* there are some                   */
} writer;

static size_t put_turn(const writer *w, int first, const char *system, const char *user, char *to, size_t cap)
{
    const request *r = w->r;
    return r->tools
               ? wkv_template_tools_turn(w->e->how, first, system, r->tool_list, user, r->think, r->must_call, to, cap)
               : wkv_template_turn(w->e->how, first, system, user, r->think, to, cap);
}

/* A turn up to the beginning of the answer, in memory that the caller frees. */
static char *turn_text(const writer *w, int first, const char *system, const char *user)
{
    const size_t n = put_turn(w, first, system, user, NULL, 0);
    char *text = malloc(n + 1);
    if (text) put_turn(w, first, system, user, text, n + 1);
    return text;
}

static int put(writer *w, const char *text, size_t n) { return n ? wkv_session_append_text(w->s, text, n) : 0; }

/* The system text and the tools, or without both the template's opening: the part of a first turn that others lack. */
static int put_opening(writer *w, const char *system)
{
    char *with = turn_text(w, 1, system, ""), *without = turn_text(w, 0, NULL, "");
    int err = with && without ? 0 : WKV_ENOMEM;
    if (!err && strlen(with) > strlen(without)) err = put(w, with, strlen(with) - strlen(without));
    free(with);
    free(without);
    return err;
}

/* The place behind "Assistant:". */
static const char *answer_of(const writer *w, const char *turn)
{
    const char *name = w->e->how->assistant, *found = NULL;
    for (const char *at = turn; (at = strstr(at, name)); at++)
        if (at[strlen(name)] == ':') found = at + strlen(name) + 1;
    return found ? found : turn + strlen(turn);
}

/* The question, and the beginning of the answer that the template gives: a segment of its own, which becomes a part of
 * the answer. */
static int put_question(writer *w, int answers_now)
{
    out_put(&w->user, "", 1);
    char *turn = w->user.failed ? NULL : turn_text(w, 0, NULL, w->user.at);
    if (!turn) return WKV_ENOMEM;
    const char *beginning = answer_of(w, turn);
    int err = put(w, turn, (size_t)(beginning - turn));
    if (!err && answers_now && *beginning)
        err = wkv_cache_append_answer(w->e->cache, w->s, beginning, strlen(beginning), 0);
    free(turn);
    out_clear(&w->user);
    w->waits = 0;
    return err;
}

/* "Assistant:" without a question. */
static int put_name(writer *w)
{
    out o = {0};
    out_format(&o, "%s:", w->e->how->assistant);
    const int err = o.failed ? WKV_ENOMEM : put(w, o.at, o.n);
    out_release(&o);
    return err;
}

/* An answer in words, after the assistant's name: the template's form in memory that the caller frees. */
static char *reply_text(const writer *w, const char *text)
{
    const size_t n = wkv_template_reply(w->e->how, text, NULL, 0);
    char *reply = malloc(n + 1);
    if (reply) wkv_template_reply(w->e->how, text, reply, n + 1);
    return reply;
}

/* The same for calls, with the words before them. */
static char *calls_text(const writer *w, const message *m)
{
    const wkv_template *how = w->e->how;
    const size_t n = wkv_template_tools_reply(how, m->calls, NULL, 0);
    const size_t words = *m->text ? wkv_template_reply(how, m->text, NULL, 0) - strlen(how->ending) : 0;
    char *text = malloc(words + n + 16);
    if (!text) return NULL;
    if (words) wkv_template_reply(how, m->text, text, words + 1);
    strcpy(text + words, words ? "\n```json" : " ```json");
    wkv_template_tools_reply(how, m->calls, text + strlen(text), n + 1);
    return text;
}

/* An answer; the last one of a request goes on. */
static int put_answer(writer *w, const message *m, int last)
{
    const wkv_template *how = w->e->how;
    int err = w->waits ? put_question(w, 0) : put_name(w);
    char *reply = m->calls && how->tool_stop ? calls_text(w, m) : reply_text(w, m->text);
    if (!reply) return WKV_ENOMEM;
    size_t n = strlen(reply);
    const size_t ending = strlen(how->ending);
    if (last && n >= ending && !strcmp(reply + n - ending, how->ending)) n -= ending;
    if (!err && n) err = wkv_cache_append_answer(w->e->cache, w->s, reply, n, !last);
    free(reply);
    return err;
}

static void add_line(out *o, const char *text)
{
    if (o->n) out_text(o, "\n");
    out_text(o, text);
}

/* System texts before the first turn are the opening; later ones are part of the next question. *n: their number. */
static int put_system(writer *w, const request *r, int *n)
{
    out system = {0};
    *n = 0;
    while (*n + 1 < r->n_messages && r->messages[*n].who == SPEAKER_SYSTEM) add_line(&system, r->messages[(*n)++].text);
    out_put(&system, "", 1);
    const int err = system.failed ? WKV_ENOMEM : put_opening(w, *n ? system.at : NULL);
    out_release(&system);
    return err;
}

/* A text of the user, or the result of a function, which has a line of its own before the first. */
static void add_question(out *user, const message *m, int follows_output)
{
    if (m->who == SPEAKER_TOOL && !follows_output) add_line(user, "Function output:");
    add_line(user, m->text);
}

int chat_question(const request *r)
{
    int first = r->n_messages - 1;
    while (first > 0 && r->messages[first].who == SPEAKER_TOOL && r->messages[first - 1].who == SPEAKER_TOOL) first--;
    return first;
}

void chat_question_text(out *text, const request *r)
{
    const int first = chat_question(r);
    for (int i = first; i < r->n_messages; i++) add_question(text, &r->messages[i], i > first);
}

static int put_messages(writer *w, const request *r)
{
    int i = 0, err = r->state ? 0 : put_system(w, r, &i);
    for (; i < r->n_messages && !err; i++) {
        const message *m = &r->messages[i];
        if (m->who == SPEAKER_ASSISTANT)
            err = put_answer(w, m, i + 1 == r->n_messages);
        else {
            add_question(&w->user, m, w->waits && m[-1].who == SPEAKER_TOOL);
            w->waits = 1;
        }
    }
    return !err && w->waits ? put_question(w, 1) : err;
}

int chat_append(const engine *e, wkv_session *s, const request *r)
{
    writer w = {.e = e, .s = s, .r = r};
    const int err = put_messages(&w, r);
    out_release(&w.user);
    return err;
}

int chat_append_opening(const engine *e, wkv_session *s, const request *r)
{
    writer w = {.e = e, .s = s, .r = r};
    int n;
    return put_system(&w, r, &n);
}

int chat_append_question(const engine *e, wkv_session *s, const request *r)
{
    writer w = {.e = e, .s = s, .r = r};
    chat_question_text(&w.user, r);
    const int err = put_question(&w, 1);
    out_release(&w.user);
    return err;
}
