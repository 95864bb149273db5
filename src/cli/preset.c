/* preset.c - prompts for tasks, in the published wording that the models were trained on:
 *
 *     a question about a text   the text, the question on the next line, as a turn of the chat template:
 *                               BlinkDL/ChatRWKV, API_DEMO_WORLD.py (965e40b), demo 3
 *     an instruction            a turn; where it comes with a text, for World and G1 "Instruction:", "Input:",
 *                               "Response:": RWKV/RWKV-wiki, docs/RWKV-Prompts/prompt-guidelines.md (405a372); for
 *                               models with the Pile's vocabulary Raven's form: ChatRWKV, v2/chat.py, +i, and its
 *                               ChatRWKV-gradio for the text; for models of neither a turn, the text on the next
 *                               line, as wkv tune writes instructions
 *     summary, translation      instructions, in the words of the same page of the wiki; ChatRWKV publishes none
 *
 * The instruction precedes the text, so that the state keeps the details that matter for it. */
#include "preset.h"
#include "say.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const preset presets[] = {
    {"qa", "PROMPT is a question about the text", NULL, NULL, 1},
    {"instruct", "PROMPT is an instruction, the text its optional subject", "%s", NULL, 0},
    {"summary", "summarize the text; PROMPT: \"in one sentence\", or another form",
     "Summarize the following material text %s.", "in one sentence", 1},
    {"translate", "translate the text; PROMPT: \"Swedish into Chinese\" or similar",
     "Please translate the following %s.", NULL, 1},
};
enum { PRESETS = sizeof presets / sizeof *presets };

static void list(void)
{
    for (int i = 0; i < PRESETS; i++) put_text("  %-10s %s\n", presets[i].name, presets[i].what);
    put_text("--text or standard input gives the text. Only the answer is printed.\n");
}

const preset *preset_find(const command *c, const char *name, int *status)
{
    *status = 0;
    for (int i = 0; i < PRESETS; i++)
        if (!strcmp(name, presets[i].name)) return &presets[i];
    if (!strcmp(name, "help"))
        list();
    else
        *status =
            usage(c, "--prompt-preset: '%.40s' is not one of qa, instruct, summary and translate (help describes them)",
                  name);
    return NULL;
}

/* printf into allocated memory; NULL after an error message */
static char *print(const char *fmt, const char *a, const char *b)
{
    size_t n = strlen(fmt) + strlen(a) + strlen(b) + 1;
    char *out = malloc(n);
    if (out)
        snprintf(out, n, fmt, a, b);
    else
        complain("out of memory");
    return out;
}

/* The text for a turn: without surrounding blanks and without blank lines. */
static char *clean(const char *text)
{
    static const wkv_template bare = {.name = "", .ending = ""};
    size_t n = wkv_template_reply(&bare, text, NULL, 0);
    char *out = malloc(n + 1);
    if (!out) {
        complain("out of memory");
        return NULL;
    }
    wkv_template_reply(&bare, text, out, n + 1);
    memmove(out, out + 1, n); /* the blank between a name and its answer */
    return out;
}

static char *turn(const wkv_template *t, const char *user)
{
    size_t n = wkv_template_turn(t, 1, NULL, user, WKV_THINK_OFF, NULL, 0);
    char *out = malloc(n + 1);
    if (out)
        wkv_template_turn(t, 1, NULL, user, WKV_THINK_OFF, out, n + 1);
    else
        complain("out of memory");
    return out;
}

enum { RAVEN, WORLD, TURN, FORMS };

#define RAVEN_END ". Write a response that appropriately completes the request.\n\n# Instruction:\n%s\n\n"
static const struct {
    const char *alone, *with_text; /* NULL: a turn */
    const char *stops[3];
} forms[FORMS] = {
    [RAVEN] =
        {"\nBelow is an instruction that describes a task" RAVEN_END "# Response:\n%s",
         "\nBelow is an instruction that describes a task, paired with an input that provides further context" RAVEN_END
         "# Input:\n%s\n\n# Response:\n",
         {"\n# Instruction:", "\n# Input:", "\n# Response:"}},
    [WORLD] = {NULL, "Instruction: %s\n\nInput: %s\n\nResponse:", {"\n\nInstruction:", "\n\nInput:", "\n\nUser:"}},
    [TURN] = {NULL, NULL, {NULL}},
};

static int form_of(const wkv_template *t)
{
    if (!strcmp(t->name, "raven") || !strcmp(t->name, "pile")) return RAVEN;
    return strcmp(t->name, "plain") ? WORLD : TURN;
}

/* The wording around task and text, both cleaned; NULL: a plain turn. */
static const char *form(const preset *p, const wkv_template *t, const char *text)
{
    const int i = form_of(t);
    return !p->task ? NULL : *text ? forms[i].with_text : forms[i].alone;
}

static char *write_turn(const preset *p, const wkv_template *t, const char *task, const char *text)
{
    char *user = !*text ? print("%s%s", task, "") : p->task ? print("%s\n%s", task, text) : print("%s\n%s", text, task);
    char *out = user ? turn(t, user) : NULL;
    free(user);
    return out;
}

char *preset_prompt(const preset *p, const wkv_template *t, const char *ask, const char *text,
                    const char *const **stops, int *n_stops)
{
    char *asked = clean(ask ? ask : p->otherwise), *about = asked ? clean(text) : NULL;
    char *task = about ? print(p->task ? p->task : "%s", asked, "") : NULL, *out = NULL;
    const char *words = about ? form(p, t, about) : NULL;
    if (task) out = words ? print(words, task, about) : write_turn(p, t, task, about);
    *stops = words ? forms[form_of(t)].stops : t->stops;
    *n_stops = 0;
    while (*n_stops < (words ? 3 : 4) && (*stops)[*n_stops]) ++*n_stops;
    free(asked);
    free(about);
    free(task);
    return out;
}
