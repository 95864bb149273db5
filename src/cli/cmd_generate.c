/* cmd_generate.c - continue a text. */
#include "cache.h"
#include "commands.h"
#include "constrain.h"
#include "input.h"
#include "models.h"
#include "preset.h"
#include "sampling.h"
#include "say.h"
#include "writer.h"
#include "base/platform/entry.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int limit = 200, no_echo, no_stop, stats, start_token = -1;
static const char *prompt, *prompt_file, *preset_name, *text_file;
static texts stops;

static const option options[] = {
    {'n', "tokens", OPT_COUNT, "N", &limit, -1, INT_MAX, NULL,
     "tokens to write; 0 or -1: until the model ends the text"},
    {'p', "prompt", OPT_TEXT, "TEXT", &prompt, 0, 0, "",
     "text to continue, like the argument, but never taken for a model"},
    {'f', "prompt-file", OPT_TEXT, "FILE", &prompt_file, 0, 0, "",
     "read the text to continue from FILE; - is standard input"},
    {0, "prompt-preset", OPT_TEXT, "NAME", &preset_name, 0, 0, "none",
     "format the prompt and --text for a task: qa, instruct, summary or translate; help describes them"},
    {0, "text", OPT_TEXT, "FILE", &text_file, 0, 0, "", "text for --prompt-preset; - is standard input"},
    {0, "stop", OPT_TEXTS, "TEXT", &stops, 0, 0, "a user's turn", "stop string: end the text before it; repeatable"},
    {0, "no-stop", OPT_SWITCH, NULL, &no_stop, 0, 0, "", "continue when the model begins a user's turn"},
    {0, "start-token", OPT_COUNT, "ID", &start_token, 0, INT_MAX, "none",
     "prepend this token to the prompt; 0 is the end of text in most models"},
    {0, "no-echo", OPT_SWITCH, NULL, &no_echo, 0, 0, "", "print only the generated text, not the prompt"},
    {0, "stats", OPT_SWITCH, NULL, &stats, 0, 0, "",
     "show sampling settings, speeds, memory and the seed, even when standard error is not a terminal"},
};
static const group own = GROUP("Text", options);
static const group *const groups[] = {
    &own,           &sampling_group,  &constrain_group, &model_group,   &weights_group,
    &adapter_group, &tokenizer_group, &cache_group,     &general_group, NULL};

/* Continuing a text is not chat: the sampling profile is "plain" for every model. */
static void plainly(wkv_profile *p)
{
    const wkv_template *plain;
    *p = (wkv_profile){0};
    if (!wkv_template_find(&plain, "plain", NULL, NULL)) wkv_template_profile(p, plain, WKV_THINK_OFF, NULL);
}

static void defaults(void)
{
    wkv_profile p;
    plainly(&p);
    sampling_defaults(&p, NULL);
}

/* The prompt, from its source; the caller frees it. */
static int find_prompt(char **text, size_t *bytes, int n, char **operands)
{
    const char *argument = n ? operands[0] : NULL;
    if ((argument != NULL) + (prompt != NULL) + (prompt_file != NULL) > 1)
        return usage(&cmd_generate, "two prompts: %s and %s; give one", argument ? "as an argument" : "with --prompt",
                     prompt_file ? "with --prompt-file" : "with --prompt");
    if (argument && !engine_model && has_model_extension(argument) && !strchr(argument, ' ') && !entry_exists(argument))
        return complain("%s: no such file; -m MODEL names a model that exists, and -p %s continues the name as a text",
                        argument, argument);
    const char *from = prompt_file                               ? prompt_file
                       : argument && !strcmp(argument, "-")      ? "-"
                       : !argument && !prompt && !on_terminal(0) ? "-"
                                                                 : NULL;
    if (!from) {
        if (argument && entry_exists(argument))
            note("the prompt is '%s', a file's name; -f %s reads the file", argument, argument);
        *text = strdup(argument ? argument : prompt ? prompt : "");
        *bytes = *text ? strlen(*text) : 0;
        return *text ? 0 : complain("out of memory");
    }
    return input_text(text, bytes, from);
}

/* Append the initial segments: the start token and the prompt; without both, and without a text in --state, the
 * end-of-text token, or a newline. */
static int begin(wkv_session *s, const engine *e, const char *text, size_t bytes)
{
    const int vocab = e->about->vocab;
    if (start_token >= vocab)
        return usage(&cmd_generate, "--start-token: this model has tokens 0 to %d, not %d", vocab - 1, start_token);
    const int nothing = !bytes && !wkv_session_about(s).n;
    const int32_t start = start_token >= 0 ? start_token : nothing ? wkv_tokenizer_end(e->tokenizer) : -1;
    if (start >= 0 && wkv_session_append_ids(s, &start, 1)) return complain_library();
    if (start < 0 && nothing) text = "\n", bytes = 1;
    return wkv_session_append_text(s, text, bytes) ? complain_library() : 0;
}

