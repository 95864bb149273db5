/* conversation.c - known field names of texts, conversations and instructions; formatting by a chat template. */
#include "train/conversation.h"
#include "base/error.h"
#include "text/template.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- field names ------------------------------------------------------------------------------------------------- */

static const char *const lists[] = {"messages", "conversations", "conversation"};

/* Question, answer, and an optional context. */
static const struct {
    const char *question, *answer, *context;
} pairs[] = {
    {"instruction", "output", "input"}, {"instruction", "response", "context"}, {"prompt", "completion", NULL},
    {"prompt", "response", NULL},       {"question", "answer", "context"},      {"question", "response", NULL},
    {"query", "response", NULL},
};

/* Keys of a message. */
static const struct {
    const char *role, *content;
} messages[] = {{"role", "content"}, {"from", "value"}};

typedef enum { SYSTEM, USER, ASSISTANT, STRANGER } speaker;

static const struct {
    const char *name;
    speaker is;
} roles[] = {{"system", SYSTEM},     {"developer", SYSTEM},    {"user", USER},
             {"human", USER},        {"assistant", ASSISTANT}, {"gpt", ASSISTANT},
             {"chatgpt", ASSISTANT}, {"bot", ASSISTANT},       {"model", ASSISTANT}};

enum {
    LISTS = sizeof lists / sizeof *lists,
    PAIRS = sizeof pairs / sizeof *pairs,
    ROLES = sizeof roles / sizeof *roles
};

static speaker speaker_of(const char *role)
{
    int i = 0;
    while (i < ROLES && strcmp(role, roles[i].name)) i++;
    return i < ROLES ? roles[i].is : STRANGER;
}

/* Index of the message's keys in messages[]. */
static int spelling_of(const json_t *message)
{
    return !json_object_get(message, messages[0].role) && json_object_get(message, messages[1].role);
}

int conversation_is_answer(const json_t *message)
{
    const char *role = json_string_value(json_object_get(message, messages[spelling_of(message)].role));
    return role && speaker_of(role) == ASSISTANT;
}

enum { KEYS = 256 };

/* The first keys of an object, for messages. */
static const char *keys_of(char out[KEYS], const json_t *doc)
{
    enum { MOST = 40 };
    json_t *object = (json_t *)(uintptr_t)doc;
    size_t n = 0;
    for (void *i = json_object_iter(object); i && n + MOST + 8 < KEYS; i = json_object_iter_next(object, i))
        n += (size_t)snprintf(out + n, KEYS - n, "%s\"%.*s\"", n ? ", " : "", MOST, json_object_iter_key(i));
    return n ? out : "none";
}

/* The error for an object without known fields: lists the known names and those of the object. */
static int refuse_object(const json_t *doc)
{
    char all[1024], keys[KEYS];
    size_t n = 0;
    for (int i = 0; i < LISTS; i++)
        n += (size_t)snprintf(all + n, sizeof all - n, "%s\"%s\"", i ? ", " : "no list of ", lists[i]);
    for (int i = 0; i < PAIRS; i++)
        n += (size_t)snprintf(all + n, sizeof all - n, "%s\"%s\" and \"%s\"", i ? ", " : ", no ", pairs[i].question,
                              pairs[i].answer);
    return fail(WKV_EFORMAT,
                "no \"text\", %s; its fields are: %s (--fields TEXT or --fields QUESTION,ANSWER names others)", all,
                keys_of(keys, doc));
}

/* ---- strings ----------------------------------------------------------------------------------------------------- */

static stretch string_of(const json_t *object, const char *key)
{
    const json_t *s = key ? json_object_get(object, key) : NULL;
    return (stretch){json_string_value(s), json_string_length(s)};
}

/* Two texts joined by `between` if both exist; the caller frees the result. NULL: out of memory. */
static char *joined(stretch a, const char *between, stretch b, size_t *n)
{
    size_t gap = a.n && b.n ? strlen(between) : 0;
    char *text = malloc(a.n + gap + b.n + 1);
    *n = a.n + gap + b.n;
    if (!text) {
        fail(WKV_ENOMEM, "no memory for a text of %zu bytes", *n);
        return NULL;
    }
    if (a.n) memcpy(text, a.at, a.n);
    memcpy(text + a.n, between, gap);
    if (b.n) memcpy(text + a.n + gap, b.at, b.n);
    return text;
}

/* ---- turns ------------------------------------------------------------------------------------------------------- */

static int question(const wkv_template *t, stretch system, stretch user, segment_fn *emit, void *to)
{
    size_t n = template_turn(t, system.at != NULL, system, user, WKV_THINK_OFF, NULL, 0);
    char *text = malloc(n + 1);
    if (!text) return fail(WKV_ENOMEM, "no memory for a question of %zu bytes", n);
    template_turn(t, system.at != NULL, system, user, WKV_THINK_OFF, text, n + 1);
    int err = emit(to, text, n, 0);
    free(text);
    return err;
}

static int answer(const wkv_template *t, stretch content, segment_fn *emit, void *to)
{
    size_t n = template_reply(t, content, NULL, 0);
    char *text = malloc(n + 1);
    if (!text) return fail(WKV_ENOMEM, "no memory for an answer of %zu bytes", n);
    template_reply(t, content, text, n + 1);
    int err = emit(to, text, n, 1);
    free(text);
    return err;
}

/* Reader state of a conversation. */
typedef struct {
    const wkv_template *chat;
    segment_fn *emit;
    void *to;
    stretch system, user; /* not written yet */
    int answers;
} talk;

