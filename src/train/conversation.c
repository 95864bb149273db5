/* conversation.c - the forms that instruction data comes in, written in a chat template. */
#include "train/conversation.h"
#include "base/error.h"
#include "text/template.h"
#include <stdlib.h>
#include <string.h>

static stretch string_of(const json_t *object, const char *key)
{
    const json_t *s = json_object_get(object, key);
    return (stretch){json_string_value(s), json_string_length(s)};
}

static int question(const wkv_template *t, stretch system, stretch user, piece_fn *piece, void *to)
{
    size_t n = template_turn(t, system.at != NULL, system, user, WKV_THINK_OFF, NULL, 0);
    char *text = malloc(n + 1);
    if (!text) return fail(WKV_ENOMEM, "no memory for a question of %zu bytes", n);
    template_turn(t, system.at != NULL, system, user, WKV_THINK_OFF, text, n + 1);
    int err = piece(to, text, n, 0);
    free(text);
    return err;
}

static int answer(const wkv_template *t, stretch content, piece_fn *piece, void *to)
{
    size_t n = template_reply(t, content, NULL, 0);
    char *text = malloc(n + 1);
    if (!text) return fail(WKV_ENOMEM, "no memory for an answer of %zu bytes", n);
    template_reply(t, content, text, n + 1);
    int err = piece(to, text, n, 1);
    free(text);
    return err;
}

static int turns(const json_t *messages, const wkv_template *t, piece_fn *piece, void *to)
{
    const stretch none = {0};
    stretch system = none, user = none;
    int err = 0, answers = 0;
    size_t i;
    json_t *m;
    json_array_foreach(messages, i, m)
    {
        const char *role = json_string_value(json_object_get(m, "role"));
        const stretch content = string_of(m, "content");
        if (!role || !content.at)
            return fail(WKV_EFORMAT, "message %zu has no strings called \"role\" and \"content\"", i + 1);
        if (!strcmp(role, "system") && i == 0)
            system = content;
        else if (!strcmp(role, "user") && !user.at)
            user = content;
        else if (!strcmp(role, "assistant") && user.at) {
            err = question(t, system, user, piece, to);
            if (!err) err = answer(t, content, piece, to);
            system = user = none;
            answers++;
        } else
            err = fail(
                WKV_EFORMAT,
                "message %zu is of \"%.20s\"; a conversation may begin with system, then user and assistant take turns",
                i + 1, role);
        if (err) return err;
    }
    return answers ? 0 : fail(WKV_EFORMAT, "a conversation without an answer");
}

/* question, or question and matter on a line of its own, and answer */
static int instruction(stretch ask, stretch matter, stretch reply, const wkv_template *t, piece_fn *piece, void *to)
{
    size_t n = ask.n;
    char *text = malloc(ask.n + matter.n + 1);
    if (!text) return fail(WKV_ENOMEM, "no memory for an instruction of %zu bytes", ask.n + matter.n);
    memcpy(text, ask.at, ask.n);
    if (matter.n) {
        text[n++] = '\n';
        memcpy(text + n, matter.at, matter.n);
        n += matter.n;
    }
    int err = question(t, (stretch){0}, (stretch){text, n}, piece, to);
    free(text);
    return err ? err : answer(t, reply, piece, to);
}

int conversation_read(const json_t *doc, const wkv_template *t, piece_fn *piece, void *user)
{
    const json_t *text = json_object_get(doc, "text"), *messages = json_object_get(doc, "messages");
    if (json_is_string(text)) return piece(user, json_string_value(text), json_string_length(text), 1);
    if (json_is_array(messages)) return turns(messages, t, piece, user);
    stretch ask = string_of(doc, "instruction"), reply = string_of(doc, "output");
    if (ask.at && reply.at) return instruction(ask, string_of(doc, "input"), reply, t, piece, user);
    ask = string_of(doc, "prompt"), reply = string_of(doc, "response");
    if (ask.at && reply.at) return instruction(ask, (stretch){0}, reply, t, piece, user);
    return fail(
        WKV_EFORMAT,
        "no \"text\", no list of \"messages\", no \"instruction\" and \"output\", no \"prompt\" and \"response\"");
}
