/* conversation.c - the forms that instruction data comes in, written in a chat template. */
#include "train/conversation.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

static int question(const wkv_template *t, const char *system, const char *user, piece_fn *piece, void *to)
{
    size_t n = wkv_template_turn(t, system != NULL, system, user, WKV_THINK_OFF, NULL, 0);
    char *text = malloc(n + 1);
    if (!text) return fail(WKV_ENOMEM, "no memory for a question of %zu bytes", n);
    wkv_template_turn(t, system != NULL, system, user, WKV_THINK_OFF, text, n + 1);
    int err = piece(to, text, n, 0);
    free(text);
    return err;
}

static int answer(const wkv_template *t, const char *content, piece_fn *piece, void *to)
{
    size_t n = wkv_template_reply(t, content, NULL, 0);
    char *text = malloc(n + 1);
    if (!text) return fail(WKV_ENOMEM, "no memory for an answer of %zu bytes", n);
    wkv_template_reply(t, content, text, n + 1);
    int err = piece(to, text, n, 1);
    free(text);
    return err;
}

static int turns(const json_t *messages, const wkv_template *t, piece_fn *piece, void *to)
{
    const char *system = NULL, *user = NULL;
    int err = 0, answers = 0;
    size_t i;
    json_t *m;
    json_array_foreach(messages, i, m)
    {
        const char *role = json_string_value(json_object_get(m, "role"));
        const char *content = json_string_value(json_object_get(m, "content"));
        if (!role || !content)
            return fail(WKV_EFORMAT, "message %zu has no strings called \"role\" and \"content\"", i + 1);
        if (!strcmp(role, "system") && i == 0)
            system = content;
        else if (!strcmp(role, "user") && !user)
            user = content;
        else if (!strcmp(role, "assistant") && user) {
            err = question(t, system, user, piece, to);
            if (!err) err = answer(t, content, piece, to);
            system = user = NULL;
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
static int instruction(const char *ask, const char *matter, const char *reply, const wkv_template *t, piece_fn *piece,
                       void *to)
{
    size_t n = strlen(ask), m = matter ? strlen(matter) : 0;
    char *text = malloc(n + m + 2);
    if (!text) return fail(WKV_ENOMEM, "no memory for an instruction of %zu bytes", n + m);
    memcpy(text, ask, n + 1);
    if (m) {
        text[n] = '\n';
        memcpy(text + n + 1, matter, m + 1);
    }
    int err = question(t, NULL, text, piece, to);
    free(text);
    return err ? err : answer(t, reply, piece, to);
}

int conversation_read(const json_t *doc, const wkv_template *t, piece_fn *piece, void *user)
{
    const json_t *text = json_object_get(doc, "text"), *messages = json_object_get(doc, "messages");
    if (json_is_string(text)) return piece(user, json_string_value(text), json_string_length(text), 1);
    if (json_is_array(messages)) return turns(messages, t, piece, user);
    const char *ask = json_string_value(json_object_get(doc, "instruction"));
    const char *reply = json_string_value(json_object_get(doc, "output"));
    if (ask && reply) return instruction(ask, json_string_value(json_object_get(doc, "input")), reply, t, piece, user);
    ask = json_string_value(json_object_get(doc, "prompt"));
    reply = json_string_value(json_object_get(doc, "response"));
    if (ask && reply) return instruction(ask, NULL, reply, t, piece, user);
    return fail(
        WKV_EFORMAT,
        "no \"text\", no list of \"messages\", no \"instruction\" and \"output\", no \"prompt\" and \"response\"");
}
