/* cmd_generate.c - continue a text. */
#include "commands.h"
#include "input.h"
#include "sampling.h"
#include "say.h"
#include "writer.h"
#include "wkv_bench.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int limit = 200, no_echo, stats, start_token = -1;
static const char *prompt_file;
static texts stops;

static const option options[] = {
    {'n', "tokens", OPT_COUNT, "N", &limit, -1, INT_MAX, NULL,
     "tokens to write; 0 or -1: until the model ends the text"},
    {'f', "prompt-file", OPT_TEXT, "FILE", &prompt_file, 0, 0, "", "the text to continue; - is standard input"},
    {0, "stop", OPT_TEXTS, "TEXT", &stops, 0, 0, "", "end before this text, which is not printed; may be given again"},
    {0, "start-token", OPT_COUNT, "ID", &start_token, 0, INT_MAX, "none",
     "read this token before the prompt; 0 ends a text in most models"},
    {0, "no-echo", OPT_SWITCH, NULL, &no_echo, 0, 0, "", "print what is written only, not the prompt"},
    {0, "stats", OPT_SWITCH, NULL, &stats, 0, 0, "",
     "show speeds, memory and the seed even when standard error is not a terminal"},
};
static const group own = GROUP("Text", options);
static const group *const groups[] = {&own, &sampling_group, &model_group, &weights_group, &adapter_group, &tokenizer_group, &general_group, NULL};

static void defaults(void) { sampling_defaults(1.0f, 0.7f, 0); }

/* The prompt from where it is. It is the caller's to free. */
static int find_prompt(char **text, size_t *bytes, int n, char **operands)
{
    if (n && prompt_file)
        return usage(&cmd_generate, "the prompt is given twice: as an argument and with --prompt-file");
    const char *from = prompt_file                      ? prompt_file
                       : n && !strcmp(operands[0], "-") ? "-"
                       : !n && !on_terminal(0)          ? "-"
                                                        : NULL;
    if (!from) {
        *text = strdup(n ? operands[0] : "");
        *bytes = *text ? strlen(*text) : 0;
        return *text ? 0 : complain("out of memory");
    }
    if (input_all(text, bytes, from)) return 1;
    const size_t mark = input_mark(*text, *bytes);
    *bytes -= mark;
    memmove(*text, *text + mark, *bytes + 1);
    *bytes -= input_newline(*text, *bytes); /* echo and editors add it; the text does not end there */
    return 0;
}

/* The ids to begin with: the start token, the prompt, and where there is neither what a text begins after. */
static int begin(int32_t **ids, const engine *e, const char *text, size_t bytes)
{
    const int32_t end = wkv_tokenizer_end(e->tokenizer);
    const int vocab = e->about->vocab;
    if (start_token >= vocab) {
        usage(&cmd_generate, "--start-token: this model has tokens 0 to %d, not %d", vocab - 1, start_token);
        return -2;
    }
    int32_t start = start_token >= 0 ? start_token : bytes ? -1 : end;
    int n = encode(e->tokenizer, 1, bytes || start >= 0 ? text : "\n", bytes || start >= 0 ? bytes : 1, ids);
    if (n < 0 || start < 0) return n;
    memmove(*ids + 1, *ids, sizeof **ids * (size_t)n);
    (*ids)[0] = start;
    return n + 1;
}

static int show(void *user, const char *text, size_t bytes)
{
    (void)user;
    return put(text, bytes) || put_flush();
}

static void print_stats(int prompt_tokens, double prompt_seconds, const writer *w)
{
    char memory[16];
    note("prompt %d tokens, %.1f/s; written %d tokens, %.1f/s; peak memory %s; seed %llu", prompt_tokens,
         prompt_seconds > 0 ? prompt_tokens / prompt_seconds : 0, w->tokens,
         w->seconds > 0 ? w->tokens / w->seconds : 0, as_bytes(memory, (double)wkv_memory_peak()),
         (unsigned long long)sampling_seed());
}

static int write_on(engine *e, wkv_sampler *sampler, const char *text, size_t bytes)
{
    int32_t *ids;
    int n = begin(&ids, e, text, bytes);
    if (n < 0) return -n;
    double begun = seconds_now();
    int status = engine_read(e, ids, n, "reading the prompt");
    double reading = seconds_now() - begun;
    free(ids);
    if (status) return status;
    if (!no_echo && show(NULL, text, bytes)) return 0;
    writer w = {.e = e,
                .sampler = sampler,
                .stops = stops.at,
                .n_stops = stops.n,
                .limit = limit > 0 ? limit : 0,
                .show = show};
    ending how = writer_run(&w);
    if (how != END_OUTPUT) put_text("\n"), put_flush();
    const int failed = how == END_FAILED || how == END_LOGITS;
    if (!failed && (stats || (on_terminal(2) && on_terminal(1)))) print_stats(n, reading, &w);
    writer_free(&w);
    return failed ? 1 : how == END_INTERRUPT ? 130 : 0;
}

static int run(int n, char **operands)
{
    for (int i = 0; i < stops.n; i++)
        if (!*stops.at[i]) return usage(&cmd_generate, "--stop: an empty text stops nothing");
    char *text;
    size_t bytes;
    int status = find_prompt(&text, &bytes, n, operands);
    if (status) return status;
    engine e;
    if ((status = engine_open(&e, 1))) goto done;
    wkv_sampler *sampler;
    catch_interrupts();
    if (!(status = sampling_make(&sampler, &cmd_generate, &e))) status = write_on(&e, sampler, text, bytes);
    wkv_sampler_free(sampler);
    engine_close(&e);
done:
    free(text);
    return status;
}

const command cmd_generate = {
    .name = "generate",
    .operands = "[PROMPT]",
    .most = 1,
    .summary = "continue a text",
    .about = "Read a prompt and write on from it. The prompt is the argument, a file, or standard input when that is "
             "not a terminal; "
             "of a file and of standard input one newline at the very end is left out, \\r\\n too, and a byte order mark at the "
             "beginning. Without a prompt the model "
             "begins a text of "
             "its own.\n\n"
             "The text appears as it is written. Ctrl-C ends it; what is there stays, and the exit status is 130. On a "
             "terminal a "
             "line with speeds, memory and the seed follows on standard error.",
    .examples = "wkv generate \"Once upon a time\"  # a story\n"
                "wkv generate -n 50 --seed 7 \"It was\"  # the same every time\n"
                "wkv generate -T 0 --stop . \"The capital of France is\"  # the most probable sentence\n"
                "wkv generate -m MODEL.pth -n 0 < draft.txt  # go on until the model ends the text",
    .groups = groups,
    .defaults = defaults,
    .run = run,
};