static int say(talk *t, size_t i, const char *role, stretch content)
{
    const stretch none = {0};
    speaker who = speaker_of(role);
    int err;
    if (who == SYSTEM && i == 0)
        t->system = content;
    else if (who == USER && !t->user.at)
        t->user = content;
    else if (who == ASSISTANT && t->user.at) {
        err = question(t->chat, t->system, t->user, t->emit, t->to);
        if (!err) err = answer(t->chat, content, t->emit, t->to);
        t->system = t->user = none;
        t->answers++;
        return err;
    } else
        return fail(WKV_EFORMAT,
                    "message %zu has the role \"%.20s\"; expected an optional system message, then user (human) and "
                    "assistant (gpt) in turns",
                    i + 1, role);
    return 0;
}

/* The content of a message: a string, or a list of parts of type "text", which become *joint, freed by the caller. */
static int content_of(const json_t *content, size_t i, stretch *out, char **joint)
{
    size_t k;
    json_t *part;
    *out = (stretch){json_string_value(content), json_string_length(content)};
    json_array_foreach(content, k, part)
    {
        const char *type = json_string_value(json_object_get(part, "type"));
        stretch more = string_of(part, "text");
        if ((type && strcmp(type, "text")) || !more.at)
            return fail(WKV_EFORMAT, "message %zu has a part of type \"%.20s\"; expected text", i + 1,
                        type ? type : "none");
        size_t n;
        char *text = joined(*out, "", more, &n);
        if (!text) return WKV_ENOMEM;
        free(*joint);
        *joint = text;
        *out = (stretch){text, n};
    }
    return 0;
}

/* Texts of a list stay allocated until all are written, because a question waits for its answer. */
static int read_list(const json_t *list, stretch system, const document_form *form, segment_fn *emit, void *to)
{
    size_t n = json_array_size(list), i;
    json_t *m;
    talk t = {.chat = form->chat, .emit = emit, .to = to, .system = system};
    char **joint = calloc(n + 1, sizeof *joint);
    int err = joint ? 0 : fail(WKV_ENOMEM, "no memory for %zu messages", n);
    if (err) return err;
    json_array_foreach(list, i, m)
    {
        int k = spelling_of(m);
        const char *role = json_string_value(json_object_get(m, messages[k].role));
        stretch content;
        if ((err = content_of(json_object_get(m, messages[k].content), i, &content, &joint[i]))) break;
        if (!role || !content.at)
            err = fail(WKV_EFORMAT, "message %zu has no strings \"role\" and \"content\", or \"from\" and \"value\"",
                       i + 1);
        else
            err = say(&t, i, role, content);
        if (err) break;
    }
    for (i = 0; i < n; i++) free(joint[i]);
    free(joint);
    return err || t.answers ? err : fail(WKV_EFORMAT, "the conversation has no answer");
}

/* question, context on its own line if any, answer */
static int read_pair(stretch system, stretch ask, stretch context, stretch reply, const document_form *form,
                     segment_fn *emit, void *to)
{
    size_t n;
    char *text = joined(ask, "\n", context, &n);
    if (!text) return WKV_ENOMEM;
    int err = question(form->chat, system, (stretch){text, n}, emit, to);
    free(text);
    return err ? err : answer(form->chat, reply, emit, to);
}

/* ---- named fields ------------------------------------------------------------------------------------------------ */

enum { FIELDS = 3, FIELD_NAME = 128 };

/* Number of names in the list; -1: invalid. */
static int split_fields(char names[FIELDS][FIELD_NAME], const char *fields)
{
    int n = 0;
    for (const char *at = fields;; at++) {
        size_t len = strcspn(at, ",");
        if (n == FIELDS || !len || len >= FIELD_NAME) return -1;
        memcpy(names[n], at, len);
        names[n++][len] = 0;
        at += len;
        if (!*at) return n;
    }
}

int conversation_check_fields(const char *fields)
{
    char names[FIELDS][FIELD_NAME];
    if (!fields || split_fields(names, fields) > 0) return 0;
    return fail(WKV_EARG, "--fields '%s': expected the names TEXT, QUESTION,ANSWER or QUESTION,ANSWER,CONTEXT", fields);
}

static int read_named(const json_t *doc, stretch system, const document_form *form, segment_fn *emit, void *user)
{
    char names[FIELDS][FIELD_NAME], keys[KEYS];
    int n = split_fields(names, form->fields);
    const json_t *list = n == 1 ? json_object_get(doc, names[0]) : NULL;
    if (json_is_array(list)) return read_list(list, system, form, emit, user);
    for (int i = 0; i < n && i < 2; i++)
        if (!string_of(doc, names[i]).at)
            return fail(WKV_EFORMAT, "no string \"%s\" (--fields); its fields are: %s", names[i], keys_of(keys, doc));
    stretch first = string_of(doc, names[0]);
    if (n == 1) return emit(user, first.at, first.n, 1);
    return read_pair(system, first, string_of(doc, n > 2 ? names[2] : NULL), string_of(doc, names[1]), form, emit,
                     user);
}

/* ---- objects ----------------------------------------------------------------------------------------------------- */

int conversation_read(const json_t *doc, const document_form *form, segment_fn *emit, void *user)
{
    stretch system = string_of(doc, "system"), text = string_of(doc, "text");
    if (!system.n) system = (stretch){0};
    if (form->fields) return read_named(doc, system, form, emit, user);
    for (int i = 0; i < LISTS; i++) {
        const json_t *list = json_object_get(doc, lists[i]);
        if (json_is_array(list)) return read_list(list, system, form, emit, user);
    }
    for (int i = 0; i < PAIRS; i++) {
        stretch ask = string_of(doc, pairs[i].question), reply = string_of(doc, pairs[i].answer);
        if (ask.at && reply.at)
            return read_pair(system, ask, string_of(doc, pairs[i].context), reply, form, emit, user);
    }
    return text.at ? emit(user, text.at, text.n, 1) : refuse_object(doc);
}