static void print_stats(int prompt_tokens, int cached, double prompt_seconds, const written *w)
{
    char memory[16], known[40] = "";
    if (stats) sampling_note();
    if (cached) snprintf(known, sizeof known, ", %d of them cached", cached);
    note("prompt %d tokens%s, %.1f/s; written %d tokens, %.1f/s; peak memory %s; seed %llu", prompt_tokens, known,
         prompt_seconds > 0 ? (prompt_tokens - cached) / prompt_seconds : 0, w->tokens,
         w->seconds > 0 ? w->tokens / w->seconds : 0, as_bytes(memory, (double)wkv_memory_peak()),
         (unsigned long long)sampling_seed());
}

/* A prompt, its stop strings and the mode: continue the prompt, or answer it as in chat. */
typedef struct {
    const char *text;
    size_t bytes;
    const char *const *stops;
    int n_stops;
    int answer;
    wkv_grammar *grammar; /* of the output; NULL: any text */
} assignment;

static int write_on(engine *e, wkv_batcher *b, wkv_session *s, const wkv_sampler_options *sampler, const assignment *a)
{
    const int from = wkv_session_about(s).read;
    int status = begin(s, e, a->text, a->bytes);
    const double begun = seconds_now();
    int cached = 0;
    if (!status) status = writer_read(e, b, s, "reading the prompt", &cached);
    const double reading = seconds_now() - begun;
    const int n = wkv_session_about(s).n - from;
    if (status) return status;
    if (!no_echo && !a->answer && (put(a->text, a->bytes) || put_flush())) return 0;
    const written w = writer_answer(e, b, s,
                                    &(wkv_generation){.sampler = sampler,
                                                      .stops = a->stops,
                                                      .n_stops = a->n_stops,
                                                      .max_tokens = limit > 0 ? limit : 0,
                                                      .sections = a->answer,
                                                      .grammar = a->grammar});
    free(w.text);
    if (!w.closed) put_text("\n"), put_flush();
    if (w.reason == WKV_FINISH_FAILED) return 1;
    if (stats || (on_terminal(2) && on_terminal(1))) print_stats(n, cached, reading, &w);
    return w.reason == WKV_FINISH_CANCELLED && !w.closed ? 130 : 0;
}

static int sample_on(engine *e, const wkv_profile *p, assignment *a)
{
    const wkv_sampler_options *sampler;
    wkv_batcher *b = NULL;
    wkv_session *s = NULL;
    catch_interrupts();
    int status = sampling_find(&sampler, &cmd_generate, e, p);
    if (!status) status = constrain_find(&a->grammar, &cmd_generate, e);
    if (!status && wkv_batcher_new(&b, e->context, &(wkv_batcher_options){.slots = 1})) status = complain_library();
    if (!status) status = engine_session(&s, e);
    if (!status) status = write_on(e, b, s, sampler, a);
    wkv_session_free(s);
    wkv_batcher_free(b);
    wkv_grammar_free(a->grammar);
    return status;
}

/* A model trained on conversations follows a finished text with a conversation of its own. The text ends before the
 * user's turn, unless the options say otherwise; a template that ends turns with just a blank line adds no stop
 * string. */
static void stop_at_turn(assignment *a, const engine *e, const char *turn[1])
{
    const wkv_template *t;
    if (stops.n || no_stop || constrain_is_on() || wkv_template_find(&t, NULL, e->model, e->tokenizer)) return;
    if (!t->stops[0] || !strstr(t->stops[0], t->user)) return;
    turn[0] = t->stops[0];
    a->stops = turn;
    a->n_stops = 1;
}

static int continue_text(int n, char **operands)
{
    assignment a = {.stops = stops.at, .n_stops = stops.n};
    const char *turn[1];
    char *text;
    int status = find_prompt(&text, &a.bytes, n, operands);
    if (status) return status;
    a.text = text;
    engine e;
    if (!(status = engine_open(&e, 1))) {
        wkv_profile p;
        plainly(&p);
        stop_at_turn(&a, &e, turn);
        status = sample_on(&e, &p, &a);
        engine_close(&e);
    }
    free(text);
    return status;
}

/* The stop strings of the preset and of the user; the caller frees the list. */
static const char **all_stops(const char *const *ends, int n_ends, int *n)
{
    const char **all = malloc(sizeof *all * (size_t)(n_ends + stops.n + 1));
    *n = 0;
    for (int i = 0; all && i < n_ends; i++) all[(*n)++] = ends[i];
    for (int i = 0; all && i < stops.n; i++) all[(*n)++] = stops.at[i];
    if (!all) complain("out of memory");
    return all;
}

