/* cmd_logits.c - `wkv logits`: logits of given tokens as raw float32, one row of V per position. */
#include "commands.h"
#include "engine.h"
#include "input.h"
#include "say.h"
#include "wkv_file.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *token_source, *out_path;
static int all, chunk = 128;
static enum { SEQUENCE, STEP } mode;

static const option options[] = {
    {0, "tokens", OPT_TEXT, "FILE|A,B,C", &token_source, 0, 0, "",
     "token ids: a list, or a file of decimal numbers or raw little-endian int32; - is standard input"},
    {'o', "out", OPT_TEXT, "FILE", &out_path, 0, 0, "standard output", "output file of float32 values"},
    {'a', "all", OPT_SWITCH, NULL, &all, 0, 0, "", "write a row for every token, not only for the last"},
    {0, "mode", OPT_CHOICE, "sequence|step", &mode, 0, 0, NULL,
     "evaluate many tokens at once, or one at a time; both give the same values"},
    {0, "chunk", OPT_COUNT, "N", &chunk, 1, INT_MAX, NULL, "tokens per evaluation; with --all, rows held in memory"},
};
static const group own = GROUP("Logits", options);
static const group *const groups[] = {&own, &model_group, &weights_group, &adapter_group, &general_group, NULL};

/* A file of ids is raw if it has a zero byte, as every little-endian id below 2^24 does; text has none. */
static int ids_of_file(int32_t **ids)
{
    char *text;
    size_t bytes;
    const char *name = strcmp(token_source, "-") ? token_source : "standard input";
    *ids = NULL;
    if (input_all(&text, &bytes, token_source)) return -1;
    int n = -1;
    if (!memchr(text, 0, bytes))
        n = input_ids(ids, text, bytes, name);
    else if (bytes % 4 || bytes / 4 > INT_MAX)
        complain("%s: %zu bytes, not a multiple of 4 (int32)", name, bytes);
    else if ((*ids = malloc(bytes))) {
        n = (int)(bytes / 4);
        for (int i = 0; i < n; i++) {
            const unsigned char *b = (unsigned char *)text + 4 * (size_t)i;
            (*ids)[i] = (int32_t)(b[0] | b[1] << 8 | b[2] << 16 | (uint32_t)b[3] << 24);
        }
    } else
        complain("%s: out of memory", name);
    free(text);
    return n;
}

static int read_ids(int32_t **ids)
{
    int n = strspn(token_source, "0123456789, ") == strlen(token_source)
                ? input_ids(ids, token_source, strlen(token_source), "--tokens")
                : ids_of_file(ids);
    if (n == 0) {
        complain("--tokens: no token ids in '%s'", token_source);
        free(*ids);
        *ids = NULL;
        return -1;
    }
    return n;
}

static int check_ids(const engine *e, const int32_t *ids, int n)
{
    const int vocab = e->about->vocab;
    for (int i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] >= vocab)
            return complain("%s: token %d is %d; the model's ids are 0 to %d", token_source, i, (int)ids[i], vocab - 1);
    return 0;
}

/* Evaluate the tokens and write rows of logits to the file, or to standard output without one, as they are computed.
 * NaN and infinite logits are written too, and clear *finite. */
static int evaluate(engine *e, const int32_t *ids, int n, wkv_file *f, int *finite)
{
    const size_t row = (size_t)e->about->vocab;
    const int step = mode == STEP ? 1 : chunk < n ? chunk : n;
    float *rows = all ? malloc(sizeof *rows * row * (size_t)step) : e->logits;
    if (!rows) return complain("out of memory: %d rows of %zu logits; a smaller --chunk needs less", step, row);
    progress bar;
    progress_begin(&bar, "evaluating");
    int status = 0;
    for (int at = 0, count; at < n && !status; at += count) {
        count = n - at < step ? n - at : step;
        const int wanted = all || at + count == n;
        const wkv_sequence sequence = {
            .state = e->state, .tokens = ids + at, .n = count, .logits = wanted ? rows : NULL, .all_rows = all};
        const size_t out_rows = all ? (size_t)count : (size_t)wanted;
        if (interrupted)
            status = 130;
        else if (wkv_eval_batch(e->context, &sequence, 1)) {
            progress_end(&bar);
            status = complain_library();
        } else if (*finite &= logits_finite(rows, row * out_rows), !f) {
            if (put(rows, sizeof *rows * row * out_rows)) break;
        } else if (wkv_file_put(f, rows, sizeof *rows * row * out_rows)) {
            progress_end(&bar);
            status = complain_library();
        }
        progress_at(&bar, at + count, n, "%d of %d tokens", at + count, n);
    }
    progress_end(&bar);
    if (all) free(rows);
    return status;
}

static int evaluate_to_file(engine *e, const int32_t *ids, int n, int *finite)
{
    wkv_file *f;
    if (wkv_model_refuse_output(e->model, out_path) || wkv_file_refuse_input(out_path, token_source, "the tokens") ||
        wkv_file_create(&f, out_path))
        return complain_library();
    int status = evaluate(e, ids, n, f, finite);
    if (status)
        wkv_file_abandon(f);
    else if (wkv_file_commit(f))
        status = complain_library();
    return status;
}

static int run(int n, char **operands)
{
    (void)n, (void)operands;
    if (!token_source) return usage(&cmd_logits, "--tokens is missing; it gives the token ids to evaluate");
    if (!out_path && on_terminal(1))
        return usage(&cmd_logits, "logits are binary; write them to a file (--out FILE) or a pipe, not to a terminal");
    int32_t *ids;
    int count = read_ids(&ids);
    if (count < 0) return 1;
    engine e;
    int status = engine_open(&e, 0);
    if (!status && (status = check_ids(&e, ids, count))) engine_close(&e);
    if (!status) {
        catch_interrupts();
        int finite = 1;
        status = out_path ? evaluate_to_file(&e, ids, count, &finite) : evaluate(&e, ids, count, NULL, &finite);
        if (!status && !finite) status = complain_logits(e.model);
        engine_close(&e);
    }
    free(ids);
    return status;
}

const command cmd_logits = {
    .name = "logits",
    .operands = "[MODEL]",
    .most = 0,
    .model = &engine_model,
    .summary = "write the raw logits of given tokens",
    .about = "Evaluate tokens and write next-token logits as raw little-endian float32: one value per vocabulary "
             "entry, for the last position or, with --all, for every position. The chunk size does not change the "
             "values. A file is written under a temporary name and renamed when complete; it cannot be an input file. "
             "NaN and infinite logits are written too, with exit status 1.",
    .examples = "wkv logits -m MODEL.pth --tokens 510,444,11 -o logits.f32  # after these three\n"
                "wkv logits -m MODEL.pth --tokens ids.i32 --all > rows.f32  # a row for every token of a file",
    .groups = groups,
    .run = run,
};