static int answer_preset(engine *e, const preset *task, const char *ask, const char *text)
{
    const wkv_template *t;
    const char *const *ends, **all = NULL;
    int n_ends;
    wkv_profile p;
    if (wkv_template_find(&t, NULL, e->model, e->tokenizer)) return complain_library();
    wkv_template_profile(&p, t, WKV_THINK_OFF, e->model);
    char *turn = preset_prompt(task, t, ask, text, &ends, &n_ends);
    assignment a = {.text = turn, .bytes = turn ? strlen(turn) : 0, .answer = 1};
    if (turn) a.stops = all = all_stops(ends, n_ends, &a.n_stops);
    int status = all ? sample_on(e, &p, &a) : 1;
    free(all);
    free(turn);
    return status;
}

static int do_task(const preset *task, int n, char **operands)
{
    char *text = NULL;
    size_t bytes;
    const char *ask = n ? operands[0] : prompt;
    const char *from = text_file ? text_file : task->needs_text && !on_terminal(0) ? "-" : NULL;
    if (prompt_file)
        return usage(&cmd_generate, "--prompt-preset reads the text from --text, and PROMPT as an argument");
    if (!ask && !task->otherwise)
        return usage(&cmd_generate, "--prompt-preset %s: PROMPT is missing: %s", task->name, task->what);
    if (!from && task->needs_text)
        return usage(&cmd_generate, "--prompt-preset %s: a text is missing; give it with --text", task->name);
    if (from && input_text(&text, &bytes, from)) return 1;
    engine e;
    int status = 0;
    if (text && strlen(text) < bytes)
        status = complain("%s: contains a zero byte; expected a text", from);
    else if (task->needs_text && !text[strspn(text, " \t\r\n")])
        status = complain("%s: is empty; --prompt-preset %s needs a text", from, task->name);
    else if (!(status = engine_open(&e, 1))) {
        status = answer_preset(&e, task, ask, text ? text : "");
        engine_close(&e);
    }
    free(text);
    return status;
}

static int run(int n, char **operands)
{
    int status = 0;
    for (int i = 0; i < stops.n; i++)
        if (!*stops.at[i]) return usage(&cmd_generate, "--stop: the text is empty");
    if (no_stop && stops.n)
        return usage(&cmd_generate, "--no-stop and --stop \"%s\" are mutually exclusive", stops.at[0]);
    const preset *task = preset_name ? preset_find(&cmd_generate, preset_name, &status) : NULL;
    if (preset_name) return task ? do_task(task, n, operands) : status;
    if (text_file) return usage(&cmd_generate, "--text needs --prompt-preset; --prompt-file gives a text to continue");
    return continue_text(n, operands);
}

const command cmd_generate = {
    .name = "generate",
    .operands = "[MODEL] [PROMPT]",
    .most = 1,
    .model = &engine_model,
    .summary = "continue a text",
    .about = "Continue a prompt. The prompt is the argument, a file, or standard input when that is not a terminal (an "
             "argument that is an existing checkpoint is the model). A byte order mark at the beginning and one "
             "newline (\\n or \\r\\n) at the end of a file or standard input are removed. Without a prompt the model "
             "begins a text of its own.\n\n"
             "The text is printed as it is generated. Ctrl-C ends it with exit status 130. On a terminal, a line on "
             "standard error gives speeds, memory and the seed.\n\n"
             "The text ends at the model's end-of-text token, after -n tokens, before a --stop text, or, without "
             "--stop, where a model trained on conversations begins a user's turn (\"User:\" after a blank line).\n\n"
             "With --json-schema, --regex or --grammar only tokens are sampled after which the output can still "
             "become one of the schema, the expression or the grammar; it ends when it is complete, within -n tokens."
             "\n\n"
             "With --prompt-preset the prompt takes the form that models were trained on for a task, and only the "
             "answer is printed. Answers use the publisher's sampling settings for chat, or the generation_config.json "
             "in the model's folder; continuing a text uses the defaults below for every model.",
    .examples = "wkv generate \"Once upon a time\"  # a story\n"
                "wkv generate -n 50 --seed 7 \"It was\"  # the same every time\n"
                "wkv generate -T 0 --stop . \"The capital of France is\"  # the most probable sentence\n"
                "wkv generate --json-schema s.json \"A user: \"  # JSON that satisfies a schema\n"
                "wkv generate --prompt-preset qa --text a.txt \"Who came?\"  # ask about a text\n"
                "wkv generate -m MODEL.pth -n 0 < draft.txt  # continue until the model ends the text",
    .groups = groups,
    .defaults = defaults,
    .run = run,
};
